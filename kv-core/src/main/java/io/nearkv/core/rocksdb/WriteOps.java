package io.nearkv.core.rocksdb;

import io.nearkv.core.BatchResult;
import io.nearkv.core.Condition;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.WriteResult;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.rocksdb.RocksDBException;

/** The requests of {@link Writer} that change entries. */
final class WriteOps {
    /** What a mutation costs beyond its bytes: objects, and the record of the change. */
    private static final int OVERHEAD_BYTES = 128;

    private WriteOps() {}

    /** How the value of a put comes into the group. */
    interface Puts {
        /** The value travels with the put. */
        Puts WHOLE = (group, namespace, index, put, expiresAt, ends) ->
                group.put(namespace, put.key(), put.value(), put.options(), expiresAt, ends);

        /** Sets the entry of the put that has this index among the mutations; returns its version. */
        long put(Group group, Catalogue.Namespace namespace, int index, Mutation.Put put, long expiresAt, boolean ends)
                throws RocksDBException;
    }

    /** Checks what the types do not: a value that was wrapped may be too long. */
    private static void check(Mutation mutation) {
        if (mutation instanceof Mutation.Put put) {
            Value.checkLength(put.value().length());
        }
    }

    /** Checks the limits of a batch; returns its bytes. */
    private static long check(List<Mutation> mutations) {
        long bytes = 0;
        for (Mutation mutation : mutations) {
            check(mutation);
            bytes += mutation.sizeBytes();
        }
        if (mutations.size() > Limits.MAX_BATCH_OPERATIONS || bytes > Limits.MAX_BATCH_BYTES) {
            throw new KvException(
                    ErrorCode.TOO_LARGE,
                    mutations.size() + " operations of " + bytes + " bytes (expected: at most "
                            + Limits.MAX_BATCH_OPERATIONS + " of " + Limits.MAX_BATCH_BYTES + " bytes)");
        }
        return bytes + (long) OVERHEAD_BYTES * mutations.size();
    }

    /** Returns whether the state of the key before matters, or whether this leaves a value outside of the entry. */
    private static boolean readsState(Mutation mutation, int inlineBytes) {
        return mutation.condition().kind() != Condition.Kind.NONE
                || (mutation instanceof Mutation.Put put && put.value().length() > inlineBytes);
    }

    private static long expirationOf(Group group, Mutation mutation) {
        return mutation instanceof Mutation.Put put ? group.expirationOf(put.options()) : 0;
    }

    private static long apply(
            Group group,
            Catalogue.Namespace namespace,
            Puts puts,
            int index,
            Mutation mutation,
            long expiresAt,
            boolean ends)
            throws RocksDBException {
        return mutation instanceof Mutation.Put put
                ? puts.put(group, namespace, index, put, expiresAt, ends)
                : group.delete(namespace, mutation.key(), FeedEvent.Kind.DELETE, ends);
    }

    private static WriteResult applyIf(
            Group group, Catalogue.Namespace namespace, Puts puts, int index, Mutation mutation, long expiresAt)
            throws RocksDBException {
        if (mutation.condition().kind() != Condition.Kind.NONE) {
            long current = group.currentVersion(namespace.number(), mutation.key());
            if (!mutation.condition().holds(current)) {
                return new WriteResult.ConditionFailed(current);
            }
        }
        return new WriteResult.Applied(apply(group, namespace, puts, index, mutation, expiresAt, true));
    }

    /** One mutation. */
    static final class Single extends WriteOp<WriteResult> {
        private final NamespaceId namespace;
        private final Mutation mutation;
        private final Puts puts;

        Single(NamespaceId namespace, Mutation mutation, Puts puts, WriteOptions options) {
            super(mutation.sizeBytes() + OVERHEAD_BYTES, options);
            check(mutation);
            this.namespace = namespace;
            this.mutation = mutation;
            this.puts = puts;
        }

        @Override
        boolean readsState(int inlineBytes) {
            return WriteOps.readsState(mutation, inlineBytes);
        }

        @Override
        boolean makesRoom() {
            return mutation instanceof Mutation.Delete;
        }

        @Override
        WriteResult prepare(Group group) throws RocksDBException {
            Catalogue.Namespace known = group.catalogue().namespace(namespace);
            return applyIf(group, known, puts, 0, mutation, expirationOf(group, mutation));
        }
    }

    /** Many mutations, each for itself. */
    static final class Many extends WriteOp<List<WriteResult>> {
        private final NamespaceId namespace;
        private final List<Mutation> mutations;
        private final Puts puts;

        Many(NamespaceId namespace, List<Mutation> mutations, Puts puts, WriteOptions options) {
            super(check(mutations), options);
            this.namespace = namespace;
            this.mutations = mutations;
            this.puts = puts;
        }

