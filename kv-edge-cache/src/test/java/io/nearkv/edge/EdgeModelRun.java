package io.nearkv.edge;

import static io.nearkv.edge.Edge.join;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.BatchResult;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.KvSession;
import io.nearkv.core.KvStore;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.Origin;
import io.nearkv.core.Position;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.ReadOptions.Consistency;
import io.nearkv.core.TestClock;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.WriteResult;
import io.nearkv.core.rocksdb.DiskCache;
import io.nearkv.core.rocksdb.RocksStore;
import io.nearkv.core.rocksdb.RocksStoreOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** One run of {@link EdgeModelTest}. */
final class EdgeModelRun implements AutoCloseable {
    private static final int KEYS = 4;
    private static final int LOG_LINES = 60;
    private static final Duration TTL = Duration.ofSeconds(60);
    private static final Duration STALE = Duration.ofMinutes(10);
    private static final Duration RETAINED = Duration.ofMinutes(1);

    private final Random random;
    private final TestClock clock = new TestClock();
    private final AtomicLong nanos = new AtomicLong(1_000_000_000_000L);
    private final long nanosAtEpoch = nanos.get() - clock.millis() * 1_000_000;
    private final EdgeHistory history = new EdgeHistory();
    private final RocksStore engine;
    private final NamespaceId ns;
    private final List<Node> nodes = new ArrayList<>();
    private final List<KvSession> sessions = new ArrayList<>();
    private final List<String> log = new ArrayList<>();
    private final Map<Origin.Source, Integer> bySource = new EnumMap<>(Origin.Source.class);
    private int steps;
    private int values;
    private int errors;
    private int gaps;

    /** An edge, its way to the core, and what must not be undone there. */
    private final class Node {
        final String name;
        final Upstream link = new Upstream(engine);
        final @Nullable Path disk;
        boolean cut;
        EdgeCache cache;
        /** Every change up to this one has come by the feed, or makes what was kept before a gap suspect. */
        long floor;
        /** And of these keys, those that were written through this edge. */
        final Map<Key, Long> written = new HashMap<>();

        Node(String name, @Nullable Path disk) {
            this.name = name;
            this.disk = disk;
            this.cache = open();
        }

        EdgeCache open() {
            record Kept(KvStore below) implements DelegatingStore {
                @Override
                public void close() {}
            }

            EdgeOptions.Builder options = EdgeOptions.builder()
                    .memoryBytes(16 << 20)
                    .heartbeat(Duration.ofMillis(20))
                    .cacheTtl(TTL)
                    .staleIfError(STALE)
                    .clock(clock)
                    .ticker(nanos::get);
            if (disk != null) {
                options.disk(DiskCache.open(disk, "test", DiskCache.MIN_BYTES));
            }
            return EdgeCache.open(new Kept(link), options.build());
        }

        void restart() {
            cache.close();
            cache = open();
        }

        /** Returns whether upstream cannot be asked, or is left alone because it could not be until a moment ago. */
        boolean isAlone() {
            return cut || !cache.stats().upstreamAnswers();
        }

        long floorOf(Key key) {
            return Math.max(floor, written.getOrDefault(key, 0L));
        }

        /** Of the others, some may have gone by in a gap: what is taken by its age alone may be from before it. */
        long heardOf(Key key) {
            return written.getOrDefault(key, 0L);
        }

        @Override
        public String toString() {
            return name;
        }
    }

    /** A read that was sent, and what was so when it was. */
    private record Sent(
            Node node,
            Key key,
            ReadOptions read,
            @Nullable Position session,
            long sentNanos,
            long floor,
            long heard,
            boolean alone,
            CompletableFuture<GetResult> answer) {}

    EdgeModelRun(Path folder, Random random) throws IOException {
        this.random = random;
        this.engine = RocksStore.open(
                Files.createDirectories(folder).resolve("core"),
                RocksStoreOptions.builder()
                        .initialAccount(Edge.ACCOUNT)
                        .clock(clock)
                        .cacheBytes(16 << 20)
                        .writeBufferBytes(4 << 20)
                        .diskReserveBytes(0)
                        .sweepInterval(Duration.ofMillis(50))
                        .feedRetainTime(RETAINED)
                        .build());
        this.ns =
                join(engine.admin().createNamespace(Edge.ACCOUNT.id(), "test")).id();
        nodes.add(new Node("A", null));
        nodes.add(new Node("B", folder.resolve("disk")));
        for (int i = 0; i < 3; i++) {
            sessions.add(KvSession.begin());
        }
    }

