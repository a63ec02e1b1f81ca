package io.nearkv.net.rest;

/**
 * Finds a comma or colon that a closing bracket follows, which no JSON has, in pieces of any size. The non-blocking parser forgets the comma or colon where a piece ends after it, and
 * takes <code>{"a":1,}</code> and <code>{"a":}</code> for objects then (Jackson 3.2.4); whether a body is accepted would depend on the network. Confined to one thread.
 */
final class SeparatorCheck {
    private boolean inText;
    private boolean escaped;
    private boolean dangling;

    /** Takes the next bytes, and returns the index of a bracket that follows a comma or colon, or -1. */
    int firstError(byte[] bytes, int from, int to) {
        for (int at = from; at < to; at++) {
            byte c = bytes[at];
            if (inText) {
                if (escaped) {
                    escaped = false;
                } else if (c == '\\') {
                    escaped = true;
                } else if (c == '"') {
                    inText = false;
                }
            } else {
                switch (c) {
                    case ',', ':' -> dangling = true;
                    case ' ', '\t', '\n', '\r' -> {}
                    case '}', ']' -> {
                        if (dangling) {
                            return at;
                        }
                    }
                    default -> {
                        dangling = false;
                        inText = c == '"';
                    }
                }
            }
        }
        return -1;
    }
}
