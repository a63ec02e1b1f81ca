package io.nearkv.edge;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.OpenResult;
import io.nearkv.core.Origin;
import io.nearkv.core.Position;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.ReadOptions.Consistency;
import io.nearkv.core.ValueReader;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Reads upstream: one for any number of callers who miss a key at the same time, no more than so many in all, and none while upstream does not answer. Looks at the disk first.
 * Thread-safe.
 */
final class Loader {
    /** The generation of what no feed covers: of use to who asked, and to nobody else. */
    private static final long UNCOVERED = Long.MIN_VALUE;

    private final KvStore upstream;
    private final EdgeOptions options;
    private final Freshness freshness;
    private final Freshness.Time time;
    private final EntryTable table;
    private final Freshness.Feed feed;
    private final @Nullable DiskTier disk;
    private final Circuit circuit;
    private final EdgeCounters counters;
    private final AtomicInteger underWay = new AtomicInteger();

    Loader(
            KvStore upstream,
            EdgeOptions options,
            Freshness freshness,
            Freshness.Time time,
            EntryTable table,
            Freshness.Feed feed,
            @Nullable DiskTier disk,
            EdgeCounters counters) {
        this.upstream = upstream;
        this.options = options;
        this.freshness = freshness;
        this.time = time;
        this.table = table;
        this.feed = feed;
        this.disk = disk;
        this.circuit = new Circuit(time::nanos);
        this.counters = counters;
    }

    Circuit circuit() {
        return circuit;
    }

    int underWay() {
        return underWay.get();
    }

    /** A state of upstream that a load asks for: taken before it is asked, so that what it answers is covered by the feed from here on. */
    private record Basis(long generation, @Nullable Position position, long nanos) {}

    private Basis basis() {
        // In this order: a gap in between then makes the entry suspect, and not covered.
        long generation = feed.generation();
        return new Basis(generation, feed.heard(), time.nanos());
    }

    /**
     * Returns the load of a key: the one under way, or a new one.
     *
     * @param before what the table has of it, which is not good enough; or null
     */
    Load load(CacheKey key, ReadOptions read, @Nullable Entry before) {
        Load mine = new Load(key, before, demand(read));
        Load other = table.begin(mine);
        if (other == null) {
            begin(mine, read);
            return mine;
        }
        counters.coalesced.increment();
        return other;
    }

    private Load.@Nullable Demand demand(ReadOptions read) {
        if (options.coherent) {
            return null; // A write that is over has ended the loads that were under way.
        }
        Position position = feed.position();
        Position after = read.after();
        long ttl = freshness.ttlNanos(read);
        if (read.consistency() == Consistency.BOUNDED) {
            long age = Math.min(ttl, Freshness.nanos(read.maxStaleness()));
            return new Load.Demand(feed.generation(), time.nanos(), age, true, null, null);
        }
        // As it will be asked, or later: see question.
        return new Load.Demand(
                feed.generation(),
                time.nanos(),
                ttl,
                false,
                position == null ? after : after == null ? position : position.and(after),
                after);
    }

    private void begin(Load load, ReadOptions read) {
        DiskTier tier = disk;
        if (tier == null || load.before != null) {
            ask(load, read);
            return;
        }
        Freshness.Feed before = Freshness.momentOf(feed); // A change that is heard of after this may not be there yet.
        Completion.of(tier.read(load.key), (found, never) -> {
            if (found == null || found.isExpired()) {
                ask(load, read);
            } else if (freshness.mayAnswer(found, found.ageNanos(), read, before, time.nanos())) {
                counters.diskHits.increment();
                boolean unused = table.install(load, found);
                load.outcome.complete(
                        Load.Outcome.of(from(found.result, Origin.Source.DISK, found.age()), found.vouchedNanos()));
            } else {
                load.fallback = found;
                ask(load, read);
            }
        });
    }

    static GetResult from(GetResult result, Origin.Source source, Duration age) {
        Origin origin = Origin.of(source, age);
        return result instanceof GetResult.Found found
                ? found.withOrigin(origin)
                : GetResult.Missing.of(((GetResult.Missing) result).asOf(), origin);
    }

    /** Returns what is asked upstream: a state that is not older than what is known here, so that nothing older can come back. */
    private ReadOptions question(ReadOptions read, Basis basis) {
        ReadOptions asked = read.withTimeout(options.upstreamTimeout);
        if (options.coherent) {
            return asked;
        }
        asked = asked.withCacheTtl(Duration.ofNanos(freshness.ttlNanos(read)));
        Position position = basis.position();
        if (position == null || read.consistency() == Consistency.BOUNDED || read.consistency() == Consistency.STRONG) {
            return asked;
        }
        Position after = read.after();
        // Both: in some partitions the session may be ahead of the feed, in others behind it.
        return asked.withSession(after == null ? position : position.and(after));
    }

