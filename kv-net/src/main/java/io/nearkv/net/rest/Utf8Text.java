package io.nearkv.net.rest;

import java.io.Writer;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Turns a text that comes in pieces into UTF-8, strictly, without a string between: a value has up to 35 million characters. Confined to one thread.
 */
final class Utf8Text extends Writer {
    private final int maxBytes;
    private byte[] bytes;
    private int length;
    private boolean tooLong;
    private char high;
    private boolean malformed;

    /**
     * @param chars how long the text is; if all of it is ASCII, nothing is copied afterwards
     * @param maxBytes most bytes that are held; what is longer is only found to be so
     */
    Utf8Text(int chars, int maxBytes) {
        this.maxBytes = maxBytes;
        tooLong = chars > maxBytes;
        bytes = new byte[tooLong ? 0 : chars];
    }

    /** Returns whether there were more bytes than may be held. */
    boolean isTooLong() {
        return tooLong || length > maxBytes;
    }

    /** Returns the bytes, after which nothing may be written, or null if the text had a surrogate without its other half. */
    byte @Nullable [] toByteArray() {
        if (malformed || high != 0) {
            return null;
        }
        if (tooLong || length > maxBytes) {
            throw new IllegalStateException("the text is too long");
        }
        return length == bytes.length ? bytes : Arrays.copyOf(bytes, length);
    }

    @Override
    public void write(char[] chars, int offset, int count) {
        int end = offset + count;
        int at = offset;
        while (at < end && !tooLong) {
            if (high == 0) {
                int most = Math.min(end, at + bytes.length - length);
                while (at < most && chars[at] < 0x80) {
                    bytes[length++] = (byte) chars[at++];
                }
                if (at == end) {
                    return;
                }
            }
            other(chars[at++]);
        }
    }

    private void other(char c) {
        if (bytes.length - length < 4) {
            if (length > maxBytes) {
                tooLong = true;
                bytes = new byte[0];
                return;
            }
            bytes = Arrays.copyOf(bytes, Math.min(maxBytes + 8, Math.max(length + 64, length + (length >> 1))));
        }
        if (high != 0) {
            malformed |= !Character.isLowSurrogate(c);
            int codePoint = Character.toCodePoint(high, c);
            high = 0;
            bytes[length++] = (byte) (0xF0 | ((codePoint >> 18) & 0x07));
            bytes[length++] = (byte) (0x80 | ((codePoint >> 12) & 0x3F));
            bytes[length++] = (byte) (0x80 | ((codePoint >> 6) & 0x3F));
            bytes[length++] = (byte) (0x80 | (codePoint & 0x3F));
        } else if (Character.isHighSurrogate(c)) {
            high = c;
        } else if (c < 0x80) {
            bytes[length++] = (byte) c;
        } else if (c < 0x800) {
            bytes[length++] = (byte) (0xC0 | (c >> 6));
            bytes[length++] = (byte) (0x80 | (c & 0x3F));
        } else {
            malformed |= Character.isLowSurrogate(c);
            bytes[length++] = (byte) (0xE0 | (c >> 12));
            bytes[length++] = (byte) (0x80 | ((c >> 6) & 0x3F));
            bytes[length++] = (byte) (0x80 | (c & 0x3F));
        }
    }

    @Override
    public void flush() {}

    @Override
    public void close() {}
}
