package io.nearkv.cluster;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.AccountId;
import io.nearkv.core.AccountInfo;
import io.nearkv.core.BackupInfo;
import io.nearkv.core.BatchResult;
import io.nearkv.core.Chained;
import io.nearkv.core.DirectReader;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KvAdmin;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.Limits;
import io.nearkv.core.ListOptions;
import io.nearkv.core.ListPage;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.NamespaceInfo;
import io.nearkv.core.OpenResult;
import io.nearkv.core.Position;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.Value;
import io.nearkv.core.ValueWriter;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.WriteResult;
import io.nearkv.core.rocksdb.ReplicaStore;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/**
 * One partition as a node serves it, to whoever asks: writes and {@link ReadOptions.Consistency#STRONG} reads go to the node that leads,
 * weaker reads are answered from the replica here, if there is one that is far enough. Whichever node is asked, an acknowledged write is on the disks of a majority.
 *
 * <p>What another node answers, it answers on a thread of the connection to it; what this one answers, on a thread that applies the log: a callback must not block. Thread-safe.
 */
final class PartitionStore implements KvStore {
    private final Partition partition;
    private final LeaderStore leader;
    private final Router router;
    private final long lineage;
    private final Supplier<@Nullable KvStore> elsewhere;
    private final Function<ClusterQuestion, CompletableFuture<Value>> questions;
    private final Runnable closer;
    private final Admin admin = new Admin();
    private volatile boolean closed;

    /**
     * Makes it.
     *
     * @param lineage of the cluster's history
     * @param elsewhere returns the store of another node that has this partition, or null
     * @param questions answers what operators ask about the cluster
     */
    PartitionStore(
            Partition partition,
            LeaderStore leader,
            Router router,
            long lineage,
            Supplier<@Nullable KvStore> elsewhere,
            Function<ClusterQuestion, CompletableFuture<Value>> questions,
            Runnable closer) {
        this.partition = partition;
        this.leader = leader;
        this.router = router;
        this.lineage = lineage;
        this.elsewhere = elsewhere;
        this.questions = questions;
        this.closer = closer;
    }

    private void checkOpen() {
        if (closed) {
            throw new IllegalStateException("the store is closed");
        }
    }

    /** Answers here if the reader allows it, and otherwise at the leader. */
    private <R> CompletableFuture<R> read(
            ReadOptions options,
            Function<ReplicaStore, CompletableFuture<R>> here,
            Function<KvStore, Function<ReadOptions, CompletableFuture<R>>> anywhere) {
        requireNonNull(options, "options");
        checkOpen();
        CompletableFuture<R> local = local(options, here);
        if (local == null) {
            return atLeader(options, anywhere);
        }
        if (local.isDone() && !local.isCompletedExceptionally()) {
            return local;
        }
        Chained<R> chain = new Chained<>();
        chain.follow(local, (result, failure) -> {
            // A namespace that is not known here may be on its way, and a replica that is gone has others.
            if (failure != null && (failure.code() == ErrorCode.NOT_FOUND || failure.code() == ErrorCode.UNAVAILABLE)) {
                chain.follow(atLeader(options, anywhere));
            } else {
                chain.finish(result, failure);
            }
        });
        return chain;
    }

    private <R> @Nullable CompletableFuture<R> local(
            ReadOptions options, Function<ReplicaStore, CompletableFuture<R>> here) {
        ReplicaStore replica = partition.stateMachine().store();
        if (replica == null || !partition.serves()) {
            return null;
        }
        Position after = options.after();
        boolean farEnough = switch (options.consistency()) {
            case EVENTUAL -> true;
            case SESSION -> after != null && replica.position().covers(after);
            case BOUNDED, STRONG -> false;
        };
        if (!farEnough) {
            return null;
        }
        try {
            return here.apply(replica);
        } catch (KvException e) {
            return CompletableFuture.failedFuture(e);
        } catch (IllegalStateException e) {
            return null; // Closed a moment ago, for a snapshot that comes in its place.
        }
    }