        @Override
        boolean readsState(int inlineBytes) {
            return mutations.stream().anyMatch(mutation -> WriteOps.readsState(mutation, inlineBytes));
        }

        @Override
        boolean makesRoom() {
            return mutations.stream().allMatch(mutation -> mutation instanceof Mutation.Delete);
        }

        @Override
        List<WriteResult> prepare(Group group) throws RocksDBException {
            Catalogue.Namespace known = group.catalogue().namespace(namespace);
            long[] expirations = new long[mutations.size()];
            for (int i = 0; i < expirations.length; i++) {
                expirations[i] = expirationOf(group, mutations.get(i)); // All of them before the first write.
            }
            List<WriteResult> results = new ArrayList<>(expirations.length);
            for (int i = 0; i < expirations.length; i++) {
                results.add(applyIf(group, known, puts, i, mutations.get(i), expirations[i]));
            }
            return results;
        }
    }

    /** Many mutations, all or none. */
    static final class Atomic extends WriteOp<BatchResult> {
        private final NamespaceId namespace;
        private final List<Mutation> mutations;
        private final Puts puts;

        Atomic(NamespaceId namespace, List<Mutation> mutations, Puts puts, WriteOptions options) {
            super(check(mutations), options);
            if (mutations.isEmpty()) {
                throw new KvException(
                        ErrorCode.INVALID_REQUEST, "the batch is empty (expected: at least one operation)");
            }
            this.namespace = namespace;
            this.mutations = mutations;
            this.puts = puts;
        }

        @Override
        boolean readsState(int inlineBytes) {
            return mutations.stream().anyMatch(mutation -> WriteOps.readsState(mutation, inlineBytes));
        }

        @Override
        boolean makesRoom() {
            return mutations.stream().allMatch(mutation -> mutation instanceof Mutation.Delete);
        }

        @Override
        BatchResult prepare(Group group) throws RocksDBException {
            Catalogue.Namespace known = group.catalogue().namespace(namespace);
            BatchResult.@Nullable ConditionFailed failed = firstFailure(group, known);
            if (failed != null) {
                return failed;
            }
            long[] expirations = new long[mutations.size()];
            for (int i = 0; i < expirations.length; i++) {
                expirations[i] = expirationOf(group, mutations.get(i));
            }
            long first = group.nextVersion();
            long last = first;
            for (int i = 0; i < expirations.length; i++) {
                last = apply(group, known, puts, i, mutations.get(i), expirations[i], i == expirations.length - 1);
            }
            return new BatchResult.Applied(first, last);
        }

        /** Evaluates all conditions, on the state before the batch together with its earlier mutations, without changing anything. */
        private BatchResult.@Nullable ConditionFailed firstFailure(Group group, Catalogue.Namespace known)
                throws RocksDBException {
            if (mutations.stream().allMatch(mutation -> mutation.condition().kind() == Condition.Kind.NONE)) {
                return null;
            }
            Map<Key, Long> versions = new HashMap<>();
            for (int i = 0; i < mutations.size(); i++) {
                Mutation mutation = mutations.get(i);
                if (mutation.condition().kind() != Condition.Kind.NONE) {
                    Long written = versions.get(mutation.key());
                    long current = written != null ? written : group.currentVersion(known.number(), mutation.key());
                    if (!mutation.condition().holds(current)) {
                        return new BatchResult.ConditionFailed(i, current);
                    }
                }
                versions.put(mutation.key(), mutation instanceof Mutation.Put ? group.nextVersion() + i : 0);
            }
            return null;
        }
    }

    /** Removes what has expired, and what the list says of entries that are gone or have another expiration now. */
    static final class Expire extends WriteOp<Boolean> {
        private final List<ReplicaCommand.Expiration> expirations;

        Expire(List<ReplicaCommand.Expiration> expirations) {
            super((long) (OVERHEAD_BYTES + Limits.MAX_KEY_BYTES) * expirations.size(), WriteOptions.BUFFERED);
            this.expirations = expirations;
        }

        @Override
        boolean readsState(int inlineBytes) {
            return true;
        }

        @Override
        boolean makesRoom() {
            return true;
        }

        @Override
        Boolean prepare(Group group) throws RocksDBException {
            for (ReplicaCommand.Expiration expiration : expirations) {
                Catalogue.Namespace namespace = group.catalogue().ofNumber(expiration.namespace());
                if (namespace != null
                        && group.isExpiredAt(expiration.namespace(), expiration.key(), expiration.expiresAt())) {
                    group.delete(namespace, expiration.key(), FeedEvent.Kind.EXPIRE, true);
                }
                group.dropExpiry(expiration.expiresAt(), expiration.namespace(), expiration.key());
            }
            return true;
        }
    }
}
