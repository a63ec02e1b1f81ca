package io.nearkv.net.client;

import io.nearkv.core.BatchResult;
import io.nearkv.core.Chained;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KvAdmin;
import io.nearkv.core.KvStore;
import io.nearkv.core.ListOptions;
import io.nearkv.core.ListPage;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.OpenResult;
import io.nearkv.core.Position;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.ValueWriter;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.WriteResult;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.function.LongConsumer;

/**
 * Asks the node that leads the partition of a key, if {@link ClusterBackend} knows and reaches it, and otherwise the server at home.
 *
 * <ul>
 *   <li>Writes, and reads that the leader would have to answer anyway ({@code STRONG}, {@code BOUNDED}), go to the leader.
 *   <li>Weaker reads stay at home, whose replica answers them by itself, so that readers spread over the nodes. Once this client has written to a partition, they go to its leader too: it shows
 *       the write at once.
 *   <li>What is about keys of several partitions goes home, and asks for no less than this client's own writes.
 * </ul>
 *
 * <p>Thread-safe.
 */
final class DirectStore implements KvStore {
    private static final int SEVERAL = -1;

    private final ClusterBackend cluster;
    private final LanePool pool;
    private final RemoteStore home;
    private volatile OwnWrites own = new OwnWrites(0, 1);

    DirectStore(ClusterBackend cluster, LanePool pool) {
        this.cluster = cluster;
        this.pool = pool;
        this.home = new RemoteStore(pool);
    }

    /** Returns what was written to the store that is known now. */
    private OwnWrites own(ClusterBackend.Leaders leaders) {
        OwnWrites current = own;
        long lineage = pool.knownLineage();
        if (current.isOf(lineage, leaders.partitions())) {
            return current;
        }
        return replaceOwn(lineage, leaders.partitions());
    }

    private synchronized OwnWrites replaceOwn(long lineage, int partitions) {
        if (!own.isOf(lineage, partitions)) {
            own = new OwnWrites(lineage, partitions);
        }
        return own;
    }

    // ---- reads ----

    private interface Read<T> {
        CompletableFuture<T> at(KvStore store, ReadOptions options);
    }

    private <T> CompletableFuture<T> read(
            ClusterBackend.Leaders leaders, int partition, ReadOptions options, Read<T> read) {
        OwnWrites written = own(leaders);
        boolean weak = options.consistency() == ReadOptions.Consistency.EVENTUAL
                || options.consistency() == ReadOptions.Consistency.SESSION;
        if (partition != SEVERAL) {
            if (weak && !written.hasBegun(partition)) {
                return read.at(home, options);
            }
            ClusterBackend.Node leader = leaders.reached(partition);
            if (leader != null) {
                return read.at(leader.store(), options);
            }
        }
        return read.at(home, written.seenBy(options));
    }

    /** Returns the partition of all these keys, or {@link #SEVERAL}. */
    private static int partitionOf(ClusterBackend.Leaders leaders, NamespaceId namespace, List<Key> keys) {
        if (leaders.partitions() == 1) {
            return 0;
        }
        int common = SEVERAL;
        for (Key key : keys) {
            int partition = leaders.partitionOf(namespace, key);
            if (common != SEVERAL && common != partition) {
                return SEVERAL;
            }
            common = partition;
        }
        return common;
    }

    @Override
    public CompletableFuture<GetResult> get(NamespaceId namespace, Key key, ReadOptions options) {
        ClusterBackend.Leaders leaders = cluster.leaders();
        return leaders == null
                ? home.get(namespace, key, options)
                : read(
                        leaders,
                        leaders.partitionOf(namespace, key),
                        options,
                        (store, read) -> store.get(namespace, key, read));
    }

    @Override
    public CompletableFuture<OpenResult> open(NamespaceId namespace, Key key, ReadOptions options) {
        ClusterBackend.Leaders leaders = cluster.leaders();
        return leaders == null
                ? home.open(namespace, key, options)
                : read(
                        leaders,
                        leaders.partitionOf(namespace, key),
                        options,
                        (store, read) -> store.open(namespace, key, read));
    }

    @Override
    public CompletableFuture<List<GetResult>> getAll(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        ClusterBackend.Leaders leaders = cluster.leaders();
        return leaders == null
                ? home.getAll(namespace, keys, options)
                : read(
                        leaders,
                        partitionOf(leaders, namespace, keys),
                        options,
                        (store, read) -> store.getAll(namespace, keys, read));
    }

    @Override
    public CompletableFuture<List<Long>> versions(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        ClusterBackend.Leaders leaders = cluster.leaders();
        return leaders == null
                ? home.versions(namespace, keys, options)
                : read(
                        leaders,
                        partitionOf(leaders, namespace, keys),
                        options,
                        (store, read) -> store.versions(namespace, keys, read));
    }

    @Override
    public CompletableFuture<ListPage> list(NamespaceId namespace, ListOptions list, ReadOptions options) {
        ClusterBackend.Leaders leaders = cluster.leaders();
        return leaders == null
                ? home.list(namespace, list, options)
                : read(
                        leaders,
                        leaders.partitions() == 1 ? 0 : SEVERAL,
                        options,
                        (store, read) -> store.list(namespace, list, read));
    }

