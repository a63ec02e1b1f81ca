package io.nearkv.core;

import java.time.Duration;
import java.util.random.RandomGenerator;

/**
 * How long to wait before trying again: twice as long each time, up to a maximum, and each time a random part of the second half less, so that those who failed together do not
 * come back together. Immutable.
 *
 * @param first the wait before the first new try, more than zero
 * @param max the longest wait
 */
public record Backoff(Duration first, Duration max) {
    /** 50 milliseconds to 5 seconds. */
    public static final Backoff DEFAULT = new Backoff(Duration.ofMillis(50), Duration.ofSeconds(5));

    /** Checks the range. */
    public Backoff {
        if (first.isNegative() || first.isZero() || max.compareTo(first) < 0) {
            throw new IllegalArgumentException("first: " + first + ", max: " + max + " (expected: 0 < first <= max)");
        }
    }

    /** Returns the wait after so many failures in a row, at least 1. */
    public Duration delay(int failures, RandomGenerator random) {
        long nanos = max.toNanos();
        int doublings = failures - 1;
        if (doublings < Long.numberOfLeadingZeros(first.toNanos()) - 1) {
            nanos = Math.min(nanos, first.toNanos() << doublings);
        }
        return Duration.ofNanos(nanos - random.nextLong(nanos / 2 + 1));
    }
}
