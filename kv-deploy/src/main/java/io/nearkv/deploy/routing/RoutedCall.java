package io.nearkv.deploy.routing;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.GetResult;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.OpenResult;
import io.nearkv.core.Origin;
import io.nearkv.core.ValueWriter;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * One call of the routed tier: given to the build of its slot, and once more to a known-good one where the first has refused it as a build, which it does before any effect. What
 * an object does as a future and as what waits for the build's answer is the cost of routing.
 */
final class RoutedCall<T> extends CompletableFuture<T> implements BiConsumer<@Nullable T, @Nullable Throwable> {
    private final Builds builds;
    private final Function<KvStore, CompletableFuture<T>> call;
    private final int kind;
    private final long startNanos;
    private Target target;
    /** Which share of the traffic it stands for, or {@link Outcomes#UNCOUNTED}. */
    private int slot;
    /** The build that has refused the call first, and what it said. */
    private @Nullable Target refusing;

    private @Nullable KvException refusal;
    private volatile @Nullable Future<?> step;

    private RoutedCall(
            Builds builds,
            Target target,
            int kind,
            int slot,
            long startNanos,
            Function<KvStore, CompletableFuture<T>> call) {
        this.builds = builds;
        this.startNanos = startNanos;
        this.kind = kind;
        this.slot = slot;
        this.target = target;
        this.call = call;
    }

    /**
     * Begins a call.
     *
     * @param kind of request, such as {@link Outcomes#READ}
     * @param slot that it stands for, or {@link Outcomes#UNCOUNTED}
     */
    static <T> CompletableFuture<T> start(
            Builds builds, Target target, int kind, int slot, Function<KvStore, CompletableFuture<T>> call) {
        // One request in four is timed: a look at the clock costs as much as all else here.
        boolean timed =
                slot != Outcomes.UNCOUNTED && (ThreadLocalRandom.current().nextInt() & 3) == 0;
        long startNanos = timed ? System.nanoTime() : 0;
        CompletableFuture<T> first = ask(target, call);
        if (first.isDone() && !first.isCompletedExceptionally()) {
            // Answered at once, as by a cache in this process: nothing is left to wait for.
            count(target, kind, slot, startNanos, first.join(), null);
            return first;
        }
        RoutedCall<T> started = new RoutedCall<>(builds, target, kind, slot, startNanos, call);
        started.follow(first);
        return started;
    }

    private static <T> CompletableFuture<T> ask(Target target, Function<KvStore, CompletableFuture<T>> call) {
        target.counted();
        try {
            return call.apply(target.store());
        } catch (IllegalStateException e) {
            // The route has changed between the choice and the call, and the build that is gone is closed.
            return CompletableFuture.failedFuture(new KvException(ErrorCode.UNAVAILABLE, "the route has changed", e));
        }
    }

    private void follow(CompletableFuture<T> next) {
        step = next;
        if (isCancelled()) {
            next.cancel(false);
            return;
        }
        var unused = next.whenComplete(this);
    }

    @Override
    @SuppressWarnings("NullAway") // Without a failure the answer is what the build gave, and it has the call's type.
    public void accept(@Nullable T answer, @Nullable Throwable failure) {
        if (failure == null) {
            count(answer, null);
            Target first = refusing;
            KvException why = refusal;
            if (first != null && why != null) {
                builds.answeredElsewhere(first, why);
            }
            if (!complete(answer)) {
                discard(answer);
            }
            return;
        }
        KvException why = KvException.from(failure);
        count(null, why);
        KvException first = refusal;
        Target next = first == null ? builds.instead(target, why) : null;
        if (next != null) {
            refusing = target;
            refusal = why;
            target = next;
            follow(ask(next, call));
        } else {
            // Where known-good is only away, what the caller should know of is what the build has said.
            completeExceptionally(first != null && why.code() == ErrorCode.UNAVAILABLE ? first : why);
        }
    }

    /** Counts how the build of the slot has done: also where another one answers in the end. */
    private void count(@Nullable T answer, @Nullable KvException failure) {
        if (!isCancelled()) {
            count(target, kind, slot, startNanos, answer, failure);
            slot = Outcomes.UNCOUNTED;
        }
    }

    private static void count(
            Target target,
            int kind,
            int slot,
            long startNanos,
            @Nullable Object answer,
            @Nullable KvException failure) {
        if (slot != Outcomes.UNCOUNTED) {
            long nanos = startNanos == 0 ? Outcomes.UNTIMED : Math.max(0, System.nanoTime() - startNanos);
            int of = kind == Outcomes.READ && isFromMemory(answer) ? Outcomes.READ_FROM_MEMORY : kind;
            target.outcomes().record(of, slot, failure, nanos);
        }
    }

    private static boolean isFromMemory(@Nullable Object answer) {
        if (answer instanceof GetResult result) {
            return result.origin().source() == Origin.Source.MEMORY;
        }
        return answer instanceof OpenResult.Opened opened
                && opened.reader().origin().source() == Origin.Source.MEMORY;
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
