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
import io.nearkv.core.Sharding;
import io.nearkv.core.Value;
import io.nearkv.core.ValueWriter;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.WriteResult;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Many partitions as one store. Where a key lies, {@link Sharding} says; a call about one key is one call of its partition, and a call about many is one of each partition that has some of them,
 * all at the same time. Versions and positions are put together and taken apart by {@link ShardVersions}, so that nobody need be asked about them.
 *
 * <p>What is otherwise than in a store of one partition: there is no order between the commits of two partitions, so that a bulk read, a page of a listing, and a bulk write are of one moment in
 * each partition but not over all; an atomic batch must lie in one partition; the versions of a batch are not one apart but as many as there are partitions; and a namespace that is deleted is
 * told of in the feed by each partition that knew it.
 *
 * <p>A partition knows a namespace from the first time that it is asked for it: it answers {@link ErrorCode#NOT_FOUND}, which here is no answer but the occasion to look into the catalogue that
 * counts, and to ask again. Thread-safe.
 */
final class ShardedStore implements KvStore {
    private final Shards shards;
    private final List<KvStore> partitions;
    private final Placement placement;
    private final List<ShardVersions> versions;
    private final Runnable closer;
    private final FeedMerge feeds;
    private final Admin admin = new Admin();
    private volatile boolean closed;

    /**
     * Creates the store.
     *
     * @param placement {@link Sharding}, for all that keeps anything
     * @param closer frees what the store stands on, when it is closed; may be run again
     */
    ShardedStore(Shards shards, Placement placement, Runnable closer) {
        this.shards = requireNonNull(shards, "shards");
        this.partitions = List.copyOf(shards.partitions());
        this.placement = requireNonNull(placement, "placement");
        this.closer = requireNonNull(closer, "closer");
        if (partitions.isEmpty()) {
            throw new IllegalArgumentException("no partitions (expected: at least one)");
        }
        List<ShardVersions> each = new ArrayList<>();
        for (int i = 0; i < partitions.size(); i++) {
            each.add(new ShardVersions(partitions.size(), i));
        }
        this.versions = List.copyOf(each);
        this.feeds = new FeedMerge(partitions, versions, this::learn, System::nanoTime);
    }

    /** Returns the store over these shards, which it closes when it is closed. */
    static ShardedStore over(Shards shards) {
        return new ShardedStore(shards, new Sharding(shards.partitions().size())::partitionOf, () -> {
            shards.partitions().forEach(KvStore::close);
            shards.meta().close();
        });
    }

    private void checkOpen() {
        if (closed) {
            throw new IllegalStateException("the store is closed");
        }
    }

    private int partitionOf(NamespaceId namespace, Key key) {
        return placement.partitionOf(namespace, key.asByteBuffer());
    }

    // Asking a partition

    /** What is asked of a partition, in its own versions. */
    interface Call<R> {
        CompletableFuture<R> of(KvStore store);
    }

    /** Asks a partition, and once more if it did not know the namespace but there is one. */
    private <R> CompletableFuture<R> ask(int partition, NamespaceId namespace, Call<R> call) {
        KvStore store = partitions.get(partition);
        CompletableFuture<R> answer = attempt(() -> call.of(store));
        if (answer.isDone() && !answer.isCompletedExceptionally()) {
            return answer;
        }
        Chained<R> chain = new Chained<>();
        chain.follow(answer, (result, failure) -> {
            if (failure == null || failure.code() != ErrorCode.NOT_FOUND) {
                chain.finish(result, failure);
                return;
            }
            chain.follow(learn(partition, namespace), (nothing, unknown) -> {
                if (unknown != null) {
                    chain.completeExceptionally(unknown);
                } else {
                    chain.follow(later(() -> call.of(store)));
                }
            });
        });
        return chain;
    }

    private static <R extends @Nullable Object> CompletableFuture<R> attempt(Supplier<CompletableFuture<R>> call) {
        try {
            return call.get();
        } catch (KvException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    /** Asks in the midst of a call, whose caller was there before what it asks was closed. */
    private static <R extends @Nullable Object> CompletableFuture<R> later(Supplier<CompletableFuture<R>> call) {
        try {
            return attempt(call);
        } catch (IllegalStateException e) {
            return CompletableFuture.failedFuture(new KvException(ErrorCode.UNAVAILABLE, "the store is closing", e));
        }
    }

    /** Makes a namespace known to a partition; fails as the catalogue does if there is none. */
    private CompletableFuture<Void> learn(int partition, NamespaceId namespace) {
        Chained<Void> chain = new Chained<>();
        chain.follow(later(() -> shards.find(namespace)), (info, unknown) -> {
            if (unknown != null) {
                chain.completeExceptionally(unknown);
                return;
            }
            chain.follow(later(() -> shards.adopt(partition, namespace)), (nothing, refused) -> {
                if (refused != null) {
                    chain.completeExceptionally(refused);
                } else {
                    recheck(chain, partition, namespace);
                }
            });
        });
        return chain;
    }

    /**
     * Looks once more whether there is the namespace. A deletion that began after the first look may have been through with this partition before it adopted: then nobody else takes back
     * what the partition now believes. One that comes after this look finds the namespace there.
     */
    private void recheck(Chained<Void> chain, int partition, NamespaceId namespace) {
        chain.follow(later(() -> shards.find(namespace)), (info, unknown) -> {
            if (unknown != null && unknown.code() == ErrorCode.NOT_FOUND) {
                chain.follow(
                        later(() -> partitions.get(partition).admin().deleteNamespace(namespace)),
                        (nothing, ignored) -> chain.completeExceptionally(unknown));
            } else {
                chain.finish(null, unknown);
            }
        });
    }

    /** Turns an answer into another, at once if it is there; failures stay as they are. */
    private static <T, R> CompletableFuture<R> turned(CompletableFuture<T> answer, Function<T, R> turn) {
        Chained<R> chain = new Chained<>();
        chain.follow(answer, (result, failure) -> {
            if (failure != null || result == null) {
                chain.finish(null, failure);
            } else {
                chain.finish(turn.apply(result), null);
            }
        });
        return chain;
    }

    // One key

    @Override
    public CompletableFuture<GetResult> get(NamespaceId namespace, Key key, ReadOptions options) {
        requireNonNull(namespace, "namespace");
        requireNonNull(key, "key");
        requireNonNull(options, "options");
        checkOpen();
        int partition = partitionOf(namespace, key);
        ShardVersions shard = versions.get(partition);
        return turned(
                ask(partition, namespace, store -> store.get(namespace, key, shard.local(options, store))),
                shard::global);
    }

    @Override
    public CompletableFuture<OpenResult> open(NamespaceId namespace, Key key, ReadOptions options) {
        requireNonNull(namespace, "namespace");
        requireNonNull(key, "key");
        requireNonNull(options, "options");
        checkOpen();
        int partition = partitionOf(namespace, key);
        ShardVersions shard = versions.get(partition);
        return turned(
                ask(partition, namespace, store -> store.open(namespace, key, shard.local(options, store))),
                shard::global);
    }

    @Override
    public CompletableFuture<WriteResult> write(NamespaceId namespace, Mutation mutation, WriteOptions options) {
        requireNonNull(namespace, "namespace");
        requireNonNull(mutation, "mutation");
        requireNonNull(options, "options");
        checkOpen();
        int partition = partitionOf(namespace, mutation.key());
        ShardVersions shard = versions.get(partition);
        Mutation local = shard.local(mutation);
        return turned(ask(partition, namespace, store -> store.write(namespace, local, options)), shard::global);
    }

    @Override
    public CompletableFuture<ValueWriter> upload(NamespaceId namespace, Key key, PutOptions put, WriteOptions options) {
        requireNonNull(namespace, "namespace");
        requireNonNull(key, "key");
        requireNonNull(put, "put");
        requireNonNull(options, "options");
        checkOpen();
        int partition = partitionOf(namespace, key);
        ShardVersions shard = versions.get(partition);
        PutOptions local = shard.local(put);
        return turned(
                ask(partition, namespace, store -> store.upload(namespace, key, local, options)),
                writer -> new Upload(writer, shard));
    }

    // Many keys

    /** The keys of one partition, and where in the call they were. */
    private record Part<T>(int partition, List<T> items, List<Integer> places) {}

    private <T> List<Part<T>> split(NamespaceId namespace, List<T> items, Function<T, Key> key) {
        List<@Nullable Part<T>> byPartition = new ArrayList<>();
        for (int i = 0; i < partitions.size(); i++) {
            byPartition.add(null);
        }
        List<Part<T>> parts = new ArrayList<>();
        for (int i = 0; i < items.size(); i++) {
            T item = items.get(i);
            int partition = partitionOf(namespace, key.apply(item));
            Part<T> part = byPartition.get(partition);
            if (part == null) {
                part = new Part<>(partition, new ArrayList<>(), new ArrayList<>());
                byPartition.set(partition, part);
                parts.add(part);
            }
            part.items().add(item);
            part.places().add(i);
        }
        if (parts.isEmpty()) {
            // Whether the namespace is there, and whether nothing may be asked for, a partition knows.
            parts.add(new Part<>(0, List.of(), List.of()));
        }
        return parts;
    }

    /** Asks for parts and puts the answers into the order of the whole. */
    private <T, R> CompletableFuture<List<R>> askAll(
            NamespaceId namespace,
            List<Part<T>> parts,
            Function<Part<T>, Call<List<R>>> call,
            Function<ShardVersions, Function<R, R>> turn,
            Function<List<Gathered.Outcome<List<R>>>, @Nullable KvException> failure) {
        List<CompletableFuture<List<R>>> answers = new ArrayList<>();
        for (Part<T> part : parts) {
            answers.add(ask(part.partition(), namespace, call.apply(part)));
        }
        Chained<List<R>> chain = new Chained<>();
        chain.follow(Gathered.of(answers), (outcomes, cancelled) -> {
            if (outcomes == null || cancelled != null) {
                chain.finish(null, cancelled);
                return;
            }
            KvException refusal = failure.apply(outcomes);
            if (refusal != null) {
                chain.completeExceptionally(refusal);
                return;
            }
            chain.finish(inOrder(parts, outcomes, turn), null);
        });
        return chain;
    }

    private <T, R> List<R> inOrder(
            List<Part<T>> parts,
            List<Gathered.Outcome<List<R>>> outcomes,
            Function<ShardVersions, Function<R, R>> turn) {
        List<@Nullable R> all = new ArrayList<>();
        for (int i = parts.stream().mapToInt(part -> part.items().size()).sum(); i > 0; i--) {
            all.add(null);
        }
        for (int i = 0; i < parts.size(); i++) {
            Part<T> part = parts.get(i);
            List<R> results = requireNonNull(outcomes.get(i).result());
            if (results.size() != part.items().size()) {
                throw new KvException(
                        ErrorCode.INTERNAL,
                        "partition " + part.partition() + " answered for " + results.size() + " keys in place of "
                                + part.items().size());
            }
            Function<R, R> global = turn.apply(versions.get(part.partition()));
            for (int j = 0; j < results.size(); j++) {
                all.set(part.places().get(j), global.apply(results.get(j)));
            }
        }
        return all.stream().map(result -> requireNonNull(result)).toList();
    }

    private static @Nullable KvException tooManyKeys(List<Key> keys) {
        return keys.size() <= Limits.MAX_BULK_GET_KEYS
                ? null
                : new KvException(
                        ErrorCode.TOO_LARGE,
                        keys.size() + " keys (expected: at most " + Limits.MAX_BULK_GET_KEYS + ")");
    }

    /** What is asked of a partition about some of its keys. */
    private interface BulkRead<R> {
        CompletableFuture<List<R>> of(KvStore store, List<Key> keys, ReadOptions options);
    }

    private <R> CompletableFuture<List<R>> readAll(
            NamespaceId namespace,
            List<Key> keys,
            ReadOptions options,
            BulkRead<R> read,
            Function<ShardVersions, Function<R, R>> turn,
            Function<List<Gathered.Outcome<List<R>>>, @Nullable KvException> failure) {
        requireNonNull(namespace, "namespace");
        requireNonNull(options, "options");
        List<Key> asked = List.copyOf(keys);
        checkOpen();
        KvException refusal = tooManyKeys(asked);
        if (refusal != null) {
            return CompletableFuture.failedFuture(refusal);
        }
        return askAll(
                namespace,
                split(namespace, asked, key -> key),
                part -> store -> read.of(
                        store, part.items(), versions.get(part.partition()).local(options, store)),
                turn,
                failure);
    }

    @Override
    public CompletableFuture<List<GetResult>> getAll(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        return readAll(
                namespace,
                keys,
                options,
                (store, some, read) -> store.getAll(namespace, some, read),
                shard -> shard::global,
                ShardedStore::failureOfReads);
    }

    /** Each part kept the limit by itself; together they must keep it too. */
    private static @Nullable KvException failureOfReads(List<Gathered.Outcome<List<GetResult>>> outcomes) {
        KvException failure = Gathered.firstFailure(outcomes);
        if (failure != null) {
            return failure;
        }
        long bytes = 0;
        for (Gathered.Outcome<List<GetResult>> outcome : outcomes) {
            for (GetResult result : requireNonNull(outcome.result())) {
                bytes += result instanceof GetResult.Found found ? found.length() : 0;
            }
        }
        return bytes <= Limits.MAX_BULK_GET_BYTES
                ? null
                : new KvException(
                        ErrorCode.TOO_LARGE,
                        "the values are more than " + Limits.MAX_BULK_GET_BYTES
                                + " bytes together (expected: fewer keys)");
    }

    @Override
    public CompletableFuture<List<Long>> versions(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        return readAll(
                namespace,
                keys,
                options,
                (store, some, read) -> store.versions(namespace, some, read),
                shard -> shard::global,
                Gathered::firstFailure);
    }

    /** Checks the limits of all mutations together, before one of them is sent. */
    private static @Nullable KvException tooLarge(List<Mutation> mutations) {
        long bytes = 0;
        for (Mutation mutation : mutations) {
            if (mutation instanceof Mutation.Put put) {
                try {
                    Value.checkLength(put.value().length());
                } catch (KvException e) {
                    return e;
                }
            }
            bytes += mutation.sizeBytes();
        }
        return mutations.size() <= Limits.MAX_BATCH_OPERATIONS && bytes <= Limits.MAX_BATCH_BYTES
                ? null
                : new KvException(
                        ErrorCode.TOO_LARGE,
                        mutations.size() + " operations of " + bytes + " bytes (expected: at most "
                                + Limits.MAX_BATCH_OPERATIONS + " of " + Limits.MAX_BATCH_BYTES + " bytes)");
    }

    @Override
    public CompletableFuture<List<WriteResult>> writeAll(
            NamespaceId namespace, List<Mutation> mutations, WriteOptions options) {
        requireNonNull(namespace, "namespace");
        requireNonNull(options, "options");
        List<Mutation> all = List.copyOf(mutations);
        checkOpen();
        KvException refusal = tooLarge(all);
        if (refusal != null) {
            return CompletableFuture.failedFuture(refusal);
        }
        return askAll(
                namespace,
                split(namespace, all, Mutation::key),
                part -> {
                    List<Mutation> local = versions.get(part.partition()).local(part.items());
                    return store -> store.writeAll(namespace, local, options);
                },
                shard -> shard::global,
                ShardedStore::failureOfChanges);
    }

    /**
     * Returns what changes of several partitions fail with. A failure that says "nothing has happened, come again" is true of its own partition alone: who came again after it would do what
     * other partitions have done already.
     */
    private static <T extends @Nullable Object> @Nullable KvException failureOfChanges(
            List<Gathered.Outcome<T>> outcomes) {
        KvException failure = null;
        boolean done = false;
        for (Gathered.Outcome<T> outcome : outcomes) {
            KvException here = outcome.failure();
            done |= here == null || here.code().applied() == ErrorCode.Applied.UNKNOWN;
            if (here != null && (failure == null || here.code().applied() == ErrorCode.Applied.UNKNOWN)) {
                failure = here;
            }
        }
        return failure != null && done && failure.code().retry() == ErrorCode.Retry.AFTER_DELAY
                ? new KvException(
                        ErrorCode.OUTCOME_UNKNOWN,
                        "a part of the changes happened, and a part did not: " + failure.getMessage(),
                        failure)
                : failure;
    }

    @Override
    public CompletableFuture<BatchResult> batch(NamespaceId namespace, List<Mutation> mutations, WriteOptions options) {
        requireNonNull(namespace, "namespace");
        requireNonNull(options, "options");
        List<Mutation> all = List.copyOf(mutations);
        checkOpen();
        KvException refusal = tooLarge(all);
        if (refusal != null) {
            return CompletableFuture.failedFuture(refusal);
        }
        int partition = all.isEmpty() ? 0 : partitionOf(namespace, all.get(0).key());
        for (Mutation mutation : all) {
            if (partitionOf(namespace, mutation.key()) != partition) {
                return CompletableFuture.failedFuture(new KvException(
                        ErrorCode.INVALID_REQUEST,
                        "the keys '" + all.get(0).key().toDisplayString() + "' and '"
                                + mutation.key().toDisplayString()
                                + "' of a batch are in different partitions (expected: keys with the same {tag})"));
            }
        }
        ShardVersions shard = versions.get(partition);
        List<Mutation> local = shard.local(all);
        return turned(ask(partition, namespace, store -> store.batch(namespace, local, options)), shard::global);
    }

    @Override
    public CompletableFuture<ListPage> list(NamespaceId namespace, ListOptions list, ReadOptions options) {
        requireNonNull(namespace, "namespace");
        requireNonNull(list, "list");
        requireNonNull(options, "options");
        checkOpen();
        return new ShardedList(
                        partitions.size(),
                        list,
                        options,
                        (partition, page, read) -> ask(
                                partition,
                                namespace,
                                store -> store.list(
                                        namespace, page, versions.get(partition).local(read, store))),
                        versions)
                .page();
    }

    // Feeds and positions

    @Override
    public Flow.Publisher<FeedEvent> watch(FeedRequest request) {
        requireNonNull(request, "request");
        checkOpen();
        return subscriber -> {
            checkOpen();
            feeds.subscribe(request, requireNonNull(subscriber, "subscriber"));
        };
    }

    @Override
    public Position positionOf(long version) {
        checkOpen();
        if (version < 0) {
            throw new IllegalArgumentException("version: " + version + " (expected: 0 or more)");
        }
        int partition = ShardVersions.partitionOf(version, partitions.size());
        Position local = partitions.get(partition).positionOf(ShardVersions.local(version, partitions.size()));
        return versions.get(partition).position(local);
    }

    @Override
    public KvAdmin admin() {
        checkOpen();
        return admin;
    }

    @Override
    public @Nullable DirectReader directReader() {
        checkOpen();
        List<@Nullable DirectReader> readers = new ArrayList<>();
        boolean any = false;
        for (KvStore partition : partitions) {
            DirectReader reader = partition.directReader();
            readers.add(reader);
            any |= reader != null;
        }
        return any ? (namespace, key, visitor) -> readDirectly(readers, namespace, key, visitor) : null;
    }

    private DirectReader.Outcome readDirectly(
            List<@Nullable DirectReader> readers, NamespaceId namespace, ByteBuffer key, DirectReader.Visitor visitor) {
        requireNonNull(visitor, "visitor");
        checkOpen();
        int partition = placement.partitionOf(namespace, key);
        DirectReader reader = readers.get(partition);
        if (reader == null) {
            return DirectReader.Outcome.ELSEWHERE;
        }
        try {
            return reader.read(namespace, key, versions.get(partition).global(visitor));
        } catch (KvException e) {
            if (e.code() == ErrorCode.NOT_FOUND) {
                return DirectReader.Outcome.ELSEWHERE; // The slow way asks the catalogue.
            }
            throw e;
        }
    }

    @Override
    public void close() {
        closed = true;
        feeds.close();
        closer.run();
        feeds.awaitEnd();
    }

    /** An upload to a partition, in the versions of the outside. */
    private final class Upload implements ValueWriter {
        private final ValueWriter writer;
        private final ShardVersions shard;

        Upload(ValueWriter writer, ShardVersions shard) {
            this.writer = writer;
            this.shard = shard;
        }

        @Override
        public CompletableFuture<Void> write(ByteBuffer piece) {
            checkOpen();
            return writer.write(piece);
        }

        @Override
        public CompletableFuture<WriteResult> commit() {
            checkOpen();
            return turned(writer.commit(), shard::global);
        }

        @Override
        public CompletableFuture<WriteResult> commit(PutOptions options) {
            checkOpen();
            return turned(writer.commit(shard.local(options)), shard::global);
        }

        @Override
        public void close() {
            writer.close();
        }
    }

    /** The catalogue is the affair of the store that keeps it, except that what is deleted must go everywhere. */
    private final class Admin implements KvAdmin {
        private KvAdmin meta() {
            checkOpen();
            return shards.meta().admin();
        }

        @Override
        public CompletableFuture<List<AccountInfo>> accounts() {
            return meta().accounts();
        }

        @Override
        public CompletableFuture<AccountInfo> createAccount(String name) {
            return meta().createAccount(name);
        }

        @Override
        public CompletableFuture<List<NamespaceInfo>> namespaces(AccountId account) {
            return meta().namespaces(account);
        }

        @Override
        public CompletableFuture<NamespaceInfo> namespace(NamespaceId namespace) {
            return meta().namespace(namespace);
        }

        @Override
        public CompletableFuture<NamespaceInfo> namespace(AccountId account, String title) {
            return meta().namespace(account, title);
        }

        @Override
        public CompletableFuture<NamespaceInfo> createNamespace(AccountId account, String title) {
            return meta().createNamespace(account, title);
        }

        @Override
        public CompletableFuture<NamespaceInfo> renameNamespace(NamespaceId namespace, String title) {
            return meta().renameNamespace(namespace, title);
        }

        /** First where it counts: from then on no partition learns of it again. */
        @Override
        public CompletableFuture<Void> deleteNamespace(NamespaceId namespace) {
            requireNonNull(namespace, "namespace");
            Chained<Void> chain = new Chained<>();
            chain.follow(meta().deleteNamespace(namespace), (nothing, failure) -> {
                if (failure != null && failure.code() != ErrorCode.NOT_FOUND) {
                    chain.completeExceptionally(failure);
                } else {
                    // Also if there is none any more: a deletion that was cut short is finished by the next one.
                    clean(chain, namespace, failure);
                }
            });
            return chain;
        }

        private void clean(Chained<Void> chain, NamespaceId namespace, @Nullable KvException unknown) {
            List<CompletableFuture<Void>> deletions = new ArrayList<>();
            for (KvStore partition : partitions) {
                Chained<Void> deletion = new Chained<>();
                deletion.follow(
                        later(() -> partition.admin().deleteNamespace(namespace)),
                        (nothing, failure) -> deletion.finish(
                                null, failure != null && failure.code() == ErrorCode.NOT_FOUND ? null : failure));
                deletions.add(deletion);
            }
            if (unknown == null) {
                deletions.add(CompletableFuture.completedFuture(null)); // Stands for the catalogue: that part is done.
            }
            chain.follow(Gathered.of(deletions), (outcomes, cancelled) -> {
                KvException failure = outcomes == null ? cancelled : failureOfChanges(outcomes);
                chain.finish(null, failure != null ? failure : unknown);
            });
        }

        @Override
        public CompletableFuture<BackupInfo> backup() {
            return meta().backup();
        }

        @Override
        public CompletableFuture<Value> ask(Value question) {
            return meta().ask(question);
        }
    }
}
