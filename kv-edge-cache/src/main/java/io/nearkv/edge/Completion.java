package io.nearkv.edge;

import io.nearkv.core.KvException;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiConsumer;

/** What follows the completion of a future. */
final class Completion {
    private Completion() {}

    /** Does something when the future completes: gets the result or the failure, on the thread that has it, and must not throw. */
    static <T extends @org.jspecify.annotations.Nullable Object> void of(
            CompletableFuture<T> future, BiConsumer<? super T, ? super Throwable> action) {
        var unused = future.whenComplete(action);
    }

    /** Completes one future with what the other comes to. */
    static <T> void pass(CompletableFuture<? extends T> from, CompletableFuture<T> to) {
        of(from, (result, failure) -> {
            if (failure != null) {
                to.completeExceptionally(KvException.from(failure));
            } else {
                to.complete(result);
            }
        });
    }
}
