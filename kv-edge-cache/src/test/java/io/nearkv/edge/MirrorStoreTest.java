package io.nearkv.edge;

import static io.nearkv.edge.Edge.failureOf;
import static io.nearkv.edge.Edge.join;
import static io.nearkv.edge.Edge.text;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KeyInfo;
import io.nearkv.core.Kv;
import io.nearkv.core.KvStore;
import io.nearkv.core.ListOptions;
import io.nearkv.core.ListPage;
import io.nearkv.core.Metadata;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.OrderedStorage;
import io.nearkv.core.Origin;
import io.nearkv.core.Position;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.rocksdb.DiskMirror;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A full copy: made, kept in step, and answered from while there is nobody else to ask. */
class MirrorStoreTest {
    private static final int KEYS = 2500;

    @TempDir
    Path folder;

    private Edge open() {
        return new Edge(
                folder.resolve("core"), engine -> engine.feedRetainTime(Duration.ofMinutes(1)), options -> options);
    }

    private MirrorStore mirror(Edge edge) {
        return MirrorStore.open(edge.network(), disk(), Set.of(edge.ns), edge.options());
    }

    private DiskMirror disk() {
        return DiskMirror.open(folder.resolve("mirror"), "test");
    }

    private static void fill(Edge edge) {
        for (int from = 0; from < KEYS; from += 500) {
            List<Mutation> mutations = IntStream.range(from, from + 500)
                    .mapToObj(i -> Mutation.put(Key.of(String.format("k%04d", i)), Value.of("v" + i)))
                    .toList();
            Object unused = join(edge.engine.writeAll(edge.ns, mutations, WriteOptions.BUFFERED));
        }
    }

    /** Waits until everything that the engine has committed is in the copy. */
    private static void awaitCopied(Edge edge, MirrorStore mirror) {
        String position = edge.engine.position().toString();
        await().until(() -> {
            MirrorStats stats = mirror.stats();
            return position.equals(stats.position())
                    && stats.namespaces() == stats.completeNamespaces()
                    && stats.behindKeys() == 0;
        });
    }

    private static GetResult get(Edge edge, MirrorStore mirror, String key) {
        return join(mirror.get(edge.ns, Key.of(key), ReadOptions.EVENTUAL));
    }

    private static List<KeyInfo> listAll(Edge edge, KvStore store, String prefix, int limit) {
        List<KeyInfo> keys = new ArrayList<>();
        ListOptions options = ListOptions.prefix(prefix).withLimit(limit);
        while (true) {
            ListPage page = join(store.list(edge.ns, options, ReadOptions.EVENTUAL));
            assertThat(page.keys()).hasSizeLessThanOrEqualTo(limit);
            keys.addAll(page.keys());
            if (page.next() == null) {
                return keys;
            }
            options = options.withCursor(page.next());
        }
    }

    /** Asserts that the copy is what the engine has, by asking it alone. */
    private static void assertSame(Edge edge, MirrorStore mirror) {
        edge.upstream.cut();
        try {
            List<KeyInfo> expected = listAll(edge, edge.engine, "", 1000);
            assertThat(listAll(edge, mirror, "", 1000)).isEqualTo(expected);
            for (int from = 0; from < expected.size(); from += 500) {
                List<Key> keys = expected.subList(from, Math.min(expected.size(), from + 500)).stream()
                        .map(KeyInfo::key)
                        .toList();
                assertThat(join(mirror.getAll(edge.ns, keys, ReadOptions.EVENTUAL)))
                        .isEqualTo(join(edge.engine.getAll(edge.ns, keys, ReadOptions.EVENTUAL)));
            }
        } finally {
            edge.upstream.mend();
        }
    }

    @Test
    void everything_is_copied_and_answered_from_the_disk() {
        try (Edge edge = open()) {
            fill(edge);
            Mutation described = new Mutation.Put(
                    Key.of("described"),
                    Value.of(""),
                    PutOptions.metadata(Metadata.ofJson("{\"a\":1}")).withTtl(Duration.ofDays(1)));
            Object unused = join(edge.engine.write(edge.ns, described, WriteOptions.BUFFERED));
            try (MirrorStore mirror = mirror(edge)) {
                awaitCopied(edge, mirror);
                assertThat(mirror.stats().fetchedKeys()).isEqualTo(KEYS + 1);
                GetResult found = get(edge, mirror, "k0007");
                assertThat(text(found)).isEqualTo("v7");
                assertThat(found.origin().source()).isEqualTo(Origin.Source.DISK);
                assertThat(get(edge, mirror, "absent").origin().source()).isEqualTo(Origin.Source.DISK);
                assertSame(edge, mirror);
                assertThat(mirror.stats().passedOn()).isZero();
            }
        }
    }

