package io.nearkv.net.client;

import io.nearkv.core.KvException;
import io.nearkv.core.Metadata;
import io.nearkv.core.Origin;
import io.nearkv.core.ValueReader;
import io.nearkv.net.protocol.FoundStreamFrame;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A large value on its way: pieces come in on the event loop and go out as they are read, and only then is the server granted more, so that no more than a stream
 * window of the value is held. Thread-safe.
 */
final class RemoteReader implements ValueReader {
    private final OpenExchange exchange;
    private final Slot slot;
    private final FoundStreamFrame header;
    private final ReentrantLock lock = new ReentrantLock();
    private final Deque<byte[]> pieces = new ArrayDeque<>();

    private @Nullable CompletableFuture<ByteBuffer> waiting;
    private @Nullable KvException failure;
    private boolean ended;
    private boolean closed;
    /** Bytes of the piece that the user has. */
    private int lentBytes;

    RemoteReader(OpenExchange exchange, Slot slot, FoundStreamFrame header) {
        this.exchange = exchange;
        this.slot = slot;
        this.header = header;
    }

    @Override
    public int length() {
        return header.valueBytes();
    }

    @Override
    public @Nullable Metadata metadata() {
        return header.metadata();
    }

    @Override
    public long version() {
        return header.version();
    }

    @Override
    public Origin origin() {
        return header.origin();
    }

    @Override
    public long expiresAt() {
        return header.expiresAt();
    }

    @Override
    public CompletableFuture<ByteBuffer> read() {
        int disposed;
        CompletableFuture<ByteBuffer> result;
        lock.lock();
        try {
            if (closed) {
                throw new IllegalStateException("the reader is closed");
            }
            if (waiting != null && !waiting.isDone()) {
                throw new IllegalStateException("a read is under way (expected: one at a time)");
            }
            disposed = lentBytes;
            lentBytes = 0;
            byte[] piece = pieces.poll();
            if (piece != null) {
                result = CompletableFuture.completedFuture(lend(piece));
            } else if (ended) {
                result = CompletableFuture.completedFuture(ByteBuffer.allocate(0));
            } else if (failure != null) {
                result = CompletableFuture.failedFuture(failure);
            } else {
                result = new CompletableFuture<>();
                waiting = result;
            }
        } finally {
            lock.unlock();
        }
        if (disposed > 0) {
            onLoop(() -> exchange.onDisposed(slot, disposed));
        }
        return result;
    }

    private ByteBuffer lend(byte[] piece) {
        lentBytes = piece.length;
        return ByteBuffer.wrap(piece).asReadOnlyBuffer();
    }

    @Override
    public void close() {
        CompletableFuture<ByteBuffer> pending;
        boolean first;
        lock.lock();
        try {
            first = !closed;
            closed = true;
            pieces.clear();
            pending = waiting;
            waiting = null;
        } finally {
            lock.unlock();
        }
        if (pending != null) {
            pending.completeExceptionally(slot.lane.pool.unavailable("the reader was closed", null));
        }
        if (first) {
            onLoop(() -> exchange.onClosedByUser(slot));
        }
    }

    private void onLoop(Runnable task) {
        try {
            slot.lane.loop.execute(task);
        } catch (RejectedExecutionException e) {
            assert slot.lane.pool.isClosed();
        }
    }

    // ---- from the event loop

    void onData(byte[] piece) {
        CompletableFuture<ByteBuffer> pending;
        ByteBuffer lent = null;
        lock.lock();
        try {
            if (closed) {
                return;
            }
            pending = waiting;
            waiting = null;
            if (pending == null) {
                pieces.add(piece);
            } else {
                lent = lend(piece);
            }
        } finally {
            lock.unlock();
        }
        if (pending != null) {
            slot.lane.pool.complete(pending, lent);
        }
    }

    void onEnd() {
        CompletableFuture<ByteBuffer> pending;
        lock.lock();
        try {
            ended = true;
            pending = waiting;
            waiting = null;
        } finally {
            lock.unlock();
        }
        if (pending != null) {
            slot.lane.pool.complete(pending, ByteBuffer.allocate(0));
        }
    }

    void onFailure(KvException cause) {
        CompletableFuture<ByteBuffer> pending;
        lock.lock();
        try {
            failure = cause;
            // What has arrived is worthless without the rest.
            pieces.clear();
            pending = waiting;
            waiting = null;
        } finally {
            lock.unlock();
        }
        if (pending != null) {
            slot.lane.pool.completeExceptionally(pending, cause);
        }
    }
}
