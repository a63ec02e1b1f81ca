package io.nearkv.cluster;

import io.nearkv.core.KvException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The outcomes of calls that are under way at the same time. It waits for all of them, also if some fail, so that whoever has the answer knows that nothing goes on behind it; what they came
 * to is looked up afterwards. Cancelling it cancels them. Thread-safe.
 */
final class Gathered<T extends @Nullable Object> extends CompletableFuture<List<Gathered.Outcome<T>>> {
    /**
     * What a call came to.
     *
     * @param result the result, if there is no failure
     * @param failure the failure, or null
     */
    record Outcome<T extends @Nullable Object>(
            @Nullable T result, @Nullable KvException failure) {}

    private final List<CompletableFuture<T>> calls;

    private Gathered(List<CompletableFuture<T>> calls) {
        this.calls = calls;
    }

    /** Returns the outcomes of these, in their order; completed, if all of them are. */
    static <T extends @Nullable Object> Gathered<T> of(List<CompletableFuture<T>> calls) {
        Gathered<T> gathered = new Gathered<>(List.copyOf(calls));
        AtomicInteger missing = new AtomicInteger(calls.size() + 1);
        for (CompletableFuture<T> call : gathered.calls) {
            var unused = call.whenComplete((result, failure) -> gathered.arrived(missing));
        }
        gathered.arrived(missing);
        return gathered;
    }

    private void arrived(AtomicInteger missing) {
        if (missing.decrementAndGet() > 0 || isDone()) {
            return;
        }
        List<Outcome<T>> outcomes = new ArrayList<>(calls.size());
        for (CompletableFuture<T> call : calls) {
            try {
                outcomes.add(new Outcome<>(call.join(), null));
            } catch (RuntimeException e) {
                outcomes.add(new Outcome<>(null, KvException.from(e)));
            }
        }
        complete(outcomes);
    }

    /** Returns the first failure among the outcomes, or null if there is none. */
    static <T extends @Nullable Object> @Nullable KvException firstFailure(List<Outcome<T>> outcomes) {
        for (Outcome<T> outcome : outcomes) {
            if (outcome.failure() != null) {
                return outcome.failure();
            }
        }
        return null;
    }

    @Override
    public boolean cancel(boolean mayInterruptIfRunning) {
        boolean cancelled = super.cancel(mayInterruptIfRunning);
        calls.forEach(call -> call.cancel(mayInterruptIfRunning));
        return cancelled;
    }
}
