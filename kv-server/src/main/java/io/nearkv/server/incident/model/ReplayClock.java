package io.nearkv.server.incident.model;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/** The time of one replay, from its start on. Thread-safe. */
public final class ReplayClock {
    private final Timeline timeline;
    private final LongSupplier nanoTime;
    private final CountDownLatch stopped = new CountDownLatch(1);
    private volatile boolean started;
    private volatile long startNanos;

    /** Creates a clock that has not started; {@code nanoTime} is on the scale of {@link System#nanoTime()}. */
    public ReplayClock(Timeline timeline, LongSupplier nanoTime) {
        this.timeline = timeline;
        this.nanoTime = nanoTime;
    }

    /** Returns how it maps to the report. */
    public Timeline timeline() {
        return timeline;
    }

    /** Begins: now is minute 0. */
    public void start() {
        startNanos = nanoTime.getAsLong();
        started = true;
    }

    /** Returns whether it has begun. */
    public boolean isStarted() {
        return started;
    }

    /** Returns the nanoseconds since the start; negative before it. */
    public long nanos() {
        return started ? nanoTime.getAsLong() - startNanos : -1;
    }

    /** Returns the minute of the report, with its fraction; negative before the start. */
    public double minute() {
        return timeline.minuteOf(nanos());
    }

    /** Ends all waiting. Idempotent. */
    public void stop() {
        stopped.countDown();
    }

    /** Returns whether it was stopped. */
    public boolean isStopped() {
        return stopped.getCount() == 0;
    }

    /**
     * Waits until a minute of the report, or until it is stopped.
     *
     * @return false if it was stopped
     * @throws InterruptedException if the thread is interrupted
     */
    public boolean await(double minute) throws InterruptedException {
        return pause(Math.round(minute * timeline.minuteNanos()) - nanos());
    }

    /**
     * Waits for some time of this machine, or until it is stopped.
     *
     * @return false if it was stopped
     * @throws InterruptedException if the thread is interrupted
     */
    public boolean pause(long nanos) throws InterruptedException {
        return !stopped.await(Math.max(0, nanos), TimeUnit.NANOSECONDS);
    }
}
