package io.nearkv.net.client;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.BatchResult;
import io.nearkv.core.Condition;
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
import io.nearkv.core.OpenResult;
import io.nearkv.core.Position;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.ValueWriter;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.WriteResult;
import io.nearkv.net.protocol.BodyWriter;
import io.nearkv.net.protocol.EntryCodec;
import io.nearkv.net.protocol.OptionsCodec;
import io.nearkv.net.wire.Wire;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A store on the other side of the wire: {@link KvClient} makes it. Beyond the contract of {@link KvStore}, its futures fail as {@link KvClient} describes.
 * Thread-safe.
 */
final class RemoteStore implements KvStore {
    private final LanePool pool;
    private final RemoteAdmin admin;

    RemoteStore(LanePool pool) {
        this.pool = pool;
        this.admin = new RemoteAdmin(pool);
    }

    @Override
    public CompletableFuture<GetResult> get(NamespaceId namespace, Key key, ReadOptions options) {
        requireNonNull(namespace, "namespace");
        requireNonNull(key, "key");
        pool.checkOpen();
        return pool.call(GetExchange.INSTANCE, namespace, key, options, options.timeout(), 0);
    }

    @Override
    public CompletableFuture<List<GetResult>> getAll(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        return getAll(namespace, keys, options, false, EntryCodec::fromWire);
    }

    @Override
    public CompletableFuture<List<Long>> versions(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        return getAll(namespace, keys, options, true, Wire.GetItem::getVersion);
    }

    private <R> CompletableFuture<List<R>> getAll(
            NamespaceId namespace,
            List<Key> keys,
            ReadOptions options,
            boolean versionsOnly,
            Function<Wire.GetItem, R> item) {
        requireNonNull(namespace, "namespace");
        List<Key> asked = List.copyOf(keys);
        pool.checkOpen();
        if (asked.size() > Limits.MAX_BULK_GET_KEYS) {
            return tooLarge(asked.size() + " keys (expected: at most " + Limits.MAX_BULK_GET_KEYS + ")");
        }
        Wire.GetAll call = Wire.GetAll.newBuilder()
                .setNamespace(EntryCodec.toWire(namespace))
                .setOptions(OptionsCodec.toWire(options))
                .setVersionsOnly(versionsOnly)
                .build();
        Exchange exchange = new CallExchange<Wire.GetItem, R>(
                Operation.GET_ALL,
                CallExchange.Kind.READ,
                timeout -> BodyWriter.of(
                        Wire.CallHeader.newBuilder()
                                .setTimeoutMillis(timeout)
                                .setGetAll(call)
                                .build(),
                        asked,
                        EntryCodec::toWire),
                Wire.GetItem.parser(),
                item,
                (header, results) -> CallExchange.exactly(asked.size(), results));
        return pool.call(exchange, namespace, null, null, options.timeout(), 0);
    }

    @Override
    public CompletableFuture<OpenResult> open(NamespaceId namespace, Key key, ReadOptions options) {
        requireNonNull(namespace, "namespace");
        requireNonNull(key, "key");
        pool.checkOpen();
        return pool.call(new OpenExchange(), namespace, key, options, options.timeout(), 0);
    }

    @Override
    public CompletableFuture<WriteResult> write(NamespaceId namespace, Mutation mutation, WriteOptions options) {
        requireNonNull(namespace, "namespace");
        requireNonNull(mutation, "mutation");
        pool.checkOpen();
        long bytes = mutation instanceof Mutation.Put put ? put.value().length() : 0;
        return pool.call(WriteExchange.of(mutation), namespace, mutation, options, options.timeout(), bytes);
    }

    @Override
    public CompletableFuture<List<WriteResult>> writeAll(
            NamespaceId namespace, List<Mutation> mutations, WriteOptions options) {
        requireNonNull(namespace, "namespace");
        List<Mutation> all = List.copyOf(mutations);
        pool.checkOpen();
        KvException refusal = refusal(all);
        if (refusal != null) {
            return CompletableFuture.failedFuture(refusal);
        }
        Wire.WriteAll call = Wire.WriteAll.newBuilder()
                .setNamespace(EntryCodec.toWire(namespace))
                .setDurability(OptionsCodec.toWire(options.durability()))
                .build();
        Exchange exchange = new CallExchange<>(
                Operation.WRITE_ALL,
                // Not again, whatever the conditions: a result for each would have to say whether it is of the first
                // attempt.
                CallExchange.Kind.WRITE,
                timeout -> BodyWriter.of(
                        Wire.CallHeader.newBuilder()
                                .setTimeoutMillis(timeout)
                                .setWriteAll(call)
                                .build(),
                        all,
                        EntryCodec::toWire),
                Wire.WriteItem.parser(),
                EntryCodec::fromWire,
                (header, results) -> CallExchange.exactly(all.size(), results));
        return pool.call(exchange, namespace, null, null, options.timeout(), sizeBytes(all));
    }

