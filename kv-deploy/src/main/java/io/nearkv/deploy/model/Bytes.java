package io.nearkv.deploy.model;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/** A few bytes, such as a digest: immutable, equal by content. */
public final class Bytes {
    /** No bytes. */
    public static final Bytes NONE = new Bytes(new byte[0]);

    private final byte[] content;

    private Bytes(byte[] content) {
        this.content = content;
    }

    /** Returns a copy of the content. */
    public static Bytes of(byte[] content) {
        return content.length == 0 ? NONE : new Bytes(content.clone());
    }

    /**
     * Returns the bytes that are written in hex.
     *
     * @throws IllegalArgumentException if it is not hex in lower case
     */
    public static Bytes ofHex(String hex) {
        Bytes bytes = of(HexFormat.of().parseHex(hex));
        if (!bytes.hex().equals(hex)) {
            throw new IllegalArgumentException("hex: not in lower case");
        }
        return bytes;
    }

    /** Returns the SHA-256 of the content. */
    public static Bytes sha256(byte[] content) {
        try {
            return new Bytes(MessageDigest.getInstance("SHA-256").digest(content));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    /** Returns how many there are. */
    public int length() {
        return content.length;
    }

    /** Returns a copy. */
    public byte[] toArray() {
        return content.clone();
    }

    /** Returns them in hex, lower case. */
    public String hex() {
        return HexFormat.of().formatHex(content);
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof Bytes that && Arrays.equals(content, that.content);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(content);
    }

    /** Returns them in hex. */
    @Override
    public String toString() {
        return hex();
    }
}
