package io.nearkv.deploy.routing;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.deploy.analysis.ImpactDetector;
import io.nearkv.deploy.analysis.LatencyBins;
import io.nearkv.deploy.analysis.Sample;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * How the requests of one build have ended, by kind. A slot that has failed is left out until its ten seconds are over: one unlucky user who tries again and again is one failure, and what is left
 * out depends on what was before, so that the comparison stays fair. Thread-safe; recording takes no lock and makes no garbage.
 */
final class Outcomes {
    /** Gets that the memory of a cache has answered. */
    static final int READ_FROM_MEMORY = 0;
    /** All other gets. */
    static final int READ = 1;
    /** Puts, deletes and batches. */
    static final int WRITE = 2;
    /** Listings. */
    static final int LIST = 3;

    /** A call that says nothing about the build: it was diverted, chosen by hand, or is about no key. */
    static final int UNCOUNTED = -1;

    /** The time of a request at which nobody has looked at the clock. */
    static final long UNTIMED = -1;

    static final long WINDOW_NANOS = 10_000_000_000L;

    private static final int WORDS = (Slots.COUNT + Long.SIZE - 1) / Long.SIZE;

    private final LongAdder[] untimed = new LongAdder[ImpactDetector.KINDS];
    private final LongAdder[] failures = new LongAdder[ImpactDetector.KINDS];
    private final LongAdder[][] latency = new LongAdder[ImpactDetector.KINDS][LatencyBins.COUNT];
    private final AtomicLongArray failedSlots = new AtomicLongArray(WORDS);
    private final AtomicLong window = new AtomicLong(Long.MIN_VALUE);

    Outcomes() {
        for (int kind = 0; kind < ImpactDetector.KINDS; kind++) {
            failures[kind] = new LongAdder();
            untimed[kind] = new LongAdder();
            for (int bin = 0; bin < LatencyBins.COUNT; bin++) {
                latency[kind][bin] = new LongAdder();
            }
        }
    }

    /**
     * Counts one call.
     *
     * @param nanos how long it has taken, {@link #UNTIMED} if nobody has looked
     */
    void record(int kind, int slot, @Nullable KvException failure, long nanos) {
        int word = slot >>> 6;
        long bit = 1L << slot;
        if ((failedSlots.get(word) & bit) != 0) {
            return;
        }
        if (failure == null || failure.code() == ErrorCode.NOT_FOUND) {
            if (nanos == UNTIMED) {
                untimed[kind].increment();
            } else {
                latency[kind][LatencyBins.of(nanos)].increment();
            }
        } else if ((failedSlots.getAndUpdate(word, bits -> bits | bit) & bit) == 0) {
            failures[kind].increment();
        }
    }

    /** Begins ten seconds anew, if they are over: from time to time, because a look at the clock costs a request more than all else here. */
    void at(long nanos) {
        long current = nanos / WINDOW_NANOS;
        long seen = window.get();
        if (current != seen && window.compareAndSet(seen, current)) {
            for (int i = 0; i < WORDS; i++) {
                failedSlots.set(i, 0);
            }
        }
    }

    /** Returns what was counted of one kind since the beginning. */
    Sample total(int kind) {
        long[] bins = new long[LatencyBins.COUNT];
        for (int i = 0; i < bins.length; i++) {
            bins[i] = latency[kind][i].sum();
        }
        return Sample.of(failures[kind].sum(), untimed[kind].sum(), bins);
    }

    /** Returns the slots that have failed in these ten seconds, as a set of bits in little-endian order. */
    byte[] failedSlots() {
        long[] words = new long[WORDS];
        for (int i = 0; i < WORDS; i++) {
            words[i] = failedSlots.get(i);
        }
        return java.util.BitSet.valueOf(words).toByteArray();
    }
}