    @Override
    public CompletableFuture<BatchResult> batch(NamespaceId namespace, List<Mutation> mutations, WriteOptions options) {
        requireNonNull(namespace, "namespace");
        List<Mutation> all = List.copyOf(mutations);
        pool.checkOpen();
        KvException refusal = refusal(all);
        if (refusal != null) {
            return CompletableFuture.failedFuture(refusal);
        }
        Wire.Batch call = Wire.Batch.newBuilder()
                .setNamespace(EntryCodec.toWire(namespace))
                .setDurability(OptionsCodec.toWire(options.durability()))
                .build();
        // One version that is gone once the batch has happened keeps all of it from happening twice.
        boolean versioned = all.stream().anyMatch(m -> m.condition().kind() == Condition.Kind.VERSION_IS);
        Exchange exchange = new CallExchange<>(
                Operation.BATCH,
                versioned ? CallExchange.Kind.VERSIONED_WRITE : CallExchange.Kind.WRITE,
                timeout -> BodyWriter.of(
                        Wire.CallHeader.newBuilder()
                                .setTimeoutMillis(timeout)
                                .setBatch(call)
                                .build(),
                        all,
                        EntryCodec::toWire),
                Wire.WriteItem.parser(),
                EntryCodec::fromWire,
                (header, none) -> EntryCodec.fromWire(header.getBatch()));
        return pool.call(exchange, namespace, null, null, options.timeout(), sizeBytes(all));
    }

    private static @Nullable KvException refusal(List<Mutation> mutations) {
        if (mutations.size() > Limits.MAX_BATCH_OPERATIONS) {
            return new KvException(
                    ErrorCode.TOO_LARGE,
                    mutations.size() + " operations (expected: at most " + Limits.MAX_BATCH_OPERATIONS + ")");
        }
        long bytes = 0;
        for (Mutation mutation : mutations) {
            bytes += mutation.sizeBytes();
        }
        return bytes <= Limits.MAX_BATCH_BYTES
                ? null
                : new KvException(
                        ErrorCode.TOO_LARGE,
                        "batch of " + bytes + " bytes (expected: at most " + Limits.MAX_BATCH_BYTES + ")");
    }

    private static long sizeBytes(List<Mutation> mutations) {
        return mutations.stream().mapToLong(Mutation::sizeBytes).sum();
    }

    private static <T> CompletableFuture<T> tooLarge(String message) {
        return CompletableFuture.failedFuture(new KvException(ErrorCode.TOO_LARGE, message));
    }

    @Override
    public CompletableFuture<ValueWriter> upload(NamespaceId namespace, Key key, PutOptions put, WriteOptions options) {
        requireNonNull(namespace, "namespace");
        requireNonNull(key, "key");
        requireNonNull(put, "put");
        pool.checkOpen();
        return pool.call(new UploadExchange(key, put, options), namespace, null, null, options.timeout(), 0);
    }

    @Override
    public CompletableFuture<ListPage> list(NamespaceId namespace, ListOptions list, ReadOptions options) {
        requireNonNull(namespace, "namespace");
        pool.checkOpen();
        Wire.List call = EntryCodec.toWire(list)
                .setNamespace(EntryCodec.toWire(namespace))
                .setOptions(OptionsCodec.toWire(options))
                .build();
        Exchange exchange = new CallExchange<>(
                Operation.LIST,
                CallExchange.Kind.READ,
                timeout -> BodyWriter.of(Wire.CallHeader.newBuilder()
                        .setTimeoutMillis(timeout)
                        .setList(call)
                        .build()),
                Wire.KeyInfoItem.parser(),
                EntryCodec::fromWire,
                (header, keys) ->
                        new ListPage(keys, EntryCodec.cursor(header.getList().getNextCursor())));
        return pool.call(exchange, namespace, null, null, options.timeout(), 0);
    }

    @Override
    public Flow.Publisher<FeedEvent> watch(FeedRequest request) {
        requireNonNull(request, "request");
        pool.checkOpen();
        return new RemoteFeed(pool, request);
    }

    @Override
    public Position positionOf(long version) {
        pool.checkOpen();
        return Position.of(pool.lineage(), version, pool.partitions());
    }

    @Override
    public KvAdmin admin() {
        return admin;
    }

    @Override
    public void close() {
        pool.close();
    }
}