    int steps() {
        return steps;
    }

    int answers() {
        return bySource.values().stream().mapToInt(Integer::intValue).sum();
    }

    String summary() {
        return steps + " steps, answers " + bySource + ", errors " + errors + ", gaps " + gaps;
    }

    String lastSteps() {
        return String.join("\n", log.subList(Math.max(0, log.size() - LOG_LINES), log.size())) + "\n" + history;
    }

    private void log(String line) {
        log.add(steps + ": " + line);
    }

    void run(int count) {
        while (steps < count) {
            steps++;
            step();
        }
        for (Node node : nodes) {
            mend(node);
            advance(Duration.ofSeconds(5)); // The circuit tries again.
            awaitCaughtUp(node);
        }
        for (int i = 0; i < KEYS; i++) {
            for (Node node : nodes) {
                check(send(node, Key.of("k" + i), ReadOptions.STRONG));
                check(send(node, Key.of("k" + i), ReadOptions.EVENTUAL));
                check(send(node, Key.of("k" + i), ReadOptions.bounded(Duration.ZERO)));
            }
        }
    }

    private void step() {
        int dice = random.nextInt(100);
        if (dice < 22) {
            write();
        } else if (dice < 66) {
            check(send());
        } else if (dice < 74) {
            slowReads();
        } else if (dice < 84) {
            advance(Duration.ofMillis(
                    switch (random.nextInt(4)) {
                        case 0 -> 1;
                        case 1 -> 700;
                        case 2 -> 10_000;
                        default -> random.nextInt(70_000);
                    }));
        } else if (dice < 88) {
            Node node = node();
            if (node.cut) {
                mend(node);
            } else {
                cut(node);
            }
        } else if (dice < 95) {
            Node node = node();
            if (!node.cut) {
                awaitCaughtUp(node);
            }
        } else if (dice < 98) {
            Node node = node();
            log("restart " + node);
            node.restart();
        } else {
            gap();
        }
    }

    private Node node() {
        return nodes.get(random.nextInt(nodes.size()));
    }

    private Key key() {
        return Key.of("k" + random.nextInt(KEYS));
    }

    private void advance(Duration duration) {
        log("advance " + duration);
        clock.advance(duration);
        nanos.addAndGet(duration.toNanos());
    }

    private void cut(Node node) {
        log("cut " + node);
        node.cut = true;
        node.link.cut();
    }

    private void mend(Node node) {
        log("mend " + node);
        node.link.mend();
        node.cut = false;
    }

    private void awaitCaughtUp(Node node) {
        Position position = engine.position(); // The core goes on by itself: it takes away what has expired.
        await().untilAsserted(() -> {
            String at = node.cache.stats().position();
            assertThat(at != null && Position.parse(at).covers(position))
                    .as("%s at %s", node.cache.stats(), position)
                    .isTrue();
        });
        node.floor = position.version();
        log("caught up " + node + " at " + node.floor);
    }

    // ---- writes ----

    private Mutation mutation(Key key) {
        if (random.nextInt(4) == 0) {
            return Mutation.delete(key);
        }
        PutOptions options = PutOptions.DEFAULT;
        if (random.nextInt(4) == 0) {
            options = options.withTtl(Duration.ofSeconds(1 + random.nextInt(90)));
        }
        return new Mutation.Put(key, Value.of("v" + ++values), options);
    }

    private void write() {
        Node node = random.nextBoolean() ? node() : null;
        KvStore store = node == null ? engine : node.cache;
        KvSession session = node != null && random.nextInt(2) == 0 ? session() : null;
        if (session != null) {
            store = session.over(store);
        }
        List<Mutation> mutations = new ArrayList<>(List.of(mutation(key())));
        boolean forgetful = node != null && mutations.get(0) instanceof Mutation.Put && random.nextInt(8) == 0;
        if (node != null) {
            node.link.forgetful = forgetful;
        }
        boolean batch = !forgetful && random.nextInt(4) == 0;
        while (batch && mutations.size() < 3) {
            mutations.add(mutation(key()));
        }
        try {
            long first;
            if (batch) {
                first = ((BatchResult.Applied) join(store.batch(ns, mutations, WriteOptions.BUFFERED))).firstVersion();
            } else {
                first = ((WriteResult.Applied) join(store.write(ns, mutations.get(0), WriteOptions.BUFFERED)))
                        .version();
            }
            log("write " + mutations + " as " + first + " through " + (node == null ? "core" : node));
            assertThat(forgetful && !Objects.requireNonNull(node).cut).isFalse();
            learn(mutations, first, node);
            if (session != null) {
                Position seen = session.position();
                assertThat(seen).isNotNull();
                assertThat(seen == null ? 0 : seen.version()).isGreaterThanOrEqualTo(first + mutations.size() - 1);
            }
        } catch (KvException e) {
            assertThat(node).as("a write to the core").isNotNull();
            log("write " + mutations + " through " + node + " failed: " + e.code());
            if (node == null || !node.cut) {
                assertThat(forgetful).as("whether the answer was lost").isTrue();
                Key key = mutations.get(0).key();
                learn(mutations, ((GetResult.Found) join(engine.get(ns, key, ReadOptions.STRONG))).version(), null);
            }
        } finally {
            if (node != null) {
                node.link.forgetful = false;
            }
        }
    }

