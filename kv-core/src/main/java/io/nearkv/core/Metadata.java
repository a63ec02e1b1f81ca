package io.nearkv.core;

import static java.util.Objects.requireNonNull;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A JSON document of at most {@link Limits#MAX_METADATA_BYTES} bytes beside a value, kept as the text that the writer gave. It is returned with every get and
 * every listing. Immutable; equal if the text is equal.
 */
public final class Metadata {
    private final byte[] utf8;

    private Metadata(byte[] utf8) {
        this.utf8 = utf8;
    }

    /**
     * Returns the metadata with this JSON text.
     *
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if it is not one JSON document, {@link ErrorCode#TOO_LARGE} if it is too long
     */
    public static Metadata ofJson(String json) {
        requireNonNull(json, "json");
        return ofUtf8(json.getBytes(StandardCharsets.UTF_8));
    }

    /** Returns the metadata with a copy of these bytes of JSON text. Throws as {@link #ofJson}. */
    public static Metadata ofUtf8(byte[] utf8) {
        if (utf8.length > Limits.MAX_METADATA_BYTES) {
            throw new KvException(
                    ErrorCode.TOO_LARGE,
                    "metadata of " + utf8.length + " bytes (expected: at most " + Limits.MAX_METADATA_BYTES + ")");
        }
        byte[] copy = utf8.clone();
        int error = JsonSyntax.firstError(copy);
        if (error >= 0) {
            throw new KvException(ErrorCode.INVALID_REQUEST, "metadata is not JSON (at byte " + error + ")");
        }
        return new Metadata(copy);
    }

    /** Returns the metadata with the remaining bytes of the buffer, which a store has checked when they were written; borrows the buffer, advances it. */
    public static Metadata ofStored(ByteBuffer utf8) {
        byte[] copy = new byte[utf8.remaining()];
        utf8.get(copy);
        return new Metadata(copy);
    }

    /** Returns the JSON text. */
    public String json() {
        return new String(utf8, StandardCharsets.UTF_8);
    }

    /** Returns the number of bytes. */
    public int length() {
        return utf8.length;
    }

    /** Returns a read-only view of the bytes of the JSON text. */
    public ByteBuffer asByteBuffer() {
        return ByteBuffer.wrap(utf8).asReadOnlyBuffer();
    }

    /** Puts all bytes into {@code target}, advancing its position. */
    public void putTo(ByteBuffer target) {
        target.put(utf8);
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof Metadata metadata && Arrays.equals(utf8, metadata.utf8);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(utf8);
    }

    /** Returns the JSON text. */
    @Override
    public String toString() {
        return json();
    }
}
