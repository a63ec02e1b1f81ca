package io.nearkv.core.rocksdb;

import io.nearkv.core.Limits;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The way into native code. A call after the database was closed would crash the process, so every call holds a lane, and closing waits until all lanes are free. A lane also
 * owns the direct buffers of the call: not a thread-local, because thousands of virtual threads would each make their own. Thread-safe.
 *
 * <p>Entering is one compare-and-set and one volatile read; leaving one volatile write. Either an entering thread sees {@code closed}, or the closing one sees the lane as
 * busy: both flags are volatile, so there is one order of all four steps.
 */
final class Lanes {
    /** More than the threads that can be inside at once on most machines; more wait their turn. */
    private static final int COUNT = 64;
    /** Ints between two flags, so that each has a cache line of its own. */
    private static final int STRIDE = 16;

    private static final long RETRY_NANOS = 20_000;

    /** The buffers of one call. Belongs to the thread that entered, until it leaves. */
    static final class Lane {
        private final int index;
        /** Room for the longest key of any column family. */
        final ByteBuffer key = ByteBuffer.allocateDirect(Long.BYTES + Integer.BYTES + 1 + Limits.MAX_KEY_BYTES + 1);
        /** Room for the longest record of {@code entries}. */
        final ByteBuffer value = ByteBuffer.allocateDirect(EntryRecord.MAX_RECORD_BYTES);
        /** The same bytes as {@link #value}, with a position of its own. */
        final ByteBuffer metadata = value.duplicate();

        final EntryRecord.View view = new EntryRecord.View();

        private Lane(int index) {
            this.index = index;
        }
    }

    private final AtomicIntegerArray busy = new AtomicIntegerArray(COUNT * STRIDE);
    /** Element i is only touched by the thread that holds lane i. */
    private final @Nullable Lane[] lanes = new Lane[COUNT];

    private volatile boolean closed;

    /** Returns a lane, to be given back with {@link #leave}, or null if the lanes are closed. */
    @Nullable
    Lane enter() {
        int start = (int) ((Thread.currentThread().getId() * 0x9E3779B97F4A7C15L) >>> 58);
        while (true) {
            for (int i = 0; i < COUNT; i++) {
                int index = (start + i) & (COUNT - 1);
                int flag = index * STRIDE;
                if (busy.getPlain(flag) == 0 && busy.compareAndSet(flag, 0, 1)) {
                    if (closed) {
                        busy.set(flag, 0);
                        return null;
                    }
                    Lane lane = lanes[index];
                    if (lane == null) {
                        lane = new Lane(index);
                        lanes[index] = lane;
                    }
                    return lane;
                }
            }
            if (closed) {
                return null;
            }
            // More threads are inside than lanes: a matter of microseconds, because most do not wait inside.
            LockSupport.parkNanos(this, RETRY_NANOS);
        }
    }

    void leave(Lane lane) {
        busy.setRelease(lane.index * STRIDE, 0);
    }

    /** Lets nobody in any more and waits for those inside; returns false if some are still there at the deadline. */
    boolean close(long deadlineNanos) {
        closed = true;
        for (int i = 0; i < COUNT; i++) {
            while (busy.get(i * STRIDE) != 0) {
                if (System.nanoTime() - deadlineNanos > 0) {
                    return false;
                }
                LockSupport.parkNanos(this, RETRY_NANOS);
            }
        }
        return true;
    }
}
