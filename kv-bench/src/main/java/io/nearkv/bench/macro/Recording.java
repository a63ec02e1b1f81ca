package io.nearkv.bench.macro;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/**
 * The clock, the window of measurement and the meters of one load. Each thread that completes operations writes a meter of its own, so recording costs no
 * synchronisation; {@link #await} returns after all places have stopped, which makes the meters visible. Thread-safe.
 */
final class Recording {
    private final LongSupplier nanoTime;
    private final long from;
    private final long until;
    private final CountDownLatch places;
    private final ConcurrentLinkedQueue<Meter> meters = new ConcurrentLinkedQueue<>();
    private final ThreadLocal<Meter> mine = ThreadLocal.withInitial(this::register);
    private volatile long ended;

    Recording(LongSupplier nanoTime, long from, long until, int places) {
        this.nanoTime = nanoTime;
        this.from = from;
        this.until = until;
        this.ended = until;
        this.places = new CountDownLatch(places);
    }

    private Meter register() {
        Meter meter = new Meter();
        meters.add(meter);
        return meter;
    }

    long now() {
        return nanoTime.getAsLong();
    }

    long until() {
        return until;
    }

    /** Returns whether this moment is in the window; differences, because the clock may pass the end of its range. */
    boolean inWindow(long nanos) {
        return nanos - from >= 0 && nanos - until < 0;
    }

    boolean over(long nanos) {
        return nanos - ended >= 0;
    }

    /** Ends the load before its time, because there is nothing left to send. */
    synchronized void endAt(long nanos) {
        if (nanos - ended < 0) {
            ended = nanos;
        }
    }

    /** Returns the length of the window, as far as the load went. */
    long windowNanos() {
        return Math.max(0, ended - from);
    }

    Meter meter() {
        return mine.get();
    }

    /** Says that one place has stopped for good. */
    void stopped() {
        places.countDown();
    }

    /** Waits until all places have stopped; returns how many have not. */
    long await(long timeoutNanos) throws InterruptedException {
        boolean all = places.await(timeoutNanos, TimeUnit.NANOSECONDS);
        return all ? 0 : places.getCount();
    }

    /** Adds up the latencies of a kind over all threads, or returns null if there are none. */
    @Nullable
    Histogram latencies(OperationKind kind) {
        Histogram sum = null;
        for (Meter meter : meters) {
            Histogram part = meter.latencies(kind);
            if (part != null) {
                if (sum == null) {
                    sum = part.copy();
                } else {
                    sum.add(part);
                }
            }
        }
        return sum;
    }

    /** Adds up failures by name over all threads. */
    Map<String, Long> errors() {
        Map<String, Long> sum = new TreeMap<>();
        for (Meter meter : meters) {
            meter.errors().forEach((name, count) -> sum.merge(name, count, Long::sum));
        }
        return sum;
    }

    List<Meter> meters() {
        return new ArrayList<>(meters);
    }
}
