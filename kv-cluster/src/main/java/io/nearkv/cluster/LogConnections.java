package io.nearkv.cluster;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;

/** How many connections to its log's port a node has, and has refused. Thread-safe. */
final class LogConnections {
    private final AtomicInteger open = new AtomicInteger();
    private final LongAdder refused = new LongAdder();

    /** Returns how many are open. */
    int open() {
        return open.get();
    }

    /** Returns how many were refused because there were too many, or no thread for one more. */
    long refused() {
        return refused.sum();
    }

    /** One was accepted. */
    void began() {
        open.incrementAndGet();
    }

    /** It has ended, one way or another. */
    void ended() {
        open.decrementAndGet();
    }

    /** One was closed at once. */
    void refuse() {
        refused.increment();
    }
}
