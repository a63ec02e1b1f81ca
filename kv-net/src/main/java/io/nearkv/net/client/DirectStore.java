package io.nearkv.net.client;

import io.nearkv.core.BatchResult;
import io.nearkv.core.Chained;
import io.nearkv.core.ErrorCode;
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
import java.time.Duration;
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
 *   <li>What is about keys of several partitions goes home.
 *   <li>Whoever is asked, reads ask for no less than this client's own writes: what was a leader a moment ago need not be one any more.
 *   <li>What a leader has not done goes home, with the time that is left. A weak read waits for the leader for half of its time.
 * </ul>
 *
 * <p>Thread-safe.
 */
final class DirectStore implements KvStore {
    private static final int SEVERAL = OwnWrites.ALL;

    private final ClusterBackend cluster;
    private final RemoteStore home;
    private volatile OwnWrites own = new OwnWrites(0, 1);

    DirectStore(ClusterBackend cluster, LanePool pool) {
        this.cluster = cluster;
        this.home = new RemoteStore(pool);
    }

    /** Returns what was written to a cluster. */
    private OwnWrites own(ClusterBackend.Leaders leaders) {
        OwnWrites current = own;
        return current.isOf(leaders.lineage(), leaders.partitions()) ? current : replaceOwn(leaders);
    }

    private synchronized OwnWrites replaceOwn(ClusterBackend.Leaders leaders) {
        if (!own.isOf(leaders.lineage(), leaders.partitions())) {
            own = new OwnWrites(leaders.lineage(), leaders.partitions());
        }
        return own;
    }

    /** A call, to one store or the other. */
    private interface Call<O, T> {
        CompletableFuture<T> at(KvStore store, O options);
    }

    /** Options with another timeout. */
    private interface Timed<O> {
        O with(Duration timeout);
    }

    /** Asks a leader, and for what it has not done, or not in time if that may be, home. */
    private <O, T> Chained<T> ask(
            ClusterBackend.Node leader,
            Duration timeout,
            Duration patience,
            boolean mayBeLate,
            Timed<O> options,
            Call<O, T> call) {
        long deadline = System.nanoTime() + timeout.toNanos();
        Chained<T> chain = new Chained<>();
        CompletableFuture<T> first;
        try {
            first = call.at(leader.store(), options.with(patience));
        } catch (IllegalStateException e) {
            // It was given up in this very moment, or all is closed, which home says.
            first = call.at(home, options.with(timeout));
        }
        chain.follow(first, (result, failure) -> {
            long left = deadline - System.nanoTime();
            boolean undone = failure != null
                    && ((failure.code() == ErrorCode.UNAVAILABLE && failure.retryAfter() == null)
                            || (mayBeLate && failure.code() == ErrorCode.DEADLINE_EXCEEDED));
            if (undone && left > 0) {
                chain.follow(call.at(home, options.with(Duration.ofNanos(left))));
            } else {
                chain.finish(result, failure);
            }
        });
        return chain;
    }

    // ---- reads ----

    private <T> CompletableFuture<T> read(
            ClusterBackend.Leaders leaders, int partition, ReadOptions options, Call<ReadOptions, T> call) {
        OwnWrites written = own(leaders);
        boolean weak = options.consistency() == ReadOptions.Consistency.EVENTUAL
                || options.consistency() == ReadOptions.Consistency.SESSION;
        boolean atHome = partition == SEVERAL || (weak && !written.hasBegun(partition));
        ClusterBackend.Node leader = atHome ? null : leaders.reached(partition);
        ReadOptions seen = written.seenBy(options, partition);
        if (leader == null) {
            return call.at(home, seen);
        }
        Duration timeout = options.timeout();
        return ask(leader, timeout, weak ? half(timeout) : timeout, weak, seen::withTimeout, call);
    }

    private <T> CompletableFuture<T> read(
            NamespaceId namespace, List<Key> keys, ReadOptions options, Call<ReadOptions, T> call) {
        ClusterBackend.Leaders leaders = cluster.leaders();
        return leaders == null
                ? call.at(home, options)
                : read(leaders, partitionOf(leaders, namespace, keys), options, call);
    }

    private static Duration half(Duration timeout) {
        return Duration.ofNanos(Math.max(1, timeout.toNanos() / 2));
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
        // By itself: where there is no cluster, a get is not to cost anything here.
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
        return read(namespace, List.of(key), options, (store, read) -> store.open(namespace, key, read));
    }

    @Override
    public CompletableFuture<List<GetResult>> getAll(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        List<Key> asked = List.copyOf(keys);
        return read(namespace, asked, options, (store, read) -> store.getAll(namespace, asked, read));
    }

