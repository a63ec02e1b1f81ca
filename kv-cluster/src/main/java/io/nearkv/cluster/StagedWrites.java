package io.nearkv.cluster;

import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.Value;
import io.nearkv.core.rocksdb.ReplicaCommand;
import io.nearkv.core.rocksdb.ReplicaStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.random.RandomGenerator;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * Writes of any size in entries of a bounded size: values that would make an entry too long go ahead of it in pieces, of which only a few are under way at a time, so
 * that what others write is put between them. Thread-safe.
 */
final class StagedWrites {
    /** A write that is longer is made shorter by sending its values ahead. */
    private static final long MAX_WRITE_BYTES = 256 << 10;
    /** From this size on values go ahead: first the long ones, and shorter ones only if that is not enough. */
    private static final int[] THRESHOLDS = {Limits.CHUNK_BYTES, 4096, 256};

    private static final int PIECES_UNDER_WAY = 4;

    private final Partition partition;
    private final RandomGenerator random;
    /** The ids whose pieces are still wanted. */
    private final Set<Long> active = ConcurrentHashMap.newKeySet();

    StagedWrites(Partition partition, RandomGenerator random) {
        this.partition = partition;
        this.random = random;
    }

    /** Returns an id for pieces, which {@link #drop} ends: no value of any replica has it, as far as chance allows. */
    long newValueId() {
        long id = random.nextLong() | Long.MIN_VALUE;
        active.add(id);
        return id;
    }

    /** Returns whether pieces with this id are still wanted by this node. */
    boolean isActive(long valueId) {
        return active.contains(valueId);
    }

    /** Proposes a write; the outcome is that of {@link ReplicaCommand.Write}. */
    CompletableFuture<@Nullable Object> write(
            NamespaceId namespace, ReplicaCommand.Mode mode, List<Mutation> mutations, Duration timeout) {
        ReplicaCommand.Write whole = new ReplicaCommand.Write(namespace, mode, mutations, Map.of());
        ReplicaStore.check(whole);
        boolean makesRoom = mutations.stream().allMatch(mutation -> mutation instanceof Mutation.Delete);
        List<Integer> ahead = ahead(mutations);
        if (ahead.isEmpty()) {
            return partition.propose(whole, timeout, makesRoom);
        }
        return new Staging(namespace, mode, mutations, ahead, timeout).begin();
    }

    /** Returns which values go ahead. */
    private static List<Integer> ahead(List<Mutation> mutations) {
        long bytes = 0;
        for (Mutation mutation : mutations) {
            bytes += mutation.sizeBytes();
        }
        List<Integer> chosen = new ArrayList<>();
        int above = Integer.MAX_VALUE;
        for (int threshold : THRESHOLDS) {
            if (bytes <= MAX_WRITE_BYTES && (mutations.size() > 1 || bytes <= Limits.CHUNK_BYTES)) {
                break;
            }
            for (int i = 0; i < mutations.size(); i++) {
                if (mutations.get(i) instanceof Mutation.Put put
                        && put.value().length() > threshold
                        && put.value().length() <= above) {
                    chosen.add(i);
                    bytes -= put.value().length();
                }
            }
            above = threshold;
        }
        return chosen;
    }

    /** One write with values that go ahead. Its steps follow one another. */
    private final class Staging extends CompletableFuture<@Nullable Object> {
        private final NamespaceId namespace;
        private final ReplicaCommand.Mode mode;
        private final List<Mutation> mutations;
        private final List<Integer> ahead;
        private final long deadlineNanos;
        private final Map<Integer, ReplicaCommand.Staged> staged = new HashMap<>();
        private int current;
        private int nextPiece;

        Staging(
                NamespaceId namespace,
                ReplicaCommand.Mode mode,
                List<Mutation> mutations,
                List<Integer> ahead,
                Duration timeout) {
            this.namespace = namespace;
            this.mode = mode;
            this.mutations = mutations;
            this.ahead = ahead;
            this.deadlineNanos = System.nanoTime() + timeout.toNanos();
        }

