package io.nearkv.core;

import static java.util.Objects.requireNonNull;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The name of an entry: non-empty UTF-8 text of at most {@link Limits#MAX_KEY_BYTES} bytes, neither {@code .} nor {@code ..}. Ordered by its bytes, unsigned,
 * which for UTF-8 is the order of code points. Immutable.
 */
public final class Key implements Comparable<Key> {
    private static final VarHandle LONGS = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.nativeOrder());

    private final byte[] utf8;
    private int hash;

    private Key(byte[] utf8) {
        this.utf8 = utf8;
    }

    /**
     * Returns the key with this text.
     *
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if the text is empty, {@code .}, {@code ..} or holds an unpaired surrogate,
     *     {@link ErrorCode#TOO_LARGE} if it is longer than {@link Limits#MAX_KEY_BYTES} bytes
     */
    public static Key of(String text) {
        requireNonNull(text, "text");
        if (text.length() > Limits.MAX_KEY_BYTES) {
            throw tooLong("more than " + Limits.MAX_KEY_BYTES);
        }
        byte[] utf8 = encode(text, "key");
        return checked(utf8);
    }

    /**
     * Returns the key with these bytes, which are copied.
     *
     * @throws KvException as {@link #of(String)}, and {@link ErrorCode#INVALID_REQUEST} if the bytes are not well-formed UTF-8
     */
    public static Key ofUtf8(byte[] utf8) {
        return ofUtf8(ByteBuffer.wrap(utf8));
    }

    /** Returns the key with the remaining bytes of the buffer; borrows it and leaves its position alone. Throws as {@link #ofUtf8(byte[])}. */
    public static Key ofUtf8(ByteBuffer utf8) {
        if (utf8.remaining() > Limits.MAX_KEY_BYTES) {
            throw tooLong(Integer.toString(utf8.remaining()));
        }
        byte[] copy = new byte[utf8.remaining()];
        utf8.get(utf8.position(), copy);
        requireWellFormed(copy);
        return checked(copy);
    }

    /** Checks the rules of {@link #of(String)} for the remaining bytes of the buffer without making a key; leaves its position alone. */
    public static void check(ByteBuffer utf8) {
        int length = utf8.remaining();
        int start = utf8.position();
        if (length > Limits.MAX_KEY_BYTES) {
            throw tooLong(Integer.toString(length));
        }
        boolean ascii = true;
        for (int i = 0; i < length && ascii; i++) {
            ascii = utf8.get(start + i) >= 0;
        }
        if (!ascii) {
            byte[] copy = new byte[length];
            utf8.get(start, copy);
            requireWellFormed(copy);
        }
        checkName(length, length > 0 ? utf8.get(start) : 0, length > 1 ? utf8.get(start + 1) : 0);
    }

    private static Key checked(byte[] utf8) {
        if (utf8.length > Limits.MAX_KEY_BYTES) {
            throw tooLong(Integer.toString(utf8.length));
        }
        checkName(utf8.length, utf8.length > 0 ? utf8[0] : 0, utf8.length > 1 ? utf8[1] : 0);
        return new Key(utf8);
    }

    private static void checkName(int length, byte first, byte second) {
        if (length == 0) {
            throw new KvException(ErrorCode.INVALID_REQUEST, "key is empty (expected: 1 to 512 bytes)");
        }
        if (first == '.' && (length == 1 || (length == 2 && second == '.'))) {
            throw new KvException(ErrorCode.INVALID_REQUEST, "key is '.' or '..' (expected: any other text)");
        }
    }

    private static void requireWellFormed(byte[] utf8) {
        if (isAscii(utf8)) {
            return;
        }
        try {
            StandardCharsets.UTF_8
                    .newDecoder()
                    .onMalformedInput(CodingErrorAction.REPORT)
                    .decode(ByteBuffer.wrap(utf8));
        } catch (CharacterCodingException e) {
            throw new KvException(ErrorCode.INVALID_REQUEST, "key is not well-formed UTF-8", e);
        }
    }

    private static boolean isAscii(byte[] bytes) {
        int at = 0;
        long high = 0;
        for (; at <= bytes.length - Long.BYTES; at += Long.BYTES) {
            high |= (long) LONGS.get(bytes, at);
        }
        for (; at < bytes.length; at++) {
            high |= bytes[at]; // With its sign.
        }
        return (high & 0x8080808080808080L) == 0;
    }

    private static KvException tooLong(String length) {
        return new KvException(
                ErrorCode.TOO_LARGE, "key of " + length + " bytes (expected: at most " + Limits.MAX_KEY_BYTES + ")");
    }

    /**
     * Returns the bytes of a prefix of keys, which may be empty and is not bound by the rules for names.
     *
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if the text holds an unpaired surrogate, {@link ErrorCode#TOO_LARGE} if it is longer than
     *     {@link Limits#MAX_KEY_BYTES} bytes
     */
    public static byte[] prefixUtf8(String prefix) {
        requireNonNull(prefix, "prefix");
        byte[] utf8 = encode(prefix, "prefix");
        if (utf8.length > Limits.MAX_KEY_BYTES) {
            throw new KvException(
                    ErrorCode.TOO_LARGE,
                    "prefix of " + utf8.length + " bytes (expected: at most " + Limits.MAX_KEY_BYTES + ")");
        }
        return utf8;
    }

    private static byte[] encode(String text, String what) {
        // String.getBytes writes '?' for an unpaired surrogate; two different texts would become one key.
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (Character.isHighSurrogate(c) && i + 1 < text.length() && Character.isLowSurrogate(text.charAt(i + 1))) {
                i++;
            } else if (Character.isSurrogate(c)) {
                throw new KvException(
                        ErrorCode.INVALID_REQUEST, what + " has an unpaired surrogate (expected: valid Unicode text)");
            }
        }
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** Returns the length in bytes, 1 to {@link Limits#MAX_KEY_BYTES}. */
    public int length() {
        return utf8.length;
    }

    /** Returns a copy of the bytes. */
    public byte[] toByteArray() {
        return utf8.clone();
    }

    /** Returns a read-only view of the bytes. */
    public ByteBuffer asByteBuffer() {
        return ByteBuffer.wrap(utf8).asReadOnlyBuffer();
    }

    /** Copies all bytes into {@code target} from {@code offset} on. */
    public void copyTo(byte[] target, int offset) {
        System.arraycopy(utf8, 0, target, offset, utf8.length);
    }

    /** Puts all bytes into {@code target}, advancing its position. */
    public void putTo(ByteBuffer target) {
        target.put(utf8);
    }

    /** Returns whether the bytes of this key begin with these. */
    public boolean startsWith(byte[] prefix) {
        return utf8.length >= prefix.length && Arrays.equals(utf8, 0, prefix.length, prefix, 0, prefix.length);
    }

    /** Returns what {@link #hashCode()} of a key with the remaining bytes of the buffer would be; leaves its position alone. */
    public static int hashOf(ByteBuffer utf8) {
        int h = 1; // As Arrays.hashCode.
        int end = utf8.limit();
        for (int i = utf8.position(); i < end; i++) {
            h = 31 * h + utf8.get(i);
        }
        return h;
    }

    /** Returns whether the remaining bytes of the buffer are those of this key; leaves its position alone. */
    public boolean contentEquals(ByteBuffer bytes) {
        int start = bytes.position();
        if (bytes.remaining() != utf8.length) {
            return false;
        }
        if (bytes.hasArray()) {
            int from = bytes.arrayOffset() + start;
            return Arrays.equals(utf8, 0, utf8.length, bytes.array(), from, from + utf8.length);
        }
        for (int i = 0; i < utf8.length; i++) {
            if (utf8[i] != bytes.get(start + i)) {
                return false;
            }
        }
        return true;
    }

    /** Orders by bytes, unsigned. */
    @Override
    public int compareTo(Key other) {
        return Arrays.compareUnsigned(utf8, other.utf8);
    }

    @Override
    public boolean equals(@org.jspecify.annotations.Nullable Object other) {
        return other instanceof Key key && Arrays.equals(utf8, key.utf8);
    }

    @Override
    public int hashCode() {
        // A benign race: every thread computes the same value, and an int is written whole.
        int h = hash;
        if (h == 0) {
            h = Arrays.hashCode(utf8);
            hash = h;
        }
        return h;
    }

    /** Returns the text of the key. */
    @Override
    public String toString() {
        return new String(utf8, StandardCharsets.UTF_8);
    }

    /** Returns the key as messages and logs show it: cut to 64 characters, with control characters escaped so that no line can be forged. */
    public String toDisplayString() {
        return display(toString());
    }

    /** Returns any text from outside as messages show it; see {@link #toDisplayString()}. */
    public static String display(String text) {
        StringBuilder out = new StringBuilder();
        int end = Math.min(text.length(), 64);
        for (int i = 0; i < end; i++) {
            char c = text.charAt(i);
            if (Character.isISOControl(c)
                    || c == '\u2028'
                    || c == '\u2029'
                    || (Character.isSurrogate(c) && !pairAt(text, i))) {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        return end < text.length() ? out.append("…").toString() : out.toString();
    }

    private static boolean pairAt(String text, int i) {
        return Character.isHighSurrogate(text.charAt(i))
                ? i + 1 < text.length() && Character.isLowSurrogate(text.charAt(i + 1))
                : i > 0 && Character.isHighSurrogate(text.charAt(i - 1));
    }
}
