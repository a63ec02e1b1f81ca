package io.nearkv.bench.macro;

import static java.util.Objects.requireNonNull;

import java.time.Duration;

/**
 * How to load a target.
 *
 * @param style who sends when
 * @param connections connections of the client; in {@link Style#BATCHES} also its threads
 * @param inFlight operations in flight on each connection; for {@link Style#BATCHES} the size of a batch
 * @param threads for {@link Style#BLOCKING}: threads that wait for each answer
 * @param ratePerSecond for {@link Style#OPEN_LOOP}: arrivals per second
 * @param mix what to do
 * @param warmUp time before the measurement, under the same load
 * @param duration time of the measurement
 */
public record LoadSpec(
        Style style,
        int connections,
        int inFlight,
        int threads,
        long ratePerSecond,
        Mix mix,
        Duration warmUp,
        Duration duration) {
    /** Who sends when. */
    public enum Style {
        /** A new operation is sent when one completes, from the thread that completes it: throughput at a fixed concurrency. */
        CLOSED_LOOP,
        /** Operations arrive at a fixed rate whatever the target does, and count from when they should have been sent: latency. */
        OPEN_LOOP,
        /** Threads that wait for each answer. */
        BLOCKING,
        /** One thread a connection sends batches and waits for all answers. */
        BATCHES
    }

    /** Checks the ranges. */
    public LoadSpec {
        requireNonNull(style, "style");
        requireNonNull(mix, "mix");
        check("connections", connections, 1, 100_000);
        check("in flight", inFlight, 1, 1_000_000);
        check("threads", threads, style == Style.BLOCKING ? 1 : 0, 100_000);
        check("rate", ratePerSecond, style == Style.OPEN_LOOP ? 1 : 0, 100_000_000);
        if (warmUp.isNegative() || duration.isNegative() || duration.isZero()) {
            throw new IllegalArgumentException(
                    "warmUp: " + warmUp + ", duration: " + duration + " (expected: not negative, more than zero)");
        }
    }

    private static void check(String name, long value, long least, long most) {
        if (value < least || value > most) {
            throw new IllegalArgumentException(name + ": " + value + " (expected: " + least + " to " + most + ")");
        }
    }

    /** Returns a closed loop of {@code connections} x {@code inFlight}. */
    public static LoadSpec closedLoop(int connections, int inFlight, Mix mix, Duration warmUp, Duration duration) {
        return new LoadSpec(Style.CLOSED_LOOP, connections, inFlight, 0, 0, mix, warmUp, duration);
    }

    /** Returns a copy with these times. */
    public LoadSpec withTimes(Duration newWarmUp, Duration newDuration) {
        return new LoadSpec(style, connections, inFlight, threads, ratePerSecond, mix, newWarmUp, newDuration);
    }

    /** Returns a copy with this many operations in flight on each connection. */
    public LoadSpec withInFlight(int newInFlight) {
        return new LoadSpec(style, connections, newInFlight, threads, ratePerSecond, mix, warmUp, duration);
    }

    /** Returns the usual short form, such as {@code 8x16}. */
    public String shape() {
        return switch (style) {
            case CLOSED_LOOP -> connections + "x" + inFlight;
            case BATCHES -> connections + "x" + inFlight + " batches";
            case BLOCKING -> threads + " threads on " + connections;
            case OPEN_LOOP -> ratePerSecond + "/s on " + connections;
        };
    }
}