    @Test
    void until_the_copy_is_complete_upstream_answers() {
        try (Edge edge = open()) {
            fill(edge);
            edge.upstream.hold();
            try (MirrorStore mirror = mirror(edge)) {
                var answer = mirror.get(edge.ns, Key.of("k0001"), ReadOptions.EVENTUAL);
                edge.upstream.release();
                assertThat(text(join(answer))).isEqualTo("v1");
                assertThat(join(answer).origin().source()).isEqualTo(Origin.Source.OWNER);
                awaitCopied(edge, mirror);
            }
        }
    }

    @Test
    void changes_are_followed_and_who_writes_through_the_mirror_reads_it_at_once() {
        try (Edge edge = open();
                MirrorStore mirror = mirror(edge)) {
            awaitCopied(edge, mirror);
            for (int i = 0; i < 300; i++) {
                String key = "k" + i % 7;
                Mutation mutation =
                        i % 5 == 4 ? Mutation.delete(Key.of(key)) : Mutation.put(Key.of(key), Value.of("v" + i));
                Object unused = join(mirror.write(edge.ns, mutation, WriteOptions.BUFFERED));
                assertThat(text(get(edge, mirror, key))).isEqualTo(i % 5 == 4 ? null : "v" + i);
                edge.write("elsewhere" + i % 3, "v" + i);
            }
            awaitCopied(edge, mirror);
            assertThat(listAll(edge, mirror, "", 1000))
                    .hasSize(listAll(edge, edge.engine, "", 1000).size());
            assertSame(edge, mirror);
        }
    }

    /** As it comes when the thread of the feed is held up between the first position and its word of it. */
    @Test
    void who_has_written_before_the_word_of_a_new_generation_comes_reads_nothing_older() {
        ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor();
        try (Edge edge = open()) {
            Freshness.Time time = new Freshness.Time(edge.clock, edge.nanos::get);
            Key key = Key.of("k");
            edge.write("k", "old");
            try (MirrorDisk disk = new MirrorDisk(disk(), time)) {
                MirrorCopy copy = new MirrorCopy(
                        edge.upstream,
                        edge.engine.admin()::namespace,
                        disk,
                        Set.of(edge.ns),
                        edge.options(),
                        new FirstGeneration(edge),
                        time,
                        timer);
                copy.current();
                await().until(() -> copy.isComplete(edge.ns));
                edge.upstream.hold();
                copy.changed(
                        edge.ns,
                        key,
                        edge.write("k", "new"),
                        edge.engine.position().lineage());
                copy.restarted();
                assertThat(copy.isDirty(edge.ns, List.of(key))).isTrue();
                edge.upstream.release();
                await().until(() -> !copy.isDirty(edge.ns, List.of(key)));
                List<GetResult> found = Objects.requireNonNull(join(disk.read(() -> disk.get(edge.ns, List.of(key)))));
                assertThat(text(found.get(0))).isEqualTo("new");
            }
        } finally {
            timer.shutdownNow();
        }
    }

    private record FirstGeneration(Edge edge) implements Freshness.Feed {
        @Override
        public long generation() {
            return 1;
        }

        @Override
        public Position position() {
            return edge.engine.position();
        }

        @Override
        public long currentNanos() {
            return edge.nanos.get();
        }
    }

    @Test
    void listings_are_answered_while_upstream_is_gone_in_order_with_prefix_limit_and_cursor() {
        try (Edge edge = open();
                MirrorStore mirror = mirror(edge)) {
            fill(edge);
            edge.write("a", "v");
            edge.write("z", "v");
            awaitCopied(edge, mirror);
            edge.upstream.cut();
            for (String prefix : List.of("", "k", "k1", "k12", "x")) {
                assertThat(listAll(edge, mirror, prefix, 70)).isEqualTo(listAll(edge, edge.engine, prefix, 1000));
            }
            assertThat(failureOf(mirror.list(edge.ns, ListOptions.ALL, ReadOptions.STRONG))
                            .code())
                    .isEqualTo(ErrorCode.UNAVAILABLE);
        }
    }