    @Override
    public CompletableFuture<List<Long>> versions(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        List<Key> asked = List.copyOf(keys);
        return read(namespace, asked, options, (store, read) -> store.versions(namespace, asked, read));
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

    private interface Note<T> {
        /** Tells the versions in a result; 0 for what has not happened. */
        void of(T result, LongConsumer sink);
    }

    private interface KeysOf {
        List<Key> keys();
    }

    /** Writes, at the leader if all is of one partition, and notes what was written before anybody sees that it was. */
    private <T> CompletableFuture<T> write(
            NamespaceId namespace, KeysOf keys, WriteOptions options, Call<WriteOptions, T> call, Note<T> versions) {
        boolean met = cluster.hasMet(); // First: what is known of leaders may come with it.
        ClusterBackend.Leaders leaders = cluster.leaders();
        if (leaders == null) {
            // Before a server was met, it is not known what this will come to.
            return met ? call.at(home, options) : noted(call.at(home, options), versions);
        }
        return noted(begin(leaders, namespace, keys, options, call), versions);
    }

    private <T> CompletableFuture<T> begin(
            ClusterBackend.Leaders leaders,
            NamespaceId namespace,
            KeysOf keys,
            WriteOptions options,
            Call<WriteOptions, T> call) {
        OwnWrites written = own(leaders);
        List<Key> all = keys.keys();
        int partition = partitionOf(leaders, namespace, all);
        if (partition == SEVERAL) {
            all.forEach(key -> written.begin(leaders.partitionOf(namespace, key)));
            return call.at(home, options);
        }
        written.begin(partition);
        ClusterBackend.Node leader = leaders.reached(partition);
        return leader == null
                ? call.at(home, options)
                : ask(leader, options.timeout(), options.timeout(), false, options::withTimeout, call);
    }

    private <T> CompletableFuture<T> noted(CompletableFuture<T> write, Note<T> versions) {
        Chained<T> chain = new Chained<>();
        chain.follow(write, (result, failure) -> {
            ClusterBackend.Leaders leaders = cluster.leaders();
            if (result != null && leaders != null) {
                OwnWrites written = own(leaders);
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

    private static long versionOf(WriteResult result) {
        return result instanceof WriteResult.Applied applied ? applied.version() : 0;
    }

    @Override
    public CompletableFuture<WriteResult> write(NamespaceId namespace, Mutation mutation, WriteOptions options) {
        if (cluster.hasMet() && cluster.leaders() == null) {
            return home.write(namespace, mutation, options); // As a get.
        }
        return write(
                namespace,
                () -> List.of(mutation.key()),
                options,
                (store, write) -> store.write(namespace, mutation, write),
                (result, sink) -> sink.accept(versionOf(result)));
    }

    @Override
    public CompletableFuture<List<WriteResult>> writeAll(
            NamespaceId namespace, List<Mutation> mutations, WriteOptions options) {
        List<Mutation> all = List.copyOf(mutations);
        return write(
                namespace,
                () -> keys(all),
                options,
                (store, write) -> store.writeAll(namespace, all, write),
                (results, sink) -> results.forEach(result -> sink.accept(versionOf(result))));
    }

    @Override
    public CompletableFuture<BatchResult> batch(NamespaceId namespace, List<Mutation> mutations, WriteOptions options) {
        List<Mutation> all = List.copyOf(mutations);
        return write(
                namespace,
                () -> keys(all),
                options,
                (store, write) -> store.batch(namespace, all, write),
                (result, sink) ->
                        sink.accept(result instanceof BatchResult.Applied applied ? applied.lastVersion() : 0));
    }

    private static List<Key> keys(List<Mutation> mutations) {
        return mutations.stream().map(Mutation::key).toList();
    }

    @Override
    public CompletableFuture<ValueWriter> upload(NamespaceId namespace, Key key, PutOptions put, WriteOptions options) {
        Call<WriteOptions, ValueWriter> call = (store, write) -> store.upload(namespace, key, put, write);
        boolean met = cluster.hasMet();
        ClusterBackend.Leaders leaders = cluster.leaders();
        if (leaders == null && met) {
            return call.at(home, options);
        }
        CompletableFuture<ValueWriter> begun =
                leaders == null ? call.at(home, options) : begin(leaders, namespace, () -> List.of(key), options, call);
        Chained<ValueWriter> chain = new Chained<>();
        chain.follow(begun, (writer, failure) -> chain.finish(writer == null ? null : new Upload(writer), failure));
        return chain;
    }

    private final class Upload implements ValueWriter {
        private final ValueWriter writer;

        Upload(ValueWriter writer) {
            this.writer = writer;
        }

        @Override
        public CompletableFuture<Void> write(ByteBuffer piece) {
            return writer.write(piece);
        }

        @Override
        public CompletableFuture<WriteResult> commit() {
            return noted(writer.commit(), (result, sink) -> sink.accept(versionOf(result)));
        }

        @Override
        public CompletableFuture<WriteResult> commit(PutOptions options) {
            return noted(writer.commit(options), (result, sink) -> sink.accept(versionOf(result)));
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