    private <R> CompletableFuture<R> atLeader(
            ReadOptions options, Function<KvStore, Function<ReadOptions, CompletableFuture<R>>> anywhere) {
        // Strong, so that no cache in between answers.
        ReadOptions strong = options.consistency() == ReadOptions.Consistency.SESSION
                ? options
                : ReadOptions.STRONG.withTimeout(options.timeout());
        return router.atLeader(
                options.timeout(),
                () -> anywhere.apply(leader).apply(strong),
                (store, left) -> anywhere.apply(store).apply(strong.withTimeout(left)));
    }

    @Override
    public CompletableFuture<GetResult> get(NamespaceId namespace, Key key, ReadOptions options) {
        requireNonNull(namespace, "namespace");
        requireNonNull(key, "key");
        return read(
                options,
                replica -> replica.get(namespace, key, options),
                store -> read -> store.get(namespace, key, read));
    }

    @Override
    public CompletableFuture<List<GetResult>> getAll(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        requireNonNull(namespace, "namespace");
        List<Key> copy = List.copyOf(keys);
        return read(
                options,
                replica -> replica.getAll(namespace, copy, options),
                store -> read -> store.getAll(namespace, copy, read));
    }

    @Override
    public CompletableFuture<List<Long>> versions(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        requireNonNull(namespace, "namespace");
        List<Key> copy = List.copyOf(keys);
        return read(
                options,
                replica -> replica.versions(namespace, copy, options),
                store -> read -> store.versions(namespace, copy, read));
    }

    @Override
    public CompletableFuture<OpenResult> open(NamespaceId namespace, Key key, ReadOptions options) {
        requireNonNull(namespace, "namespace");
        requireNonNull(key, "key");
        return read(
                options,
                replica -> replica.open(namespace, key, options),
                store -> read -> store.open(namespace, key, read));
    }

    @Override
    public CompletableFuture<ListPage> list(NamespaceId namespace, ListOptions list, ReadOptions options) {
        requireNonNull(namespace, "namespace");
        requireNonNull(list, "list");
        return read(
                options,
                replica -> replica.list(namespace, list, options, true),
                store -> read -> store.list(namespace, list, read));
    }

    /** Writes; {@code version} says what the result must show here before it is told. */
    private <R> CompletableFuture<R> write(
            WriteOptions options,
            ToLongFunction<R> version,
            Function<KvStore, Function<WriteOptions, CompletableFuture<R>>> write) {
        requireNonNull(options, "options");
        checkOpen();
        return router.atLeader(
                options.timeout(),
                () -> write.apply(leader).apply(options),
                (store, left) -> shown(write.apply(store).apply(options.withTimeout(left)), version));
    }

    private <R> CompletableFuture<R> shown(CompletableFuture<R> answer, ToLongFunction<R> version) {
        return shownWhen(answer, (R result) -> partition.visibility().of(version.applyAsLong(result)));
    }

    private static <R> CompletableFuture<R> shownWhen(
            CompletableFuture<R> answer, Function<R, CompletableFuture<Void>> visible) {
        Chained<R> chain = new Chained<>();
        chain.follow(answer, (result, failure) -> {
            if (result == null || failure != null) {
                chain.finish(result, failure);
            } else {
                chain.follow(visible.apply(result), (nothing, late) -> chain.finish(result, null));
            }
        });
        return chain;
    }

    private static long version(WriteResult result) {
        return result instanceof WriteResult.Applied applied
                ? applied.version()
                : ((WriteResult.ConditionFailed) result).currentVersion();
    }

    private static long version(List<WriteResult> results) {
        return results.stream().mapToLong(PartitionStore::version).max().orElse(0);
    }

    private static long version(BatchResult result) {
        return result instanceof BatchResult.Applied applied
                ? applied.lastVersion()
                : ((BatchResult.ConditionFailed) result).currentVersion();
    }

    @Override
    public CompletableFuture<WriteResult> write(NamespaceId namespace, Mutation mutation, WriteOptions options) {
        requireNonNull(namespace, "namespace");
        requireNonNull(mutation, "mutation");
        return write(options, PartitionStore::version, store -> write -> store.write(namespace, mutation, write));
    }

    @Override
    public CompletableFuture<List<WriteResult>> writeAll(
            NamespaceId namespace, List<Mutation> mutations, WriteOptions options) {
        requireNonNull(namespace, "namespace");
        List<Mutation> copy = List.copyOf(mutations);
        return write(options, PartitionStore::version, store -> write -> store.writeAll(namespace, copy, write));
    }

