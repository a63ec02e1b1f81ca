package io.nearkv.net.client;

import java.time.Duration;

/**
 * Keeps retries to a share of the calls, so that a server in trouble gets a little more load and not a multiple of it. Every call puts a share of a token into
 * a bucket, every retry takes a whole one. A small reserve refills with time, so that a client with few calls may retry too. Confined to one thread.
 */
final class RetryBudget {
    /** Retries that are there without any call, and come back at one a second. */
    static final int RESERVE = 10;
    /** Most retries in one burst: a share of 10 % of the last 10,000 calls, enough for all that one lost connection has in flight. */
    static final int MAX_TOKENS = 1_000;

    private static final long WHOLE = 1_000;
    private static final long SECOND_NANOS = Duration.ofSeconds(1).toNanos();

    private final long shareOfToken;
    private long tokens;
    private long refilledAtNanos;

    /** Creates a budget; {@code share} is the part of the calls that may be retried, 0 to 1. With 0 there is no reserve either. */
    RetryBudget(double share, long nowNanos) {
        this.shareOfToken = Math.round(share * WHOLE);
        this.tokens = shareOfToken == 0 ? 0 : RESERVE * WHOLE;
        this.refilledAtNanos = nowNanos;
    }

    /** Notes a call (a first attempt). */
    void onCall() {
        if (tokens < MAX_TOKENS * WHOLE) {
            tokens += shareOfToken;
        }
    }

    /** Returns whether one retry may be made now, and counts it. */
    boolean tryAcquire(long nowNanos) {
        long seconds = (nowNanos - refilledAtNanos) / SECOND_NANOS;
        if (seconds > 0) {
            refilledAtNanos += seconds * SECOND_NANOS;
            if (shareOfToken > 0 && tokens < RESERVE * WHOLE) {
                tokens = Math.min(RESERVE * WHOLE, tokens + Math.min(seconds, RESERVE) * WHOLE);
            }
        }
        if (tokens < WHOLE) {
            return false;
        }
        tokens -= WHOLE;
        return true;
    }
}
