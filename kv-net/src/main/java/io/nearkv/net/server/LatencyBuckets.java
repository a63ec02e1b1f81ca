package io.nearkv.net.server;

/**
 * The fixed buckets of all latency histograms: upper bounds from 1 us to 10 s in steps of 1, 2.5 and 5, and one bucket beyond. Fixed, so that histograms of all operations, processes
 * and releases can be added up. Stateless.
 */
final class LatencyBuckets {
    private static final long[] BOUNDS_NANOS = {
        1_000L,
        2_500L,
        5_000L,
        10_000L,
        25_000L,
        50_000L,
        100_000L,
        250_000L,
        500_000L,
        1_000_000L,
        2_500_000L,
        5_000_000L,
        10_000_000L,
        25_000_000L,
        50_000_000L,
        100_000_000L,
        250_000_000L,
        500_000_000L,
        1_000_000_000L,
        2_500_000_000L,
        5_000_000_000L,
        10_000_000_000L
    };

    /** How many buckets there are, with the one beyond the last bound. */
    static final int COUNT = BOUNDS_NANOS.length + 1;

    /** By the number of leading zeros of a time: the first bucket that may be its own. At most two comparisons are left from there. */
    private static final byte[] FIRST_BY_LEADING_ZEROS = new byte[Long.SIZE + 1];

    static {
        for (int zeros = 0; zeros <= Long.SIZE; zeros++) {
            long smallest = zeros == Long.SIZE ? 0 : 1L << (Long.SIZE - 1 - zeros);
            FIRST_BY_LEADING_ZEROS[zeros] = (byte) search(Math.max(0, smallest), 0);
        }
        // What is negative, as a clock that ran backwards would make it, counts as nothing at all.
        FIRST_BY_LEADING_ZEROS[0] = 0;
    }

    private LatencyBuckets() {}

    /** Returns the upper bound of a bucket, inclusive; {@link Long#MAX_VALUE} for the last. */
    static long boundNanos(int bucket) {
        return bucket < BOUNDS_NANOS.length ? BOUNDS_NANOS[bucket] : Long.MAX_VALUE;
    }

    /** Returns the bucket of a time. */
    static int of(long nanos) {
        return search(nanos, FIRST_BY_LEADING_ZEROS[Long.numberOfLeadingZeros(nanos)]);
    }

    private static int search(long nanos, int from) {
        int bucket = from;
        while (bucket < BOUNDS_NANOS.length && nanos > BOUNDS_NANOS[bucket]) {
            bucket++;
        }
        return bucket;
    }
}
