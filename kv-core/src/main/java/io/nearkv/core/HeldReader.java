package io.nearkv.core;

import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** Reads a value that is here already, piece by piece like any other. */
final class HeldReader implements ValueReader {
    private final GetResult.Found found;
    private int next;
    private boolean closed;

    HeldReader(GetResult.Found found) {
        this.found = found;
    }

    @Override
    public int length() {
        return found.length();
    }

    @Override
    public @Nullable Metadata metadata() {
        return found.metadata();
    }

    @Override
    public long version() {
        return found.version();
    }

    @Override
    public long expiresAt() {
        return found.expiresAt();
    }

    @Override
    public Origin origin() {
        return found.origin();
    }

    @Override
    public synchronized CompletableFuture<ByteBuffer> read() {
        if (closed) {
            throw new IllegalStateException("the reader is closed");
        }
        int count = Math.min(Limits.CHUNK_BYTES, found.length() - next);
        ByteBuffer piece = found.asByteBuffer().slice(next, count);
        next += count;
        return CompletableFuture.completedFuture(piece);
    }

    @Override
    public synchronized void close() {
        closed = true;
    }
}
