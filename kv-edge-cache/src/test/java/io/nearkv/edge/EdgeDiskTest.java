package io.nearkv.edge;

import static io.nearkv.edge.Edge.failureOf;
import static io.nearkv.edge.Edge.join;
import static io.nearkv.edge.Edge.text;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.CacheStorage;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.Metadata;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.Origin.Source;
import io.nearkv.core.Position;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.TestClock;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.rocksdb.DiskCache;
import io.nearkv.core.rocksdb.RocksStoreOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What an edge remembers over a restart, and what it does not believe any more. */
class EdgeDiskTest {
    @TempDir
    Path folder;

    private DiskCache openDisk() {
        return DiskCache.open(folder.resolve("disk"), "test", DiskCache.MIN_BYTES);
    }

    private Edge open() {
        return open(engine -> engine, options -> options);
    }

    private Edge open(UnaryOperator<RocksStoreOptions.Builder> engine, UnaryOperator<EdgeOptions.Builder> settings) {
        return new Edge(folder.resolve("core"), engine, options -> settings.apply(options.disk(openDisk())));
    }

    private static void restart(Edge edge) {
        edge.cache.close();
        edge.cache = edge.open();
    }

    /** Puts a key into the cache, memory and disk. The news of a write takes the key from the disk, so it has to have come before. */
    private static void warm(Edge edge, String key, @Nullable String value) {
        edge.awaitCaughtUp();
        edge.warm(key, value);
    }

    private static GetResult check(Edge edge, String key, Source source) {
        GetResult result = edge.get(key);
        assertThat(result.origin().source()).as(key).isEqualTo(source);
        return result;
    }

    @Test
    void after_a_restart_it_answers_what_it_knew_though_nobody_is_there_to_ask() {
        try (Edge edge = open()) {
            long version = join(edge.engine.write(
                            edge.ns,
                            new Mutation.Put(
                                    Key.of("full"),
                                    Value.of("v"),
                                    PutOptions.metadata(Metadata.ofJson("{\"a\":1}"))
                                            .withTtl(Duration.ofMinutes(5))),
                            WriteOptions.BUFFERED))
                    .orThrow();
            edge.write("k", "v");
            warm(edge, "full", "v");
            warm(edge, "k", "v");
            warm(edge, "absent", null);
            edge.advance(Duration.ofSeconds(20));
            edge.upstream.cut();
            restart(edge);

            GetResult.Found full = (GetResult.Found) check(edge, "full", Source.DISK);
            assertThat(full.version()).isEqualTo(version);
            assertThat(full.metadata()).isEqualTo(Metadata.ofJson("{\"a\":1}"));
            assertThat(full.expiresAt()).isEqualTo(edge.clock.epochSecond() - 20 + 300);
            assertThat(full.origin().age()).isEqualTo(Duration.ofSeconds(20));
            assertThat(text(check(edge, "k", Source.DISK))).isEqualTo("v");
            assertThat(text(check(edge, "k", Source.MEMORY))).isEqualTo("v");
            assertThat(text(check(edge, "absent", Source.DISK))).isNull();
            assertThat(failureOf(edge.ask("other", ReadOptions.EVENTUAL)).code())
                    .isEqualTo(ErrorCode.UNAVAILABLE);
            assertThat(edge.cache.stats().diskHits()).isEqualTo(3);
        }
    }

    @Test
    void after_a_long_time_it_answers_from_the_disk_and_says_that_it_is_old() {
        try (Edge edge = open()) {
            join(edge.engine.write(
                    edge.ns,
                    new Mutation.Put(Key.of("short"), Value.of("v"), PutOptions.expiresAfter(Duration.ofMinutes(5))),
                    WriteOptions.BUFFERED));
            edge.write("k", "v");
            warm(edge, "short", "v");
            warm(edge, "k", "v");
            warm(edge, "absent", null);
            edge.upstream.cut();
            edge.cache.close();
            edge.advance(Duration.ofMinutes(10));
            edge.cache = edge.open();

            GetResult stale = check(edge, "k", Source.STALE);
            assertThat(text(stale)).isEqualTo("v");
            assertThat(stale.origin().age()).isEqualTo(Duration.ofMinutes(10));
            assertThat(text(check(edge, "absent", Source.STALE))).isNull();
            assertThat(failureOf(edge.ask("short", ReadOptions.EVENTUAL)).code())
                    .as("it has expired")
                    .isEqualTo(ErrorCode.UNAVAILABLE);
            edge.advance(Duration.ofHours(1));
            restart(edge);
            assertThat(failureOf(edge.ask("k", ReadOptions.EVENTUAL)).code())
                    .as("older than anybody wants it")
                    .isEqualTo(ErrorCode.UNAVAILABLE);
        }
    }