    @Test
    void while_upstream_is_gone_the_copy_gets_older_and_says_so() {
        try (Edge edge = open();
                MirrorStore mirror = mirror(edge)) {
            edge.write("k", "v");
            awaitCopied(edge, mirror);
            edge.upstream.cut();
            edge.advance(Duration.ofSeconds(30));
            assertThat(get(edge, mirror, "k").origin()).satisfies(origin -> {
                assertThat(origin.source()).isEqualTo(Origin.Source.DISK);
                assertThat(origin.age()).isEqualTo(Duration.ofSeconds(30));
            });
            assertThat(failureOf(mirror.get(edge.ns, Key.of("k"), ReadOptions.bounded(Duration.ofSeconds(10))))
                            .code())
                    .isEqualTo(ErrorCode.UNAVAILABLE);
            edge.advance(Duration.ofMinutes(10));
            GetResult stale = get(edge, mirror, "k");
            assertThat(text(stale)).isEqualTo("v");
            assertThat(stale.origin().source()).isEqualTo(Origin.Source.STALE);
            assertThat(stale.origin().age()).isEqualTo(Duration.ofSeconds(630));
            edge.advance(Duration.ofHours(1));
            assertThat(failureOf(mirror.get(edge.ns, Key.of("k"), ReadOptions.EVENTUAL))
                            .code())
                    .isEqualTo(ErrorCode.UNAVAILABLE);
        }
    }

    @Test
    void after_a_restart_the_copy_answers_though_upstream_is_gone() {
        try (Edge edge = open()) {
            fill(edge);
            try (MirrorStore mirror = mirror(edge)) {
                awaitCopied(edge, mirror);
            }
            edge.upstream.cut();
            edge.advance(Duration.ofSeconds(20));
            try (MirrorStore mirror = mirror(edge)) {
                GetResult found = get(edge, mirror, "k0042");
                assertThat(text(found)).isEqualTo("v42");
                assertThat(found.origin().age()).isEqualTo(Duration.ofSeconds(20));
                assertThat(listAll(edge, mirror, "", 1000)).hasSize(KEYS);
                assertThat(Kv.over(mirror, Edge.ACCOUNT.id()).namespace("test").getString("k0043"))
                        .contains("v43");
                edge.upstream.mend();
                edge.write("k0042", "new");
                awaitCopied(edge, mirror);
                assertThat(text(get(edge, mirror, "k0042"))).isEqualTo("new");
                assertThat(mirror.stats().fetchedKeys())
                        .as("the feed went on where it was")
                        .isEqualTo(1);
            }
        }
    }

    /** A disk that nothing reaches any more once its process is killed. */
    private record Mortal(OrderedStorage below, AtomicBoolean killed) implements OrderedStorage {
        private void alive(Runnable write) {
            if (!killed.get()) {
                write.run();
            }
        }

        @Override
        public byte @Nullable [] get(byte[] key) {
            return below.get(key);
        }

        @Override
        public void scan(byte[] from, Visitor visitor) {
            below.scan(from, visitor);
        }

        @Override
        public void put(byte[] key, byte[] record) {
            alive(() -> below.put(key, record));
        }

        @Override
        public void putAll(List<byte[]> keys, List<byte[]> records) {
            alive(() -> below.putAll(keys, records));
        }

        @Override
        public void remove(byte[] key) {
            alive(() -> below.remove(key));
        }

        @Override
        public void removeAll(byte[] prefix) {
            alive(() -> below.removeAll(prefix));
        }

