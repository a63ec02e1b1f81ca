package io.nearkv.net.client;

import io.nearkv.core.GetResult;
import io.nearkv.core.Metadata;
import io.nearkv.core.ValueReader;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** A reader of a small value, which came whole. */
final class HeldReader implements ValueReader {
    private final GetResult.Found found;
    private final AtomicBoolean read = new AtomicBoolean();
    private volatile boolean closed;

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
    public CompletableFuture<ByteBuffer> read() {
        if (closed) {
            throw new IllegalStateException("the reader is closed");
        }
        boolean first = read.compareAndSet(false, true);
        return CompletableFuture.completedFuture(first ? found.asByteBuffer() : ByteBuffer.allocate(0));
    }

    @Override
    public void close() {
        closed = true;
    }
}
