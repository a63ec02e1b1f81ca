package io.nearkv.core;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How fresh an answer must be, and how long the caller waits for it. A tier that owns the data (the engine) answers every read as {@link Consistency#STRONG}.
 *
 * @param consistency how fresh
 * @param maxStaleness for {@link Consistency#BOUNDED}: how old the copy may be; zero otherwise
 * @param after for {@link Consistency#SESSION}: the answer reflects at least this position; null otherwise
 * @param timeout how long the caller waits, up to {@link Limits#MAX_TIMEOUT}
 * @param cacheTtl how old the copy of a cache may be before it asks upstream again; null for what the cache is set to. Zero asks every time
 * @param staleIfError how much older the copy may be while nobody upstream answers; null for what the cache is set to. Zero takes an error over an old answer
 */
public record ReadOptions(
        Consistency consistency,
        Duration maxStaleness,
        @Nullable Position after,
        Duration timeout,
        @Nullable Duration cacheTtl,
        @Nullable Duration staleIfError) {
    /** Any cached copy will do. */
    public static final ReadOptions EVENTUAL =
            new ReadOptions(Consistency.EVENTUAL, Duration.ZERO, null, Limits.DEFAULT_TIMEOUT);
    /** Linearizable. */
    public static final ReadOptions STRONG =
            new ReadOptions(Consistency.STRONG, Duration.ZERO, null, Limits.DEFAULT_TIMEOUT);
    /** What a read without options means. */
    public static final ReadOptions DEFAULT = EVENTUAL;

    /** How fresh an answer must be; the ordinals are frozen, because they are on the wire. */
    public enum Consistency {
        /** Any cached copy inside its time to live. */
        EVENTUAL,
        /** No staler than a given time, or from upstream. */
        BOUNDED,
        /** Sees the caller's own writes and never goes back in time. */
        SESSION,
        /** Linearizable, answered by the tier that owns the data. */
        STRONG
    }

    /** Checks that each consistency has what it needs. */
    public ReadOptions {
        requireNonNull(consistency, "consistency");
        requireNonNull(maxStaleness, "maxStaleness");
        checkTimeout(timeout);
        checkAge("cacheTtl", cacheTtl);
        checkAge("staleIfError", staleIfError);
        if (consistency == Consistency.BOUNDED ? maxStaleness.isNegative() : !maxStaleness.isZero()) {
            throw new IllegalArgumentException("maxStaleness: " + maxStaleness + " with " + consistency
                    + " (expected: zero or more with BOUNDED, zero with any other)");
        }
        if ((consistency == Consistency.SESSION) != (after != null)) {
            throw new IllegalArgumentException(
                    "after: " + after + " with " + consistency + " (expected: with SESSION, and only then)");
        }
    }

    /** Returns options without wishes to a cache. */
    public ReadOptions(Consistency consistency, Duration maxStaleness, @Nullable Position after, Duration timeout) {
        this(consistency, maxStaleness, after, timeout, null, null);
    }

    private static void checkAge(String what, @Nullable Duration age) {
        if (age != null && age.isNegative()) {
            throw new IllegalArgumentException(what + ": " + age + " (expected: zero or more)");
        }
    }

    /** Returns options for answers that are no staler than this. */
    public static ReadOptions bounded(Duration maxStaleness) {
        return new ReadOptions(Consistency.BOUNDED, maxStaleness, null, Limits.DEFAULT_TIMEOUT);
    }

    /** Returns options for answers that reflect at least this position. */
    public static ReadOptions session(Position after) {
        return new ReadOptions(Consistency.SESSION, Duration.ZERO, after, Limits.DEFAULT_TIMEOUT);
    }

    /** Returns a copy with this timeout. */
    public ReadOptions withTimeout(Duration newTimeout) {
        return new ReadOptions(consistency, maxStaleness, after, newTimeout, cacheTtl, staleIfError);
    }

    /** Returns a copy with this time that a cached copy is good for; null for what the cache is set to. */
    public ReadOptions withCacheTtl(@Nullable Duration newCacheTtl) {
        return new ReadOptions(consistency, maxStaleness, after, timeout, newCacheTtl, staleIfError);
    }

    /** Returns a copy with this time that a cached copy may be older while nobody upstream answers; null for what the cache is set to. */
    public ReadOptions withStaleIfError(@Nullable Duration newStaleIfError) {
        return new ReadOptions(consistency, maxStaleness, after, timeout, cacheTtl, newStaleIfError);
    }

    /** Returns a copy that asks for an answer that reflects at least this position. */
    public ReadOptions withSession(Position newAfter) {
        return new ReadOptions(Consistency.SESSION, Duration.ZERO, newAfter, timeout, cacheTtl, staleIfError);
    }

    static void checkTimeout(Duration timeout) {
        requireNonNull(timeout, "timeout");
        if (timeout.isNegative() || timeout.isZero() || timeout.compareTo(Limits.MAX_TIMEOUT) > 0) {
            throw new IllegalArgumentException(
                    "timeout: " + timeout + " (expected: more than zero, at most " + Limits.MAX_TIMEOUT + ")");
        }
    }
}
