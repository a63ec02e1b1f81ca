package io.nearkv.cluster;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.AccountId;
import io.nearkv.core.AccountInfo;
import io.nearkv.core.BackupInfo;
import io.nearkv.core.BatchResult;
import io.nearkv.core.Chained;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KvAdmin;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
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
import io.nearkv.core.rocksdb.ReplicaCommand;
import io.nearkv.core.rocksdb.ReplicaStore;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * The store as the node that leads answers for it; on any other node everything but the feed is refused before any effect. This is what the other nodes of the cluster are
 * served, so that a request is handed on once and not in circles.
 *
 * <p>Every read sees what was acknowledged before it: by the {@link ReadLease}, and where that does not hold, by an entry of the log, shared by all reads and writes that wait at the moment.
 */
final class LeaderStore implements KvStore {
    private final Partition partition;
    private final StagedWrites writes;
    private final RandomGenerator random;
    private final ClusterOptions options;
    private final Function<ClusterQuestion, CompletableFuture<Value>> questions;
    private final @Nullable KvAdmin catalogue;
    private final Set<LeaderUpload> uploads = ConcurrentHashMap.newKeySet();
    private final AtomicInteger uploadCount = new AtomicInteger();
    private final Admin admin = new Admin();

    /**
     * Creates the store.
     *
     * @param questions answers what this node is asked about the cluster
     * @param catalogue has the namespaces of the whole cluster; null if this partition has them itself
     */
    LeaderStore(
            Partition partition,
            ClusterOptions options,
            RandomGenerator random,
            Function<ClusterQuestion, CompletableFuture<Value>> questions,
            @Nullable KvAdmin catalogue) {
        this.partition = partition;
        this.questions = questions;
        this.catalogue = catalogue;
        this.writes = new StagedWrites(partition, random);
        this.random = random;
        this.options = options;
    }

    StagedWrites writes() {
        return writes;
    }

    int uploads() {
        return uploadCount.get();
    }

    /** Gives up uploads that nobody uses. */
    void tidy() {
        long now = System.nanoTime();
        for (LeaderUpload upload : uploads) {
            upload.endIfIdle(now, options.uploadIdleTime().toNanos());
        }
    }

    private <R> CompletableFuture<R> read(Duration timeout, Function<ReplicaStore, CompletableFuture<R>> read) {
        return read(timeout, read, read);
    }

    /** Reads now, on the caller's thread, or later on that which applies the log. */
    private <R> CompletableFuture<R> read(
            Duration timeout,
            Function<ReplicaStore, CompletableFuture<R>> now,
            Function<ReplicaStore, CompletableFuture<R>> later) {
        if (partition.isCurrent()) {
            try {
                return now.apply(partition.replica());
            } catch (KvException e) {
                return CompletableFuture.failedFuture(e);
            }
        }
        Chained<R> chain = new Chained<>();
        chain.follow(partition.barrier(timeout), (reached, failure) -> {
            if (failure != null) {
                chain.completeExceptionally(failure);
                return;
            }
            try {
                chain.follow(later.apply(partition.replica()));
            } catch (KvException e) {
                chain.completeExceptionally(e);
            }
        });
        return chain;
    }

    @Override
    public CompletableFuture<GetResult> get(NamespaceId namespace, Key key, ReadOptions read) {
        requireNonNull(namespace, "namespace");
        requireNonNull(key, "key");
        return read(read.timeout(), replica -> replica.get(namespace, key, read));
    }

    @Override
    public CompletableFuture<List<GetResult>> getAll(NamespaceId namespace, List<Key> keys, ReadOptions read) {
        requireNonNull(namespace, "namespace");
        return read(read.timeout(), replica -> replica.getAll(namespace, keys, read));
    }

    @Override
    public CompletableFuture<List<Long>> versions(NamespaceId namespace, List<Key> keys, ReadOptions read) {
        requireNonNull(namespace, "namespace");
        return read(read.timeout(), replica -> replica.versions(namespace, keys, read));
    }

