package io.nearkv.cluster;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.PutOptions;
import io.nearkv.core.Value;
import io.nearkv.core.ValueWriter;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.WriteResult;
import io.nearkv.core.rocksdb.ReplicaCommand;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.zip.CRC32C;

/** A value that comes piece by piece to the node that leads: each full piece goes into the log, and the next is taken when it is applied. Costs one piece of memory. */
final class LeaderUpload implements ValueWriter {
    private enum State {
        OPEN,
        BUSY,
        ENDED
    }

    private final Partition partition;
    private final StagedWrites writes;
    private final NamespaceId namespace;
    private final Key key;
    private final PutOptions put;
    private final WriteOptions options;
    private final Runnable ended;
    private final byte[] chunk = new byte[Limits.CHUNK_BYTES];
    private final CRC32C crc = new CRC32C();
    private long valueId;
    private int filled;
    private int pieces;
    private int total;
    /** Guarded by this, as is the next. */
    private State state = State.OPEN;

    private boolean closeWhenIdle;
    private volatile long lastUseNanos = System.nanoTime();

    LeaderUpload(
            Partition partition,
            StagedWrites writes,
            NamespaceId namespace,
            Key key,
            PutOptions put,
            WriteOptions options,
            Runnable ended) {
        this.partition = partition;
        this.writes = writes;
        this.namespace = namespace;
        this.key = key;
        this.put = put;
        this.options = options;
        this.ended = ended;
    }

    private synchronized void begin() {
        switch (state) {
            case BUSY -> throw new IllegalStateException("an earlier call is under way (expected: one at a time)");
            case ENDED -> throw new IllegalStateException("the writer is closed");
            case OPEN -> state = State.BUSY;
        }
        lastUseNanos = System.nanoTime();
    }

    private void idle() {
        boolean end;
        synchronized (this) {
            state = State.OPEN;
            end = closeWhenIdle;
        }
        if (end) {
            close();
        }
    }

    @Override
    public CompletableFuture<Void> write(ByteBuffer piece) {
        begin();
        if ((long) total + piece.remaining() > Limits.MAX_VALUE_BYTES) {
            end();
            return CompletableFuture.failedFuture(new KvException(
                    ErrorCode.TOO_LARGE,
                    "value of more than " + Limits.MAX_VALUE_BYTES + " bytes (expected: at most that)"));
        }
        CompletableFuture<Void> done = new CompletableFuture<>();
        take(piece, done);
        return done;
    }

    /** Takes as much as fits, and goes on when a full piece is in the log. */
    private void take(ByteBuffer piece, CompletableFuture<Void> done) {
        fill(piece);
        if (!piece.hasRemaining()) {
            idle();
            done.complete(null);
            return;
        }
        var unused = flush().whenComplete((outcome, failed) -> {
            if (failed != null) {
                end();
                done.completeExceptionally(StagedWrites.notApplied(KvException.from(failed)));
            } else {
                take(piece, done);
            }
        });
    }

    private void fill(ByteBuffer piece) {
        int count = Math.min(piece.remaining(), chunk.length - filled);
        piece.get(chunk, filled, count);
        filled += count;
        total += count;
    }

    private CompletableFuture<?> flush() {
        if (pieces == 0) {
            valueId = writes.newValueId();
        }
        byte[] bytes = Arrays.copyOf(chunk, filled);
        crc.update(bytes, 0, filled);
        filled = 0;
        return partition.propose(
                new ReplicaCommand.Piece(namespace, valueId, pieces++, Value.wrap(bytes)), options.timeout(), false);
    }

    @Override
    public CompletableFuture<WriteResult> commit() {
        return commit(put);
    }

    @Override
    public CompletableFuture<WriteResult> commit(PutOptions committed) {
        requireNonNull(committed, "options");
        begin();
        CompletableFuture<WriteResult> done = new CompletableFuture<>();
        if (pieces == 0) {
            Mutation mutation = new Mutation.Put(key, Value.wrap(Arrays.copyOf(chunk, filled)), committed);
            finish(writes.write(namespace, ReplicaCommand.Mode.SINGLE, List.of(mutation), options.timeout()), done);
            return done;
        }
        CompletableFuture<?> last = filled == 0 ? CompletableFuture.completedFuture(null) : flush();
        var unused = last.whenComplete((outcome, failed) -> {
            if (failed != null) {
                end();
                done.completeExceptionally(StagedWrites.notApplied(KvException.from(failed)));
            } else {
                ReplicaCommand.Staged value = new ReplicaCommand.Staged(valueId, total, (int) crc.getValue());
                finish(writes.putStaged(namespace, key, committed, value, options.timeout()), done);
            }
        });
        return done;
    }

    /** Ends this before the caller learns of the outcome. */
    private void finish(CompletableFuture<?> write, CompletableFuture<WriteResult> done) {
        var unused = write.whenComplete((outcome, failed) -> {
            end();
            if (failed != null) {
                done.completeExceptionally(KvException.from(failed));
            } else {
                done.complete((WriteResult) outcome);
            }
        });
    }

    /** Gives up if nobody has used this for that long. */
    void endIfIdle(long nowNanos, long idleNanos) {
        synchronized (this) {
            if (state != State.OPEN || nowNanos - lastUseNanos < idleNanos) {
                return;
            }
        }
        end();
    }

    @Override
    public void close() {
        synchronized (this) {
            if (state == State.BUSY) {
                closeWhenIdle = true; // Whoever completes what is under way ends this.
                return;
            }
            if (state == State.ENDED) {
                return;
            }
        }
        end();
    }

    private void end() {
        synchronized (this) {
            if (state == State.ENDED) {
                return;
            }
            state = State.ENDED;
        }
        if (pieces > 0) {
            writes.drop(valueId);
        }
        ended.run();
    }
}
