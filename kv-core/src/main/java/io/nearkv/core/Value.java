package io.nearkv.core;

import static java.util.Objects.requireNonNull;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** The bytes of an entry: 0 to {@link Limits#MAX_VALUE_BYTES}, immutable. */
public final class Value {
    private static final Value EMPTY = new Value(new byte[0]);

    private final byte[] bytes;

    private Value(byte[] bytes) {
        this.bytes = bytes;
    }

    /**
     * Returns a value with a copy of these bytes.
     *
     * @throws KvException {@link ErrorCode#TOO_LARGE} if there are more than {@link Limits#MAX_VALUE_BYTES}
     */
    public static Value of(byte[] bytes) {
        checkLength(bytes.length);
        return wrap(bytes.clone());
    }

    /** Returns the value with the UTF-8 bytes of this text. Throws as {@link #of(byte[])}. */
    public static Value of(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        checkLength(bytes.length);
        return wrap(bytes);
    }

    /** Returns a value with a copy of the remaining bytes; borrows the buffer and leaves its position alone. Throws as {@link #of(byte[])}. */
    public static Value of(ByteBuffer buffer) {
        checkLength(buffer.remaining());
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(buffer.position(), bytes);
        return wrap(bytes);
    }

    /**
     * Returns a value over this very array, without a copy. For code that has just made the array and will never write to it again; whoever breaks
     * that promise changes a value that others hold.
     */
    public static Value wrap(byte[] bytes) {
        requireNonNull(bytes, "bytes");
        return bytes.length == 0 ? EMPTY : new Value(bytes);
    }

    /** Returns the value of no bytes. */
    public static Value empty() {
        return EMPTY;
    }

    /** Throws {@link ErrorCode#TOO_LARGE} for a length over {@link Limits#MAX_VALUE_BYTES}. */
    public static void checkLength(long length) {
        if (length > Limits.MAX_VALUE_BYTES) {
            throw new KvException(
                    ErrorCode.TOO_LARGE,
                    "value of " + length + " bytes (expected: at most " + Limits.MAX_VALUE_BYTES + ")");
        }
    }

    /** Returns the number of bytes. */
    public int length() {
        return bytes.length;
    }

    /** Returns a copy of the bytes. */
    public byte[] toByteArray() {
        return bytes.clone();
    }

    /** Returns a read-only view of the bytes. */
    public ByteBuffer asByteBuffer() {
        return ByteBuffer.wrap(bytes).asReadOnlyBuffer();
    }

    /** Returns the bytes as UTF-8 text; malformed input becomes U+FFFD. */
    public String asString() {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    /** Copies {@code length} bytes from {@code from} on into {@code target} at {@code offset}. */
    public void copyTo(int from, byte[] target, int offset, int length) {
        System.arraycopy(bytes, from, target, offset, length);
    }

    /** Puts all bytes into {@code target}, advancing its position. */
    public void putTo(ByteBuffer target) {
        target.put(bytes);
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof Value value && Arrays.equals(bytes, value.bytes);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(bytes);
    }

    /** Returns the length alone: values never get into logs and messages. */
    @Override
    public String toString() {
        return "Value[" + bytes.length + " bytes]";
    }
}