    // ---- writes ----

    /** Returns who takes a write, which is noted as begun. */
    private KvStore writer(ClusterBackend.Leaders leaders, int partition) {
        own(leaders).begin(partition);
        ClusterBackend.Node leader = leaders.reached(partition);
        return leader == null ? home : leader.store();
    }

    private KvStore writer(ClusterBackend.Leaders leaders, NamespaceId namespace, List<Mutation> mutations) {
        List<Key> keys = mutations.stream().map(Mutation::key).toList();
        int partition = partitionOf(leaders, namespace, keys);
        if (partition != SEVERAL) {
            return writer(leaders, partition);
        }
        OwnWrites written = own(leaders);
        keys.forEach(key -> written.begin(leaders.partitionOf(namespace, key)));
        return home;
    }

    /** Returns the answer of a write, whose version is noted before anybody sees it. */
    private <T> CompletableFuture<T> noted(
            ClusterBackend.Leaders leaders, CompletableFuture<T> write, Note<T> versions) {
        OwnWrites written = own(leaders);
        Chained<T> chain = new Chained<>();
        chain.follow(write, (result, failure) -> {
            if (result != null) {
                versions.of(result, version -> {
                    if (version > 0) {
                        written.done(version);
                    }
                });
            }
            chain.finish(result, failure);
        });
        return chain;
    }

    private interface Note<T> {
        /** Tells the versions in a result; 0 for what has not happened. */
        void of(T result, LongConsumer sink);
    }

    private static long versionOf(WriteResult result) {
        return result instanceof WriteResult.Applied applied ? applied.version() : 0;
    }

    @Override
    public CompletableFuture<WriteResult> write(NamespaceId namespace, Mutation mutation, WriteOptions options) {
        ClusterBackend.Leaders leaders = cluster.leaders();
        if (leaders == null) {
            return home.write(namespace, mutation, options);
        }
        KvStore store = writer(leaders, leaders.partitionOf(namespace, mutation.key()));
        return noted(
                leaders, store.write(namespace, mutation, options), (result, sink) -> sink.accept(versionOf(result)));
    }

    @Override
    public CompletableFuture<List<WriteResult>> writeAll(
            NamespaceId namespace, List<Mutation> mutations, WriteOptions options) {
        ClusterBackend.Leaders leaders = cluster.leaders();
        if (leaders == null) {
            return home.writeAll(namespace, mutations, options);
        }
        KvStore store = writer(leaders, namespace, mutations);
        return noted(
                leaders,
                store.writeAll(namespace, mutations, options),
                (results, sink) -> results.forEach(result -> sink.accept(versionOf(result))));
    }

    @Override
    public CompletableFuture<BatchResult> batch(NamespaceId namespace, List<Mutation> mutations, WriteOptions options) {
        ClusterBackend.Leaders leaders = cluster.leaders();
        if (leaders == null) {
            return home.batch(namespace, mutations, options);
        }
        KvStore store = writer(leaders, namespace, mutations);
        return noted(
                leaders,
                store.batch(namespace, mutations, options),
                (result, sink) ->
                        sink.accept(result instanceof BatchResult.Applied applied ? applied.lastVersion() : 0));
    }

    @Override
    public CompletableFuture<ValueWriter> upload(NamespaceId namespace, Key key, PutOptions put, WriteOptions options) {
        ClusterBackend.Leaders leaders = cluster.leaders();
        if (leaders == null) {
            return home.upload(namespace, key, put, options);
        }
        KvStore store = writer(leaders, leaders.partitionOf(namespace, key));
        Chained<ValueWriter> begun = new Chained<>();
        begun.follow(
                store.upload(namespace, key, put, options),
                (writer, failure) -> begun.finish(writer == null ? null : new Upload(leaders, writer), failure));
        return begun;
    }

    private final class Upload implements ValueWriter {
        private final ClusterBackend.Leaders leaders;
        private final ValueWriter writer;

        Upload(ClusterBackend.Leaders leaders, ValueWriter writer) {
            this.leaders = leaders;
            this.writer = writer;
        }

        @Override
        public CompletableFuture<Void> write(ByteBuffer piece) {
            return writer.write(piece);
        }

        @Override
        public CompletableFuture<WriteResult> commit() {
            return noted(leaders, writer.commit(), (result, sink) -> sink.accept(versionOf(result)));
        }

        @Override
        public CompletableFuture<WriteResult> commit(PutOptions options) {
            return noted(leaders, writer.commit(options), (result, sink) -> sink.accept(versionOf(result)));
        }

        @Override
        public void close() {
            writer.close();
        }
    }

    // ---- the rest ----

    @Override
    public Flow.Publisher<FeedEvent> watch(FeedRequest request) {
        return home.watch(request);
    }

    @Override
    public Position positionOf(long version) {
        return home.positionOf(version);
    }

    @Override
    public KvAdmin admin() {
        return home.admin();
    }

    @Override
    public void close() {
        cluster.close();
    }
}
