package io.nearkv.core.rocksdb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.FlushOptions;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.WriteBatch;
import org.rocksdb.WriteOptions;

class StoreCheckTest {
    @TempDir
    private Path folder;

    @BeforeEach
    void fill() {
        try (SmallStore small = SmallStore.open(folder)) {
            assertThat(small.contents()).isNotEmpty();
        }
    }

    private List<String> problems() throws IOException {
        return StoreCheck.run(folder, InstantSource.system(), WorkProgress.NONE).problems();
    }

    /** Something that is done to the database behind the engine's back. */
    private interface Damage {
        void inflict(Database db) throws RocksDBException;
    }

    private void inflict(Damage damage) throws RocksDBException {
        try (Database db = Database.open(folder, SmallStore.options().build(), Database.Mode.WHOLE)) {
            damage.inflict(db);
        }
    }

    /** Moves everything from the log into tables and blob files. */
    private void flush() throws RocksDBException {
        inflict(db -> {
            try (FlushOptions options = new FlushOptions().setWaitForFlush(true)) {
                db.rocks.flush(options, List.of(db.entries, db.values, db.expiry, db.changes, db.meta));
            }
        });
    }

    private List<Path> files(String ending) throws IOException {
        try (Stream<Path> files = Files.list(folder.resolve("store"))) {
            return files.filter(file -> file.toString().endsWith(ending))
                    .sorted(Comparator.comparingLong(StoreCheckTest::size))
                    .toList();
        }
    }

    private static long size(Path file) {
        return file.toFile().length();
    }

    @Test
    void a_sound_folder_is_clean_counted_and_left_alone() throws IOException, RocksDBException {
        assertThat(problems()).isEmpty();
        flush();
        Map<String, Integer> before = contents();

        CheckReport report = StoreCheck.run(folder, InstantSource.system(), WorkProgress.NONE);

        assertThat(report.problems()).isEmpty();
        assertThat(report.counts())
                .containsEntry("namespaces", 1L)
                .containsEntry("entries", 57L)
                .containsEntry("large values", 7L)
                .containsEntry("pieces without an entry", 0L);
        assertThat(contents()).isEqualTo(before);
    }

