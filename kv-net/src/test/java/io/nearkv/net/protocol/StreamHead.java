package io.nearkv.net.protocol;

import io.nearkv.core.Metadata;
import io.nearkv.core.ValueReader;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** What a large value says of itself, without its bytes. */
record StreamHead(
        long version, long expiresAt, int length, @Nullable Metadata metadata) implements ValueReader {
    @Override
    public CompletableFuture<ByteBuffer> read() {
        throw new UnsupportedOperationException("there are no bytes");
    }

    @Override
    public void close() {}
}
