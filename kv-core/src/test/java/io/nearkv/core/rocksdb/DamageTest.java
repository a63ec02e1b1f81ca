package io.nearkv.core.rocksdb;

import static io.nearkv.core.rocksdb.FolderTest.failureOf;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedProbe;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.Mutation;
import io.nearkv.core.Position;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.TestClock;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.FlushOptions;

/**
 * Damaged and missing files: a store either has everything that was acknowledged or is refused, with the name of what is wrong. The folder is copied while the store is open,
 * which is what the end of the process leaves.
 */
class DamageTest {
    private static final int WRITES = 300;

    @TempDir
    Path root;

    private Engine engine;
    private Path crashed;

    @BeforeEach
    void write() {
        engine = new Engine(root.resolve("live"));
        crashed = root.resolve("crashed");
        for (int i = 0; i < WRITES; i++) {
            engine.assertApplied(engine.put("k" + i, "value " + i));
        }
    }

    @AfterEach
    void close() {
        engine.close();
    }

    private void crash() throws IOException {
        try (Stream<Path> paths = Files.walk(engine.folder)) {
            for (Path path : (Iterable<Path>) paths::iterator) {
                if (!path.equals(engine.folder.resolve("LOCK"))) {
                    Files.copy(path, crashed.resolve(engine.folder.relativize(path)));
                }
            }
        }
    }

    private Path file(String extension) throws IOException {
        try (Stream<Path> files = Files.list(crashed.resolve("store"))) {
            return files.filter(file -> file.toString().endsWith(extension))
                    .max(Comparator.comparing(file -> file.toFile().length()))
                    .orElseThrow();
        }
    }

    private static void overwrite(Path file, long at, int... bytes) throws IOException {
        try (RandomAccessFile access = new RandomAccessFile(file.toFile(), "rw")) {
            access.seek(at);
            for (int b : bytes) {
                access.write(b);
            }
        }
    }

    private static void flipBit(Path file, long at) throws IOException {
        overwrite(file, at, Files.readAllBytes(file)[(int) at] ^ 4);
    }

    private static void cut(Path file, long size) throws IOException {
        try (RandomAccessFile access = new RandomAccessFile(file.toFile(), "rw")) {
            access.setLength(size);
        }
    }

    private static RocksStoreOptions options() {
        return Engine.defaults(new TestClock()).build();
    }

    private RocksStore open() {
        return RocksStore.open(crashed, options());
    }

    private KvException refusal() {
        KvException failure = failureOf(this::open);
        assertThat(failure.code()).isEqualTo(ErrorCode.INTERNAL);
        return failure;
    }

    private int readable(RocksStore store) {
        int count = 0;
        for (int i = 0; i < WRITES; i++) {
            var result = Engine.await(store.get(engine.ns, Key.of("k" + i), ReadOptions.STRONG));
            count += result.toOptional().equals(java.util.Optional.of(Value.of("value " + i))) ? 1 : 0;
        }
        return count;
    }

    @Test
    void an_undamaged_crash_loses_nothing() throws Exception {
        crash();
        try (RocksStore store = open()) {
            assertThat(readable(store)).isEqualTo(WRITES);
            assertThat(store.position()).isEqualTo(engine.store.position());
        }
    }

    @Test
    void a_flipped_bit_in_the_middle_of_the_log_is_refused_and_the_file_named() throws Exception {
        crash();
        Path log = file(".log");
        flipBit(log, Files.size(log) / 2);
        assertThat(refusal())
                .hasMessageContaining(requireNonNull(log.getFileName()).toString());
    }

    @Test
    void a_zeroed_sector_in_the_middle_of_the_log_is_refused_and_the_file_named() throws Exception {
        crash();
        Path log = file(".log");
        overwrite(log, Files.size(log) / 2 / 512 * 512, new int[512]);
        assertThat(refusal())
                .hasMessageContaining(requireNonNull(log.getFileName()).toString());
    }

    @Test
    void a_flipped_bit_in_the_last_record_of_the_log_is_refused() throws Exception {
        crash();
        Path log = file(".log");
        flipBit(log, Files.size(log) - 20);
        assertThat(refusal()).hasMessageContaining(crashed.resolve("store").toString());
    }

    @Test
    void a_log_that_is_cut_short_is_refused_with_what_is_missing() throws Exception {
        crash();
        Path log = file(".log");
        cut(log, Files.size(log) * 3 / 4);
        assertThat(refusal())
                .hasMessageContaining("acknowledged writes are missing")
                .hasMessageContaining("version " + WRITES)
                .hasMessageContaining("store.ack");
    }

    @Test
    void a_log_whose_last_bytes_are_cut_is_refused_because_they_were_acknowledged() throws Exception {
        crash();
        Path log = file(".log");
        cut(log, Files.size(log) - 50);
        assertThat(refusal())
                .hasMessageContaining("version " + (WRITES - 1) + " ")
                .hasMessageContaining("store.ack");
    }

    @Test
    void a_torn_tail_that_nobody_was_told_of_is_dropped() throws Exception {
        Object unused = Engine.await(
                engine.store.write(engine.ns, Mutation.put(Key.of("torn"), Value.of("v")), WriteOptions.BUFFERED));
        crash();
        Path log = file(".log");
        cut(log, Files.size(log) - 50);
        try (RocksStore store = open()) {
            assertThat(readable(store)).isEqualTo(WRITES);
            assertThat(store.position().version()).isEqualTo(WRITES);
        }
    }

