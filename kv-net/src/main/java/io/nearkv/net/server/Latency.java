package io.nearkv.net.server;

import java.util.List;
import java.util.stream.IntStream;

/**
 * How long the operations of one kind took, from the request that was understood to the answer that was ready to be sent: a histogram in fixed buckets. Immutable.
 *
 * @param counts how many operations fell into each bucket, in the order of {@link #BOUNDS_NANOS}; not cumulative
 * @param totalNanos their times, added up
 */
public record Latency(List<Long> counts, long totalNanos) {
    /** The upper bounds of the buckets, inclusive, from 1 us to 10 s in steps of 1, 2.5 and 5; the last is {@link Long#MAX_VALUE}. */
    public static final List<Long> BOUNDS_NANOS = IntStream.range(0, LatencyBuckets.COUNT)
            .mapToObj(LatencyBuckets::boundNanos)
            .toList();

    /** Makes the list read-only. */
    public Latency {
        counts = List.copyOf(counts);
        if (counts.size() != BOUNDS_NANOS.size()) {
            throw new IllegalArgumentException(
                    "counts: " + counts.size() + " (expected: " + BOUNDS_NANOS.size() + ", one for each bucket)");
        }
    }

    /** Returns how many operations there were. */
    public long count() {
        return counts.stream().mapToLong(Long::longValue).sum();
    }
}
