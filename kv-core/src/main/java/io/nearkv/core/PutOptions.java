package io.nearkv.core;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What a put sets beside the value, and on which condition. Every put replaces value, metadata and expiration as one unit. Immutable; the {@code with} methods
 * return changed copies.
 *
 * @param metadata JSON to keep beside the value, or null for none
 * @param expiresAt seconds since the epoch at which the entry expires, or 0; excludes {@code ttlSeconds}
 * @param ttlSeconds seconds after the commit at which the entry expires, by the store's clock, or 0
 * @param condition what must hold for the put to happen
 */
public record PutOptions(@Nullable Metadata metadata, long expiresAt, long ttlSeconds, Condition condition) {
    /** No metadata, no expiration, no condition. */
    public static final PutOptions DEFAULT = new PutOptions(null, 0, 0, Condition.NONE);

    /**
     * Checks the expirations.
     *
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if one is out of range or both are given. Whether {@code expiresAt} is in the future is checked
     *     by the store, whose clock counts.
     */
    public PutOptions {
        requireNonNull(condition, "condition");
        if (expiresAt < 0 || expiresAt > Limits.MAX_EXPIRATION_EPOCH_SECOND) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "expiration: " + expiresAt + " (expected: seconds since the epoch, at most "
                            + Limits.MAX_EXPIRATION_EPOCH_SECOND + ")");
        }
        if (ttlSeconds < 0 || ttlSeconds > Limits.MAX_EXPIRATION_EPOCH_SECOND) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "ttl: " + ttlSeconds + " s (expected: " + Limits.MIN_TTL.toSeconds() + " to "
                            + Limits.MAX_EXPIRATION_EPOCH_SECOND + " s)");
        }
        if (expiresAt != 0 && ttlSeconds != 0) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST, "both an expiration and a ttl are given (expected: one of them)");
        }
    }

    /** Returns options with a time to live, counted from the commit; whole seconds, at least {@link Limits#MIN_TTL}. */
    public static PutOptions expiresAfter(Duration ttl) {
        return DEFAULT.withTtl(ttl);
    }

    /** Returns options with an absolute expiration, cut to whole seconds; it must lie at least {@link Limits#MIN_TTL} ahead of the store's clock. */
    public static PutOptions expiresAt(Instant expiration) {
        return DEFAULT.withExpiration(expiration);
    }

    /** Returns options with this metadata. */
    public static PutOptions metadata(Metadata metadata) {
        return DEFAULT.withMetadata(metadata);
    }

    /** Returns options with this condition. */
    public static PutOptions when(Condition condition) {
        return DEFAULT.withCondition(condition);
    }

    /** Returns a copy with this metadata. */
    public PutOptions withMetadata(@Nullable Metadata newMetadata) {
        return new PutOptions(newMetadata, expiresAt, ttlSeconds, condition);
    }

    /** Returns a copy with this time to live in place of any expiration. */
    public PutOptions withTtl(Duration ttl) {
        if (ttl.compareTo(Limits.MIN_TTL) < 0) {
            throw new KvException(ErrorCode.INVALID_REQUEST, "ttl: " + ttl + " (expected: >= " + Limits.MIN_TTL + ")");
        }
        return new PutOptions(metadata, 0, ttl.toSeconds(), condition);
    }

    /** Returns a copy with this expiration in place of any other. */
    public PutOptions withExpiration(Instant expiration) {
        return new PutOptions(metadata, Math.max(1, expiration.getEpochSecond()), 0, condition);
    }

    /** Returns a copy with this condition. */
    public PutOptions withCondition(Condition newCondition) {
        return new PutOptions(metadata, expiresAt, ttlSeconds, newCondition);
    }
}
