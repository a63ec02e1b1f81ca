package io.nearkv.core.rocksdb;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** The threads of a store: all daemons, so that a program that forgets to close still ends. */
final class StoreThreads {
    private StoreThreads() {}

    static ThreadFactory named(String name) {
        AtomicInteger count = new AtomicInteger();
        return task -> {
            Thread thread = new Thread(task, name + "-" + count.incrementAndGet());
            thread.setDaemon(true);
            return thread;
        };
    }

    /** Stops taking tasks, and waits for those that are there; returns whether all have ended in time. */
    @com.google.errorprone.annotations.CanIgnoreReturnValue
    static boolean shutDown(ExecutorService executor, int seconds) {
        executor.shutdown();
        try {
            return executor.awaitTermination(seconds, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
