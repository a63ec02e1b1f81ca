package io.nearkv.cluster;

import io.nearkv.core.rocksdb.ReplicaCommand;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** A command that waits for its entry in the log, and the future of its outcome; without a command it only waits until everything before it is applied. */
final class Proposal extends CompletableFuture<@Nullable Object> {
    final @Nullable ReplicaCommand command;
    /** The command's bytes, empty for none. */
    final byte[] bytes;

    final long deadlineNanos;

    Proposal(@Nullable ReplicaCommand command, long deadlineNanos) {
        this.command = command;
        this.bytes = command == null ? new byte[0] : CommandCodec.encode(command);
        this.deadlineNanos = deadlineNanos;
    }
}
