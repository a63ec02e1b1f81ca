package io.nearkv.net.rest;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.net.server.Op;
import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One request that could not be answered where its head was read: it has a body, or waits for the store. Confined to the event loop of its connection; what other threads finish comes
 * back through {@link #await}.
 *
 * <p>Ends exactly once, by {@link RestHandler#end}: then the answer is on its way, or will never be, and what the exchange holds is given back.
 */
abstract class Exchange {
    /** Stores keep the deadlines of calls themselves; this much later the server does it for them. */
    private static final Duration GRACE = Duration.ofMillis(250);

    final RestHandler handler;

    /** What it is counted as. */
    Op op;

    /** Bytes that it takes from the server's budget. */
    private long heldBytes;

    private long deadlineNanos = Long.MAX_VALUE;
    private boolean ended;

    Exchange(RestHandler handler, Op op) {
        this.handler = handler;
        this.op = op;
    }

    boolean isEnded() {
        return ended;
    }

    /** Takes a piece of the request's body; borrows it. The default passes it over. */
    void body(ByteBuf piece) {}

    /** The body is complete. */
    void bodyEnd() {}

    /** The peer reads again. */
    void writable() {}

    /** The peer has closed its direction: streams without an end end now, because this is all that is ever seen of a peer that has gone. */
    void inputClosed() {}

    /** The server drains: streams without an end end now. */
    void drain() {}

    /** Gives back what it holds. Called once, at its end. */
    void release() {}

    /** What was waited for has come, or failed; called before anything is made of it, also after the end. */
    void settled() {}

    /** Returns why it should end now, or null. */
    @Nullable
    KvException overdue(long nowNanos) {
        return deadlineNanos != Long.MAX_VALUE && nowNanos - deadlineNanos > 0
                ? new KvException(ErrorCode.DEADLINE_EXCEEDED, "the deadline of the call passed")
                : null;
    }

    /** The store may take this long from now. */
    final void expectWithin(Duration timeout) {
        deadlineNanos = System.nanoTime() + timeout.plus(GRACE).toNanos();
    }

    /** The store is not waited for any more. */
    final void expectNothing() {
        deadlineNanos = Long.MAX_VALUE;
    }

    // ---- budget ----

    /** Called by the handler when the exchange was admitted with so many bytes. */
    final void admitted(long bytes) {
        heldBytes = bytes;
    }

    /** Takes more from the server's budget, or gives some back. Throws 503 if there is not enough. */
    final void hold(long bytes) {
        long more = bytes - heldBytes;
        if (more > 0) {
            handler.server().hold(more);
        } else if (more < 0) {
            handler.server().held(more);
        }
        heldBytes = bytes;
    }

    /** Holds so much, whether or not there is enough: what is there already cannot be refused. */
    final void holdAnyway(long bytes) {
        handler.server().held(bytes - heldBytes);
        heldBytes = bytes;
    }

    final long heldBytes() {
        return heldBytes;
    }

    final void markEnded() {
        ended = true;
    }

    // ---- waiting ----

    /**
     * Goes on with what the future brings, on the event loop: at once if it is there already. A failure ends the exchange. What comes after the end, null for a failure, goes to
     * {@code late}, which gives it back.
     */
    final <T> void await(CompletableFuture<T> future, Consumer<? super T> then, Consumer<? super @Nullable T> late) {
        if (future.isDone()) {
            var unused = future.whenComplete((value, failure) -> settle(value, failure, then, late));
            return;
        }
        var unused = future.whenComplete((value, failure) -> {
            try {
                handler.loop().execute(() -> {
                    settle(value, failure, then, late);
                    handler.flushIfIdle();
                });
            } catch (RejectedExecutionException e) {
                // The loop has ended, and its exchanges with it: all that is left is to free what the store gave back.
                settle(value, failure, then, late);
            }
        });
    }

    final <T> void await(CompletableFuture<T> future, Consumer<? super T> then) {
        await(future, then, value -> {});
    }

    private <T> void settle(
            @Nullable T value,
            @Nullable Throwable failure,
            Consumer<? super T> then,
            Consumer<? super @Nullable T> late) {
        settled();
        if (ended) {
            late.accept(value);
            return;
        }
        if (failure != null) {
            handler.fail(this, failure instanceof RuntimeException known ? known : KvException.from(failure));
            return;
        }
        try {
            then.accept(value);
        } catch (RuntimeException e) {
            handler.fail(this, e);
        }
    }
}
