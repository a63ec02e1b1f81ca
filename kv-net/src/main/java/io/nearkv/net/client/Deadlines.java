package io.nearkv.net.client;

import io.nearkv.core.Limits;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.WriteOptions;
import java.time.Duration;

/** Cuts the timeouts of calls that have waited before they are written: what travels with a request is the time that is left. */
final class Deadlines {
    /** Less is not worth another object; also what the timer is late at most. */
    private static final long TOLERANCE_NANOS = Duration.ofMillis(10).toNanos();

    private static final long MILLI_NANOS = Duration.ofMillis(1).toNanos();

    private Deadlines() {}

    static ReadOptions shortened(ReadOptions options, Slot slot) {
        long left = slot.lane.remainingNanos(slot);
        return isClose(options.timeout(), left) ? options : options.withTimeout(duration(left));
    }

    static WriteOptions shortened(WriteOptions options, Slot slot) {
        long left = slot.lane.remainingNanos(slot);
        return isClose(options.timeout(), left) ? options : options.withTimeout(duration(left));
    }

    /** Returns the time that is left as the protocol has it, at least one millisecond. */
    static int millis(Slot slot) {
        return (int) duration(slot.lane.remainingNanos(slot)).toMillis();
    }

    private static boolean isClose(Duration timeout, long leftNanos) {
        return timeout.toNanos() - leftNanos < TOLERANCE_NANOS;
    }

    private static Duration duration(long leftNanos) {
        return Duration.ofNanos(Math.max(MILLI_NANOS, Math.min(leftNanos, Limits.MAX_TIMEOUT.toNanos())));
    }
}