    private void learn(List<Mutation> mutations, long first, @Nullable Node node) {
        for (int i = 0; i < mutations.size(); i++) {
            Mutation mutation = mutations.get(i);
            long version = first + i;
            if (mutation instanceof Mutation.Put put) {
                long ttl = put.options().ttlSeconds();
                long expires =
                        ttl == 0 ? EdgeHistory.STILL : nanosAtEpoch + (clock.epochSecond() + ttl) * 1_000_000_000;
                history.put(put.key(), version, put.value().asString(), nanos.get(), expires);
            } else {
                history.delete(mutation.key(), version, nanos.get());
            }
            if (node != null) {
                node.written.put(mutation.key(), version);
            }
        }
    }

    // ---- reads ----

    private KvSession session() {
        return sessions.get(random.nextInt(sessions.size()));
    }

    private Sent send() {
        return send(node(), key());
    }

    private Sent send(Node node, Key key) {
        switch (random.nextInt(8)) {
            case 0 -> {
                return send(node, key, ReadOptions.STRONG);
            }
            case 1, 2 -> {
                Duration bound =
                        Duration.ofMillis(List.of(0, 500, 5_000, 30_000).get(random.nextInt(4)));
                return send(node, key, ReadOptions.bounded(bound));
            }
            case 3, 4 -> {
                KvSession session = session();
                Position position = session.position();
                long floor = node.floorOf(key);
                boolean alone = node.isAlone();
                return new Sent(
                        node,
                        key,
                        ReadOptions.EVENTUAL,
                        position == null ? Position.of(0, 0) : position,
                        nanos.get(),
                        floor,
                        node.heardOf(key),
                        alone,
                        session.over(node.cache).get(ns, key, ReadOptions.EVENTUAL));
            }
            default -> {
                ReadOptions read = ReadOptions.EVENTUAL;
                if (random.nextBoolean()) {
                    read = read.withCacheTtl(
                            Duration.ofSeconds(List.of(0, 20, 40, 900).get(random.nextInt(4))));
                }
                if (random.nextInt(3) == 0) {
                    read = read.withStaleIfError(Duration.ofSeconds(random.nextInt(3) * 100L));
                }
                return send(node, key, read);
            }
        }
    }

    private Sent send(Node node, Key key, ReadOptions read) {
        long floor = node.floorOf(key);
        boolean alone = node.isAlone();
        CompletableFuture<GetResult> answer = random.nextInt(4) == 0
                ? node.cache.getAll(ns, List.of(key), read).thenApply(all -> all.get(0))
                : node.cache.get(ns, key, read);
        return new Sent(node, key, read, null, nanos.get(), floor, node.heardOf(key), alone, answer);
    }

    /** Reads while the answers of the core are held back, and the core goes on. */
    private void slowReads() {
        Node node = node();
        if (node.cut) {
            return;
        }
        log("hold " + node);
        node.link.hold();
        List<Sent> sent = new ArrayList<>();
        Key key = key();
        for (int i = 0; i < 6; i++) {
            switch (random.nextInt(4)) {
                case 0 -> write();
                case 1 -> sent.add(send(node, key()));
                default -> sent.add(send(node, key));
            }
        }
        if (random.nextInt(3) == 0) {
            awaitCaughtUp(node); // The changes overtake the answers.
            sent.add(send(node, key));
        }
        log("release " + node);
        node.link.release();
        sent.forEach(this::check);
    }

