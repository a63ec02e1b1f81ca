package io.nearkv.cluster;

import io.nearkv.core.Chained;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Brings a request to the node that leads, here or elsewhere, and again if that node refuses it before any effect, until its deadline. A failure of which nobody knows whether it had an effect
 * goes to the caller. Thread-safe.
 */
final class Router {
    private static final long FIRST_PAUSE_MILLIS = 5;
    private static final long LONGEST_PAUSE_MILLIS = 100;

    /** How another node is asked. */
    interface Elsewhere<R> {
        /** Asks. */
        CompletableFuture<R> ask(KvStore store, Duration timeout);
    }

    private final Partition partition;
    private final Supplier<@Nullable KvStore> leaderElsewhere;
    private final ScheduledExecutorService timer;
    private final int maxWaiting;
    private final AtomicInteger waiting = new AtomicInteger();

    Router(
            Partition partition,
            Supplier<@Nullable KvStore> leaderElsewhere,
            ScheduledExecutorService timer,
            int maxWaiting) {
        this.partition = partition;
        this.leaderElsewhere = leaderElsewhere;
        this.timer = timer;
        this.maxWaiting = maxWaiting;
    }

    int waiting() {
        return waiting.get();
    }

    /** Returns what the leader answers. */
    <R> CompletableFuture<R> atLeader(Duration timeout, Supplier<CompletableFuture<R>> here, Elsewhere<R> elsewhere) {
        if (partition.isElected()) {
            CompletableFuture<R> answer = here.get();
            // Where it worked, or failed for good, nothing more is needed.
            if (answer.isDone() && !isRefusal(answer)) {
                return answer;
            }
            Attempt<R> attempt = new Attempt<>(timeout, here, elsewhere);
            attempt.follow(answer);
            return attempt.chain;
        }
        Attempt<R> attempt = new Attempt<>(timeout, here, elsewhere);
        attempt.next();
        return attempt.chain;
    }

    private static boolean isRefusal(CompletableFuture<?> answer) {
        if (!answer.isCompletedExceptionally()) {
            return false;
        }
        try {
            var unused = answer.getNow(null);
            return false;
        } catch (RuntimeException e) {
            return mayGoOn(KvException.from(e));
        }
    }

    /** Another node may take it, or this one in a moment; a node that says when to come back means the caller. */
    private static boolean mayGoOn(KvException failure) {
        return failure.code() == ErrorCode.UNAVAILABLE && failure.retryAfter() == null;
    }

    private final class Attempt<R> {
        private final Chained<R> chain = new Chained<>();
        private final long deadlineNanos;
        private final Supplier<CompletableFuture<R>> here;
        private final Elsewhere<R> elsewhere;
        private long pauseMillis = FIRST_PAUSE_MILLIS;

        Attempt(Duration timeout, Supplier<CompletableFuture<R>> here, Elsewhere<R> elsewhere) {
            this.deadlineNanos = System.nanoTime() + timeout.toNanos();
            this.here = here;
            this.elsewhere = elsewhere;
        }

        private void next() {
            if (chain.isDone()) {
                return;
            }
            long left = deadlineNanos - System.nanoTime();
            CompletableFuture<Void> change = partition.leadershipChange(); // First, so that none is missed.
            CompletableFuture<R> answer = null;
            try {
                if (partition.isElected()) {
                    answer = here.get();
                } else {
                    KvStore store = leaderElsewhere.get();
                    if (store != null && left > 0) {
                        answer = elsewhere.ask(store, Duration.ofNanos(left));
                    }
                }
            } catch (KvException e) {
                answer = CompletableFuture.failedFuture(e);
            } catch (RuntimeException e) {
                chain.completeExceptionally(e);
            }
            if (answer != null || chain.isDone()) {
                change.cancel(false);
                if (answer != null) {
                    follow(answer);
                }
                return;
            }
            waitFor(
                    change,
                    new KvException(
                            ErrorCode.UNAVAILABLE,
                            "no node leads (expected: a majority of the nodes that reach each other)"));
        }

        void follow(CompletableFuture<R> answer) {
            chain.follow(answer, (result, failure) -> {
                if (failure != null && mayGoOn(failure)) {
                    waitFor(partition.leadershipChange(), failure);
                } else {
                    chain.finish(result, failure);
                }
            });
        }

        /** Goes on at the next change of the leadership, or after a pause, because not every change is told. */
        private void waitFor(CompletableFuture<Void> change, KvException reason) {
            long left = TimeUnit.NANOSECONDS.toMillis(deadlineNanos - System.nanoTime());
            if (left <= 0) {
                change.cancel(false);
                chain.completeExceptionally(reason);
                return;
            }
            if (waiting.incrementAndGet() > maxWaiting) {
                waiting.decrementAndGet();
                change.cancel(false);
                chain.completeExceptionally(new KvException(
                        ErrorCode.UNAVAILABLE,
                        "overloaded: " + maxWaiting + " requests wait for a leader, as many as may",
                        null,
                        Duration.ofMillis(200),
                        reason));
                return;
            }
            long pause = Math.min(left, pauseMillis);
            pauseMillis = Math.min(2 * pauseMillis, LONGEST_PAUSE_MILLIS);
            CompletableFuture<Void> over = change.completeOnTimeout(null, pause, TimeUnit.MILLISECONDS);
            var unused = over.whenComplete((nothing, failed) -> {
                waiting.decrementAndGet();
                try {
                    timer.execute(this::next); // Not on a thread of Ratis.
                } catch (RejectedExecutionException e) {
                    chain.completeExceptionally(new KvException(ErrorCode.UNAVAILABLE, "the node is shutting down", e));
                }
            });
        }
    }
}
