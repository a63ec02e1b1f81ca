package io.nearkv.net.server;

/**
 * Times the requests of one event loop, and counts those gets that are answered from memory. Confined to the loop.
 *
 * <p>Such a get takes about a microsecond, and a look at the clock 20 to 30 ns. So a request begins where the one before it in the burst has ended (what decoding it takes is in its
 * time), and up to {@link #GROUP} gets from memory that follow each other share one look: each counts as its part of their time. What they add up to is handed on to the counters of the
 * server by {@link #publish}, once for each write to a socket.
 */
final class RequestClock {
    private static final int GROUP = 4;

    private final Counters counters;
    /** When the present request began, or the first get of the group. */
    private long startNanos;
    /** Gets of the present group. */
    private int grouped;

    private final int[] buckets = new int[LatencyBuckets.COUNT];
    /** The buckets that are not empty, a bit each: of the many there are, a burst touches two or three. */
    private int touched;

    private long found;
    private long missing;
    private long totalNanos;

    RequestClock(Counters counters) {
        this.counters = counters;
    }

    /** A burst begins, and its first request with it. */
    void start() {
        startNanos = System.nanoTime();
    }

    /** A request is handled that began earlier. */
    void startAt(long nanos) {
        closeGroup();
        startNanos = nanos;
    }

    /** Returns when the present request began. */
    long startNanos() {
        closeGroup();
        return startNanos;
    }

    /** The present request has been handled, whether it is answered or not: the next one begins. */
    void next() {
        closeGroup();
        startNanos = System.nanoTime();
    }

    /** The present request has been answered: returns how long it took, and lets the next one begin. */
    long lap() {
        closeGroup();
        long began = startNanos;
        startNanos = System.nanoTime();
        return startNanos - began;
    }

    /** The burst is over. Returns the time, or a moment before. */
    long end() {
        closeGroup();
        return startNanos;
    }

    /** The present request is a get, and its answer was in memory. */
    void found() {
        found++;
        grouped();
    }

    /** The present request is a get, and memory was enough to tell that there is nothing. */
    void missing() {
        missing++;
        grouped();
    }

    private void grouped() {
        if (++grouped == GROUP) {
            closeGroup();
        }
    }

    private void closeGroup() {
        if (grouped == 0) {
            return;
        }
        long nowNanos = System.nanoTime();
        long nanos = nowNanos - startNanos;
        int bucket = LatencyBuckets.of(nanos / grouped);
        buckets[bucket] += grouped;
        touched |= 1 << bucket;
        totalNanos += nanos;
        grouped = 0;
        startNanos = nowNanos;
    }

    /** Adds what there is to the counters of the server. */
    void publish() {
        closeGroup();
        if (touched == 0) {
            return;
        }
        if (found != 0) {
            counters.countOutcome(Op.GET, Counters.OK, found);
            found = 0;
        }
        if (missing != 0) {
            counters.countOutcome(Op.GET, Counters.MISSING, missing);
            missing = 0;
        }
        for (int rest = touched; rest != 0; rest &= rest - 1) {
            int bucket = Integer.numberOfTrailingZeros(rest);
            counters.countLatency(Op.GET, bucket, buckets[bucket]);
            buckets[bucket] = 0;
        }
        touched = 0;
        counters.addLatency(Op.GET, totalNanos);
        totalNanos = 0;
    }
}
