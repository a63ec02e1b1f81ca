package io.nearkv.net.server;

/** Adds up how long a stream has waited for its peer; 64 KiB that have moved start it anew, single bytes do not. Internal to kv-net. Not thread-safe. */
public final class StallClock {
    private static final int PROGRESS_BYTES = 64 * 1024;

    private final long limitNanos;
    private long waitedNanos;
    private long lastNanos = System.nanoTime();
    private int movedBytes;

    /** Creates a clock for a stream whose peer may take this long for each 64 KiB. */
    public StallClock(long limitNanos) {
        this.limitNanos = limitNanos;
    }

    /** So many bytes have moved. */
    public void moved(int bytes) {
        movedBytes += bytes;
        if (movedBytes >= PROGRESS_BYTES) {
            movedBytes = 0;
            waitedNanos = 0;
        }
    }

    /** Returns whether the peer has been waited for too long; the time since the last call counts if it is the peer who is waited for. */
    public boolean isOver(boolean waitsForPeer, long nowNanos) {
        if (waitsForPeer) {
            waitedNanos += nowNanos - lastNanos;
        }
        lastNanos = nowNanos;
        return waitedNanos > limitNanos;
    }
}
