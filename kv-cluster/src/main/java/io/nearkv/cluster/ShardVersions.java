package io.nearkv.cluster;

import io.nearkv.core.BatchResult;
import io.nearkv.core.Condition;
import io.nearkv.core.DirectReader;
import io.nearkv.core.GetResult;
import io.nearkv.core.KeyInfo;
import io.nearkv.core.KvStore;
import io.nearkv.core.Metadata;
import io.nearkv.core.Mutation;
import io.nearkv.core.OpenResult;
import io.nearkv.core.Origin;
import io.nearkv.core.Position;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.ValueReader;
import io.nearkv.core.WriteResult;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The versions of one partition among several, seen from outside and from within. Within, a partition counts its commits 1, 2, 3; outside, its version {@code local} is {@code local * partitions +
 * partition}. So no two partitions tell the same version, those of a partition grow, and a version alone says to which position it belongs. 0 is no version on either side.
 *
 * @param partitions how many partitions there are
 * @param partition which one this is, counted from 0
 */
record ShardVersions(int partitions, int partition) {
    /** No entry has this version: there are not so many commits. */
    private static final long IMPOSSIBLE = Long.MAX_VALUE;

    /** Returns how the outside sees a version of this partition. */
    long global(long local) {
        return local == 0 ? 0 : local * partitions + partition;
    }

    /** Returns which partition told a version. */
    static int partitionOf(long global, int partitions) {
        return (int) (global % partitions);
    }

    /** Returns how the partition that told a version counts it. */
    static long local(long global, int partitions) {
        return global / partitions;
    }

    /** Returns the condition for this partition: a version that another one told is that of no entry here. */
    Condition local(Condition condition) {
        if (condition.kind() != Condition.Kind.VERSION_IS) {
            return condition;
        }
        long local = local(condition.version(), partitions);
        boolean told = partitionOf(condition.version(), partitions) == partition && local > 0;
        return Condition.ifVersion(told ? local : IMPOSSIBLE);
    }

    /** Returns the options for this partition. */
    PutOptions local(PutOptions options) {
        Condition condition = options.condition();
        Condition local = local(condition);
        return local.equals(condition) ? options : options.withCondition(local);
    }

    /** Returns the mutation for this partition. */
    Mutation local(Mutation mutation) {
        Condition local = local(mutation.condition());
        if (local.equals(mutation.condition())) {
            return mutation;
        }
        return mutation instanceof Mutation.Put put
                ? new Mutation.Put(put.key(), put.value(), put.options().withCondition(local))
                : new Mutation.Delete(mutation.key(), local);
    }

    /** Returns the mutations for this partition. */
    List<Mutation> local(List<Mutation> mutations) {
        List<Mutation> local = new ArrayList<>(mutations.size());
        for (Mutation mutation : mutations) {
            local.add(local(mutation));
        }
        return local;
    }

    /** Returns the position of this partition in one of all; {@code store} is the partition, asked for its lineage where it matters. */
    Position local(Position position, KvStore store) {
        // One of another number of partitions is of another history, and the partition sees to what that means.
        return position.versions().size() == partitions
                ? Position.of(position.lineage(), position.versions().get(partition))
                : Position.of(~store.positionOf(0).lineage(), 0);
    }

    /** Returns the options for this partition; {@code store} as above. */
    ReadOptions local(ReadOptions options, KvStore store) {
        Position after = options.after();
        return after == null ? options : options.withSession(local(after, store));
    }

    /** Returns the position of all partitions that covers a version of this one and nothing else. */
    Position position(Position local) {
        List<Long> versions = new ArrayList<>(Collections.nCopies(partitions, 0L));
        versions.set(partition, local.version());
        return new Position(local.lineage(), versions);
    }

    GetResult global(GetResult result) {
        if (result instanceof GetResult.Found found) {
            return global(found);
        }
        GetResult.Missing missing = (GetResult.Missing) result;
        return missing.asOf() == 0 ? missing : GetResult.Missing.of(global(missing.asOf()), missing.origin());
    }

    GetResult.Found global(GetResult.Found found) {
        if (found.version() == 0) {
            return found; // A substitute, which no partition has told.
        }
        GetResult.Found global =
                GetResult.Found.wrap(found.borrowArray(), found.metadata(), global(found.version()), found.expiresAt());
        return found.origin() == Origin.OWNER ? global : global.withOrigin(found.origin());
    }

    OpenResult global(OpenResult result) {
        if (result instanceof OpenResult.Opened opened) {
            return new OpenResult.Opened(
                    new Reader(opened.reader(), global(opened.reader().version())));
        }
        return OpenResult.of(global(((OpenResult.Missing) result).result()));
    }

    WriteResult global(WriteResult result) {
        return result instanceof WriteResult.Applied applied
                ? new WriteResult.Applied(global(applied.version()))
                : new WriteResult.ConditionFailed(global(((WriteResult.ConditionFailed) result).currentVersion()));
    }

    BatchResult global(BatchResult result) {
        if (result instanceof BatchResult.Applied applied) {
            return new BatchResult.Applied(global(applied.firstVersion()), global(applied.lastVersion()));
        }
        BatchResult.ConditionFailed failed = (BatchResult.ConditionFailed) result;
        return new BatchResult.ConditionFailed(failed.index(), global(failed.currentVersion()));
    }

    KeyInfo global(KeyInfo info) {
        return new KeyInfo(info.key(), global(info.version()), info.metadata(), info.expiresAt(), info.valueBytes());
    }

    /** Returns a visitor that shows the versions of this partition as the outside sees them. */
    DirectReader.Visitor global(DirectReader.Visitor visitor) {
        return new DirectReader.Visitor() {
            @Override
            public void entry(ByteBuffer value, @Nullable ByteBuffer metadata, long version, long expiresAt) {
                visitor.entry(value, metadata, global(version), expiresAt);
            }

            @Override
            public void entry(GetResult.Found found) {
                visitor.entry(global(found));
            }
        };
    }

    /** The reader of a partition, with the version that the outside sees. */
    private record Reader(ValueReader reader, long version) implements ValueReader {
        @Override
        public int length() {
            return reader.length();
        }

        @Override
        public @Nullable Metadata metadata() {
            return reader.metadata();
        }

        @Override
        public long expiresAt() {
            return reader.expiresAt();
        }

        @Override
        public Origin origin() {
            return reader.origin();
        }

        @Override
        public CompletableFuture<ByteBuffer> read() {
            return reader.read();
        }

        @Override
        public void close() {
            reader.close();
        }
    }
}
