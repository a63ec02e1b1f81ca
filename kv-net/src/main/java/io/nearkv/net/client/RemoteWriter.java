package io.nearkv.net.client;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.Limits;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ValueWriter;
import io.nearkv.core.WriteResult;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** The user's end of an {@link UploadExchange}: checks the order of the calls, and carries them to the event loop. Thread-safe. */
final class RemoteWriter implements ValueWriter {
    private final UploadExchange exchange;
    private final Lane lane;
    private final ReentrantLock lock = new ReentrantLock();
    private CompletableFuture<?> lastCall = CompletableFuture.completedFuture(null);
    private long totalBytes;
    private boolean closed;

    RemoteWriter(UploadExchange exchange, Lane lane) {
        this.exchange = exchange;
        this.lane = lane;
    }

    @Override
    public CompletableFuture<Void> write(ByteBuffer piece) {
        requireNonNull(piece, "piece");
        CompletableFuture<Void> future = new CompletableFuture<>();
        lock.lock();
        try {
            begin(future);
            totalBytes += piece.remaining();
            if (totalBytes > Limits.MAX_VALUE_BYTES) {
                future.completeExceptionally(UploadExchange.tooLarge(totalBytes));
                return future;
            }
        } finally {
            lock.unlock();
        }
        onLoop(() -> exchange.onWrite(piece, future), future);
        return future;
    }

    @Override
    public CompletableFuture<WriteResult> commit() {
        return doCommit(null);
    }

    @Override
    public CompletableFuture<WriteResult> commit(PutOptions options) {
        return doCommit(requireNonNull(options, "options"));
    }

    private CompletableFuture<WriteResult> doCommit(@Nullable PutOptions options) {
        CompletableFuture<WriteResult> future = new CompletableFuture<>();
        lock.lock();
        try {
            begin(future);
            closed = true;
            if (totalBytes > Limits.MAX_VALUE_BYTES) {
                future.completeExceptionally(UploadExchange.tooLarge(totalBytes));
                return future;
            }
        } finally {
            lock.unlock();
        }
        onLoop(() -> exchange.onCommit(options, future), future);
        return future;
    }

    private void begin(CompletableFuture<?> future) {
        if (closed) {
            throw new IllegalStateException("the writer is closed");
        }
        if (!lastCall.isDone()) {
            throw new IllegalStateException("a call is under way (expected: one at a time)");
        }
        lastCall = future;
    }

    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
        } finally {
            lock.unlock();
        }
        onLoop(exchange::onClosedByUser, lastCall);
    }

    private void onLoop(Runnable task, CompletableFuture<?> future) {
        try {
            lane.loop.execute(task);
        } catch (RejectedExecutionException e) {
            future.completeExceptionally(lane.pool.closedFailure());
        }
    }
}
