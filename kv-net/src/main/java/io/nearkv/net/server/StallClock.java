package io.nearkv.net.server;

/** Adds up how long a stream has waited for its peer; 64 KiB that have moved start it anew, single bytes do not. Not thread-safe. */
final class StallClock {
    private static final int PROGRESS_BYTES = 64 * 1024;

    private final long limitNanos;
    private long waitedNanos;
    private long lastNanos = System.nanoTime();
    private int movedBytes;

    StallClock(long limitNanos) {
        this.limitNanos = limitNanos;
    }

    void moved(int bytes) {
        movedBytes += bytes;
        if (movedBytes >= PROGRESS_BYTES) {
            movedBytes = 0;
            waitedNanos = 0;
        }
    }

    boolean isOver(boolean waitsForPeer, long nowNanos) {
        if (waitsForPeer) {
            waitedNanos += nowNanos - lastNanos;
        }
        lastNanos = nowNanos;
        return waitedNanos > limitNanos;
    }
}
