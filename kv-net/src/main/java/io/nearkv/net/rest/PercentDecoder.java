package io.nearkv.net.rest;

import io.nearkv.core.Key;
import java.util.Arrays;
import java.util.HexFormat;

/** Decodes a part of a path, once, as RFC 3986 has it: {@code %2F} becomes a slash, and a plus sign stays one. Stateless. */
final class PercentDecoder {
    private PercentDecoder() {}

    /** Returns the bytes that the text stands for. Throws 400 for a percent sign without two hex digits behind it. */
    static byte[] decode(String text) {
        int length = text.length();
        byte[] bytes = new byte[length];
        int size = 0;
        for (int i = 0; i < length; i++) {
            char c = text.charAt(i);
            if (c == '%') {
                int high = i + 2 <= length - 1 ? hexDigit(text.charAt(i + 1)) : -1;
                int low = i + 2 <= length - 1 ? hexDigit(text.charAt(i + 2)) : -1;
                if (high < 0 || low < 0) {
                    throw RestException.invalid(
                            WorkersCodes.VALIDATION,
                            "the path has a '%' without two hex digits behind it, near '" + Key.display(text) + "'");
                }
                bytes[size++] = (byte) (high << 4 | low);
                i += 2;
            } else if (c <= 0xFF) {
                // Bytes beyond ASCII are not legal in a request line, but some clients send UTF-8 there as it is, and
                // the
                // codec hands it over one character a byte.
                bytes[size++] = (byte) c;
            } else {
                throw RestException.invalid(WorkersCodes.VALIDATION, "the path has characters that are not encoded");
            }
        }
        return size == length ? bytes : Arrays.copyOf(bytes, size);
    }

    private static int hexDigit(char c) {
        return HexFormat.isHexDigit(c) ? HexFormat.fromHexDigit(c) : -1;
    }
}
