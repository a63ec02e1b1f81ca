package io.nearkv.net.client;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Runs tasks in order, one at a time: at once where there is no executor, else on the executor. What waits is bounded by those who submit. Thread-safe.
 */
final class Deliveries {
    private final @Nullable Executor executor;
    private final ReentrantLock lock = new ReentrantLock();
    private final Queue<Runnable> waiting = new ArrayDeque<>();
    private boolean running;

    Deliveries(@Nullable Executor executor) {
        this.executor = executor;
    }

    /** Runs a task after all that were submitted before. */
    void run(Runnable task) {
        lock.lock();
        try {
            waiting.add(task);
            if (running) {
                return;
            }
            running = true;
        } finally {
            lock.unlock();
        }
        if (executor == null) {
            drain();
            return;
        }
        try {
            executor.execute(this::drain);
        } catch (RejectedExecutionException e) {
            // Better on the wrong thread than never.
            drain();
        }
    }

    private void drain() {
        while (true) {
            Runnable task;
            lock.lock();
            try {
                task = waiting.poll();
                if (task == null) {
                    running = false;
                    return;
                }
            } finally {
                lock.unlock();
            }
            task.run();
        }
    }
}
