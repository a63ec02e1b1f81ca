package io.nearkv.core;

import java.time.Duration;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Waits for futures on behalf of the blocking face. Holds no lock while it waits, so that virtual threads unmount. */
final class Blocking {
    private Blocking() {}

    /**
     * Starts a call and waits for its answer.
     *
     * @throws IllegalStateException before the call is started, if this is an {@link IoThread}
     * @throws KvException what the call failed with; {@link ErrorCode#DEADLINE_EXCEEDED} after the timeout, and also when the thread is interrupted, with the flag set
     *     again: in both cases nobody knows any more whether a write happened
     */
    static <T extends @Nullable Object> T await(Supplier<CompletableFuture<T>> call, Duration timeout) {
        checkThread();
        return await(call.get(), timeout);
    }

    /** Waits for a future that is under way; throws as {@link #await(Supplier, Duration)}. */
    static <T extends @Nullable Object> T await(CompletableFuture<T> future, Duration timeout) {
        try {
            try {
                return future.get(timeout.toNanos(), TimeUnit.NANOSECONDS);
            } catch (TimeoutException e) {
                if (future.cancel(false)) {
                    throw new KvException(ErrorCode.DEADLINE_EXCEEDED, "no answer within " + timeout);
                }
            } catch (InterruptedException e) {
                if (future.cancel(false)) {
                    throw interrupted();
                }
                Thread.currentThread().interrupt();
            }
            // It came in the very last moment, perhaps with resources in it, which must not be lost.
            return future.join();
        } catch (CompletionException e) {
            throw KvException.from(e);
        } catch (CancellationException e) {
            throw new KvException(ErrorCode.DEADLINE_EXCEEDED, "the call was cancelled");
        } catch (ExecutionException e) {
            throw KvException.from(e);
        }
    }

    /** Sets the flag of the thread again and returns what a wait that was interrupted throws. */
    static KvException interrupted() {
        Thread.currentThread().interrupt();
        return new KvException(ErrorCode.DEADLINE_EXCEEDED, "interrupted while waiting for the answer");
    }

    /** Throws {@link IllegalStateException} if this thread must not wait. */
    static void checkThread() {
        if (Thread.currentThread() instanceof IoThread) {
            throw new IllegalStateException("blocking call on the I/O thread "
                    + Thread.currentThread().getName() + " (expected: async(), or a thread of the application)");
        }
    }
}