    @Test
    void a_change_that_was_seen_before_the_restart_is_not_undone() {
        try (Edge edge = open()) {
            edge.write("k", "1");
            edge.write("mine", "1");
            warm(edge, "k", "1");
            warm(edge, "mine", "1");
            warm(edge, "new", null);
            edge.write("k", "2");
            edge.write("new", "2");
            join(edge.cache.write(edge.ns, Mutation.delete(Key.of("mine")), WriteOptions.BUFFERED));
            edge.awaitCaughtUp();
            edge.upstream.cut();
            restart(edge);

            for (String key : List.of("k", "mine", "new")) {
                assertThat(failureOf(edge.ask(key, ReadOptions.EVENTUAL)).code())
                        .as("rather nothing than what it knows to be wrong: " + key)
                        .isEqualTo(ErrorCode.UNAVAILABLE);
            }
        }
    }

    @Test
    void a_change_that_happened_while_it_was_down_is_seen_and_all_else_is_not_asked_again() {
        try (Edge edge = open()) {
            edge.write("k", "1");
            edge.write("same", "1");
            warm(edge, "k", "1");
            warm(edge, "same", "1");
            edge.awaitCaughtUp();
            long generation = edge.cache.stats().generation();
            edge.cache.close();
            edge.write("k", "2");
            edge.cache = edge.open();
            edge.awaitFollowing();
            edge.awaitCaughtUp();

            int opens = edge.upstream.opens.get();
            assertThat(text(check(edge, "same", Source.DISK))).isEqualTo("1");
            assertThat(text(join(edge.ask("same", ReadOptions.session(edge.engine.position())))))
                    .as("also for a session: the feed went on where it was")
                    .isEqualTo("1");
            assertThat(edge.upstream.opens).hasValue(opens);
            assertThat(text(check(edge, "k", Source.UPSTREAM))).isEqualTo("2");
            assertThat(edge.cache.stats().generation()).isEqualTo(generation);
            assertThat(edge.upstream.versionCalls).hasValue(0);
        }
    }

    @Test
    void after_a_gap_longer_than_the_feed_is_kept_the_disk_is_not_believed() {
        try (Edge edge = open(
                engine -> engine.feedRetainTime(Duration.ofMinutes(1)),
                options -> options.cacheTtl(Duration.ofHours(1)).staleIfError(Duration.ofHours(1)))) {
            edge.write("k", "1");
            edge.write("same", "1");
            warm(edge, "k", "1");
            warm(edge, "same", "1");
            edge.awaitCaughtUp();
            long generation = edge.cache.stats().generation();
            edge.cache.close();
            edge.write("k", "2");
            edge.clock.advance(Duration.ofMinutes(5));
            long last = edge.write("other", "x");
            await().until(() -> edge.engine.stats().oldestVersion() >= last - 1);
            edge.cache = edge.open();
            await().until(() -> edge.cache.stats().generation() > generation);

            assertThat(text(check(edge, "k", Source.UPSTREAM))).isEqualTo("2");
            assertThat(text(check(edge, "same", Source.UPSTREAM))).isEqualTo("1");
        }
    }

    @Test
    void a_disk_that_does_not_say_where_the_feed_was_is_not_believed() {
        try (Edge edge = open()) {
            edge.write("k", "1");
            warm(edge, "k", "1");
            edge.awaitCaughtUp();
            edge.cache.close();
            try (DiskCache disk = openDisk()) {
                assertThat(disk.get(new byte[] {'p'})).isNotNull();
                disk.remove(new byte[] {'p'}); // As after a kill before it was written.
            }
            edge.write("k", "2");
            edge.cache = edge.open();
            edge.awaitFollowing();
            assertThat(text(check(edge, "k", Source.UPSTREAM))).isEqualTo("2");
        }
    }

    @Test
    void a_damaged_disk_is_dropped_and_never_served() throws IOException {
        try (Edge edge = open()) {
            for (int i = 0; i < 50; i++) {
                edge.write("k" + i, "value-" + i);
                warm(edge, "k" + i, "value-" + i);
            }
            edge.upstream.cut();
            edge.cache.close();
            try (Stream<Path> files = Files.list(folder.resolve("disk"))) {
                for (Path file : files.filter(f -> f.toString().matches(".*\\.(sst|log)"))
                        .toList()) {
                    byte[] content = Files.readAllBytes(file);
                    for (int i = content.length / 3; i < content.length; i += 1000) {
                        content[i] ^= 1;
                    }
                    Files.write(file, content);
                }
            }
            edge.cache = edge.open();
            int lost = 0;
            for (int i = 0; i < 50; i++) {
                CompletableFuture<GetResult> answer = edge.ask("k" + i, ReadOptions.EVENTUAL);
                await().until(answer::isDone);
                if (answer.isCompletedExceptionally()) {
                    lost++;
                } else {
                    assertThat(text(join(answer))).isEqualTo("value-" + i);
                }
            }
            assertThat(lost).isPositive();
            edge.upstream.mend();
            edge.advance(Duration.ofSeconds(5));
            edge.awaitFollowing();
            assertThat(edge.text("k49")).isEqualTo("value-49");
        }
    }