    private void check(Sent sent) {
        ReadOptions read = sent.read();
        String what = "read " + sent.key() + " at " + sent.node()
                + (sent.session() == null
                        ? " " + read.consistency() + " " + read.maxStaleness() + " ttl " + read.cacheTtl() + " stale "
                                + read.staleIfError()
                        : " in session " + sent.session());
        GetResult result;
        try {
            result = join(sent.answer());
        } catch (KvException e) {
            log(what + ": " + e.code());
            errors++;
            assertThat(sent.alone() || sent.node().isAlone())
                    .as("only who is cut off has no answer: " + what + " " + e)
                    .isTrue();
            assertThat(e.code()).isEqualTo(ErrorCode.UNAVAILABLE);
            return;
        }
        Origin origin = result.origin();
        Origin.Source source = origin.source();
        long age = origin.age().toNanos();
        what += ": "
                + (result instanceof GetResult.Found found ? found.value().asString() + "@" + found.version() : "-")
                + " from " + source + " age " + origin.age();
        log(what);
        bySource.merge(source, 1, Integer::sum);

        List<EdgeHistory.Span> spans = history.spans(sent.key(), result);
        assertThat(spans).as("something that was never so: " + what).isNotEmpty();
        if (result instanceof GetResult.Found) {
            EdgeHistory.Span span = spans.get(0);
            assertThat(span.untilVersion() == EdgeHistory.STILL ? span.untilNanos() : EdgeHistory.STILL)
                    .as("has it expired: " + what)
                    .isGreaterThan(sent.sentNanos());
        }
        long until =
                spans.stream().mapToLong(EdgeHistory.Span::untilNanos).max().orElseThrow();
        long untilVersion =
                spans.stream().mapToLong(EdgeHistory.Span::untilVersion).max().orElseThrow();
        // What is vouched for so lately that a bounded read takes it, it takes also over a gap.
        boolean overGap = source == Origin.Source.STALE || read.consistency() == Consistency.BOUNDED;
        assertThat(untilVersion)
                .as("a change that this edge has heard of is not undone: " + what)
                .isGreaterThan(overGap ? sent.heard() : sent.floor());
        boolean held = source == Origin.Source.MEMORY || source == Origin.Source.DISK || source == Origin.Source.STALE;
        if (held) {
            assertThat(until)
                    .as("it was so when somebody last vouched for it: " + what)
                    .isGreaterThanOrEqualTo(sent.sentNanos() - age);
        }
        Position session = sent.session();
        if (session != null) {
            assertThat(source).isNotEqualTo(Origin.Source.STALE);
            assertThat(untilVersion).as("what the session has seen: " + what).isGreaterThan(session.version());
        } else if (read.consistency() == Consistency.EVENTUAL) {
            Duration own = read.cacheTtl();
            long allowed = (own == null ? TTL : own).toNanos();
            if (source == Origin.Source.STALE) {
                assertThat(sent.alone() || sent.node().isAlone())
                        .as("an old copy only where nobody can be asked: " + what)
                        .isTrue();
                Duration stale = read.staleIfError();
                allowed += (stale == null ? STALE : stale).toNanos();
                assertThat(age).as(what).isLessThanOrEqualTo(allowed);
            }
            assertThat(sent.sentNanos() - until).as("too old: " + what).isLessThanOrEqualTo(allowed);
        } else {
            long allowed = read.maxStaleness().toNanos(); // 0 of STRONG.
            assertThat(source).isNotEqualTo(Origin.Source.STALE);
            assertThat(sent.sentNanos() - until).as("too old: " + what).isLessThanOrEqualTo(allowed);
            if (allowed == 0) {
                assertThat(until == EdgeHistory.STILL || until >= sent.sentNanos())
                        .as("the latest: " + what)
                        .isTrue();
            }
        }
    }

    // ---- gaps ----

    /** Cuts an edge off for longer than the core keeps its changes. */
    private void gap() {
        Node node = node();
        gaps++;
        cut(node);
        if (random.nextBoolean()) {
            log("restart " + node);
            node.restart();
        }
        for (int i = 0; i < 4; i++) {
            write();
        }
        advance(RETAINED.multipliedBy(3));
        write();
        long last = engine.position().version();
        await().until(() -> engine.stats().oldestVersion() >= last - 4);
        for (int i = 0; i < 3; i++) {
            check(send(node, key()));
        }
        mend(node);
        for (int i = 0; i < 3; i++) {
            check(send(node, key()));
        }
        if (random.nextBoolean()) {
            awaitCaughtUp(node);
        }
    }

    @Override
    public void close() {
        for (Node node : nodes) {
            node.link.mend();
            node.link.release();
            node.cache.close();
        }
        engine.close();
    }
}