        Staging begin() {
            sendPieces();
            return this;
        }

        private Duration left() {
            return Duration.ofNanos(Math.max(1, deadlineNanos - System.nanoTime()));
        }

        private Value value(int index) {
            return ((Mutation.Put) mutations.get(index)).value();
        }

        private void sendPieces() {
            List<CompletableFuture<?>> pieces = new ArrayList<>();
            while (current < ahead.size() && pieces.size() < PIECES_UNDER_WAY) {
                int index = ahead.get(current);
                Value value = value(index);
                ReplicaCommand.Staged known = staged.computeIfAbsent(
                        index, i -> new ReplicaCommand.Staged(newValueId(), value.length(), crc32c(value)));
                int from = nextPiece * Limits.CHUNK_BYTES;
                byte[] bytes = new byte[Math.min(Limits.CHUNK_BYTES, value.length() - from)];
                value.copyTo(from, bytes, 0, bytes.length);
                pieces.add(partition.propose(
                        new ReplicaCommand.Piece(namespace, known.valueId(), nextPiece, Value.wrap(bytes)),
                        left(),
                        false));
                nextPiece++;
                if (from + bytes.length == value.length()) {
                    current++;
                    nextPiece = 0;
                }
            }
            var unused = CompletableFuture.allOf(pieces.toArray(CompletableFuture[]::new))
                    .whenComplete((nothing, failed) -> {
                        if (failed != null) {
                            drop();
                            // Pieces are no effect that anybody sees.
                            completeExceptionally(notApplied(KvException.from(failed)));
                        } else if (current < ahead.size()) {
                            sendPieces();
                        } else {
                            commit();
                        }
                    });
        }

        private void commit() {
            List<Mutation> shortened = new ArrayList<>(mutations);
            for (int index : ahead) {
                Mutation.Put put = (Mutation.Put) mutations.get(index);
                shortened.set(index, new Mutation.Put(put.key(), Value.empty(), put.options()));
            }
            var unused = partition
                    .propose(new ReplicaCommand.Write(namespace, mode, shortened, staged), left(), false)
                    .whenComplete((outcome, failed) -> {
                        drop(); // What the write has taken over is no longer a piece, and stays.
                        if (failed != null) {
                            completeExceptionally(KvException.from(failed));
                        } else {
                            complete(outcome);
                        }
                    });
        }

        private void drop() {
            for (ReplicaCommand.Staged value : staged.values()) {
                StagedWrites.this.drop(value.valueId());
            }
        }
    }

    /** Has pieces removed, unless an entry refers to them. What cannot be removed now, the leader finds later. */
    void drop(long valueId) {
        active.remove(valueId);
        var unused = partition
                .propose(new ReplicaCommand.DropPieces(valueId), Limits.DEFAULT_TIMEOUT, true)
                .exceptionally(failed -> null);
    }

    /** Returns the failure of a piece as one of the whole write, of which nothing has happened. */
    static KvException notApplied(KvException failure) {
        return switch (failure.code()) {
            case OUTCOME_UNKNOWN, DEADLINE_EXCEEDED ->
                new KvException(
                        io.nearkv.core.ErrorCode.DEADLINE_EXCEEDED,
                        "the value could not be sent in time; it was not written: " + failure.getMessage(),
                        failure);
            default -> failure;
        };
    }

    static int crc32c(Value value) {
        CRC32C crc = new CRC32C();
        crc.update(value.asByteBuffer());
        return (int) crc.getValue();
    }

    /** Returns a mutation that sets a value which has been sent. */
    CompletableFuture<@Nullable Object> putStaged(
            NamespaceId namespace,
            Key key,
            io.nearkv.core.PutOptions options,
            ReplicaCommand.Staged value,
            Duration timeout) {
        return partition.propose(
                new ReplicaCommand.Write(
                        namespace,
                        ReplicaCommand.Mode.SINGLE,
                        List.of(new Mutation.Put(key, Value.empty(), options)),
                        Map.of(0, value)),
                timeout,
                false);
    }
}