    private void ask(Load load, ReadOptions read) {
        KvException refusal = admit();
        if (refusal != null) {
            fail(load, refusal);
            return;
        }
        counters.loads.increment();
        Basis basis = basis();
        ReadOptions question = question(read, basis);
        ask(load, read, basis, question, failure -> {
            if (question.consistency() == Consistency.SESSION
                    && read.consistency() == Consistency.EVENTUAL
                    && isSilence(KvException.from(failure))
                    && freshness.takesStale(read)) {
                // A cache above that is cut off has nothing that is surely as new as what was heard of here; but it may
                // have something old, and say so.
                ReadOptions anything = read.withTimeout(options.upstreamTimeout);
                Basis uncovered = new Basis(UNCOVERED, null, basis.nanos());
                ask(load, read, uncovered, anything, again -> failed(load, failure));
            } else {
                failed(load, failure);
            }
        });
    }

    private static boolean isSilence(KvException failure) {
        return failure.code() == ErrorCode.UNAVAILABLE || failure.code() == ErrorCode.DEADLINE_EXCEEDED;
    }

    private void ask(Load load, ReadOptions read, Basis basis, ReadOptions question, Consumer<Throwable> onFailure) {
        CompletableFuture<OpenResult> answer;
        try {
            answer = upstream.open(load.key.namespace, load.key.key, question);
        } catch (RuntimeException e) {
            answer = CompletableFuture.failedFuture(e);
        }
        Completion.of(answer, (opened, failure) -> {
            if (failure != null || opened == null) {
                onFailure.accept(failure == null ? new IllegalStateException("no answer") : failure);
            } else if (opened instanceof OpenResult.Opened found) {
                read(load, found.reader(), basis, read);
            } else {
                answered(load, ((OpenResult.Missing) opened).result(), basis, read);
            }
        });
    }

    private @Nullable KvException admit() {
        if (options.coherent) {
            underWay.incrementAndGet();
            return null; // The engine in this process has bounds of its own, and says at once when it cannot.
        }
        KvException refusal = circuit.refusal();
        if (refusal != null) {
            counters.refused.increment();
            return refusal;
        }
        if (underWay.incrementAndGet() > options.maxLoads) {
            underWay.decrementAndGet();
            circuit.notAsked();
            counters.refused.increment();
            return new KvException(
                    ErrorCode.UNAVAILABLE,
                    "overloaded: " + options.maxLoads + " reads upstream are under way",
                    null,
                    Duration.ofMillis(50),
                    null);
        }
        return null;
    }

    private void read(Load load, ValueReader reader, Basis basis, ReadOptions read) {
        if (reader.length() > options.maxValueBytes) {
            ended(null);
            table.abandon(load);
            Load.Outcome outcome = Load.Outcome.large(
                    reader, basis.nanos() - Freshness.nanos(reader.origin().age()));
            load.outcome.complete(outcome);
            ValueReader left = outcome.takeReader(); // Those who waited have had their chance.
            if (left != null) {
                left.close();
            }
            return;
        }
        Completion.of(readAll(reader), (found, failure) -> {
            if (found == null) {
                failed(load, failure == null ? new IllegalStateException("no answer") : failure);
            } else {
                answered(load, found, basis, read);
            }
        });
    }

    /** Reads what is left of a value, and closes the reader. */
    static CompletableFuture<GetResult.Found> readAll(ValueReader reader) {
        CompletableFuture<GetResult.Found> whole = new CompletableFuture<>();
        byte[] value = new byte[reader.length()];
        readFrom(reader, value, 0, whole);
        return whole.whenComplete((found, failure) -> reader.close());
    }

    private static void readFrom(ValueReader reader, byte[] value, int from, CompletableFuture<GetResult.Found> whole) {
        int at = from;
        while (true) {
            if (at == value.length) {
                GetResult.Found found =
                        GetResult.Found.wrap(value, reader.metadata(), reader.version(), reader.expiresAt());
                Origin origin = reader.origin();
                whole.complete(origin == Origin.OWNER ? found : found.withOrigin(origin));
                return;
            }
            CompletableFuture<ByteBuffer> piece;
            try {
                piece = reader.read();
            } catch (RuntimeException e) {
                whole.completeExceptionally(e);
                return;
            }
            int here = at;
            if (!piece.isDone()) {
                Completion.of(piece, (bytes, failure) -> {
                    if (bytes == null) {
                        whole.completeExceptionally(failure == null ? new IllegalStateException("no piece") : failure);
                    } else {
                        int next = take(bytes, value, here, whole);
                        if (next >= 0) {
                            readFrom(reader, value, next, whole);
                        }
                    }
                });
                return;
            }
            try {
                at = take(piece.join(), value, here, whole);
            } catch (RuntimeException e) {
                whole.completeExceptionally(e);
                return;
            }
            if (at < 0) {
                return;
            }
        }
    }

