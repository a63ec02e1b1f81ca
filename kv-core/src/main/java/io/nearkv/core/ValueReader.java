package io.nearkv.core;

import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * A value read piece by piece, as it was when it was opened, whatever is written meanwhile. Holds resources of the store until it is closed; a store may close a
 * reader that is left alone for long. One read at a time; otherwise thread-safe.
 */
public interface ValueReader extends AutoCloseable {
    /** Returns the number of bytes of the whole value. */
    int length();

    /** Returns the metadata, or null if there is none. */
    @Nullable
    Metadata metadata();

    /** Returns the number of the commit that wrote the entry. */
    long version();

    /** Returns the seconds since the epoch at which the entry expires, or 0 if it does not. */
    long expiresAt();

    /** Returns where the entry comes from, and how old it was when it was opened. */
    default Origin origin() {
        return Origin.OWNER;
    }

    /**
     * Returns the next piece, at most {@link Limits#CHUNK_BYTES}, or an empty buffer at the end. The buffer is a view, valid until the next read or until the
     * reader is closed.
     */
    CompletableFuture<ByteBuffer> read();

    /** Gives the resources back. Idempotent. */
    @Override
    void close();
}
