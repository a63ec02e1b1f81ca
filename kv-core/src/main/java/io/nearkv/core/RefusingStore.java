package io.nearkv.core;

import static java.util.Objects.requireNonNull;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;

/**
 * A tier that answers everything with one error: what a server puts in place of a store that it must not open, such as a data folder of another environment, so that
 * every operation says why. Thread-safe.
 */
public final class RefusingStore implements KvStore {
    private final KvException reason;
    private final KvAdmin admin = new RefusingAdmin();
    private volatile boolean closed;

    /** Creates a store that refuses with this. */
    public RefusingStore(KvException reason) {
        this.reason = requireNonNull(reason, "reason");
    }

    /** Returns what every operation fails with. */
    public KvException reason() {
        return reason;
    }

    private <T> CompletableFuture<T> refuse() {
        checkOpen();
        return CompletableFuture.failedFuture(reason);
    }

    private void checkOpen() {
        if (closed) {
            throw new IllegalStateException("the store is closed");
        }
    }

    @Override
    public CompletableFuture<GetResult> get(NamespaceId namespace, Key key, ReadOptions options) {
        return refuse();
    }

    @Override
    public CompletableFuture<List<GetResult>> getAll(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        return refuse();
    }

    @Override
    public CompletableFuture<List<Long>> versions(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        return refuse();
    }

    @Override
    public CompletableFuture<OpenResult> open(NamespaceId namespace, Key key, ReadOptions options) {
        return refuse();
    }

    @Override
    public CompletableFuture<WriteResult> write(NamespaceId namespace, Mutation mutation, WriteOptions options) {
        return refuse();
    }

    @Override
    public CompletableFuture<List<WriteResult>> writeAll(
            NamespaceId namespace, List<Mutation> mutations, WriteOptions options) {
        return refuse();
    }

    @Override
    public CompletableFuture<BatchResult> batch(NamespaceId namespace, List<Mutation> mutations, WriteOptions options) {
        return refuse();
    }

    @Override
    public CompletableFuture<ValueWriter> upload(NamespaceId namespace, Key key, PutOptions put, WriteOptions options) {
        return refuse();
    }

    @Override
    public CompletableFuture<ListPage> list(NamespaceId namespace, ListOptions list, ReadOptions options) {
        return refuse();
    }

    @Override
    public Flow.Publisher<FeedEvent> watch(FeedRequest request) {
        checkOpen();
        return subscriber -> {
            subscriber.onSubscribe(new Flow.Subscription() {
                @Override
                public void request(long count) {}

                @Override
                public void cancel() {}
            });
            subscriber.onError(reason);
        };
    }

    @Override
    public Position positionOf(long version) {
        checkOpen();
        throw reason;
    }

    @Override
    public KvAdmin admin() {
        checkOpen();
        return admin;
    }

    @Override
    public void close() {
        closed = true;
    }

    private final class RefusingAdmin implements KvAdmin {
        @Override
        public CompletableFuture<List<AccountInfo>> accounts() {
            return refuse();
        }

        @Override
        public CompletableFuture<AccountInfo> createAccount(String name) {
            return refuse();
        }

        @Override
        public CompletableFuture<List<NamespaceInfo>> namespaces(AccountId account) {
            return refuse();
        }

        @Override
        public CompletableFuture<NamespaceInfo> namespace(NamespaceId namespace) {
            return refuse();
        }

        @Override
        public CompletableFuture<NamespaceInfo> namespace(AccountId account, String title) {
            return refuse();
        }

        @Override
        public CompletableFuture<NamespaceInfo> createNamespace(AccountId account, String title) {
            return refuse();
        }

        @Override
        public CompletableFuture<NamespaceInfo> renameNamespace(NamespaceId namespace, String title) {
            return refuse();
        }

        @Override
        public CompletableFuture<Void> deleteNamespace(NamespaceId namespace) {
            return refuse();
        }

        @Override
        public CompletableFuture<BackupInfo> backup() {
            return refuse();
        }

        @Override
        public CompletableFuture<Value> ask(Value question) {
            return refuse();
        }
    }
}
