package io.nearkv.net.server;

import io.nearkv.core.KvException;
import io.nearkv.net.protocol.FrameReader;
import io.netty.buffer.ByteBuf;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A request in flight: one that could not be answered where it was read. Its state is confined to the event loop of its connection; what other threads finish comes back
 * through {@link #wake}, after which {@link #proceed} runs on the loop.
 *
 * <p>Ends exactly once, by {@link Session#end}: then its correlation id is free, its last frame is written, and what it holds is given back.
 */
abstract class Operation {
    private static final Logger log = LoggerFactory.getLogger(Operation.class);

    final Session session;
    final int correlationId;
    final Op op;

    /** Bytes that it takes from the budgets. */
    long reservedBytes;

    /** When the peer's patience, as it stated it, is over; {@link Long#MAX_VALUE} where it never is. */
    long deadlineNanos = Long.MAX_VALUE;

    boolean ended;

    /** The next on the stack of {@link LoopState}. */
    @Nullable
    Operation nextCompleted;

    private final AtomicBoolean awake = new AtomicBoolean();

    Operation(Session session, int correlationId, Op op) {
        this.session = session;
        this.correlationId = correlationId;
        this.op = op;
    }

    /** Has {@link #proceed} run on the loop soon. Any thread. */
    final void wake() {
        if (awake.compareAndSet(false, true)) {
            session.loopState().completed(this);
        }
    }

    /** Runs what {@link #wake} asked for. */
    final void run() {
        awake.set(false);
        if (ended) {
            try {
                abandoned();
            } catch (RuntimeException e) {
                // The step has failed, so it left nothing to give back, and nobody waits for the reason. It must not
                // reach the loop, whose batch holds other operations.
                log.atDebug().setCause(e).log("a step of an operation failed after its end");
            }
            return;
        }
        try {
            proceed();
        } catch (RuntimeException e) {
            session.fail(this, e);
        }
    }

    /** Goes on after something that it waited for has happened. */
    abstract void proceed();

    /** A future that it waited for has completed after its end: gives back what came too late. */
    void abandoned() {}

    /** Gives back what it holds beside budgets. Called once, at its end. */
    void release() {}

    /** The peer sent a piece. Borrows the buffer. */
    void data(ByteBuf in, FrameReader frame) {
        // A stream that goes in the other direction only, or is over: what is on its way is ignored.
    }

    /** The peer may be sent more. */
    void credit(int more) {
        // Only streams have credit.
    }

    /** The peer reads again. */
    void writable() {}

    /** The peer gave up; the default lets the operation finish. */
    void cancel() {}

    /** Returns whether it outlives single requests, so that a token that dies ends it. */
    boolean isStream() {
        return false;
    }

    /** Returns why it should end now, or null. */
    @Nullable
    KvException overdue(long nowNanos) {
        return nowNanos - deadlineNanos > 0 && deadlineNanos != Long.MAX_VALUE
                ? new KvException(io.nearkv.core.ErrorCode.DEADLINE_EXCEEDED, "the deadline of the call passed")
                : null;
    }

    /** What came of one asynchronous step of an operation. */
    static final class Step<T> {
        private volatile @Nullable Outcome<T> outcome;

        private record Outcome<T>(
                @Nullable T value, @Nullable Throwable failure) {}

        /**
         * Begins to wait. Returns whether the outcome is there already; if not, the operation is woken when it is.
         */
        boolean await(CompletableFuture<? extends T> future, Operation operation) {
            outcome = null;
            if (future.isDone()) {
                accept(future);
                return true;
            }
            var unused = future.whenComplete((value, failure) -> {
                outcome = new Outcome<>(value, failure);
                operation.wake();
            });
            return false;
        }

        /** Takes what came of a future that has completed. */
        void accept(CompletableFuture<? extends T> done) {
            var unused = done.whenComplete((value, failure) -> outcome = new Outcome<>(value, failure));
        }

        boolean isDone() {
            return outcome != null;
        }

        /** Returns what came of it; null where the stage gave null. Throws {@link KvException} if it failed. Call once {@link #isDone}. */
        @Nullable
        T take() {
            Outcome<T> done = outcome;
            if (done == null) {
                throw new IllegalStateException("not done yet");
            }
            if (done.failure != null) {
                throw KvException.from(done.failure);
            }
            return done.value;
        }
    }
}
