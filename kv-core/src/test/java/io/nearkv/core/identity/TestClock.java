package io.nearkv.core.identity;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;

/** A clock that stands still until it is moved. Thread-safe. */
final class TestClock implements InstantSource {
    private volatile Instant now = Instant.parse("2026-11-24T10:00:00Z");

    @Override
    public Instant instant() {
        return now;
    }

    synchronized void advance(Duration duration) {
        now = now.plus(duration);
    }

    long epochSecond() {
        return now.getEpochSecond();
    }
}
