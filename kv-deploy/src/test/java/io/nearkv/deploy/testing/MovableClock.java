package io.nearkv.deploy.testing;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.function.LongSupplier;

/** A clock that stands still until it is moved; the time of day and the nanoseconds move apart. Thread-safe. */
public final class MovableClock implements InstantSource, LongSupplier {
    private volatile Instant now = Instant.parse("2026-11-24T10:00:00Z");
    private volatile long nanos = 1_000;

    @Override
    public Instant instant() {
        return now;
    }

    @Override
    public long getAsLong() {
        return nanos;
    }

    /** Sets the clock on the wall forward or back. */
    public synchronized void setForward(Duration duration) {
        now = now.plus(duration);
    }

    /** Lets time pass. */
    public synchronized void pass(Duration duration) {
        now = now.plus(duration);
        nanos += duration.toNanos();
    }

    /** Returns the time of day in seconds since 1970. */
    public long epochSecond() {
        return now.getEpochSecond();
    }
}
