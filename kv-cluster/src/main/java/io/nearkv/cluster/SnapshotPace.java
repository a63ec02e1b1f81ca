package io.nearkv.cluster;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;

/** How fast a node sends snapshots, all of them together, so that a node that catches up takes neither the disk nor the network from those who write. Thread-safe. */
final class SnapshotPace {
    private static final long NANOS_PER_SECOND = 1_000_000_000L;

    private final long bytesPerSecond;
    /** When all that was let go is sent at that pace, on the clock of {@link System#nanoTime}. Guarded by this. */
    private long freeAtNanos = System.nanoTime();

    private final LongAdder bytes = new LongAdder();
    private final AtomicInteger sending = new AtomicInteger();

    SnapshotPace(long bytesPerSecond) {
        this.bytesPerSecond = bytesPerSecond;
    }

    /** Returns how many bytes of snapshots were sent. */
    long bytes() {
        return bytes.sum();
    }

    /** Returns how many snapshots are being sent. */
    int sending() {
        return sending.get();
    }

    /** A snapshot begins to be sent. */
    void began() {
        sending.incrementAndGet();
    }

    /** It has ended, one way or another. */
    void ended() {
        sending.decrementAndGet();
    }

    /** Takes the time for so many bytes of a snapshot; returns for how many nanoseconds to wait before they are sent. */
    long take(int size) {
        bytes.add(size);
        return takeNanos(size, System.nanoTime());
    }

    /** Takes the time for so many bytes; returns how long to wait for it. */
    synchronized long takeNanos(long size, long nowNanos) {
        long start = Math.max(freeAtNanos, nowNanos);
        freeAtNanos = start + size * NANOS_PER_SECOND / bytesPerSecond;
        return start - nowNanos;
    }
}
