package io.nearkv.core.rocksdb;

import io.nearkv.core.KvException;
import io.nearkv.core.WriteOptions;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.rocksdb.RocksDBException;

/**
 * A write that waits for the writer, and the future of its answer: one object for both. The writer calls {@link #prepare}, perhaps more than once, and then one of the
 * completing methods.
 */
abstract class WriteOp<R> extends CompletableFuture<R> {
    /** The link of the writer's queue; belongs to the writer's queue. */
    @Nullable
    WriteOp<?> next;

    final long bytes;
    final boolean synced;
    final long deadlineNanos;
    /** What kept this from happening; set by the writer. */
    @Nullable
    KvException refusal;

    private @Nullable R result;

    WriteOp(long bytes, WriteOptions options) {
        this.bytes = bytes;
        this.synced = options.durability() == WriteOptions.Durability.FSYNC;
        this.deadlineNanos = System.nanoTime() + options.timeout().toNanos();
    }

    /**
     * Evaluates this against the state so far and adds its effects to the group.
     *
     * @return the answer, if the group is committed
     * @throws KvException if it cannot happen; nothing has been added then
     * @throws RocksDBException if the state cannot be read; something may have been added, and the group must be built anew without this
     */
    abstract R prepare(Group group) throws RocksDBException;

    /** Returns whether {@link #prepare} depends on the state of keys, or leaves state that a later one of the same group may depend on beyond the entry itself: a value longer than {@code inlineBytes}. */
    boolean readsState(int inlineBytes) {
        return false;
    }

    /** Returns whether this frees space in the end. */
    boolean makesRoom() {
        return false;
    }

    final void prepareIn(Group group) throws RocksDBException {
        result = prepare(group);
    }

    /** Returns the answer, once the group is committed and nothing was refused. */
    final @Nullable R prepared() {
        return result;
    }

    /** Tells this, before its future, that its group is committed. */
    void committed() {}

    /** Completes the future. */
    @SuppressWarnings("NullAway") // What was not refused was prepared.
    final void finish() {
        if (refusal != null) {
            completeExceptionally(refusal);
        } else {
            committed();
            complete(result);
        }
    }
}