    private Map<String, Integer> contents() throws IOException {
        Map<String, Integer> contents = new TreeMap<>();
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                if (!file.endsWith(FolderLock.FILE)) {
                    contents.put(file.toString(), Arrays.hashCode(Files.readAllBytes(file)));
                }
            }
        }
        return contents;
    }

    @Test
    void every_damaged_file_is_named() throws IOException, RocksDBException {
        flush();
        List<Path> tables = files(".sst");
        List<Path> blobs = files(".blob");
        assertThat(tables).hasSizeGreaterThan(3);
        assertThat(blobs).isNotEmpty();
        for (Path table : tables) {
            StoreBackupsTest.flip(table, 10);
        }
        for (Path blob : blobs) {
            StoreBackupsTest.flip(blob, Files.size(blob) / 2);
        }

        List<String> problems = problems();

        for (Path file : Stream.concat(tables.stream(), blobs.stream()).toList()) {
            assertThat(problems).anyMatch(problem -> problem.contains(file.toString()));
        }
    }

    @Test
    void one_bit_anywhere_in_a_table_or_blob_file_is_found() throws IOException, RocksDBException {
        flush();
        Random random = new Random(5);
        List<Path> candidates =
                Stream.concat(files(".sst").stream(), files(".blob").stream()).toList();
        for (int round = 0; round < 30; round++) {
            Path file = candidates.get(random.nextInt(candidates.size()));
            // The header of a blob file has bytes that nobody reads.
            int at = 30 + random.nextInt((int) Files.size(file) - 30);
            StoreBackupsTest.flip(file, at);

            assertThat(problems()).as("%s at %s", file, at).isNotEmpty();

            StoreBackupsTest.flip(file, at);
        }
        assertThat(problems()).isEmpty();
    }

    @Test
    void a_missing_file_is_named() throws IOException, RocksDBException {
        flush();
        Path blob = files(".blob").get(0);
        Files.delete(blob);

        assertThat(String.join("\n", problems())).contains(String.valueOf(blob.getFileName()));
    }

    @Test
    void a_log_that_was_cut_short_is_told_by_the_marker() throws IOException {
        Path log = files(".log").get(files(".log").size() - 1);
        byte[] bytes = Files.readAllBytes(log);
        Files.write(log, Arrays.copyOf(bytes, bytes.length * 3 / 4));

        assertThat(String.join("\n", problems())).contains(log.toString());
        assertThatThrownBy(() -> SmallStore.open(folder)).isInstanceOf(KvException.class);

        long version = StoreAdoption.acceptLoss(folder, InstantSource.system(), new Random(1));

        assertThat(version).isPositive();
        assertThat(problems()).isEmpty();
        try (SmallStore small = SmallStore.open(folder)) {
            assertThat(small.store.position().version()).isEqualTo(version);
            small.put("goes on", new byte[1]);
        }
    }

    @Test
    void one_bit_in_the_log_is_found_and_what_is_before_it_can_be_kept() throws IOException {
        Path log = files(".log").get(files(".log").size() - 1);
        StoreBackupsTest.flip(log, Files.size(log) / 2);

        assertThat(problems()).anyMatch(problem -> problem.startsWith(log + ": it is damaged"));

        assertThat(StoreAdoption.acceptLoss(folder, InstantSource.system(), new Random(1)))
                .isPositive();
        assertThat(problems()).isEmpty();
        try (SmallStore small = SmallStore.open(folder)) {
            assertThat(small.contents()).isNotEmpty();
            small.put("goes on", new byte[1]);
        }
    }

    @Test
    void a_log_whose_tail_was_never_acknowledged_is_clean() throws IOException {
        Path log = files(".log").get(files(".log").size() - 1);
        Files.write(log, new byte[] {1, 2, 3, 4, 5}, StandardOpenOption.APPEND);

        assertThat(problems()).isEmpty();
    }

    @Test
    void a_tail_on_which_rocksdb_would_hang_is_refused_and_can_be_cut() throws IOException {
        Path log = files(".log").get(files(".log").size() - 1);
        Files.write(log, new byte[] {1, 2, 3, 4, 5, 6, 7, 8, 9}, StandardOpenOption.APPEND);

        assertThat(problems()).singleElement().asString().contains(log.toString());
        assertThatThrownBy(() -> SmallStore.open(folder))
                .isInstanceOf(KvException.class)
                .hasMessageContaining(log.toString());

        assertThat(StoreAdoption.acceptLoss(folder, InstantSource.system(), new Random(1)))
                .isPositive();
        assertThat(problems()).isEmpty();
    }

    @Test
    void an_entry_without_its_record_in_the_index_of_expirations_is_found() throws IOException, RocksDBException {
        inflict(db -> db.rocks.deleteRange(db.expiry, new byte[0], new byte[] {127}));

        assertThat(problems()).singleElement().asString().contains("'expires'").contains("index of expirations");
    }

    @Test
    void a_piece_that_is_missing_altered_or_belongs_to_nothing_is_found() throws IOException, RocksDBException {
        inflict(db -> {
            byte[] chunk = firstKey(db, EntryRecord.CHUNK);
            byte[] value = db.rocks.get(db.values, chunk);
            db.rocks.delete(db.values, chunk);
            ByteBuffer.wrap(chunk).putLong(5, 0x7777_0000_0000L);
            db.rocks.put(db.values, chunk, value);
        });

        assertThat(problems())
                .hasSize(2)
                .anyMatch(problem -> problem.contains("piece 0 of its value is missing"))
                .anyMatch(problem -> problem.contains("belongs to no entry"));
    }

    @Test
    void an_altered_piece_is_found_by_the_checksum_of_its_value() throws IOException, RocksDBException {
        inflict(db -> {
            byte[] chunk = firstKey(db, EntryRecord.CHUNK);
            byte[] value = db.rocks.get(db.values, chunk);
            value[100] ^= 1;
            db.rocks.put(db.values, chunk, value);
        });

        assertThat(problems()).singleElement().asString().contains("the checksum of its value does not match");
    }

    @Test
    void a_pointer_that_is_missing_or_left_over_is_found() throws IOException, RocksDBException {
        inflict(db -> db.rocks.delete(db.values, firstKey(db, EntryRecord.POINTER)));
        assertThat(problems())
                .anyMatch(problem -> problem.contains("the pointer to its value is missing"))
                .anyMatch(problem -> problem.contains("6 pointers to values and 7 entries"));

        inflict(db -> db.rocks.deleteRange(db.entries, new byte[] {0}, new byte[] {127}));

        assertThat(problems()).anyMatch(problem -> problem.contains("belongs to no entry"));
    }

    private static byte[] firstKey(Database db, byte kind) throws RocksDBException {
        try (RocksIterator records = db.rocks.newIterator(db.values)) {
            records.seekToFirst();
            while (records.isValid() && records.key()[4] != kind) {
                records.next();
            }
            return records.key();
        }
    }

    @Test
    void a_gap_in_the_change_feed_is_found() throws IOException, RocksDBException {
        inflict(db -> db.rocks.delete(db.changes, FeedLog.versionKey(5)));

        assertThat(problems()).singleElement().asString().contains("gap").contains("4");
    }

    @Test
    void a_catalogue_that_contradicts_itself_is_found() throws IOException, RocksDBException {
        inflict(db -> MetaRecords.forEach(db, MetaRecords.ACCOUNT, (id, record) -> {
            try {
                db.rocks.delete(db.meta, MetaRecords.name(MetaRecords.ACCOUNT + id));
            } catch (RocksDBException e) {
                throw new IllegalStateException(e);
            }
        }));
        assertThat(problems())
                .singleElement()
                .asString()
                .contains("its account")
                .contains("does not exist");

        inflict(db -> {
            try (WriteBatch batch = new WriteBatch();
                    WriteOptions options = new WriteOptions()) {
                MetaRecords.putCatalogue(db, batch, new Catalogue(Map.of(), Map.of(), 1, 1000));
                db.rocks.write(options, batch);
            }
        });

        assertThat(problems()).anyMatch(problem -> problem.contains("was never given out"));
    }

    @Test
    void an_entry_of_no_namespace_is_found() throws IOException, RocksDBException {
        inflict(db -> {
            ByteBuffer key = ByteBuffer.allocate(20);
            EntryRecord.putEntryKey(key, 77, Key.of("stray"));
            ByteBuffer record = ByteBuffer.allocate(64);
            EntryRecord.putHead(record, 1, 0, null, false);
            db.rocks.put(
                    db.entries,
                    Arrays.copyOf(key.array(), key.position()),
                    Arrays.copyOf(record.array(), record.position()));
        });

        assertThat(problems()).singleElement().asString().contains("'stray'").contains("does not exist");
    }

    @Test
    void a_stamp_that_is_damaged_missing_or_of_another_store_is_found() throws IOException {
        Path stamp = folder.resolve(StoreStamp.FILE);
        byte[] bytes = Files.readAllBytes(stamp);
        StoreBackupsTest.flip(stamp, 30);
        assertThat(problems()).singleElement().asString().contains("STAMP");
        Files.delete(stamp);
        assertThat(problems()).singleElement().asString().contains("STAMP").contains("missing");

        new StoreStamp(1, "development", 1, InstantSource.system().instant()).write(folder);

        assertThat(problems()).singleElement().asString().contains("two stores");
        Files.write(stamp, bytes);
        assertThat(problems()).isEmpty();
    }

    @Test
    void a_marker_that_is_damaged_or_missing_is_found_and_can_be_made_anew() throws IOException {
        Path marker = folder.resolve(AckMarker.FILE);
        Files.write(marker, new byte[1024]);
        assertThat(problems()).singleElement().asString().contains("store.ack");
        Files.delete(marker);
        assertThat(problems()).singleElement().asString().contains("store.ack").contains("missing");

        long unused = StoreAdoption.acceptLoss(folder, InstantSource.system(), new Random(1));

        assertThat(problems()).isEmpty();
    }

    @Test
    void a_folder_that_is_held_or_no_store_is_refused() {
        try (SmallStore small = SmallStore.open(folder)) {
            assertThat(small.contents()).isNotEmpty();
            assertThatThrownBy(this::problems)
                    .isInstanceOfSatisfying(
                            KvException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.UNAVAILABLE))
                    .hasMessageContaining("held by process");
        }
        assertThatThrownBy(() -> StoreCheck.run(folder.resolve("nothing"), InstantSource.system(), WorkProgress.NONE))
                .isInstanceOfSatisfying(
                        KvException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.NOT_FOUND));
    }
}