    @Override
    public CompletableFuture<BatchResult> batch(NamespaceId namespace, List<Mutation> mutations, WriteOptions options) {
        requireNonNull(namespace, "namespace");
        List<Mutation> copy = List.copyOf(mutations);
        return write(options, PartitionStore::version, store -> write -> store.batch(namespace, copy, write));
    }

    @Override
    public CompletableFuture<ValueWriter> upload(NamespaceId namespace, Key key, PutOptions put, WriteOptions options) {
        requireNonNull(namespace, "namespace");
        requireNonNull(key, "key");
        requireNonNull(put, "put");
        requireNonNull(options, "options");
        checkOpen();
        Chained<ValueWriter> chain = new Chained<>();
        chain.follow(
                router.<ValueWriter>atLeader(
                        options.timeout(),
                        () -> leader.upload(namespace, key, put, options),
                        (store, left) -> store.upload(namespace, key, put, options)),
                (writer, failure) -> chain.finish(writer == null ? null : new Upload(writer), failure));
        return chain;
    }

    @Override
    public Flow.Publisher<FeedEvent> watch(FeedRequest request) {
        requireNonNull(request, "request");
        checkOpen();
        return subscriber -> {
            requireNonNull(subscriber, "subscriber");
            ReplicaStore replica = partition.stateMachine().store();
            KvStore other = replica != null && partition.serves() ? null : elsewhere.get();
            if (other != null) {
                other.watch(request).subscribe(subscriber);
            } else if (replica != null) {
                replica.watch(request).subscribe(subscriber); // Which says so, if it is closed in the meantime.
            } else {
                refuse(
                        subscriber,
                        new KvException(
                                ErrorCode.UNAVAILABLE, "no node is known that has " + partition.label() + " now"));
            }
        };
    }

    @Override
    public Position positionOf(long version) {
        checkOpen();
        return Position.of(lineage, version);
    }

    private static void refuse(Flow.Subscriber<? super FeedEvent> subscriber, KvException why) {
        subscriber.onSubscribe(new Flow.Subscription() {
            @Override
            public void request(long count) {
                // There is nothing to come.
            }

            @Override
            public void cancel() {
                // It has ended.
            }
        });
        subscriber.onError(why);
    }

    @Override
    public KvAdmin admin() {
        checkOpen();
        return admin;
    }

    /** Returns a namespace as the node that leads has it. */
    CompletableFuture<NamespaceInfo> find(NamespaceId namespace) {
        return admin.ask(at -> at.namespace(namespace));
    }

    /** Completes when the replica here has a namespace that the leader has, or the time is over: feeds come from the replica. */
    CompletableFuture<Void> shown(NamespaceId namespace) {
        return admin.visible(replica -> replica.namespace(namespace) != null);
    }

    @Override
    public DirectReader directReader() {
        checkOpen();
        return (namespace, key, visitor) -> {
            ReplicaStore replica = partition.stateMachine().store();
            if (replica == null || !partition.serves()) {
                return DirectReader.Outcome.ELSEWHERE;
            }
            try {
                return replica.read(namespace, key, visitor);
            } catch (KvException e) {
                if (e.code() == ErrorCode.NOT_FOUND || e.code() == ErrorCode.UNAVAILABLE) {
                    return DirectReader.Outcome.ELSEWHERE; // The slow way asks the leader.
                }
                throw e;
            }
        };
    }

    @Override
    public void close() {
        closed = true;
        closer.run();
    }

    /** An upload that may go to another node, and ends with this store. */
    private final class Upload implements ValueWriter {
        private final ValueWriter there;

        Upload(ValueWriter there) {
            this.there = there;
        }

        @Override
        public CompletableFuture<Void> write(ByteBuffer piece) {
            checkOpen();
            return there.write(piece);
        }

        @Override
        public CompletableFuture<WriteResult> commit() {
            checkOpen();
            return shown(there.commit(), (WriteResult result) -> version(result));
        }

