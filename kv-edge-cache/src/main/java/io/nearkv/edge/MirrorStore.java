package io.nearkv.edge;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.BatchResult;
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
import io.nearkv.core.OrderedStorage;
import io.nearkv.core.Origin;
import io.nearkv.core.Position;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.ValueWriter;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.WriteResult;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * A tier that holds a full copy of chosen namespaces on disk, and follows the change feed of the tier above: it answers gets and listings by itself, also after a restart, also while
 * nobody upstream can be asked. Put an {@link EdgeCache} over it to have the hot entries in memory too.
 *
 * <p>What may answer a read: the copy is as old as the last time that the feed has said there is nothing else. With this age the rules of {@link EdgeCache} hold: {@code EVENTUAL} within
 * {@code cacheTtl}, and within {@code staleIfError} more while nobody upstream answers, marked {@link Origin.Source#STALE}; {@code BOUNDED} within its bound; {@code SESSION} once the feed
 * has passed the position of the session; {@code STRONG} never. A key that has changed is asked for upstream until its new value is here, and so is a listing that it could be on;
 * so is everything of a namespace until its first copy is complete, and after a gap of the feed until it has been compared.
 *
 * <p>Thread-safe. No call blocks, but {@link #close} and opening.
 */
public final class MirrorStore implements KvStore {
    /** A stale answer at the end of a caller's patience would come too late for the caller. */
    private static final Duration STALE_PATIENCE = Duration.ofMillis(500);

    private final KvStore upstream;
    private final Freshness freshness;
    private final Freshness.Time time;
    private final ScheduledThreadPoolExecutor timer;
    private final MirrorDisk disk;
    private final Follower follower;
    private final FeedRelay relay;
    private final MirrorCopy copy;
    private final Circuit circuit;
    private final EdgeAdmin admin;
    private final AtomicBoolean closed = new AtomicBoolean();
    private final LongAdder answers = new LongAdder();
    private final LongAdder passedOn = new LongAdder();
    private final LongAdder stale = new LongAdder();

    private MirrorStore(
            KvStore upstream, OrderedStorage storage, @Nullable Set<NamespaceId> namespaces, EdgeOptions options) {
        this.upstream = upstream;
        this.freshness = new Freshness(options);
        this.time = new Freshness.Time(options.clock, options.ticker);
        this.timer = new ScheduledThreadPoolExecutor(1, task -> {
            Thread made = new Thread(task, "nearkv-mirror-timer");
            made.setDaemon(true);
            return made;
        });
        timer.setRemoveOnCancelPolicy(true);
        this.disk = new MirrorDisk(storage, time);
        Follower follows = new Follower(upstream, options, time, timer, new FeedSink());
        this.follower = follows;
        this.relay = new FeedRelay(
                upstream, options, this::namespace, () -> follows.state() == Follower.State.FOLLOWING, time);
        this.copy = new MirrorCopy(upstream, this::namespace, disk, namespaces, options, follows, time, timer);
        this.circuit = new Circuit(time::nanos);
        this.admin = new EdgeAdmin(upstream.admin(), false, time, disk, circuit::peek, copy::deleted, relay);
    }

    /** Returns a mirror of some namespaces with the default settings; takes both over, that is, closes them in the end. */
    public static MirrorStore of(KvStore upstream, OrderedStorage storage, Set<NamespaceId> namespaces) {
        return open(upstream, storage, namespaces, EdgeOptions.DEFAULT);
    }

    /** Returns a mirror of everything with the default settings; takes both over, that is, closes them in the end. */
    public static MirrorStore ofAll(KvStore upstream, OrderedStorage storage) {
        return open(upstream, storage, null, EdgeOptions.DEFAULT);
    }

    /**
     * Returns a mirror; takes upstream and storage over, that is, closes them in the end.
     *
     * @param namespaces what to copy; null for everything
     * @param options its times and clocks; what it says of memory, disk, values and coherence is of no meaning here
     */
    public static MirrorStore open(
            KvStore upstream, OrderedStorage storage, @Nullable Set<NamespaceId> namespaces, EdgeOptions options) {
        MirrorStore mirror = new MirrorStore(
                requireNonNull(upstream, "upstream"),
                requireNonNull(storage, "storage"),
                namespaces == null ? null : Set.copyOf(namespaces),
                requireNonNull(options, "options"));
        mirror.start();
        return mirror;
    }

    private void start() {
        Boolean done = disk.read(() -> {
                    MirrorDisk.Saved saved = disk.saved();
                    disk.forEachInCatalogue(admin::recall);
                    if (saved != null) {
                        long ageMillis = Math.max(0, time.millis() - saved.millis());
                        long nanos = ageMillis > TimeUnit.DAYS.toMillis(365)
                                ? Follower.longAgo(time)
                                : time.nanos() - TimeUnit.MILLISECONDS.toNanos(ageMillis);
                        follower.resume(saved.generation(), saved.position(), nanos);
                        copy.resume(saved, disk.allProgress());
                    }
                    return true;
                })
                .join();
        if (done == null) {
            throw new KvException(ErrorCode.INTERNAL, "the disk of the mirror cannot be read");
        }
        follower.start();
    }

    /** Takes in the feed. */
    private final class FeedSink implements Follower.Sink {
        @Override
        public void changed(FeedEvent.Change change) {
            Key key = change.key();
            if (key == null) {
                admin.deleted(change.namespace());
                copy.deleted(change.namespace());
            } else {
                copy.changed(
                        change.namespace(),
                        key,
                        change.version(),
                        change.position().lineage());
            }
        }

        @Override
        public void passed(FeedEvent.Change change) {
            relay.changed(change);
        }

        @Override
        public void lost(KvException reason) {
            circuit.failed(reason);
        }

        @Override
        public void current(Position position) {
            circuit.answered();
            copy.current();
            relay.current(position);
        }

        @Override
        public void restarted(long generation) {
            copy.restarted();
            Position position = follower.position();
            if (position != null) {
                relay.restarted(position);
            }
        }
    }

    private CompletableFuture<NamespaceInfo> namespace(NamespaceId namespace) {
        return admin.namespace(namespace);
    }

    private void checkOpen() {
        if (closed.get()) {
            throw new IllegalStateException("the mirror is closed");
        }
    }

    // ---- reads ----

    /** Reads the copy; on the thread of the disk. */
    private interface Here<T> {
        @Nullable
        T read(Origin origin);
    }

    /**
     * One read. The order of the questions to the copy is what makes it right: how far the feed is, then the marks, then whether the copy is complete, and then the disk. What a
     * later one says holds of everything that the earlier ones have seen.
     */
    private <T> CompletableFuture<T> read(
            NamespaceId namespace,
            ReadOptions read,
            BooleanSupplier isDirty,
            LongSupplier inStepNanos,
            Here<T> here,
            Supplier<CompletableFuture<T>> above) {
        requireNonNull(namespace, "namespace");
        checkOpen();
        long now = time.nanos();
        if (!freshness.mayCopyAnswer(read, follower, now) || isDirty.getAsBoolean() || !copy.isComplete(namespace)) {
            return ask(namespace, read, inStepNanos, here, above);
        }
        Origin origin = Origin.of(Origin.Source.DISK, Duration.ofNanos(Math.max(0, now - follower.currentNanos())));
        CompletableFuture<T> answer = new CompletableFuture<>();
        Completion.of(disk.read(() -> here.read(origin)), (found, refusal) -> {
            if (refusal != null) {
                answer.completeExceptionally(KvException.from(refusal));
                return;
            }
            if (found != null) {
                answers.increment();
                answer.complete(found);
                return;
            }
            try {
                Completion.pass(ask(namespace, read, inStepNanos, here, above), answer);
            } catch (RuntimeException e) {
                answer.completeExceptionally(new KvException(ErrorCode.UNAVAILABLE, "the mirror is closing", e));
            }
        });
        return answer;
    }

    /** Asks upstream, and if nobody answers the copy. */
    private <T> CompletableFuture<T> ask(
            NamespaceId namespace,
            ReadOptions read,
            LongSupplier inStepNanos,
            Here<T> here,
            Supplier<CompletableFuture<T>> above) {
        passedOn.increment();
        long age = Math.max(0, time.nanos() - inStepNanos.getAsLong());
        boolean mayBeStale = copy.wasComplete(namespace) && freshness.mayCopyAnswerStale(read, age);
        if (!mayBeStale) {
            return above.get();
        }
        CompletableFuture<T> answer = new CompletableFuture<>();
        Runnable old = () -> Completion.of(
                disk.read(() -> here.read(Origin.of(Origin.Source.STALE, Duration.ofNanos(age)))), (found, never) -> {
                    if (found != null && answer.complete(found)) {
                        stale.increment();
                    }
                });
        KvException refusal = circuit.refusal();
        CompletableFuture<T> asked;
        try {
            asked = refusal == null ? above.get() : CompletableFuture.failedFuture(refusal);
        } catch (RuntimeException e) {
            circuit.notAsked();
            throw e;
        }
        if (!asked.isDone()) {
            Duration half = read.timeout().dividedBy(2);
            Duration patience = half.compareTo(STALE_PATIENCE) < 0 ? half : STALE_PATIENCE;
            try {
                var alarm = timer.schedule(old, patience.toNanos(), TimeUnit.NANOSECONDS);
                Completion.of(answer, (result, failure) -> alarm.cancel(false));
            } catch (RejectedExecutionException e) {
                answer.completeExceptionally(new KvException(ErrorCode.UNAVAILABLE, "the mirror is closing"));
            }
        }
        Completion.of(asked, (result, failure) -> {
            if (failure == null) {
                circuit.answered();
                if (!answer.complete(result) && result instanceof OpenResult.Opened unread) {
                    unread.reader().close();
                }
                return;
            }
            KvException reason = KvException.from(failure);
            boolean silence = reason.code() == ErrorCode.UNAVAILABLE || reason.code() == ErrorCode.DEADLINE_EXCEEDED;
            if (refusal == null) {
                circuit.failed(reason);
            }
            if (!silence) {
                answer.completeExceptionally(reason);
                return;
            }
            Completion.of(
                    disk.read(() -> here.read(Origin.of(Origin.Source.STALE, Duration.ofNanos(age)))),
                    (found, refused) -> {
                        if (found == null) {
                            answer.completeExceptionally(refused == null ? reason : KvException.from(refused));
                        } else if (answer.complete(found)) {
                            stale.increment();
                        }
                    });
        });
        return answer;
    }

    /** Returns a result that says where it comes from; of a key that is not there, how far this tier is. */
    private GetResult from(GetResult result, Origin origin) {
        if (result instanceof GetResult.Found found) {
            return found.withOrigin(origin);
        }
        Position position = follower.position();
        return GetResult.Missing.of(
                position == null || position.versions().size() != 1 || origin.source() == Origin.Source.STALE
                        ? 0
                        : position.version(),
                origin);
    }

    /** Returns whether a session has to be told how far the partition of a key is, which nobody here knows of a key that is not there. */
    private boolean mustTellPartition(ReadOptions read, List<GetResult> results) {
        Position position = follower.position();
        return read.after() != null
                && position != null
                && position.versions().size() > 1
                && results.stream().anyMatch(result -> result instanceof GetResult.Missing);
    }

    @Override
    public CompletableFuture<GetResult> get(NamespaceId namespace, Key key, ReadOptions options) {
        List<Key> keys = List.of(key);
        return read(
                namespace,
                options,
                () -> copy.isDirty(namespace, keys),
                () -> copy.inStepNanos(namespace, keys),
                here(namespace, keys, options, results -> results.get(0)),
                () -> upstream.get(namespace, key, options));
    }

    private interface Shape<T> {
        T of(List<GetResult> results);
    }

    private <T> Here<T> here(NamespaceId namespace, List<Key> keys, ReadOptions read, Shape<T> shape) {
        return origin -> {
            List<GetResult> results = disk.get(namespace, keys);
            return results == null || mustTellPartition(read, results)
                    ? null
                    : shape.of(
                            results.stream().map(result -> from(result, origin)).toList());
        };
    }

    @Override
    public CompletableFuture<List<GetResult>> getAll(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        List<Key> asked = List.copyOf(keys);
        if (asked.isEmpty() || asked.size() > Limits.MAX_BULK_GET_KEYS) {
            checkOpen();
            return upstream.getAll(namespace, asked, options); // Which says what is wrong with it.
        }
        return read(
                namespace,
                options,
                () -> copy.isDirty(namespace, asked),
                () -> copy.inStepNanos(namespace, asked),
                here(namespace, asked, options, results -> results),
                () -> upstream.getAll(namespace, asked, options));
    }

    @Override
    public CompletableFuture<List<Long>> versions(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        List<Key> asked = List.copyOf(keys);
        if (asked.isEmpty() || asked.size() > Limits.MAX_BULK_GET_KEYS) {
            checkOpen();
            return upstream.versions(namespace, asked, options);
        }
        return read(
                namespace,
                // A stale version would be taken for a promise; there is no mark on it.
                options.withStaleIfError(Duration.ZERO),
                () -> copy.isDirty(namespace, asked),
                () -> copy.inStepNanos(namespace, asked),
                origin -> disk.versions(namespace, asked),
                () -> upstream.versions(namespace, asked, options));
    }

    @Override
    public CompletableFuture<OpenResult> open(NamespaceId namespace, Key key, ReadOptions options) {
        List<Key> keys = List.of(key);
        return read(
                namespace,
                options,
                () -> copy.isDirty(namespace, keys),
                () -> copy.inStepNanos(namespace, keys),
                here(namespace, keys, options, results -> OpenResult.of(results.get(0))),
                () -> upstream.open(namespace, key, options));
    }

    @Override
    public CompletableFuture<ListPage> list(NamespaceId namespace, ListOptions list, ReadOptions options) {
        byte[] prefix = list.prefix().getBytes(StandardCharsets.UTF_8);
        return read(
                namespace,
                options,
                () -> copy.isDirty(namespace, prefix),
                () -> copy.inStepNanos(namespace),
                origin -> disk.list(namespace, list),
                () -> upstream.list(namespace, list, options));
    }

    // ---- writes ----

    /**
     * Sends a write upstream, and marks its keys before the caller learns what came of it: who has written reads nothing older from here.
     *
     * @param versions tells the versions of the keys, in their order; 0 for what has not changed
     */
    private <T> CompletableFuture<T> through(
            NamespaceId namespace, List<Key> keys, Supplier<CompletableFuture<T>> write, Function<T, long[]> versions) {
        requireNonNull(namespace, "namespace");
        checkOpen();
        Position before = follower.position();
        FeedRing history = relay.history();
        return write.get().whenComplete((result, failure) -> {
            if (failure != null) {
                return;
            }
            // A write is of the history that was heard of before it. If none was, it is of the first.
            Position position = before == null ? follower.position() : before;
            long lineage = position == null ? 0 : position.lineage();
            long[] told = versions.apply(result);
            relay.told(history, LongStream.of(told));
            for (int i = 0; i < told.length; i++) {
                if (told[i] > 0) {
                    copy.changed(namespace, keys.get(i), told[i], lineage);
                }
            }
        });
    }

    private static long[] toldBy(WriteResult result) {
        return new long[] {versionOf(result)};
    }

    private static long versionOf(WriteResult result) {
        return result instanceof WriteResult.Applied applied ? applied.version() : 0;
    }

    private static List<Key> keys(List<Mutation> mutations) {
        return mutations.stream().map(Mutation::key).toList();
    }

    @Override
    public CompletableFuture<WriteResult> write(NamespaceId namespace, Mutation mutation, WriteOptions options) {
        return through(
                namespace,
                List.of(mutation.key()),
                () -> upstream.write(namespace, mutation, options),
                MirrorStore::toldBy);
    }

    @Override
    public CompletableFuture<List<WriteResult>> writeAll(
            NamespaceId namespace, List<Mutation> mutations, WriteOptions options) {
        List<Mutation> all = List.copyOf(mutations);
        return through(
                namespace,
                keys(all),
                () -> upstream.writeAll(namespace, all, options),
                results -> results.stream().mapToLong(MirrorStore::versionOf).toArray());
    }

    @Override
    public CompletableFuture<BatchResult> batch(NamespaceId namespace, List<Mutation> mutations, WriteOptions options) {
        List<Mutation> all = List.copyOf(mutations);
        return through(namespace, keys(all), () -> upstream.batch(namespace, all, options), result -> {
            long[] versions = new long[all.size()];
            if (result instanceof BatchResult.Applied applied) {
                for (int i = 0; i < versions.length; i++) {
                    versions[i] = applied.version(i, versions.length);
                }
            }
            return versions;
        });
    }

    @Override
    public CompletableFuture<ValueWriter> upload(NamespaceId namespace, Key key, PutOptions put, WriteOptions options) {
        checkOpen();
        CompletableFuture<ValueWriter> begun = new CompletableFuture<>();
        Completion.of(upstream.upload(namespace, key, put, options), (writer, failure) -> {
            if (writer == null) {
                begun.completeExceptionally(failure == null ? new IllegalStateException("no answer") : failure);
            } else if (!begun.complete(new Upload(namespace, key, writer))) {
                writer.close();
            }
        });
        return begun;
    }

    private final class Upload implements ValueWriter {
        private final NamespaceId namespace;
        private final Key key;
        private final ValueWriter above;

        Upload(NamespaceId namespace, Key key, ValueWriter above) {
            this.namespace = namespace;
            this.key = key;
            this.above = above;
        }

        @Override
        public CompletableFuture<Void> write(ByteBuffer piece) {
            return above.write(piece);
        }

        @Override
        public CompletableFuture<WriteResult> commit() {
            return through(namespace, List.of(key), above::commit, MirrorStore::toldBy);
        }

        @Override
        public CompletableFuture<WriteResult> commit(PutOptions late) {
            return through(namespace, List.of(key), () -> above.commit(late), MirrorStore::toldBy);
        }

        @Override
        public void close() {
            above.close();
        }
    }

    // ---- the rest ----

    @Override
    public Flow.Publisher<FeedEvent> watch(FeedRequest request) {
        requireNonNull(request, "request");
        checkOpen();
        return relay.watch(request);
    }

    @Override
    public Position positionOf(long version) {
        checkOpen();
        Position position = follower.position();
        return position == null
                ? upstream.positionOf(version)
                : Position.of(position.lineage(), version, position.versions().size());
    }

    @Override
    public KvAdmin admin() {
        return admin;
    }

    /** Returns what the mirror has done, and how far its copy is. */
    public MirrorStats stats() {
        KvException failure = follower.failure();
        Position position = follower.position();
        long age = (time.nanos() - follower.currentNanos()) / 1_000_000;
        return new MirrorStats(
                answers.sum(),
                passedOn.sum(),
                stale.sum(),
                copy.namespaces(),
                copy.completeNamespaces(),
                copy.fetched(),
                copy.dirtyKeys(),
                disk.bytes(),
                disk.drops(),
                follower.state().name().toLowerCase(Locale.ROOT),
                failure == null ? null : failure.getMessage(),
                follower.generation(),
                position == null ? null : position.toString(),
                age > TimeUnit.DAYS.toMillis(300) ? -1 : age,
                relay.subscribers());
    }

    /** Stops following the feed, closes the tier above, and brings the disk to an orderly end. Idempotent. */
    @Override
    public void close() {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        follower.close();
        relay.close();
        timer.shutdownNow();
        upstream.close();
        boolean unused = disk.execute(copy::save);
        disk.close();
    }
}
