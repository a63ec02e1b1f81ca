package io.nearkv.net.rest;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.nearkv.core.Key;
import io.nearkv.core.Limits;
import io.nearkv.core.Metadata;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import org.jspecify.annotations.Nullable;

/**
 * Writes compact JSON into a buffer, commas where they belong, without an object for each thing written: keys and metadata are UTF-8 already, and go out in runs as long as nothing
 * in them needs an escape. Whether brackets match and names stand where they must is the caller's to see to. Borrows the buffer; confined to one thread.
 */
final class JsonWriter {
    private static final byte[] HEX = "0123456789abcdef".getBytes(US_ASCII);

    private final ByteBuf out;
    private final byte[] scratch = new byte[Limits.MAX_KEY_BYTES];
    private boolean comma;

    JsonWriter(ByteBuf out) {
        this.out = out;
    }

    JsonWriter beginObject() {
        return open('{');
    }

    JsonWriter endObject() {
        return close('}');
    }

    JsonWriter beginArray() {
        return open('[');
    }

    JsonWriter endArray() {
        return close(']');
    }

    /** Writes the name of a member; its value comes next. */
    JsonWriter name(CharSequence name) {
        string(name);
        return named();
    }

    /** Writes a key as the name of a member. */
    JsonWriter name(Key key) {
        string(key);
        return named();
    }

    private JsonWriter named() {
        out.writeByte(':');
        comma = false;
        return this;
    }

    JsonWriter string(Key key) {
        key.copyTo(scratch, 0);
        return quoted(scratch, key.length());
    }

    /** Writes bytes as a text; where they are not UTF-8, U+FFFD stands in their place. */
    JsonWriter string(byte[] utf8) {
        byte[] wellFormed = Utf8Check.isWellFormed(utf8) ? utf8 : new String(utf8, UTF_8).getBytes(UTF_8);
        return quoted(wellFormed, wellFormed.length);
    }

    /** Writes a text; a surrogate without its other half goes out as an escape. */
    JsonWriter string(CharSequence text) {
        separate();
        out.writeByte('"');
        int length = text.length();
        for (int i = 0; i < length; i++) {
            char c = text.charAt(i);
            if (c < 0x80) {
                if (needsEscape(c)) {
                    escape(c);
                } else {
                    out.writeByte(c);
                }
            } else if (!Character.isSurrogate(c)) {
                ByteBufUtil.writeUtf8(out, text, i, i + 1);
            } else if (Character.isHighSurrogate(c) && i + 1 < length && Character.isLowSurrogate(text.charAt(i + 1))) {
                ByteBufUtil.writeUtf8(out, text, i, i + 2);
                i++;
            } else {
                unicode(c);
            }
        }
        out.writeByte('"');
        return this;
    }

    JsonWriter number(long number) {
        separate();
        if (number == Long.MIN_VALUE) {
            ByteBufUtil.writeAscii(out, Long.toString(number));
            return this;
        }
        int at = scratch.length;
        long rest = Math.abs(number);
        do {
            scratch[--at] = (byte) ('0' + rest % 10);
            rest /= 10;
        } while (rest > 0);
        if (number < 0) {
            scratch[--at] = '-';
        }
        out.writeBytes(scratch, at, scratch.length - at);
        return this;
    }

    JsonWriter bool(boolean flag) {
        return raw(flag ? "true" : "false");
    }

    JsonWriter nothing() {
        return raw("null");
    }

    /** Writes ASCII that is JSON by itself. */
    JsonWriter raw(CharSequence json) {
        separate();
        ByteBufUtil.writeAscii(out, json);
        return this;
    }

    /** Writes UTF-8 that is JSON by itself. */
    JsonWriter raw(byte[] json, int from, int to) {
        separate();
        out.writeBytes(json, from, to - from);
        return this;
    }

    /** Writes metadata as the writer gave it, or null. */
    JsonWriter metadata(@Nullable Metadata metadata) {
        if (metadata == null) {
            return nothing();
        }
        separate();
        out.writeBytes(metadata.asByteBuffer());
        return this;
    }

    private void separate() {
        if (comma) {
            out.writeByte(',');
        }
        comma = true;
    }

    private JsonWriter open(char bracket) {
        separate();
        out.writeByte(bracket);
        comma = false;
        return this;
    }

    private JsonWriter close(char bracket) {
        out.writeByte(bracket);
        comma = true;
        return this;
    }

    private JsonWriter quoted(byte[] utf8, int length) {
        separate();
        out.writeByte('"');
        int start = 0;
        for (int i = 0; i < length; i++) {
            if (needsEscape(utf8[i])) {
                out.writeBytes(utf8, start, i - start);
                escape(utf8[i]);
                start = i + 1;
            }
        }
        out.writeBytes(utf8, start, length - start);
        out.writeByte('"');
        return this;
    }

    /** Takes a character of ASCII, or a byte of UTF-8, which is negative within a longer character. */
    private static boolean needsEscape(int c) {
        return (c >= 0 && c < 0x20) || c == '"' || c == '\\';
    }

    private void escape(int c) {
        int letter = switch (c) {
            case '"', '\\' -> c;
            case '\b' -> 'b';
            case '\f' -> 'f';
            case '\n' -> 'n';
            case '\r' -> 'r';
            case '\t' -> 't';
            default -> 0;
        };
        if (letter == 0) {
            unicode(c);
        } else {
            out.writeByte('\\');
            out.writeByte(letter);
        }
    }

    private void unicode(int c) {
        out.writeByte('\\');
        out.writeByte('u');
        for (int shift = 12; shift >= 0; shift -= 4) {
            out.writeByte(HEX[(c >> shift) & 0xF]);
        }
    }
}
