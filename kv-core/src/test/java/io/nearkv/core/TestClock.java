package io.nearkv.core;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;

/** A clock that moves when a test says so, from a whole second on. Thread-safe. */
public final class TestClock implements InstantSource {
    private volatile Instant now = Instant.parse("2026-01-01T00:00:00Z");

    @Override
    public Instant instant() {
        return now;
    }

    /** Returns the whole seconds since the epoch. */
    public long epochSecond() {
        return instant().getEpochSecond();
    }

    /** Moves the clock on. */
    public synchronized void advance(Duration duration) {
        now = now.plus(duration);
    }
}
