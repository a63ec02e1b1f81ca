package io.nearkv.core.transfer;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import org.jspecify.annotations.Nullable;

/**
 * Reads JSON piece by piece and counts lines. Not a library, because no parser gives both: a base64 text of 33 MB in pieces, and metadata as the very bytes that the file has.
 * Everything that is read has a bound. Not thread-safe.
 */
final class JsonScanner {
    /** Characters of base64 that are decoded at a time; a multiple of 4. */
    private static final int BASE64_BLOCK = 64 * 1024;

    private static final int MAX_DEPTH = 64;

    /** Takes the bytes of a value, piece by piece. */
    interface Sink {
        /** Takes a piece; borrows the array. */
        void accept(byte[] bytes, int length);
    }

    private final InputStream in;
    private final byte[] buffer = new byte[64 * 1024];
    private int at;
    private int end;
    private long line = 1;

    JsonScanner(InputStream in) {
        this.in = in;
    }

    /** Returns the number of the line that is being read, from 1 on. */
    long line() {
        return line;
    }

    /** Returns what a malformed file fails with. */
    KvException malformed(String problem) {
        return malformed(ErrorCode.INVALID_REQUEST, problem, null);
    }

    /** Returns what a malformed file fails with. */
    KvException malformed(ErrorCode code, String problem, @Nullable KvException cause) {
        return new KvException(code, "line " + line + ": " + problem, cause);
    }

    /** Returns the next byte without taking it, or -1 at the end. */
    private int peek() throws IOException {
        if (at == end) {
            end = in.read(buffer, 0, buffer.length);
            at = 0;
            if (end <= 0) {
                end = 0;
                return -1;
            }
        }
        return buffer[at] & 0xFF;
    }

    private int take() throws IOException {
        int c = peek();
        if (c < 0) {
            throw malformed("the file ends in the middle of a line");
        }
        at++;
        if (c == '\n') {
            line++;
        }
        return c;
    }

    /** Takes white space and returns the byte after it without taking it, or -1 at the end. */
    int skipSpace() throws IOException {
        int c = peek();
        while (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
            int unused = take();
            c = peek();
        }
        return c;
    }

    /** Takes this byte, after white space. */
    void expect(char expected) throws IOException {
        if (!takeIf(expected)) {
            throw malformed("expected '" + expected + "'" + found());
        }
    }

    /** Takes this byte if it is the next one after white space. */
    boolean takeIf(char expected) throws IOException {
        if (skipSpace() != expected) {
            return false;
        }
        int unused = take();
        return true;
    }

    private String found() throws IOException {
        int c = peek();
        return c < 0 ? ", found the end of the file" : c > ' ' && c < 0x7f ? ", found '" + (char) c + "'" : "";
    }

    /** Takes a string of at most so many bytes between its quotes. */
    String string(int maxBytes) throws IOException {
        byte[] raw = raw(maxBytes + 2);
        if (raw[0] != '"') {
            throw malformed("expected a text");
        }
        // Decoded strictly: String would put a replacement in the place of what is not UTF-8.
        String text;
        try {
            text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(java.nio.ByteBuffer.wrap(raw))
                    .toString();
        } catch (java.nio.charset.CharacterCodingException e) {
            throw malformed("text is not UTF-8");
        }
        StringBuilder out = new StringBuilder(text.length());
        for (int i = 1; i < text.length() - 1; i++) {
            char c = text.charAt(i);
            if (c < 0x20) {
                throw malformed("control character in a text (expected: an escape)");
            }
            if (c != '\\') {
                out.append(c);
                continue;
            }
            c = text.charAt(++i);
            int simple = "\"\\/bfnrt".indexOf(c);
            if (simple >= 0) {
                out.append("\"\\/\b\f\n\r\t".charAt(simple));
            } else if (c == 'u' && i + 5 < text.length() && isHex(text, i + 1)) {
                out.append((char) Integer.parseInt(text, i + 1, i + 5, 16));
                i += 4;
            } else {
                throw malformed("unknown escape in a text");
            }
        }
        return out.toString();
    }

    private static boolean isHex(String text, int from) {
        for (int i = from; i < from + 4; i++) {
            if (Character.digit(text.charAt(i), 16) < 0 || text.charAt(i) > 'f') {
                return false;
            }
        }
        return true;
    }

    /** Takes a whole number that is not negative. */
    long number() throws IOException {
        byte[] digits = raw(20);
        for (byte digit : digits) {
            if (digit < '0' || digit > '9') {
                throw malformed("expected a whole number");
            }
        }
        try {
            return Long.parseLong(new String(digits, StandardCharsets.US_ASCII));
        } catch (NumberFormatException e) {
            throw malformed("number is too large");
        }
    }

    /** Takes any value and returns its bytes as they are in the file. Where it ends is found out; whether it is well-formed inside is not. */
    byte[] raw(int maxBytes) throws IOException {
        int unused = skipSpace();
        ByteArrayOutputStream raw = new ByteArrayOutputStream();
        int depth = 0;
        boolean inText = false;
        while (true) {
            int c = peek();
            if (inText) {
                if (c == '\\') {
                    raw.write(take());
                } else if (c == '"') {
                    inText = false;
                }
            } else if (c == '"') {
                inText = true;
            } else if (c == '{' || c == '[') {
                depth++;
            } else if (depth > 0 && (c == '}' || c == ']')) {
                depth--;
            } else if (depth == 0 && (c < 0 || c <= ' ' || c == ',' || c == '}' || c == ']' || c == ':')) {
                break; // The end of a number or word, or there is nothing at all.
            }
            raw.write(take());
            if (raw.size() > maxBytes || depth > MAX_DEPTH) {
                throw malformed(ErrorCode.TOO_LARGE, "more than " + maxBytes + " bytes in one place", null);
            }
            if (depth == 0 && !inText && (c == '"' || c == '}' || c == ']')) {
                break;
            }
        }
        if (raw.size() == 0) {
            throw malformed("expected a value" + found());
        }
        return raw.toByteArray();
    }

    /** Takes a string of base64 of any length and gives the sink what it says, piece by piece. */
    void base64(Sink sink) throws IOException {
        expect('"');
        byte[] block = new byte[BASE64_BLOCK];
        int length = 0;
        boolean padded = false;
        for (int c = take(); c != '"'; c = take()) {
            if (c == '\\') {
                c = take(); // Some writers escape the slash.
                if (c != '/') {
                    throw malformed("value is not base64");
                }
            }
            if (padded && c != '=') {
                throw malformed("value is not base64: it goes on after its padding");
            }
            padded |= c == '=';
            block[length++] = (byte) c;
            if (length == block.length) {
                decode(block, length, sink);
                length = 0;
            }
        }
        decode(block, length, sink);
    }

    private void decode(byte[] block, int length, Sink sink) {
        if (length % 4 != 0) {
            throw malformed("value is not base64: its length is no multiple of 4");
        }
        try {
            byte[] decoded = Base64.getDecoder().decode(Arrays.copyOf(block, length));
            sink.accept(decoded, decoded.length);
        } catch (IllegalArgumentException e) {
            throw malformed("value is not base64");
        }
    }
}
