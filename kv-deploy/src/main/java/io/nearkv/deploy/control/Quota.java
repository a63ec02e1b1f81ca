package io.nearkv.deploy.control;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * How many of something there may be in a minute: a bucket that holds as many, and fills evenly. As long as there is anything in it, a request of any size is let through, and what it takes too much is
 * owed: so one that is larger than the bucket is still possible. Thread-safe.
 */
final class Quota {
    private static final double NANOS_PER_MINUTE = 60e9;

    private final String name;
    private final int perMinute;
    private final LongSupplier nanoTime;
    private double left;
    private long filledNanos;
    private long refused;

    Quota(String name, int perMinute, LongSupplier nanoTime) {
        this.name = name;
        this.perMinute = perMinute;
        this.nanoTime = nanoTime;
        this.left = perMinute;
        this.filledNanos = nanoTime.getAsLong();
    }

    /** Takes some, or fails with {@link ErrorCode#RATE_LIMITED} and says when to come back; nothing is taken then. */
    synchronized void take(long count) {
        fill();
        if (left >= 1) {
            left -= count;
            return;
        }
        refused++;
        long millis = (long) Math.ceil((1 - left) * 60_000 / perMinute);
        throw new KvException(
                ErrorCode.RATE_LIMITED,
                "the quota of " + perMinute + " " + name + " a minute is used up; come back in "
                        + (millis + 999) / 1_000 + " s, or raise --quota-" + name + " of 'nearkv control serve'",
                null,
                Duration.ofMillis(millis),
                null);
    }

    private void fill() {
        long now = nanoTime.getAsLong();
        left = Math.min(perMinute, left + (now - filledNanos) * perMinute / NANOS_PER_MINUTE);
        filledNanos = now;
    }

    synchronized QuotaUse use() {
        fill();
        return new QuotaUse(name, perMinute, left, refused);
    }
}
