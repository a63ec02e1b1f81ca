package io.nearkv.core;

import static java.util.Objects.requireNonNull;

import java.util.HexFormat;
import java.util.random.RandomGenerator;

/**
 * The id of a namespace: 128 random bits, written as 32 lower-case hex digits. Ids are never used again after their namespace is deleted. Immutable.
 *
 * @param high the first 64 bits
 * @param low the last 64 bits
 */
public record NamespaceId(long high, long low) {
    /**
     * Returns the id with this text form.
     *
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if it is not 32 hex digits
     */
    public static NamespaceId parse(String text) {
        if (!isWellFormed(text)) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST, "namespace id '" + Key.display(text) + "' (expected: 32 hex digits)");
        }
        return new NamespaceId(HexFormat.fromHexDigitsToLong(text, 0, 16), HexFormat.fromHexDigitsToLong(text, 16, 32));
    }

    /** Returns whether the text has the form of an id. */
    public static boolean isWellFormed(String text) {
        return requireNonNull(text, "text").length() == 32 && text.chars().allMatch(HexFormat::isHexDigit);
    }

    /** Returns a new id; the generator should be a cryptographic one outside tests. */
    public static NamespaceId random(RandomGenerator random) {
        return new NamespaceId(random.nextLong(), random.nextLong());
    }

    /** Returns the 32 hex digits. */
    @Override
    public String toString() {
        HexFormat hex = HexFormat.of();
        return hex.toHexDigits(high) + hex.toHexDigits(low);
    }
}
