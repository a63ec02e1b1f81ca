package io.nearkv.core;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The answer of a call of several steps, one after the other. Unlike a future made with {@code thenCompose}, cancelling it cancels the step that is under way, and it fails
 * with {@link KvException} itself. For those who write tiers. Thread-safe.
 */
public final class Chained<T extends @Nullable Object> extends CompletableFuture<T> {
    private volatile @Nullable Future<?> step;

    /** Makes one that has no step yet. */
    public Chained() {}

    /**
     * Goes on with a step; {@code next} gets its result or its failure, on the thread that has it. What {@code next} throws fails the whole, so that nobody
     * waits for an answer that cannot come.
     */
    public <S> void follow(CompletableFuture<S> newStep, BiConsumer<@Nullable S, @Nullable KvException> next) {
        step = newStep;
        if (isCancelled()) {
            newStep.cancel(false);
            return;
        }
        var unused = newStep.whenComplete((result, failure) -> {
            if (isDone()) {
                discard(result);
                return;
            }
            try {
                next.accept(result, failure == null ? null : KvException.from(failure));
            } catch (RuntimeException e) {
                // A closed store throws at once, also in the middle of a chain, where there is no caller left to throw
                // at.
                completeExceptionally(e);
            }
        });
    }

    /** Ends with what the last step comes to. */
    public void follow(CompletableFuture<T> lastStep) {
        follow(lastStep, this::finish);
    }

    /** Completes with a result, or with a failure if there is one. */
    @SuppressWarnings(
            "NullAway") // Without a failure the result is what the step gave, and it has the type that the step has.
    public void finish(@Nullable T result, @Nullable KvException failure) {
        if (failure != null) {
            completeExceptionally(failure);
        } else if (!complete(result)) {
            discard(result);
        }
    }

    /** Gives back what came too late for anybody to want it. */
    private static void discard(@Nullable Object result) {
        if (result instanceof OpenResult.Opened opened) {
            opened.reader().close();
        } else if (result instanceof ValueWriter writer) {
            writer.close();
        }
    }

    @Override
    public boolean cancel(boolean mayInterruptIfRunning) {
        boolean cancelled = super.cancel(mayInterruptIfRunning);
        Future<?> current = step;
        if (current != null) {
            current.cancel(mayInterruptIfRunning);
        }
        return cancelled;
    }
}
