package io.nearkv.core.rocksdb;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.rocksdb.RocksDBException;

/** Failpoints that a test closes and opens: a step that is closed waits, one that is set to fail throws. Thread-safe. */
final class StepGate implements Failpoints {
    private record Closed(Step step, CountDownLatch reached, CountDownLatch open) {}

    private final AtomicReference<@Nullable Closed> closed = new AtomicReference<>();
    private final AtomicReference<@Nullable Step> failing = new AtomicReference<>();
    private volatile boolean failsAlways;

    /** Lets the next thread that reaches the step wait there. */
    void close(Step step) {
        closed.set(new Closed(step, new CountDownLatch(1), new CountDownLatch(1)));
    }

    /** Waits until a thread waits at the closed step. */
    void awaitReached() throws InterruptedException {
        Closed now = closed.get();
        assertThat(now != null && now.reached().await(30, TimeUnit.SECONDS)).isTrue();
    }

    /** Lets the thread go on, and others pass. */
    void open() {
        Closed now = closed.getAndSet(null);
        if (now != null) {
            now.open().countDown();
        }
    }

    /** Lets the next thread that reaches the step fail. */
    void failOnce(Step step) {
        failsAlways = false;
        failing.set(step);
    }

    /** Lets every thread that reaches the step fail, until {@link #heal()}. */
    void failAlways(Step step) {
        failsAlways = true;
        failing.set(step);
    }

    void heal() {
        failing.set(null);
    }

    @Override
    public void reached(Step step) throws RocksDBException {
        Closed now = closed.get();
        if (now != null && now.step() == step) {
            now.reached().countDown();
            try {
                assertThat(now.open().await(30, TimeUnit.SECONDS)).isTrue();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        if (failsAlways ? failing.get() == step : failing.compareAndSet(step, null)) {
            throw new RocksDBException("simulated failure at " + step);
        }
    }
}
