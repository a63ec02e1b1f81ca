package io.nearkv.core;

import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;

/**
 * A value written piece by piece. Nothing is visible before {@link #commit()} has answered, and nothing stays of a writer that is closed without it. One call at
 * a time; otherwise thread-safe.
 */
public interface ValueWriter extends AutoCloseable {
    /**
     * Takes the next piece, of any size; borrows the buffer until the future completes. Completes when the store is ready for more, which is how it slows a
     * writer down. Fails with {@link ErrorCode#TOO_LARGE} when the value grows beyond {@link Limits#MAX_VALUE_BYTES}.
     */
    CompletableFuture<Void> write(ByteBuffer piece);

    /** Makes the value the entry of its key with the options given at the start, if their condition holds now. */
    CompletableFuture<WriteResult> commit();

    /**
     * Makes the value the entry of its key with these options in place of those given at the start, if their condition holds now. For writers that learn metadata
     * or expiration after the value, as from a form whose value comes first. (On the wire: the extension of the last DATA frame.)
     */
    CompletableFuture<WriteResult> commit(PutOptions options);

    /** Gives up what was not committed. Idempotent. */
    @Override
    void close();
}
