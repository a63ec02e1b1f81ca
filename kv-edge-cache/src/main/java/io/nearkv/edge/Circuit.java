package io.nearkv.edge;

import io.nearkv.core.Backoff;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Keeps everybody from asking an upstream that does not answer: after a few failures in a row nobody asks for a while, then one does, and only when that one has got an answer do
 * all again. The while grows with the failures and is a different one each time. Thread-safe.
 */
final class Circuit {
    /** Fewer failures in a row than this are no reason to think that upstream is gone. */
    static final int FAILURES_TO_OPEN = 5;

    private static final Backoff WAITS = new Backoff(Duration.ofMillis(100), Duration.ofSeconds(2));

    private final LongSupplier ticker;
    private final ReentrantLock lock = new ReentrantLock();
    private volatile int failures;
    private volatile long openUntilNanos;
    private boolean probing;

    Circuit(LongSupplier ticker) {
        this.ticker = ticker;
    }

    /** Returns null if the caller may ask upstream, who then says how it went; or the refusal. */
    @Nullable
    KvException refusal() {
        if (failures < FAILURES_TO_OPEN) {
            return null;
        }
        lock.lock();
        try {
            if (failures < FAILURES_TO_OPEN) {
                return null;
            }
            long left = openUntilNanos - ticker.getAsLong();
            if (left <= 0 && !probing) {
                probing = true;
                return null;
            }
            return refused(left);
        } finally {
            lock.unlock();
        }
    }

    /** Returns null if upstream answers, or the refusal; without being the one who tries whether it does again. */
    @Nullable
    KvException peek() {
        return failures < FAILURES_TO_OPEN ? null : refused(openUntilNanos - ticker.getAsLong());
    }

    private KvException refused(long leftNanos) {
        return new KvException(
                ErrorCode.UNAVAILABLE,
                "upstream has not answered " + failures + " times in a row, and is not asked for a moment",
                null,
                Duration.ofNanos(Math.max(1_000_000, leftNanos)),
                null);
    }

    /** Upstream has answered, with whatever. */
    void answered() {
        if (failures == 0) {
            return;
        }
        lock.lock();
        try {
            failures = 0;
            probing = false;
        } finally {
            lock.unlock();
        }
    }

    /** A question has failed: upstream has not answered, or has answered that it will not. */
    void failed(KvException reason) {
        if (reason.code() != ErrorCode.UNAVAILABLE && reason.code() != ErrorCode.DEADLINE_EXCEEDED) {
            answered();
            return;
        }
        lock.lock();
        try {
            int now = failures + 1; // Written under the lock alone.
            failures = now;
            probing = false;
            if (failures >= FAILURES_TO_OPEN) {
                openUntilNanos = ticker.getAsLong()
                        + WAITS.delay(failures - FAILURES_TO_OPEN + 1, ThreadLocalRandom.current())
                                .toNanos();
            }
        } finally {
            lock.unlock();
        }
    }

    /** Nobody knows how it would have gone: the caller has not asked after all. */
    void notAsked() {
        lock.lock();
        try {
            probing = false;
        } finally {
            lock.unlock();
        }
    }

    boolean isOpen() {
        return failures >= FAILURES_TO_OPEN;
    }
}
