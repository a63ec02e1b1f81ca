package io.nearkv.core.rocksdb;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nearkv.core.BackupInfo;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedIterator;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import io.nearkv.core.Value;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletionException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StoreBackupsTest {
    @TempDir
    private Path folder;

    private Path data() {
        return folder.resolve("data");
    }

    private Path backups() {
        return folder.resolve("backups");
    }

    private SmallStore open() {
        return SmallStore.open(
                data(), SmallStore.options().backupFolder(backups()).build());
    }

    private StoreBackups.Backup restore(String target) throws IOException {
        return new StoreBackups(backups())
                .restore(null, folder.resolve(target), InstantSource.system(), new Random(1), WorkProgress.NONE);
    }

    @Test
    void what_was_backed_up_comes_back_and_nothing_else() throws IOException {
        Map<String, Value> before;
        BackupInfo made;
        try (SmallStore small = open()) {
            before = small.contents();
            made = small.store.admin().backup().join();
            assertThat(made.id()).isEqualTo(1);
            assertThat(made.position()).isEqualTo(small.store.position());
            assertThat(made.sizeBytes()).isGreaterThan(1_000_000);
            small.put("afterwards", new byte[1]);
        }
        assertThat(new StoreBackups(backups()).verify(null, WorkProgress.NONE)).isEmpty();

        StoreBackups.Backup restored = restore("restored");

        assertThat(restored.info()).isEqualTo(made);
        assertThat(restored.environment()).isEqualTo("development");
        assertThat(StoreCheck.run(folder.resolve("restored"), InstantSource.system(), WorkProgress.NONE)
                        .problems())
                .isEmpty();
        try (SmallStore small = SmallStore.open(folder.resolve("restored"))) {
            assertThat(small.contents()).isEqualTo(before);
            assertThat(small.store.position().lineage())
                    .isNotEqualTo(made.position().lineage());
            small.put("goes on", new byte[1]);
        }
    }

    @Test
    void a_reader_from_before_the_backup_is_told_to_start_over() throws IOException {
        try (SmallStore small = open()) {
            small.store.admin().backup().join();
        }
        long lineage = requireNonNull(StoreStamp.read(data())).lineage();
        restore("restored");

        try (SmallStore small = SmallStore.open(folder.resolve("restored"));
                Kv kv = Kv.over(
                        small.store,
                        small.store.admin().accounts().join().get(0).id())) {
            FeedRequest.Start start = new FeedRequest.Start.After(io.nearkv.core.Position.of(lineage, 1));
            try (FeedIterator events = kv.namespace("first").watch("", start)) {
                assertThat(events.next()).isInstanceOf(FeedEvent.TooOld.class);
            }
        }
    }

    @Test
    void a_second_backup_copies_only_what_is_new() throws IOException {
        try (SmallStore small = open()) {
            small.store.admin().backup().join();
            List<Path> first = files();
            small.put("one more", new byte[1]);
            BackupInfo second = small.store.admin().backup().join();

            assertThat(second.id()).isEqualTo(2);
            assertThat(files()).containsAll(first);
            assertThat(sizeOf(files())).isLessThan(sizeOf(first) + 100_000);
        }
        assertThat(new StoreBackups(backups()).list()).hasSize(2);
        assertThat(new StoreBackups(backups()).verify(1, WorkProgress.NONE)).isEmpty();
    }

    @Test
    void backups_are_made_while_others_write() throws Exception {
        try (SmallStore small = open()) {
            Thread writer = new Thread(() -> {
                for (int i = 0; i < 200; i++) {
                    small.put("busy/" + i, SmallStore.bytes(i, 20_000));
                }
            });
            writer.start();
            BackupInfo made = small.store.admin().backup().join();
            writer.join();

            restore("restored");

            try (SmallStore restored = SmallStore.open(folder.resolve("restored"))) {
                long version = restored.store.position().version();
                assertThat(version)
                        .isBetween(
                                made.position().version(),
                                small.store.position().version());
                // A prefix of what was written: no hole.
                long busy = restored.contents().keySet().stream()
                        .filter(key -> key.startsWith("busy/"))
                        .count();
                for (int i = 0; i < busy; i++) {
                    assertThat(restored.contents()).containsKey("busy/" + i);
                }
            }
        }
    }

    @Test
    void a_damaged_file_is_named_and_nothing_is_restored_from_it() throws IOException {
        try (SmallStore small = open()) {
            small.store.admin().backup().join();
        }
        Path largest = files().stream()
                .max(Comparator.comparingLong(StoreBackupsTest::size))
                .orElseThrow();
        flip(largest, Files.size(largest) / 2);

        assertThat(new StoreBackups(backups()).verify(null, WorkProgress.NONE))
                .singleElement()
                .asString()
                .contains(largest.toString());
        assertThatThrownBy(() -> restore("restored"))
                .isInstanceOf(KvException.class)
                .hasMessageContaining(largest.toString())
                .hasMessageContaining("damaged");
        assertThat(RocksStore.isStore(folder.resolve("restored"))).isFalse();

        Files.delete(largest);

        assertThat(new StoreBackups(backups()).verify(null, WorkProgress.NONE))
                .singleElement()
                .asString()
                .contains("missing");
        // The next backup heals what can be healed: it copies the file again.
        try (SmallStore small = open()) {
            small.store.admin().backup().join();
        }
        assertThat(new StoreBackups(backups()).verify(null, WorkProgress.NONE)).isEmpty();
        restore("restored");
    }

    @Test
    void a_damaged_manifest_is_named() throws IOException {
        try (SmallStore small = open()) {
            small.store.admin().backup().join();
        }
        Path manifest = backups().resolve("backup-000001.manifest");
        flip(manifest, 40);

        assertThatThrownBy(() -> restore("restored"))
                .isInstanceOf(KvException.class)
                .hasMessageContaining(manifest.toString());
    }

    @Test
    void a_restore_cut_short_is_done_again_and_one_over_data_is_refused() throws IOException {
        try (SmallStore small = open()) {
            small.store.admin().backup().join();
        }
        Files.createDirectories(folder.resolve("restored/restoring/store"));
        Files.writeString(folder.resolve("restored/restoring/store/junk"), "junk");
        restore("restored");
        assertThat(folder.resolve("restored/restoring")).doesNotExist();

        assertThatThrownBy(() -> restore("restored")).isInstanceOf(FileAlreadyExistsException.class);
        assertThatThrownBy(() -> restore("data")).isInstanceOf(FileAlreadyExistsException.class);
    }

    @Test
    void a_missing_backup_is_not_found() {
        assertThatThrownBy(() -> restore("restored"))
                .isInstanceOfSatisfying(
                        KvException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.NOT_FOUND));
        assertThat(folder.resolve("restored")).doesNotExist();
    }

    @Test
    void a_store_without_a_folder_for_backups_refuses() {
        try (SmallStore small = SmallStore.open(data())) {
            assertThatThrownBy(() -> small.store.admin().backup().join())
                    .isInstanceOf(CompletionException.class)
                    .hasMessageContaining("no backups");
        }
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> files = Files.list(backups().resolve("files"))) {
            return files.sorted().toList();
        }
    }

    private static long sizeOf(List<Path> files) {
        return files.stream().mapToLong(StoreBackupsTest::size).sum();
    }

    private static long size(Path file) {
        try {
            return Files.size(file);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /** Flips one bit of a file. */
    static void flip(Path file, long at) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        bytes[(int) at] ^= 16;
        Files.write(file, bytes);
    }
}
