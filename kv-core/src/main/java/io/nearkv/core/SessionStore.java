package io.nearkv.core;

import static java.util.Objects.requireNonNull;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A tier whose reads and writes are of one session. Thread-safe. */
final class SessionStore implements KvStore {
    private final KvStore store;
    private final KvSession session;

    SessionStore(KvStore store, KvSession session) {
        this.store = requireNonNull(store, "store");
        this.session = session;
    }

    private void saw(long version) {
        if (version > 0) {
            session.saw(store.positionOf(version));
        }
    }

    private void saw(GetResult result) {
        saw(result instanceof GetResult.Found found ? found.version() : ((GetResult.Missing) result).asOf());
    }

    private <T extends @Nullable Object> CompletableFuture<T> noting(
            CompletableFuture<T> future, Consumer<? super T> note) {
        Chained<T> chain = new Chained<>();
        // Noted before the caller has the answer: what it reads next must not be older.
        chain.follow(future, (result, failure) -> {
            if (failure == null && result != null) {
                note.accept(result);
            }
            chain.finish(result, failure);
        });
        return chain;
    }

    @Override
    public CompletableFuture<GetResult> get(NamespaceId namespace, Key key, ReadOptions options) {
        return noting(store.get(namespace, key, session.reads(store, options)), this::saw);
    }

    @Override
    public CompletableFuture<List<GetResult>> getAll(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        return noting(
                store.getAll(namespace, keys, session.reads(store, options)), results -> results.forEach(this::saw));
    }

    @Override
    public CompletableFuture<List<Long>> versions(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        return noting(
                store.versions(namespace, keys, session.reads(store, options)),
                versions -> versions.forEach(this::saw));
    }

    @Override
    public CompletableFuture<OpenResult> open(NamespaceId namespace, Key key, ReadOptions options) {
        return noting(store.open(namespace, key, session.reads(store, options)), result -> {
            if (result instanceof OpenResult.Opened opened) {
                saw(opened.reader().version());
            } else {
                saw(((OpenResult.Missing) result).result());
            }
        });
    }

    @Override
    public CompletableFuture<WriteResult> write(NamespaceId namespace, Mutation mutation, WriteOptions options) {
        return noting(store.write(namespace, mutation, options), this::saw);
    }

    private void saw(WriteResult result) {
        saw(
                result instanceof WriteResult.Applied applied
                        ? applied.version()
                        : ((WriteResult.ConditionFailed) result).currentVersion());
    }

    @Override
    public CompletableFuture<List<WriteResult>> writeAll(
            NamespaceId namespace, List<Mutation> mutations, WriteOptions options) {
        return noting(store.writeAll(namespace, mutations, options), results -> results.forEach(this::saw));
    }

    @Override
    public CompletableFuture<BatchResult> batch(NamespaceId namespace, List<Mutation> mutations, WriteOptions options) {
        return noting(
                store.batch(namespace, mutations, options),
                result -> saw(
                        result instanceof BatchResult.Applied applied
                                ? applied.lastVersion()
                                : ((BatchResult.ConditionFailed) result).currentVersion()));
    }

    @Override
    public CompletableFuture<ValueWriter> upload(NamespaceId namespace, Key key, PutOptions put, WriteOptions options) {
        Chained<ValueWriter> chain = new Chained<>();
        chain.follow(
                store.upload(namespace, key, put, options),
                (writer, failure) -> chain.finish(writer == null ? null : new Writer(writer), failure));
        return chain;
    }

    private final class Writer implements ValueWriter {
        private final ValueWriter below;

        Writer(ValueWriter below) {
            this.below = below;
        }

        @Override
        public CompletableFuture<Void> write(ByteBuffer piece) {
            return below.write(piece);
        }

        @Override
        public CompletableFuture<WriteResult> commit() {
            return noting(below.commit(), SessionStore.this::saw);
        }

        @Override
        public CompletableFuture<WriteResult> commit(PutOptions options) {
            return noting(below.commit(options), SessionStore.this::saw);
        }

        @Override
        public void close() {
            below.close();
        }
    }

    @Override
    public CompletableFuture<ListPage> list(NamespaceId namespace, ListOptions list, ReadOptions options) {
        return noting(
                store.list(namespace, list, session.reads(store, options)),
                page -> page.keys().forEach(info -> saw(info.version())));
    }

    @Override
    public Flow.Publisher<FeedEvent> watch(FeedRequest request) {
        return store.watch(request);
    }

    @Override
    public Position positionOf(long version) {
        return store.positionOf(version);
    }

    @Override
    public KvAdmin admin() {
        return store.admin();
    }

    @Override
    public void close() {
        store.close();
    }
}