        @Override
        public void clear() {
            alive(below::clear);
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
    void a_copy_whose_process_is_killed_as_soon_as_it_is_complete_answers_though_upstream_is_gone() {
        try (Edge edge = open()) {
            fill(edge);
            AtomicBoolean killed = new AtomicBoolean();
            try (MirrorStore mirror =
                    MirrorStore.open(edge.network(), new Mortal(disk(), killed), Set.of(edge.ns), edge.options())) {
                awaitCopied(edge, mirror);
                killed.set(true);
            }
            edge.upstream.cut();
            edge.advance(Duration.ofSeconds(20));
            try (MirrorStore mirror = mirror(edge)) {
                GetResult found = get(edge, mirror, "k0042");
                assertThat(text(found)).isEqualTo("v42");
                assertThat(found.origin().age()).isEqualTo(Duration.ofSeconds(20));
            }
        }
    }

    @Test
    void a_first_copy_goes_on_after_a_restart_where_it_was() {
        try (Edge edge = open()) {
            fill(edge);
            try (MirrorStore mirror = mirror(edge)) {
                // The first page is on the disk when the second one is asked for.
                await().pollInterval(Duration.ofMillis(1))
                        .until(() -> mirror.stats().fetchedKeys() >= 1000);
                edge.upstream.cut();
            }
            edge.upstream.mend();
            try (MirrorStore mirror = mirror(edge)) {
                awaitCopied(edge, mirror);
                assertThat(mirror.stats().fetchedKeys()).isLessThanOrEqualTo(KEYS - 1000);
                assertSame(edge, mirror);
            }
        }
    }

    @Test
    void a_gap_is_repaired_and_only_what_differs_is_fetched() {
        try (Edge edge = open();
                MirrorStore mirror = mirror(edge)) {
            fill(edge);
            awaitCopied(edge, mirror);
            long fetched = mirror.stats().fetchedKeys();
            edge.upstream.cut();
            await().until(() -> mirror.stats().feed().equals("lost"));
            edge.write("k0003", "new");
            edge.write("k0003a", "new");
            long missed = edge.delete("k0004");
            edge.delete("k2499");
            edge.clock.advance(Duration.ofMinutes(5));
            edge.write("other", "x");
            await().until(() -> edge.engine.stats().oldestVersion() >= missed);
            assertThat(text(get(edge, mirror, "k0003")))
                    .as("nobody knows of the gap yet")
                    .isEqualTo("v3");
            edge.upstream.mend();
            await().until(() -> mirror.stats().generation() == 2);
            assertThat(text(get(edge, mirror, "k0003"))).isEqualTo("new");
            assertThat(text(get(edge, mirror, "k0004"))).isNull();
            awaitCopied(edge, mirror);
            assertThat(mirror.stats().fetchedKeys()).isEqualTo(fetched + 5);
            assertSame(edge, mirror);
        }
    }

    @Test
    void a_damaged_disk_is_dropped_and_everything_copied_again() throws IOException {
        try (Edge edge = open()) {
            fill(edge);
            try (MirrorStore mirror = mirror(edge)) {
                awaitCopied(edge, mirror);
            }
            disk().close(); // Opening moves what is in the log to files.
            try (Stream<Path> files = Files.list(folder.resolve("mirror"))) {
                for (Path file :
                        files.filter(f -> f.toString().endsWith(".sst")).toList()) {
                    byte[] content = Files.readAllBytes(file);
                    // Blocks of entries alone: it is found when they are read, not when the disk is opened.
                    Arrays.fill(content, content.length / 4, content.length / 2, (byte) 0x5A);
                    Files.write(file, content);
                }
            }
            try (MirrorStore mirror = mirror(edge)) {
                assertThat(mirror.stats().diskDrops()).isZero();
                for (int i = 0; i < KEYS; i += 100) {
                    assertThat(text(get(edge, mirror, String.format("k%04d", i))))
                            .isEqualTo("v" + i);
                }
                await().until(() -> mirror.stats().fetchedKeys() >= KEYS);
                awaitCopied(edge, mirror);
                assertThat(mirror.stats().diskDrops()).isEqualTo(1);
                assertSame(edge, mirror);
            }
        }
    }

    @Test
    void a_session_reads_its_writes_though_others_make_them() {
        try (Edge edge = open();
                MirrorStore mirror = mirror(edge)) {
            awaitCopied(edge, mirror);
            for (int i = 0; i < 300; i++) {
                long version = edge.write("k", "v" + i);
                ReadOptions session = ReadOptions.session(edge.engine.positionOf(version));
                assertThat(text(join(mirror.get(edge.ns, Key.of("k"), session))))
                        .isEqualTo("v" + i);
            }
        }
    }

    @Test
    void large_values_are_fetched_in_pieces_that_fit() {
        try (Edge edge = open()) {
            for (int i = 0; i < 6; i++) {
                Value large = Value.of(new byte[9 << 20]);
                Mutation mutation = Mutation.put(Key.of("large" + i), large);
                Object unused = join(edge.engine.write(edge.ns, mutation, WriteOptions.BUFFERED));
            }
            try (MirrorStore mirror = mirror(edge)) {
                awaitCopied(edge, mirror);
                edge.upstream.cut();
                assertThat(((GetResult.Found) get(edge, mirror, "large5")).length())
                        .isEqualTo(9 << 20);
            }
        }
    }

    @Test
    void whatever_happens_the_copy_is_the_same_in_the_end() {
        long seed = Long.getLong("nearkv.test.seed", new Random().nextLong());
        Random random = new Random(seed);
        try (Edge edge = open()) {
            fill(edge);
            MirrorStore mirror = mirror(edge);
            try {
                for (int round = 0; round < 25; round++) {
                    for (int i = random.nextInt(40); i > 0; i--) {
                        String key = String.format("k%04d", random.nextInt(KEYS + 100));
                        if (random.nextInt(3) == 0) {
                            edge.delete(key);
                        } else {
                            edge.write(key, "r" + round + "." + i);
                        }
                    }
                    switch (random.nextInt(6)) {
                        case 0 -> edge.upstream.cut();
                        case 1 -> edge.upstream.mend();
                        case 2 -> {
                            mirror.close();
                            mirror = mirror(edge);
                        }
                        case 3 -> edge.clock.advance(Duration.ofMinutes(5)); // A gap, if it is cut off.
                        default -> {
                            edge.upstream.mend();
                            awaitCopied(edge, mirror);
                            assertSame(edge, mirror);
                        }
                    }
                }
                edge.upstream.mend();
                awaitCopied(edge, mirror);
                assertSame(edge, mirror);
            } catch (RuntimeException | AssertionError e) {
                throw new AssertionError("seed " + seed, e);
            } finally {
                mirror.close();
            }
        }
    }

    @Test
    void a_cache_goes_over_a_mirror_and_hangs_on_its_feed() {
        try (Edge edge = open();
                MirrorStore mirror = mirror(edge)) {
            fill(edge);
            awaitCopied(edge, mirror);
            int subscribers = edge.engine.stats().subscribers();
            try (EdgeCache cache = EdgeCache.open(mirror, edge.options())) {
                await().until(() -> cache.stats().feed().equals("following"));
                assertThat(edge.engine.stats().subscribers()).isEqualTo(subscribers);
                assertThat(mirror.stats().feedSubscribers()).isEqualTo(1);
                ReadOptions any = ReadOptions.EVENTUAL;
                assertThat(text(join(cache.get(edge.ns, Key.of("k0001"), any)))).isEqualTo("v1");
                edge.write("k0001", "new");
                await().until(() -> "new".equals(text(join(cache.get(edge.ns, Key.of("k0001"), any)))));
                edge.upstream.cut();
                assertThat(text(join(cache.get(edge.ns, Key.of("k0002"), any)))).isEqualTo("v2");
                assertThat(listAll(edge, cache, "", 1000)).hasSize(KEYS);
            }
        }
    }

    @Test
    void other_namespaces_are_not_copied_and_one_that_is_deleted_is_gone() {
        try (Edge edge = open();
                MirrorStore mirror = mirror(edge)) {
            // Or the first pass and the feed may both ask for the key.
            await().until(() -> mirror.stats().completeNamespaces() == 1);
            NamespaceId other = join(edge.engine.admin().createNamespace(Edge.ACCOUNT.id(), "other"))
                    .id();
            Mutation mutation = Mutation.put(Key.of("x"), Value.of("v"));
            Object unused = join(edge.engine.write(other, mutation, WriteOptions.BUFFERED));
            edge.write("k", "v");
            awaitCopied(edge, mirror);
            assertThat(mirror.stats().fetchedKeys()).isEqualTo(1);
            assertThat(join(mirror.get(other, Key.of("x"), ReadOptions.EVENTUAL))
                            .origin()
                            .source())
                    .isEqualTo(Origin.Source.OWNER);
            unused = join(edge.engine.admin().deleteNamespace(edge.ns));
            await().until(() -> mirror.stats().namespaces() == 0);
            edge.upstream.cut();
            assertThat(failureOf(mirror.get(edge.ns, Key.of("k"), ReadOptions.EVENTUAL))
                            .code())
                    .isEqualTo(ErrorCode.UNAVAILABLE);
        }
    }
}