    @Test
    void a_catalogue_that_lost_a_namespace_is_refused() throws Exception {
        Object unused = Engine.await(engine.store.admin().createNamespace(Engine.ACCOUNT, "another"));
        crash();
        Path log = file(".log");
        cut(log, Files.size(log) - 20);
        assertThat(refusal()).hasMessageContaining("catalogue");
    }

    @Test
    void a_missing_log_is_refused() throws Exception {
        crash();
        Files.delete(file(".log"));
        assertThat(refusal()).hasMessageContaining(crashed.toString());
    }

    @Test
    void a_missing_marker_is_refused_by_name() throws Exception {
        crash();
        Files.delete(crashed.resolve("store.ack"));
        assertThat(refusal()).hasMessageContaining(crashed.resolve("store.ack") + " is missing");
    }

    @Test
    void a_marker_with_one_damaged_slot_still_protects_and_with_two_is_refused() throws Exception {
        crash();
        Path marker = crashed.resolve("store.ack");
        overwrite(marker, 8, 0xEE);
        RocksStore store = open();
        assertThat(readable(store)).isEqualTo(WRITES);
        store.close();

        overwrite(marker, 8, 0xEE);
        overwrite(marker, 512 + 8, 0xEE);
        assertThat(refusal()).hasMessageContaining(marker + " is damaged in both slots");
        cut(marker, 100);
        assertThat(refusal()).hasMessageContaining(marker + " has 100 bytes");
    }

    @Test
    void a_flipped_bit_in_a_table_file_is_an_error_of_the_reads_it_touches_and_never_a_wrong_value() throws Exception {
        try (FlushOptions flush = new FlushOptions()) {
            Database db = engine.store.databaseForTests();
            db.rocks.flush(flush, java.util.List.of(db.entries, db.values, db.expiry, db.changes, db.meta));
        }
        crash();
        Path table = Stream.of(file(".sst")).findFirst().orElseThrow();
        flipBit(table, 1000);
        try (RocksStore store = open()) {
            int right = 0;
            int damaged = 0;
            for (int i = 0; i < WRITES; i++) {
                try {
                    var result = Engine.await(store.get(engine.ns, Key.of("k" + i), ReadOptions.STRONG));
                    assertThat(result.toOptional()).contains(Value.of("value " + i));
                    right++;
                } catch (KvException e) {
                    assertThat(e.code()).isEqualTo(ErrorCode.INTERNAL);
                    assertThat(e)
                            .hasMessageContaining(
                                    requireNonNull(table.getFileName()).toString());
                    damaged++;
                }
            }
            assertThat(right).isPositive();
            assertThat(damaged).isPositive();
            // A write that must read the damaged block fails alone; the others of its group happen.
            var conditional = store.write(
                    engine.ns,
                    new Mutation.Delete(damagedKey(store), io.nearkv.core.Condition.IF_PRESENT),
                    WriteOptions.DEFAULT);
            var blind = store.write(engine.ns, Mutation.put(Key.of("new"), Value.of("v")), WriteOptions.DEFAULT);
            assertThat(Engine.failureOf(conditional).code()).isEqualTo(ErrorCode.INTERNAL);
            assertThat(Engine.await(blind).applied()).isTrue();
        }
    }

    private Key damagedKey(RocksStore store) {
        for (int i = 0; ; i++) {
            Key key = Key.of("k" + i);
            if (store.get(engine.ns, key, ReadOptions.STRONG)
                            .handle((result, failure) -> failure)
                            .join()
                    != null) {
                return key;
            }
        }
    }

    @Test
    void a_loss_that_is_accepted_leaves_what_came_before_it_and_a_new_lineage() throws Exception {
        Position before = engine.store.position();
        crash();
        Path log = file(".log");
        flipBit(log, Files.size(log) / 2);
        KvException refused = refusal();
        assertThat(refused).hasMessageContaining("nearkv check");

        long left = StoreAdoption.acceptLoss(crashed, engine.clock, new Random(1));

        assertThat(left).isBetween(WRITES / 4L, WRITES - 1L);
        try (RocksStore store = open()) {
            assertThat(readable(store)).isEqualTo((int) left);
            assertThat(store.position().version()).isEqualTo(left);
            assertThat(store.position().lineage()).isNotEqualTo(before.lineage());
            FeedProbe feed = new FeedProbe(store.watch(FeedRequest.of(null, new FeedRequest.Start.After(before))));
            feed.request(10);
            assertThat(feed.awaitEnd()).isEqualTo("complete");
            assertThat(feed.events()).singleElement().isInstanceOf(FeedEvent.TooOld.class);
        }
    }

    @Test
    void a_lost_marker_can_be_accepted_too() throws Exception {
        crash();
        Files.delete(crashed.resolve("store.ack"));
        assertThat(StoreAdoption.acceptLoss(crashed, engine.clock, new Random(1)))
                .isEqualTo(WRITES);
        try (RocksStore store = open()) {
            assertThat(readable(store)).isEqualTo(WRITES);
        }
    }
}
