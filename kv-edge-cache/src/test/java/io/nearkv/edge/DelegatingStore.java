package io.nearkv.edge;

import io.nearkv.core.BatchResult;
import io.nearkv.core.DirectReader;
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
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import org.jspecify.annotations.Nullable;

/** A tier that is another one, but for what a test makes different. */
interface DelegatingStore extends KvStore {
    KvStore below();

    @Override
    default CompletableFuture<GetResult> get(NamespaceId namespace, Key key, ReadOptions options) {
        return below().get(namespace, key, options);
    }

    @Override
    default CompletableFuture<List<GetResult>> getAll(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        return below().getAll(namespace, keys, options);
    }

    @Override
    default CompletableFuture<List<Long>> versions(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        return below().versions(namespace, keys, options);
    }

    @Override
    default CompletableFuture<OpenResult> open(NamespaceId namespace, Key key, ReadOptions options) {
        return below().open(namespace, key, options);
    }

    @Override
    default CompletableFuture<WriteResult> write(NamespaceId namespace, Mutation mutation, WriteOptions options) {
        return below().write(namespace, mutation, options);
    }

    @Override
    default CompletableFuture<List<WriteResult>> writeAll(
            NamespaceId namespace, List<Mutation> mutations, WriteOptions options) {
        return below().writeAll(namespace, mutations, options);
    }

    @Override
    default CompletableFuture<BatchResult> batch(
            NamespaceId namespace, List<Mutation> mutations, WriteOptions options) {
        return below().batch(namespace, mutations, options);
    }

    @Override
    default CompletableFuture<ValueWriter> upload(
            NamespaceId namespace, Key key, PutOptions put, WriteOptions options) {
        return below().upload(namespace, key, put, options);
    }

    @Override
    default CompletableFuture<ListPage> list(NamespaceId namespace, ListOptions list, ReadOptions options) {
        return below().list(namespace, list, options);
    }

    @Override
    default Flow.Publisher<FeedEvent> watch(FeedRequest request) {
        return below().watch(request);
    }

    @Override
    default Position positionOf(long version) {
        return below().positionOf(version);
    }

    @Override
    default KvAdmin admin() {
        return below().admin();
    }

    @Override
    default @Nullable DirectReader directReader() {
        return below().directReader();
    }

    @Override
    default void close() {
        below().close();
    }
}
