package io.nearkv.edge;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.BatchResult;
import io.nearkv.core.DirectReader;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.Kv;
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
import io.nearkv.core.Origin;
import io.nearkv.core.Position;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.ReadOptions.Consistency;
import io.nearkv.core.ValueReader;
import io.nearkv.core.ValueWriter;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.WriteResult;
import io.nearkv.core.route.BuildChoice;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * A tier that caches another one: reads are answered where they are asked, writes go through, and the change feed of the tier above takes away what has changed. On an edge node it stands
 * between the server and the client of the core; in an application it is the near cache, in one line:
 *
 * <pre>{@code
 * try (Kv kv = EdgeCache.over(KvClient.connect("kv://core:7400", token))) { ... }
 * }</pre>
 *
 * <p>What may answer a read (docs/edge.md has the reasons):
 *
 * <ul>
 *   <li>{@code EVENTUAL}: a copy that somebody upstream has vouched for within the {@code cacheTtl} of the read. While the feed is connected a change takes the copy away within
 *       milliseconds; the time is the bound for when it is not. While nobody upstream answers, for {@code staleIfError} more, marked {@link Origin.Source#STALE};
 *   <li>{@code BOUNDED(d)}: a copy that was vouched for less than d ago, or that is in step with a feed which has said less than d ago that there is nothing newer;
 *   <li>{@code SESSION}: a copy that is in step with the feed, once the feed has passed the position of the session;
 *   <li>{@code STRONG}: none; the owner of the data answers.
 * </ul>
 *
 * An entry is never answered after its expiration. That a key is not there is kept too. After a gap in the feed every copy is suspect until upstream has vouched for its version.
 *
 * <p>Thread-safe. An answer from memory is completed when the call returns; no call blocks.
 */
public final class EdgeCache implements KvStore, BuildChoice {
    /** A stale answer at the end of a caller's patience would come too late for the caller. */
    private static final Duration STALE_PATIENCE = Duration.ofMillis(500);

    /** So far the clock may be behind for a read that says nothing of the age of its copy, whose time is a second or more. */
    private static final long TICK_MILLIS = 10;

    private static final long MIN_TICKED_NANOS = 1_000_000_000;

    private static final Duration POSITION_KEPT_EVERY = Duration.ofSeconds(1);

    private final KvStore upstream;
    private final EdgeOptions options;
    private final Freshness freshness;
    private final Freshness.Time time;
    private final EdgeCounters counters = new EdgeCounters();
    private final EntryTable table;
    private final ScheduledThreadPoolExecutor timer;
    private final @Nullable DiskTier disk;
    private final @Nullable Follower follower;
    private final @Nullable FeedRelay relay;
    private final Freshness.Feed feed;
    private final Loader loader;
    private final ListPages pages;
    private final EdgeAdmin admin;
    private final @Nullable Revalidation revalidation;
    private final AtomicBoolean closed = new AtomicBoolean();
    private volatile long positionKeptNanos;

    private EdgeCache(KvStore upstream, EdgeOptions options) {
        this.upstream = upstream;
        this.options = options;
        this.time = new Freshness.Time(options.clock, options.ticker);
        this.freshness = new Freshness(options);
        this.table = new EntryTable(options.memoryBytes, time);
        this.timer = new ScheduledThreadPoolExecutor(1, task -> {
            Thread made = new Thread(task, "nearkv-edge-timer");
            made.setDaemon(true);
            return made;
        });
        timer.setRemoveOnCancelPolicy(true);
        this.disk = options.disk == null ? null : new DiskTier(options.disk, time);
        this.follower = options.coherent ? null : new Follower(upstream, options, time, timer, new FeedSink());
        this.feed = follower == null ? new NoFeed() : follower;
        Follower follows = follower;
        this.relay = follows == null
                ? null
                : new FeedRelay(
                        upstream, options, this::namespace, () -> follows.state() == Follower.State.FOLLOWING, time);
        this.loader = new Loader(upstream, options, freshness, time, table, feed, disk, counters);
        this.pages = new ListPages(upstream, options, time, feed, counters);
        this.admin = new EdgeAdmin(
                upstream.admin(), options.coherent, time, disk, loader.circuit()::peek, this::forget, relay);
        this.revalidation =
                follower == null ? null : new Revalidation(upstream, options, table, feed, time, timer, counters);
    }

    /** Of a cache that every change goes through: nothing can be missed. */
    private static final class NoFeed implements Freshness.Feed {
        @Override
        public long generation() {
            return 0;
        }

        @Override
        public @Nullable Position position() {
            return null;
        }

        @Override
        public long currentNanos() {
            return 0;
        }
    }

    /** Returns a near cache over a store that an application uses; takes it over, that is, closes it in the end. */
    public static Kv over(Kv kv) {
        return Kv.over(open(kv.store(), EdgeOptions.DEFAULT), kv.account());
    }

    /** Returns a cache over a tier with the default settings; takes the tier over, that is, closes it in the end. */
    public static EdgeCache over(KvStore upstream) {
        return open(upstream, EdgeOptions.DEFAULT);
    }

    /** Returns a cache over a tier; takes the tier over, and the disk that the settings have. */
    public static EdgeCache open(KvStore upstream, EdgeOptions options) {
        EdgeCache cache = new EdgeCache(requireNonNull(upstream, "upstream"), requireNonNull(options, "options"));
        cache.start();
        return cache;
    }

    private void start() {
        Follower follows = follower;
        if (follows != null) {
            DiskTier tier = disk;
            DiskTier.Saved saved = tier == null ? null : tier.saved();
            if (saved != null) {
                // Entries on the disk have times of their own; how old the position is, nobody has to know.
                follows.resume(saved.generation(), saved.position(), Follower.longAgo(time));
            }
            follows.start();
            if (options.ticker == EdgeOptions.SYSTEM_TICKER && Freshness.nanos(options.cacheTtl) >= MIN_TICKED_NANOS) {
                time.tick();
                var unused = timer.scheduleAtFixedRate(time::tick, TICK_MILLIS, TICK_MILLIS, TimeUnit.MILLISECONDS);
            }
        }
    }

    /** Takes in the feed. */
    private final class FeedSink implements Follower.Sink {
        @Override
        public void changed(FeedEvent.Change change) {
            counters.changes.increment();
            Key key = change.key();
            NamespaceId namespace = change.namespace();
            if (key == null) {
                admin.deleted(namespace);
                forget(namespace);
                return;
            }
            CacheKey cached = new CacheKey(namespace, key);
            if (heard(cached, change.version())) {
                counters.invalidations.increment();
            }
            pages.changed(namespace, key);
        }

        @Override
        public void lost(KvException reason) {
            loader.circuit().failed(reason); // Nobody need wait for an answer to find that out.
        }

        @Override
        public void passed(FeedEvent.Change change) {
            FeedRelay serves = relay;
            if (serves != null) {
                serves.changed(change);
            }
        }

        @Override
        public void current(Position position) {
            loader.circuit().answered();
            keepPosition(POSITION_KEPT_EVERY.toNanos());
            FeedRelay serves = relay;
            if (serves != null) {
                serves.current(position);
            }
        }

        @Override
        public void restarted(long generation) {
            keepPosition(0);
            FeedRelay serves = relay;
            Position position = feed.position();
            if (serves != null && position != null) {
                serves.restarted(position);
            }
            Revalidation pass = revalidation;
            if (pass != null) {
                pass.begin(generation);
            }
        }
    }

    private void keepPosition(long afterNanos) {
        DiskTier tier = disk;
        Position position = feed.position();
        long now = time.nanos();
        if (tier != null && position != null && feed.generation() > 0 && now - positionKeptNanos >= afterNanos) {
            positionKeptNanos = now;
            tier.position(feed.generation(), position);
        }
    }

    /** Takes away all that is known of the keys of a namespace. */
    private void forget(NamespaceId namespace) {
        DiskTier tier = disk;
        if (tier != null) {
            tier.removeAll(namespace); // What is loaded from now on is not from the disk,
        }
        table.forget(namespace);
        pages.changed(namespace, null);
        if (tier != null) {
            tier.removeAll(namespace); // and what was on its way to the disk is gone.
        }
    }

    private CompletableFuture<NamespaceInfo> namespace(NamespaceId namespace) {
        return admin.namespace(namespace);
    }

    private void checkOpen() {
        if (closed.get()) {
            throw new IllegalStateException("the cache is closed");
        }
    }

    // ---- reads ----

    @Override
    public CompletableFuture<GetResult> get(NamespaceId namespace, Key key, ReadOptions options) {
        Entry entry = hit(namespace, key, options);
        if (entry != null) {
            return answer(entry, options);
        }
        if (isStrong(options)) {
            return upstream.get(namespace, key, options).whenComplete((result, failure) -> {
                if (result instanceof GetResult.Found found) {
                    boolean unused = heard(new CacheKey(namespace, key), found.version());
                }
            });
        }
        Load load = miss(namespace, key, options);
        CompletableFuture<GetResult> answer = new CompletableFuture<>();
        await(load, options, answer, (outcome, none) -> {
            GetResult result = outcome.result();
            if (result != null) {
                answer.complete(result);
                return;
            }
            ValueReader reader = outcome.takeReader();
            if (reader != null) {
                Completion.pass(Loader.readAll(reader), answer);
            } else {
                Completion.pass(upstream.get(namespace, key, options), answer);
            }
        });
        return answer;
    }

    /** Returns the entry that may answer, or null. */
    private @Nullable Entry hit(NamespaceId namespace, Key key, ReadOptions read) {
        requireNonNull(namespace, "namespace");
        requireNonNull(read, "options");
        checkOpen();
        Entry entry = table.find(namespace, key);
        return entry == null || !mayAnswer(entry, read) ? null : entry;
    }

    private boolean mayAnswer(Entry entry, ReadOptions read) {
        if (entry.isExpired()) {
            return false;
        }
        if (options.coherent) {
            counters.memoryHits.increment();
            return true;
        }
        // To within a tick for those who say nothing; exactly for those who do.
        boolean usual = read.consistency() == Consistency.EVENTUAL && read.cacheTtl() == null;
        long now = usual ? time.recentNanos() : time.nanos();
        long age = Math.max(0, now - entry.vouchedNanos());
        if (!freshness.mayAnswer(entry, age, read, feed, now)) {
            return false;
        }
        counters.memoryHits.increment();
        if (freshness.isDueForRefresh(age, read) && entry.beginRefresh()) {
            refresh(entry, read);
        }
        return true;
    }

    private CompletableFuture<GetResult> answer(Entry entry, ReadOptions read) {
        if (entry.isMissing() && read.after() != null) {
            return CompletableFuture.completedFuture(missing(entry));
        }
        return entry.answer;
    }

    /** Returns an answer "not there" that tells a session how far this tier is. */
    private GetResult missing(Entry entry) {
        Position position = feed.position();
        long asOf = ((GetResult.Missing) entry.result).asOf();
        if (position == null || !Freshness.tellsPartition(asOf, position)) {
            return entry.result;
        }
        int partitions = position.versions().size();
        int partition = (int) (asOf % partitions);
        return GetResult.Missing.of(position.versions().get(partition) * partitions + partition, entry);
    }

    private boolean isStrong(ReadOptions read) {
        return read.consistency() == Consistency.STRONG && !options.coherent;
    }

    /** Asks for a newer one, while the old one is still good enough: who reads it often never waits. */
    private void refresh(Entry entry, ReadOptions read) {
        counters.refreshes.increment();
        ReadOptions asked = new ReadOptions(
                Consistency.EVENTUAL, Duration.ZERO, null, options.upstreamTimeout, Duration.ZERO, read.staleIfError());
        Completion.of(loader.load(entry.key, asked, entry).outcome, (outcome, failure) -> entry.endRefresh());
    }

    private Load miss(NamespaceId namespace, Key key, ReadOptions read) {
        counters.misses.increment();
        Entry before = table.find(namespace, key);
        return loader.load(new CacheKey(namespace, key), read, before);
    }

    /** Waits for a load, as long as the caller does; and where it fails, or takes long, answers with what is too old, if the read takes that. */
    private void await(
            Load load,
            ReadOptions read,
            CompletableFuture<GetResult> answer,
            BiConsumer<Load.Outcome, @Nullable Void> then) {
        long joinedNanos = time.nanos();
        if (!load.outcome.isDone()) {
            ScheduledFuture<?> alarm = alarm(load, read, answer);
            Completion.of(answer, (result, failure) -> {
                if (alarm != null) {
                    alarm.cancel(false);
                }
            });
        }
        Completion.of(load.outcome, (outcome, failure) -> {
            if (answer.isDone()) {
                return;
            }
            if (outcome != null) {
                try {
                    if (isTooOld(outcome, read, joinedNanos)) {
                        // Who came later to a load under way wants nothing so old.
                        Completion.pass(upstream.get(load.key.namespace, load.key.key, read), answer);
                    } else {
                        then.accept(outcome, null);
                    }
                } catch (RuntimeException e) {
                    answer.completeExceptionally(e);
                }
                return;
            }
            KvException reason = KvException.from(requireNonNull(failure, "failure"));
            if (!answerStale(load, read, answer, reason)) {
                answer.completeExceptionally(reason);
            }
        });
    }

    private boolean isTooOld(Load.Outcome outcome, ReadOptions read, long joinedNanos) {
        return read.consistency() == Consistency.BOUNDED
                && !options.coherent
                && joinedNanos - outcome.vouchedNanos() > Freshness.nanos(read.maxStaleness());
    }

    private @Nullable ScheduledFuture<?> alarm(Load load, ReadOptions read, CompletableFuture<GetResult> answer) {
        Entry fallback = load.fallback;
        Duration patience = read.timeout();
        if (fallback != null && freshness.mayAnswerStale(fallback, read)) {
            Duration half = patience.dividedBy(2);
            patience = half.compareTo(STALE_PATIENCE) < 0 ? half : STALE_PATIENCE;
        }
        KvException late =
                new KvException(ErrorCode.DEADLINE_EXCEEDED, "upstream has not answered within " + read.timeout());
        try {
            return timer.schedule(
                    () -> {
                        if (!answerStale(load, read, answer, late)) {
                            answer.completeExceptionally(late);
                        }
                    },
                    patience.toNanos(),
                    TimeUnit.NANOSECONDS);
        } catch (RejectedExecutionException e) {
            answer.completeExceptionally(new KvException(ErrorCode.UNAVAILABLE, "the cache is closing"));
            return null;
        }
    }

    private boolean answerStale(Load load, ReadOptions read, CompletableFuture<GetResult> answer, KvException reason) {
        Entry fallback = load.fallback;
        boolean silence = reason.code() == ErrorCode.UNAVAILABLE || reason.code() == ErrorCode.DEADLINE_EXCEEDED;
        if (!silence || fallback == null || !freshness.mayAnswerStale(fallback, read)) {
            return false;
        }
        counters.stale.increment();
        answer.complete(Loader.from(fallback.result, Origin.Source.STALE, fallback.age()));
        return true;
    }

    @Override
    public CompletableFuture<List<GetResult>> getAll(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        requireNonNull(namespace, "namespace");
        List<Key> asked = List.copyOf(keys);
        checkOpen();
        if (asked.size() > Limits.MAX_BULK_GET_KEYS || isStrong(options)) {
            return upstream.getAll(namespace, asked, options); // Which says what is wrong with it.
        }
        @Nullable GetResult[] results = new @Nullable GetResult[asked.size()];
        List<Key> missing = new ArrayList<>();
        List<@Nullable Entry> before = new ArrayList<>();
        List<Integer> places = new ArrayList<>();
        for (int i = 0; i < results.length; i++) {
            Entry entry = table.find(namespace, asked.get(i));
            if (entry != null && mayAnswer(entry, options)) {
                results[i] = entry.isMissing() && options.after() != null ? missing(entry) : entry.result;
            } else {
                counters.misses.increment();
                missing.add(asked.get(i));
                before.add(entry);
                places.add(i);
            }
        }
        if (missing.isEmpty() && !asked.isEmpty()) {
            return CompletableFuture.completedFuture(bounded(results));
        }
        if (asked.isEmpty()) {
            return upstream.getAll(namespace, asked, options);
        }
        List<Load> loads = loader.loadAll(namespace, missing, before, options);
        List<CompletableFuture<GetResult>> answers = new ArrayList<>(loads.size());
        for (int i = 0; i < loads.size(); i++) {
            CompletableFuture<GetResult> answer = new CompletableFuture<>();
            Key key = missing.get(i);
            await(loads.get(i), options, answer, (outcome, none) -> {
                GetResult result = outcome.result();
                if (result != null) {
                    answer.complete(result);
                } else {
                    Completion.pass(upstream.get(namespace, key, options), answer);
                }
            });
            answers.add(answer);
        }
        return CompletableFuture.allOf(answers.toArray(CompletableFuture[]::new))
                .thenApply(done -> {
                    for (int i = 0; i < answers.size(); i++) {
                        results[places.get(i)] = answers.get(i).join();
                    }
                    return bounded(results);
                });
    }

    private static List<GetResult> bounded(@Nullable GetResult[] results) {
        long bytes = 0;
        List<GetResult> all = new ArrayList<>(results.length);
        for (GetResult result : results) {
            GetResult there = requireNonNull(result, "result");
            bytes += there instanceof GetResult.Found found ? found.length() : 0;
            all.add(there);
        }
        if (bytes > Limits.MAX_BULK_GET_BYTES) {
            throw new KvException(
                    ErrorCode.TOO_LARGE,
                    "the values are more than " + Limits.MAX_BULK_GET_BYTES + " bytes together (expected: fewer keys)");
        }
        return all;
    }

    @Override
    public CompletableFuture<List<Long>> versions(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        checkOpen();
        return upstream.versions(namespace, keys, options);
    }

    @Override
    public CompletableFuture<OpenResult> open(NamespaceId namespace, Key key, ReadOptions options) {
        Entry entry = hit(namespace, key, options);
        if (entry != null) {
            return CompletableFuture.completedFuture(
                    OpenResult.of(entry.isMissing() && options.after() != null ? missing(entry) : entry.result));
        }
        if (isStrong(options)) {
            return upstream.open(namespace, key, options);
        }
        Load load = miss(namespace, key, options);
        CompletableFuture<OpenResult> opened = new CompletableFuture<>();
        CompletableFuture<GetResult> answer = new CompletableFuture<>();
        Completion.of(answer, (result, failure) -> {
            if (failure != null) {
                opened.completeExceptionally(KvException.from(failure));
            } else {
                opened.complete(OpenResult.of(result));
            }
        });
        await(load, options, answer, (outcome, none) -> {
            GetResult result = outcome.result();
            if (result != null) {
                answer.complete(result);
                return;
            }
            ValueReader reader = outcome.takeReader();
            if (reader != null) {
                if (!opened.complete(new OpenResult.Opened(reader))) {
                    reader.close();
                }
                answer.cancel(false);
            } else {
                CompletableFuture<OpenResult> own = upstream.open(namespace, key, options);
                Completion.of(own, (result2, failure) -> {
                    if (failure != null) {
                        opened.completeExceptionally(KvException.from(failure));
                    } else if (!opened.complete(result2) && result2 instanceof OpenResult.Opened unread) {
                        unread.reader().close();
                    }
                    answer.cancel(false);
                });
            }
        });
        return opened;
    }

    @Override
    public CompletableFuture<ListPage> list(NamespaceId namespace, ListOptions list, ReadOptions options) {
        requireNonNull(namespace, "namespace");
        checkOpen();
        return pages.list(namespace, list, options);
    }

    // ---- writes ----

    /** Sends a write upstream, and takes in what came of it before the caller learns of it: who has written reads nothing older from here. */
    private <T> CompletableFuture<T> through(
            NamespaceId namespace,
            List<Key> keys,
            java.util.function.Supplier<CompletableFuture<T>> write,
            BiConsumer<CacheKey, T> learn,
            Function<T, LongStream> versions) {
        checkOpen();
        // Before the write: if the feed begins anew meanwhile, its version may be of another history.
        FeedRelay serves = relay;
        FeedRing history = serves == null ? null : serves.history();
        List<CacheKey> written = new ArrayList<>(keys.size());
        for (Key key : keys) {
            written.add(new CacheKey(namespace, key));
        }
        if (options.coherent) {
            written.forEach(table::beginWrite);
        }
        CompletableFuture<T> answer;
        try {
            answer = write.get();
        } catch (RuntimeException e) {
            if (options.coherent) {
                written.forEach(table::endWrite);
            }
            throw e;
        }
        return answer.whenComplete((result, failure) -> {
            if (serves != null && history != null && result != null) {
                serves.told(history, versions.apply(result));
            }
            for (CacheKey key : written) {
                if (options.coherent) {
                    table.endWrite(key);
                } else if (result != null) {
                    learn.accept(key, result);
                } else if (failure != null && mayBeApplied(failure)) {
                    table.unsure(key, () -> forgetOnDisk(key));
                }
                pages.changed(namespace, key.key);
            }
        });
    }

    private static boolean mayBeApplied(Throwable failure) {
        return KvException.from(failure).code().applied() != ErrorCode.Applied.NO;
    }

    /** A change is heard of. In one step for memory and disk: a load that begins in between would find on the disk what memory has just lost, and install it. */
    private boolean heard(CacheKey key, long version) {
        return table.changed(key, version, () -> forgetOnDisk(key));
    }

    private void forgetOnDisk(CacheKey key) {
        DiskTier tier = disk;
        if (tier != null) {
            tier.remove(key);
        }
    }

    private void learn(CacheKey key, WriteResult result) {
        boolean unused = heard(key, versionOf(result));
    }

    private static LongStream toldBy(WriteResult result) {
        return LongStream.of(versionOf(result));
    }

    private static long versionOf(WriteResult result) {
        return result instanceof WriteResult.Applied applied
                ? applied.version()
                : ((WriteResult.ConditionFailed) result).currentVersion();
    }

    @Override
    public CompletableFuture<WriteResult> write(NamespaceId namespace, Mutation mutation, WriteOptions options) {
        requireNonNull(namespace, "namespace");
        return through(
                namespace,
                List.of(mutation.key()),
                () -> upstream.write(namespace, mutation, options),
                this::learn,
                EdgeCache::toldBy);
    }

    @Override
    public CompletableFuture<List<WriteResult>> writeAll(
            NamespaceId namespace, List<Mutation> mutations, WriteOptions options) {
        requireNonNull(namespace, "namespace");
        List<Mutation> all = List.copyOf(mutations);
        return through(
                namespace,
                keys(all),
                () -> upstream.writeAll(namespace, all, options),
                // A key may be there twice; its largest version is what must be passed.
                (key, results) -> {
                    for (int i = 0; i < results.size(); i++) {
                        if (all.get(i).key().equals(key.key)) {
                            learn(key, results.get(i));
                        }
                    }
                },
                results -> results.stream().mapToLong(EdgeCache::versionOf));
    }

    private static List<Key> keys(List<Mutation> mutations) {
        return mutations.stream().map(Mutation::key).distinct().toList();
    }

    @Override
    public CompletableFuture<BatchResult> batch(NamespaceId namespace, List<Mutation> mutations, WriteOptions options) {
        requireNonNull(namespace, "namespace");
        List<Mutation> all = List.copyOf(mutations);
        return through(
                namespace,
                keys(all),
                () -> upstream.batch(namespace, all, options),
                (key, result) -> {
                    if (result instanceof BatchResult.Applied applied) {
                        boolean unused = heard(key, applied.version(lastIndexOf(all, key.key), all.size()));
                    } else {
                        table.unsure(key, () -> forgetOnDisk(key)); // It says of one key alone which version there is.
                    }
                },
                result -> LongStream.of(result instanceof BatchResult.Applied applied ? applied.lastVersion() : 0));
    }

    private static int lastIndexOf(List<Mutation> mutations, Key key) {
        for (int i = mutations.size() - 1; i >= 0; i--) {
            if (mutations.get(i).key().equals(key)) {
                return i;
            }
        }
        return 0;
    }

    @Override
    public CompletableFuture<ValueWriter> upload(NamespaceId namespace, Key key, PutOptions put, WriteOptions options) {
        requireNonNull(namespace, "namespace");
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
            return through(namespace, List.of(key), above::commit, EdgeCache.this::learn, EdgeCache::toldBy);
        }

        @Override
        public CompletableFuture<WriteResult> commit(PutOptions late) {
            return through(namespace, List.of(key), () -> above.commit(late), EdgeCache.this::learn, EdgeCache::toldBy);
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
        FeedRelay serves = relay;
        return serves == null ? upstream.watch(request) : serves.watch(request);
    }

    @Override
    public Position positionOf(long version) {
        checkOpen();
        Position position = feed.position();
        return position == null
                ? upstream.positionOf(version)
                : Position.of(position.lineage(), version, position.versions().size());
    }

    /** Returns the history that the versions here belong to, or 0 while nobody upstream has said. */
    public long lineage() {
        Position position = feed.position();
        if (position != null) {
            return position.lineage();
        }
        try {
            return upstream.positionOf(0).lineage();
        } catch (KvException e) {
            return 0;
        }
    }

    @Override
    public KvAdmin admin() {
        return admin;
    }

    @Override
    public @Nullable DirectReader directReader() {
        DirectReader above = options.coherent ? upstream.directReader() : null;
        return new Direct(above);
    }

    /** The hits, for a server's event loop. */
    private final class Direct implements DirectReader {
        private final @Nullable DirectReader above;

        Direct(@Nullable DirectReader above) {
            this.above = above;
        }

        @Override
        public Outcome read(NamespaceId namespace, ByteBuffer key, Visitor visitor) {
            checkOpen();
            Entry entry = table.find(namespace, key);
            if (entry != null && mayAnswer(entry, ReadOptions.DEFAULT)) {
                if (entry.result instanceof GetResult.Found found) {
                    if (found.length() > Limits.CHUNK_BYTES) {
                        return Outcome.ELSEWHERE;
                    }
                    visitor.entry(found);
                    return Outcome.FOUND;
                }
                return Outcome.MISSING;
            }
            return above == null ? Outcome.ELSEWHERE : load(above, namespace, key, visitor);
        }

        /** Reads from the engine, and keeps what it has. */
        private Outcome load(DirectReader engine, NamespaceId namespace, ByteBuffer key, Visitor visitor) {
            Key copy = Key.ofUtf8(key);
            Load load = new Load(new CacheKey(namespace, copy), null);
            if (table.begin(load) != null) {
                return engine.read(namespace, key, visitor); // Somebody else is at it, and will keep it.
            }
            counters.misses.increment();
            counters.loads.increment();
            GetResult[] read = {GetResult.Missing.INSTANCE};
            Outcome outcome = Outcome.ELSEWHERE;
            try {
                outcome = engine.read(namespace, key, (value, metadata, version, expiresAt) -> {
                    byte[] bytes = new byte[value.remaining()];
                    value.get(value.position(), bytes);
                    read[0] = GetResult.Found.wrap(
                            bytes,
                            metadata == null ? null : io.nearkv.core.Metadata.ofStored(metadata),
                            version,
                            expiresAt);
                });
            } finally {
                if (outcome == Outcome.ELSEWHERE) {
                    table.abandon(load);
                    load.outcome.completeExceptionally(
                            new KvException(ErrorCode.UNAVAILABLE, "the read has moved to the disk"));
                }
            }
            if (outcome == Outcome.ELSEWHERE) {
                return outcome;
            }
            boolean unused = table.install(load, new Entry(load.key, read[0], true, time, 0, 0));
            load.outcome.complete(Load.Outcome.of(read[0], 0));
            if (read[0] instanceof GetResult.Found found) {
                visitor.entry(found);
            }
            return outcome;
        }
    }

    /** Returns what the cache has done, and what it holds. */
    public EdgeStats stats() {
        DiskTier tier = disk;
        Follower follows = follower;
        FeedRelay serves = relay;
        KvException failure = follows == null ? null : follows.failure();
        Position position = feed.position();
        long age = (time.nanos() - feed.currentNanos()) / 1_000_000;
        return new EdgeStats(
                counters.memoryHits.sum(),
                counters.diskHits.sum(),
                counters.misses.sum(),
                counters.coalesced.sum(),
                counters.loads.sum(),
                counters.refreshes.sum(),
                counters.stale.sum(),
                counters.refused.sum(),
                counters.changes.sum(),
                counters.invalidations.sum(),
                counters.revalidated.sum(),
                table.evictions(),
                counters.listHits.sum(),
                counters.listMisses.sum(),
                table.size(),
                table.weight(),
                options.memoryBytes,
                tier == null ? 0 : tier.bytes(),
                tier == null ? 0 : tier.drops(),
                loader.underWay(),
                options.maxLoads,
                !loader.circuit().isOpen(),
                follows == null ? "coherent" : follows.state().name().toLowerCase(java.util.Locale.ROOT),
                failure == null ? null : failure.getMessage(),
                feed.generation(),
                position == null ? null : position.toString(),
                follows == null || age > TimeUnit.DAYS.toMillis(300) ? -1 : age,
                serves == null ? 0 : serves.subscribers());
    }

    EntryTable tableForTests() {
        return table;
    }

    @Nullable
    DiskTier diskForTests() {
        return disk;
    }

    /** Goes past the cache: who tests a build does not want to know what the cache says. */
    @Override
    public KvStore ofBuild(String build, String caller) {
        if (upstream instanceof BuildChoice choice) {
            return choice.ofBuild(build, caller);
        }
        throw new KvException(ErrorCode.INVALID_REQUEST, "this node sends no requests by route; ask one that does");
    }

    /** Stops following the feed, closes the tier below, and brings the disk to an orderly end. Idempotent. */
    @Override
    public void close() {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        Follower follows = follower;
        if (follows != null) {
            follows.close();
        }
        FeedRelay serves = relay;
        if (serves != null) {
            serves.close();
        }
        timer.shutdownNow();
        upstream.close();
        keepPosition(0);
        DiskTier tier = disk;
        if (tier != null) {
            tier.close();
        }
    }
}