    @Override
    public CompletableFuture<OpenResult> open(NamespaceId namespace, Key key, ReadOptions read) {
        requireNonNull(namespace, "namespace");
        requireNonNull(key, "key");
        return read(read.timeout(), replica -> replica.open(namespace, key, read));
    }

    @Override
    public CompletableFuture<ListPage> list(NamespaceId namespace, ListOptions list, ReadOptions read) {
        requireNonNull(namespace, "namespace");
        requireNonNull(list, "list");
        return read(
                read.timeout(),
                replica -> replica.list(namespace, list, read, true),
                replica -> replica.list(namespace, list, read, false));
    }

    private CompletableFuture<@Nullable Object> propose(
            NamespaceId namespace, ReplicaCommand.Mode mode, List<Mutation> mutations, WriteOptions write) {
        requireNonNull(namespace, "namespace");
        try {
            return writes.write(namespace, mode, mutations, write.timeout());
        } catch (KvException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    @Override
    public CompletableFuture<WriteResult> write(NamespaceId namespace, Mutation mutation, WriteOptions write) {
        return propose(namespace, ReplicaCommand.Mode.SINGLE, List.of(mutation), write)
                .thenApply(outcome -> (WriteResult) requireNonNull(outcome));
    }

    @Override
    @SuppressWarnings("unchecked") // The outcome of EACH.
    public CompletableFuture<List<WriteResult>> writeAll(
            NamespaceId namespace, List<Mutation> mutations, WriteOptions write) {
        return propose(namespace, ReplicaCommand.Mode.EACH, mutations, write)
                .thenApply(outcome -> (List<WriteResult>) requireNonNull(outcome));
    }

    @Override
    public CompletableFuture<BatchResult> batch(NamespaceId namespace, List<Mutation> mutations, WriteOptions write) {
        if (mutations.isEmpty()) {
            return CompletableFuture.failedFuture(new KvException(
                    ErrorCode.INVALID_REQUEST, "the batch is empty (expected: at least one operation)"));
        }
        return propose(namespace, ReplicaCommand.Mode.ATOMIC, mutations, write)
                .thenApply(outcome -> (BatchResult) requireNonNull(outcome));
    }

    @Override
    public CompletableFuture<ValueWriter> upload(NamespaceId namespace, Key key, PutOptions put, WriteOptions write) {
        requireNonNull(key, "key");
        requireNonNull(put, "put");
        return read(write.timeout(), replica -> {
            var unused = replica.namespace(namespace);
            if (uploadCount.incrementAndGet() > options.maxUploads()) {
                uploadCount.decrementAndGet();
                throw new KvException(
                        ErrorCode.UNAVAILABLE,
                        "overloaded: " + options.maxUploads() + " uploads are under way, as many as may",
                        null,
                        Duration.ofMillis(100),
                        null);
            }
            LeaderUpload[] made = new LeaderUpload[1];
            LeaderUpload upload = new LeaderUpload(partition, writes, namespace, key, put, write, () -> {
                uploadCount.decrementAndGet();
                uploads.remove(made[0]);
            });
            made[0] = upload;
            uploads.add(upload);
            return CompletableFuture.completedFuture(upload);
        });
    }

    @Override
    public Flow.Publisher<FeedEvent> watch(FeedRequest request) {
        return partition.replica().watch(request);
    }

    @Override
    public Position positionOf(long version) {
        return partition.replica().positionOf(version);
    }

    @Override
    public KvAdmin admin() {
        return admin;
    }

    @Override
    public void close() {
        // The node closes what this stands on.
    }

    /** A partition that has been told of a namespace knows it, also while it is being deleted; of any other, the catalogue knows. */
    private CompletableFuture<NamespaceInfo> known(KvAdmin all, NamespaceId namespace) {
        ReplicaStore replica = partition.stateMachine().store();
        if (replica != null) {
            try {
                return CompletableFuture.completedFuture(replica.namespace(namespace));
            } catch (KvException e) {
                if (e.code() != ErrorCode.NOT_FOUND && e.code() != ErrorCode.UNAVAILABLE) {
                    return CompletableFuture.failedFuture(e);
                }
            }
        }
        return all.namespace(namespace);
    }

    /** Makes a namespace of the catalogue known here; the title is its id, because it may have another one tomorrow. */
    CompletableFuture<Void> adopt(NamespaceInfo namespace) {
        Duration timeout = io.nearkv.core.Limits.DEFAULT_TIMEOUT;
        AccountInfo account =
                new AccountInfo(namespace.account(), namespace.account().toString());
        NamespaceInfo known = new NamespaceInfo(
                namespace.id(), namespace.account(), namespace.id().toString());
        return partition
                .propose(new ReplicaCommand.CreateAccount(account), timeout, false)
                .thenCompose(created -> partition.propose(new ReplicaCommand.CreateNamespace(known), timeout, false))
                .thenApply(created -> null);
    }

    private final class Admin implements KvAdmin {
        private <R> CompletableFuture<R> look(Function<ReplicaStore, R> look) {
            return read(
                    io.nearkv.core.Limits.DEFAULT_TIMEOUT,
                    replica -> CompletableFuture.completedFuture(look.apply(replica)));
        }

        private CompletableFuture<Object> change(ReplicaCommand command, boolean makesRoom) {
            return partition
                    .propose(command, io.nearkv.core.Limits.DEFAULT_TIMEOUT, makesRoom)
                    .thenApply(outcome -> requireNonNull(outcome));
        }

        @Override
        public CompletableFuture<List<AccountInfo>> accounts() {
            return look(ReplicaStore::accounts);
        }

        @Override
        public CompletableFuture<AccountInfo> createAccount(String name) {
            requireNonNull(name, "name");
            return change(new ReplicaCommand.CreateAccount(new AccountInfo(AccountId.random(random), name)), false)
                    .thenApply(outcome -> (AccountInfo) outcome);
        }

        @Override
        public CompletableFuture<List<NamespaceInfo>> namespaces(AccountId account) {
            requireNonNull(account, "account");
            return look(replica -> replica.namespaces(account));
        }

        @Override
        public CompletableFuture<NamespaceInfo> namespace(NamespaceId namespace) {
            requireNonNull(namespace, "namespace");
            if (catalogue != null) {
                return known(catalogue, namespace);
            }
            return look(replica -> replica.namespace(namespace));
        }

        @Override
        public CompletableFuture<NamespaceInfo> namespace(AccountId account, String title) {
            requireNonNull(account, "account");
            requireNonNull(title, "title");
            return look(replica -> replica.namespace(account, title));
        }

        @Override
        public CompletableFuture<NamespaceInfo> createNamespace(AccountId account, String title) {
            requireNonNull(account, "account");
            requireNonNull(title, "title");
            return change(
                            new ReplicaCommand.CreateNamespace(
                                    new NamespaceInfo(NamespaceId.random(random), account, title)),
                            false)
                    .thenApply(outcome -> (NamespaceInfo) outcome);
        }

        @Override
        public CompletableFuture<NamespaceInfo> renameNamespace(NamespaceId namespace, String title) {
            requireNonNull(namespace, "namespace");
            requireNonNull(title, "title");
            return change(new ReplicaCommand.RenameNamespace(namespace, title), false)
                    .thenApply(outcome -> (NamespaceInfo) outcome);
        }

        @Override
        public CompletableFuture<Void> deleteNamespace(NamespaceId namespace) {
            requireNonNull(namespace, "namespace");
            return change(new ReplicaCommand.DeleteNamespace(namespace), true).thenApply(outcome -> null);
        }

        @Override
        public CompletableFuture<Value> ask(Value question) {
            return questions.apply(ClusterQuestion.decode(question));
        }

        @Override
        public CompletableFuture<BackupInfo> backup() {
            return CompletableFuture.failedFuture(new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "a cluster is backed up as a whole (expected: 'nearkv cluster backup')"));
        }
    }
}