    @Test
    void however_a_load_and_a_change_race_the_disk_keeps_nothing_older() {
        try (Edge edge = open()) {
            CacheKey key = new CacheKey(edge.ns, Key.of("k"));
            DiskTier disk = Objects.requireNonNull(edge.cache.diskForTests());
            for (int i = 0; i < 300; i++) {
                CompletableFuture<Void> reader = CompletableFuture.runAsync(() -> {
                    for (int read = 0; read < 5; read++) {
                        GetResult unused = join(edge.ask("k", ReadOptions.EVENTUAL.withCacheTtl(Duration.ZERO)));
                    }
                });
                edge.nanos.addAndGet(1); // So that a copy is too old for them.
                long version = edge.write("k", "v" + i);
                join(reader);
                await().pollDelay(Duration.ZERO)
                        .pollInterval(Duration.ofMillis(1))
                        .until(() -> Position.parse(Objects.requireNonNull(
                                                edge.cache.stats().position()))
                                        .version()
                                >= version);
                Entry kept = join(disk.read(key));
                assertThat(kept == null ? version : kept.version).isGreaterThanOrEqualTo(version);
            }
        }
    }

    /** A disk that can be stopped. */
    private record Stoppable(CacheStorage below, CountDownLatch gate) implements CacheStorage {
        private void pass() {
            try {
                gate.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        @Override
        public byte @org.jspecify.annotations.Nullable [] get(byte[] key) {
            pass();
            return below.get(key);
        }

        @Override
        public void put(byte[] key, byte[] record) {
            pass();
            below.put(key, record);
        }

        @Override
        public void remove(byte[] key) {
            pass();
            below.remove(key);
        }

        @Override
        public void removeAll(byte[] prefix) {
            pass();
            below.removeAll(prefix);
        }

        @Override
        public void clear() {
            below.clear();
        }

        @Override
        public long bytes() {
            return below.bytes();
        }

        @Override
        public long drops() {
            return below.drops();
        }

        @Override
        public void close() {
            below.close();
        }
    }

    @Test
    void a_disk_that_cannot_take_in_a_removal_in_time_is_dropped() {
        Freshness.Time time = new Freshness.Time(new TestClock(), () -> 0);
        NamespaceId namespace = new NamespaceId(1, 2);
        CountDownLatch gate = new CountDownLatch(1);
        DiskTier tier = new DiskTier(new Stoppable(openDisk(), gate), time, 4);
        for (int i = 0; i < 8; i++) { // One is in hand, four are waiting, and the rest is left out.
            CacheKey key = new CacheKey(namespace, Key.of("k" + i));
            tier.put(new Entry(key, GetResult.Found.wrap(new byte[] {1}, null, 1, 0), false, time, 0, 1));
        }
        assertThat(tier.drops()).as("what is only left out is no loss").isZero();
        tier.remove(new CacheKey(namespace, Key.of("k0")));
        assertThat(tier.drops()).isEqualTo(1);
        gate.countDown();
        tier.await();
        await().until(() -> tier.queued() == 0);
        for (int i = 0; i < 8; i++) {
            assertThat(join(tier.read(new CacheKey(namespace, Key.of("k" + i)))))
                    .as("k" + i)
                    .isNull();
        }
        CacheKey key = new CacheKey(namespace, Key.of("later"));
        tier.put(new Entry(key, GetResult.Found.wrap(new byte[] {1}, null, 1, 0), false, time, 0, 1));
        assertThat(join(tier.read(key))).as("it is of use again").isNotNull();
        tier.close();
    }

    @Test
    void a_disk_that_could_not_take_in_a_removal_is_empty_after_the_restart() {
        Freshness.Time time = new Freshness.Time(new TestClock(), () -> 0);
        CacheKey key = new CacheKey(new NamespaceId(1, 2), Key.of("k"));
        CountDownLatch gate = new CountDownLatch(1);
        DiskTier tier = new DiskTier(new Stoppable(openDisk(), gate), time, 1);
        for (int i = 0; i < 4; i++) {
            tier.put(new Entry(key, GetResult.Found.wrap(new byte[] {1}, null, 1, 0), false, time, 0, 1));
        }
        tier.remove(key);
        assertThat(tier.drops()).isEqualTo(1);
        gate.countDown();
        tier.close();
        try (DiskTier again = new DiskTier(openDisk(), time)) {
            assertThat(join(again.read(key))).isNull();
        }
    }
}
