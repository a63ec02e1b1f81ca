package io.nearkv.core;

/**
 * Checks that bytes are one JSON document (RFC 8259) in UTF-8. Here instead of a library, because metadata is checked wherever it is made, also in
 * applications that carry only the client, and nothing but the check is needed. A test compares it with Jackson on generated and mutated documents.
 */
final class JsonSyntax {
    /** Deeper nesting is refused: the check recurses, and so do the parsers of those who read metadata. */
    private static final int MAX_DEPTH = 64;

    private final byte[] in;
    private int at;

    private JsonSyntax(byte[] in) {
        this.in = in;
    }

    /** Returns the index of the first byte that cannot belong to a JSON document, {@code utf8.length} if it ends too early, or -1 if all is well. */
    static int firstError(byte[] utf8) {
        JsonSyntax check = new JsonSyntax(utf8);
        check.skipSpace();
        if (!check.value(0)) {
            return Math.min(check.at, utf8.length);
        }
        check.skipSpace();
        return check.at == utf8.length ? -1 : check.at;
    }

    private int peek() {
        return at < in.length ? in[at] & 0xFF : -1;
    }

    private boolean take(int expected) {
        if (peek() != expected) {
            return false;
        }
        at++;
        return true;
    }

    private void skipSpace() {
        while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') {
            at++;
        }
    }

    private boolean value(int depth) {
        if (depth > MAX_DEPTH) {
            return false;
        }
        return switch (peek()) {
            case '{' -> members(depth, '}');
            case '[' -> members(depth, ']');
            case '"' -> string();
            case 't' -> word("true");
            case 'f' -> word("false");
            case 'n' -> word("null");
            default -> number();
        };
    }

    private boolean members(int depth, int close) {
        at++;
        skipSpace();
        if (take(close)) {
            return true;
        }
        do {
            skipSpace();
            if (close == '}') {
                if (peek() != '"' || !string()) {
                    return false;
                }
                skipSpace();
                if (!take(':')) {
                    return false;
                }
                skipSpace();
            }
            if (!value(depth + 1)) {
                return false;
            }
            skipSpace();
        } while (take(','));
        return take(close);
    }

    private boolean word(String word) {
        for (int i = 0; i < word.length(); i++) {
            if (!take(word.charAt(i))) {
                return false;
            }
        }
        return true;
    }

    private boolean number() {
        take('-');
        if (!take('0') && !digits()) {
            return false;
        }
        if (take('.') && !digits()) {
            return false;
        }
        if (take('e') || take('E')) {
            if (!take('+')) {
                take('-');
            }
            return digits();
        }
        return true;
    }

    private boolean digits() {
        int start = at;
        while (peek() >= '0' && peek() <= '9') {
            at++;
        }
        return at > start;
    }

    private boolean string() {
        at++;
        while (true) {
            int c = peek();
            if (c < 0x20) { // also the end of the input
                return false;
            }
            if (c == '"') {
                at++;
                return true;
            }
            if (c == '\\') {
                at++;
                if (!escape()) {
                    return false;
                }
            } else if (c < 0x80) {
                at++;
            } else if (!multiByte(c)) {
                return false;
            }
        }
    }

    private boolean escape() {
        int c = peek();
        if (c != 'u') {
            boolean known = c >= 0 && "\"\\/bfnrt".indexOf(c) >= 0;
            at += known ? 1 : 0;
            return known;
        }
        at++;
        for (int i = 0; i < 4; i++) {
            if (Character.digit(peek(), 16) < 0 || peek() > 'f') {
                return false;
            }
            at++;
        }
        return true;
    }

    /** Takes one character of two to four bytes, shortest forms only, no surrogates (RFC 3629). */
    private boolean multiByte(int first) {
        int more;
        int low = 0x80;
        int high = 0xBF;
        if (first >= 0xC2 && first <= 0xDF) {
            more = 1;
        } else if (first >= 0xE0 && first <= 0xEF) {
            more = 2;
            low = first == 0xE0 ? 0xA0 : 0x80;
            high = first == 0xED ? 0x9F : 0xBF;
        } else if (first >= 0xF0 && first <= 0xF4) {
            more = 3;
            low = first == 0xF0 ? 0x90 : 0x80;
            high = first == 0xF4 ? 0x8F : 0xBF;
        } else {
            return false;
        }
        at++;
        for (int i = 0; i < more; i++) {
            if (peek() < low || peek() > high) {
                return false;
            }
            at++;
            low = 0x80;
            high = 0xBF;
        }
        return true;
    }
}
