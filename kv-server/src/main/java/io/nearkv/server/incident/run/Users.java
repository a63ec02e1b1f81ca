package io.nearkv.server.incident.run;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.server.incident.measure.Recorder;
import io.nearkv.server.incident.model.ReplayClock;
import io.nearkv.server.incident.product.Product;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** The products at work, a thread each, from before the start until they are stopped. */
final class Users implements AutoCloseable {
    private static final long SECOND_NANOS = 1_000_000_000L;
    private static final int WARM_ROUNDS = 10;
    private static final long WARM_SECONDS = 60;
    private static final long END_MILLIS = 15_000;

    private final List<Product> products;
    private final ReplayClock clock;
    private final double load;
    private final LongSupplier nanoTime;
    private final List<Thread> threads = new ArrayList<>();
    private final AtomicReference<@Nullable Throwable> broken = new AtomicReference<>();
    private final CountDownLatch warm;

    Users(List<Product> products, Recorder recorder, double load, LongSupplier nanoTime) {
        this.products = products;
        this.clock = recorder.clock();
        this.load = load;
        this.nanoTime = nanoTime;
        this.warm = new CountDownLatch(products.size());
    }

    /** Has all products prepare, then work; returns when each has worked for a while. */
    void start() throws IOException, InterruptedException {
        for (Product product : products) {
            try {
                product.prepare();
            } catch (KvException e) {
                throw new KvException(
                        e.code(), product.id() + " " + product.name() + " cannot be set up: " + e.getMessage(), e);
            }
        }
        for (Product product : products) {
            Thread thread = new Thread(() -> work(product), "replay-" + product.id());
            thread.setDaemon(true);
            threads.add(thread);
            thread.start();
        }
        if (!warm.await(WARM_SECONDS, TimeUnit.SECONDS)) {
            throw new KvException(
                    ErrorCode.DEADLINE_EXCEEDED, "the products did not get to work in " + WARM_SECONDS + " s");
        }
        check();
    }

    private void work(Product product) {
        long period = Math.round(SECOND_NANOS / (product.roundsPerSecond() * load));
        long next = nanoTime.getAsLong();
        int rounds = 0;
        try {
            do {
                product.round();
                if (++rounds == WARM_ROUNDS) {
                    warm.countDown();
                }
                // What a slow answer has cost is not caught up by a burst.
                next = Math.max(next + period, nanoTime.getAsLong() - period);
            } while (clock.pause(next - nanoTime.getAsLong()));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // Told to end in the midst of a request.
        } catch (IOException | RuntimeException | Error e) {
            broken.compareAndSet(null, e);
            clock.stop();
        }
        while (rounds++ < WARM_ROUNDS) {
            warm.countDown();
        }
    }

    /** Fails if a product has failed in a way that is no user's business. */
    void check() {
        Throwable failure = broken.get();
        if (failure != null) {
            throw new IllegalStateException("a product of the replay is broken: " + failure, failure);
        }
    }

    /** Ends the work and waits for it. */
    void stop() throws InterruptedException {
        clock.stop();
        for (Thread thread : threads) {
            thread.join(END_MILLIS);
            if (thread.isAlive()) {
                thread.interrupt();
                thread.join(END_MILLIS);
            }
        }
        check();
    }

    @Override
    public void close() {
        clock.stop();
        threads.forEach(Thread::interrupt);
        products.forEach(Product::close);
    }
}