    private static int take(ByteBuffer piece, byte[] value, int at, CompletableFuture<?> whole) {
        int count = piece.remaining();
        if (count == 0 || count > value.length - at) {
            whole.completeExceptionally(new KvException(
                    ErrorCode.INTERNAL, "a value has not the " + value.length + " bytes that upstream announced"));
            return -1;
        }
        piece.get(value, at, count);
        return at + count;
    }

    private void ended(@Nullable Throwable failure) {
        underWay.decrementAndGet();
        if (options.coherent) {
            return;
        }
        if (failure == null) {
            circuit.answered();
        } else {
            circuit.failed(KvException.from(failure));
        }
    }

    private void answered(Load load, GetResult result, Basis basis, ReadOptions read) {
        ended(null);
        Entry entry = entry(load.key, result, basis, read);
        boolean unused = install(load, entry);
        load.outcome.complete(Load.Outcome.of(told(result, entry), entry.vouchedNanos()));
    }

    private boolean install(Load load, Entry entry) {
        DiskTier tier = disk;
        // The disk is told in the same step, or a change could be heard of in between, and its removal from the disk
        // come
        // before what it is to remove.
        return tier == null ? table.install(load, entry) : table.install(load, entry, () -> tier.put(entry));
    }

    private Entry entry(CacheKey key, GetResult result, Basis basis, ReadOptions read) {
        Origin origin = result.origin();
        // A bounded answer of another cache may be older than the feed is here; it is of use to this read alone.
        boolean covered = origin.source() == Origin.Source.OWNER || read.consistency() != Consistency.BOUNDED;
        long vouchedNanos = basis.nanos() - Freshness.nanos(origin.age());
        return new Entry(key, result, options.coherent, time, vouchedNanos, covered ? basis.generation() : UNCOVERED);
    }

    /** Returns the answer for those who have waited: it was asked upstream for them, unless upstream had only something stale. */
    private GetResult told(GetResult result, Entry entry) {
        if (options.coherent) {
            return result;
        }
        Origin origin = result.origin();
        return from(
                entry.result,
                origin.source() == Origin.Source.STALE ? Origin.Source.STALE : Origin.Source.UPSTREAM,
                origin.age());
    }

    private void failed(Load load, Throwable failure) {
        ended(failure);
        fail(load, failure);
    }

    private void fail(Load load, Throwable failure) {
        Entry fallback = load.fallback;
        if (fallback != null && fallback != load.before) {
            // From the disk: kept, so that the next who would take it stale need not read it again.
            boolean unused = table.install(load, fallback);
        } else {
            table.abandon(load);
        }
        load.outcome.completeExceptionally(KvException.from(failure));
    }

    // ---- many keys ----

    /** Loads many keys of a namespace with one question. The loads are new ones, which {@link #load} has not begun. */
    private void askAll(NamespaceId namespace, List<Load> loads, ReadOptions read) {
        KvException refusal = admit();
        if (refusal != null) {
            loads.forEach(load -> fail(load, refusal));
            return;
        }
        counters.loads.increment();
        Basis basis = basis();
        List<Key> keys = loads.stream().map(load -> load.key.key).toList();
        CompletableFuture<List<GetResult>> answer;
        try {
            answer = upstream.getAll(namespace, keys, question(read, basis));
        } catch (RuntimeException e) {
            answer = CompletableFuture.failedFuture(e);
        }
        Completion.of(answer, (results, failure) -> {
            ended(failure);
            for (int i = 0; i < loads.size(); i++) {
                Load load = loads.get(i);
                if (results == null) {
                    fail(load, failure == null ? new IllegalStateException("no answer") : failure);
                    continue;
                }
                GetResult result = results.get(i);
                Entry entry = entry(load.key, result, basis, read);
                if (result instanceof GetResult.Found found && found.length() > options.maxValueBytes) {
                    table.abandon(load);
                } else {
                    boolean unused = install(load, entry);
                }
                load.outcome.complete(Load.Outcome.of(told(result, entry), entry.vouchedNanos()));
            }
        });
    }

    /** Returns the loads of many keys of a namespace, in their order: those under way, and for all others a new one with one question together. */
    List<Load> loadAll(NamespaceId namespace, List<Key> keys, List<@Nullable Entry> before, ReadOptions read) {
        List<Load> loads = new ArrayList<>(keys.size());
        List<Load> mine = new ArrayList<>();
        for (int i = 0; i < keys.size(); i++) {
            Load fresh = new Load(new CacheKey(namespace, keys.get(i)), before.get(i), demand(read));
            Load other = table.begin(fresh);
            if (other == null) {
                mine.add(fresh);
                loads.add(fresh);
            } else {
                counters.coalesced.increment();
                loads.add(other);
            }
        }
        if (!mine.isEmpty()) {
            askAll(namespace, mine, read);
        }
        return loads;
    }
}