        @Override
        public CompletableFuture<WriteResult> commit(PutOptions options) {
            checkOpen();
            return shown(there.commit(options), (WriteResult result) -> version(result));
        }

        @Override
        public void close() {
            there.close();
        }
    }

    private final class Admin implements KvAdmin {
        private CompletableFuture<Void> visible(Predicate<ReplicaStore> isShown) {
            return partition.visibility().of(replica -> {
                try {
                    return isShown.test(replica);
                } catch (KvException e) {
                    return false;
                }
            });
        }

        private static boolean isGone(ReplicaStore replica, NamespaceId namespace) {
            try {
                var unused = replica.namespace(namespace);
                return false;
            } catch (KvException e) {
                return e.code() == ErrorCode.NOT_FOUND;
            }
        }

        private <R> CompletableFuture<R> ask(Function<KvAdmin, CompletableFuture<R>> request) {
            checkOpen();
            Duration timeout = Limits.DEFAULT_TIMEOUT;
            return router.atLeader(
                    timeout, () -> request.apply(leader.admin()), (store, left) -> request.apply(store.admin()));
        }

        /** Asked for with each request: from here, and only what is not known here from the leader. */
        private <R> CompletableFuture<R> look(
                Function<ReplicaStore, R> here, Function<KvAdmin, CompletableFuture<R>> request) {
            checkOpen();
            ReplicaStore replica = partition.stateMachine().store();
            if (replica != null && partition.serves()) {
                try {
                    return CompletableFuture.completedFuture(here.apply(replica));
                } catch (KvException e) {
                    if (e.code() != ErrorCode.NOT_FOUND && e.code() != ErrorCode.UNAVAILABLE) {
                        return CompletableFuture.failedFuture(e);
                    }
                }
            }
            return ask(request);
        }

        @Override
        public CompletableFuture<List<AccountInfo>> accounts() {
            return ask(KvAdmin::accounts);
        }

        @Override
        public CompletableFuture<AccountInfo> createAccount(String name) {
            requireNonNull(name, "name");
            return ask(at -> at.createAccount(name));
        }

        @Override
        public CompletableFuture<List<NamespaceInfo>> namespaces(AccountId account) {
            requireNonNull(account, "account");
            return ask(at -> at.namespaces(account));
        }

        @Override
        public CompletableFuture<NamespaceInfo> namespace(NamespaceId namespace) {
            requireNonNull(namespace, "namespace");
            return look(replica -> replica.namespace(namespace), at -> at.namespace(namespace));
        }

        @Override
        public CompletableFuture<NamespaceInfo> namespace(AccountId account, String title) {
            requireNonNull(account, "account");
            requireNonNull(title, "title");
            return look(replica -> replica.namespace(account, title), at -> at.namespace(account, title));
        }

        @Override
        public CompletableFuture<NamespaceInfo> createNamespace(AccountId account, String title) {
            requireNonNull(account, "account");
            requireNonNull(title, "title");
            return shownWhen(
                    ask(at -> at.createNamespace(account, title)),
                    created -> visible(replica -> replica.namespace(created.id()) != null));
        }

        @Override
        public CompletableFuture<NamespaceInfo> renameNamespace(NamespaceId namespace, String title) {
            requireNonNull(namespace, "namespace");
            requireNonNull(title, "title");
            return shownWhen(
                    ask(at -> at.renameNamespace(namespace, title)),
                    renamed -> visible(
                            replica -> replica.namespace(namespace).title().equals(title)));
        }

        @Override
        public CompletableFuture<Void> deleteNamespace(NamespaceId namespace) {
            requireNonNull(namespace, "namespace");
            Chained<Void> chain = new Chained<>();
            chain.follow(ask(at -> at.deleteNamespace(namespace)), (nothing, failure) -> {
                if (failure != null) {
                    chain.completeExceptionally(failure);
                } else {
                    chain.follow(partition.visibility().of(replica -> isGone(replica, namespace)));
                }
            });
            return chain;
        }

        @Override
        public CompletableFuture<Value> ask(Value question) {
            requireNonNull(question, "question");
            return questions.apply(ClusterQuestion.decode(question));
        }

        @Override
        public CompletableFuture<BackupInfo> backup() {
            return ask(KvAdmin::backup);
        }
    }
}
