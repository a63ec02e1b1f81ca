package io.nearkv.core.rocksdb;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.nearkv.core.DenialReason;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.RefusingStore;
import io.nearkv.core.TestClock;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.RocksDBException;

/** Who may open a folder, and what a refusal leaves behind: nothing. */
class FolderTest {
    @TempDir
    Path root;

    private Path folder() {
        return root.resolve("data");
    }

    private static RocksStoreOptions production() {
        return Engine.defaults(new TestClock()).environment("production").build();
    }

    static KvException failureOf(org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
        return requireNonNull(catchThrowableOfType(KvException.class, call), "it did not fail");
    }

    /** Returns path, time of change, size and checksum of every file below a folder. */
    static Map<String, String> fingerprint(Path folder) throws IOException {
        Map<String, String> files = new TreeMap<>();
        try (Stream<Path> paths = Files.walk(folder)) {
            for (Path path : (Iterable<Path>) paths::iterator) {
                String what = "folder";
                if (Files.isRegularFile(path)) {
                    CRC32C crc = new CRC32C();
                    crc.update(Files.readAllBytes(path));
                    what = Files.getLastModifiedTime(path) + " " + Files.size(path) + " " + crc.getValue();
                }
                files.put(folder.relativize(path).toString(), what);
            }
        }
        return files;
    }

    @Test
    void another_environment_is_unauthorized_and_changes_nothing_on_disk() throws Exception {
        try (Engine engine = new Engine(folder())) {
            engine.assertApplied(engine.put("k", "v"));
        }
        Map<String, String> before = fingerprint(folder());

        KvException failure = failureOf(() -> RocksStore.open(folder(), production()));

        assertThat(failure.code()).isEqualTo(ErrorCode.UNAUTHORIZED);
        KvException.Denial denial = requireNonNull(failure.denial());
        assertThat(denial.reason()).isEqualTo(DenialReason.ENVIRONMENT_MISMATCH);
        assertThat(denial.expectedEnvironment()).isEqualTo("production");
        assertThat(denial.presentedEnvironment()).isEqualTo("development");
        assertThat(fingerprint(folder())).isEqualTo(before);
    }

    @Test
    void the_stamp_says_what_a_folder_is_without_opening_it() throws Exception {
        assertThat(RocksStore.isStore(folder())).isFalse();
        assertThat(RocksStore.readStamp(folder())).isNull();
        try (Engine engine = new Engine(folder())) {
            StoreStamp stamp = requireNonNull(RocksStore.readStamp(folder()));
            assertThat(stamp).isEqualTo(engine.store.stamp());
            assertThat(stamp.environment()).isEqualTo("development");
            assertThat(stamp.formatVersion()).isEqualTo(StoreStamp.CURRENT_FORMAT);
            assertThat(engine.store.position().lineage()).isEqualTo(stamp.lineage());
        }
        assertThat(RocksStore.isStore(folder())).isTrue();
    }

    @Test
    void a_newer_format_is_refused_by_its_number_and_nothing_is_changed() throws Exception {
        try (Engine engine = new Engine(folder())) {
            new StoreStamp(2, "development", engine.store.stamp().lineage(), Instant.EPOCH).write(folder());
        }
        Map<String, String> before = fingerprint(folder());
        KvException failure = failureOf(
                () -> RocksStore.open(folder(), Engine.defaults(new TestClock()).build()));
        assertThat(failure).hasMessageContaining("format version 2").hasMessageContaining("a newer program");
        assertThat(fingerprint(folder())).isEqualTo(before);
    }

    @Test
    void a_damaged_stamp_is_refused_by_name() throws Exception {
        try (Engine engine = new Engine(folder())) {
            engine.assertApplied(engine.put("k", "v"));
        }
        Path stamp = folder().resolve("STAMP");
        String text = Files.readString(stamp);
        for (String damaged : new String[] {
            text.replace("development", "production"),
            text.substring(0, text.length() - 3),
            "",
            "x".repeat(5000),
            text.replace("crc=", "crc=0")
        }) {
            Files.writeString(stamp, damaged, StandardCharsets.ISO_8859_1);
            KvException failure = failureOf(() -> RocksStore.open(folder(), production()));
            assertThat(failure.code()).isEqualTo(ErrorCode.INTERNAL);
            assertThat(failure).hasMessageContaining(stamp + " is damaged");
        }
    }

    @Test
    void a_missing_stamp_beside_data_is_refused_by_name() throws Exception {
        try (Engine engine = new Engine(folder())) {
            engine.assertApplied(engine.put("k", "v"));
        }
        Files.delete(folder().resolve("STAMP"));
        KvException failure = failureOf(
                () -> RocksStore.open(folder(), Engine.defaults(new TestClock()).build()));
        assertThat(failure).hasMessageContaining("STAMP is missing");
    }

    @Test
    void a_stamp_of_another_store_is_refused() throws Exception {
        try (Engine engine = new Engine(folder())) {
            engine.assertApplied(engine.put("k", "v"));
        }
        new StoreStamp(1, "production", 77, Instant.EPOCH).write(folder());
        KvException failure = failureOf(() -> RocksStore.open(folder(), production()));
        assertThat(failure).hasMessageContaining("put together from two stores");
    }

    @Test
    void a_store_whose_database_is_gone_is_refused_and_not_made_anew() throws Exception {
        try (Engine engine = new Engine(folder())) {
            assertThat(engine.store.position().version())
                    .as("only the catalogue was written")
                    .isZero();
        }
        RocksStoreFixture.deleteFolder(folder().resolve("store"));
        KvException failure = failureOf(
                () -> RocksStore.open(folder(), Engine.defaults(new TestClock()).build()));
        assertThat(failure).hasMessageContaining("lacks its database");
    }

    @Test
    void an_absent_folder_is_only_made_where_that_is_allowed() {
        RocksStoreOptions options =
                Engine.defaults(new TestClock()).create(false).build();
        KvException failure = failureOf(() -> RocksStore.open(folder(), options));
        assertThat(failure.code()).isEqualTo(ErrorCode.NOT_FOUND);
        assertThat(folder()).doesNotExist();
    }

    @Test
    void making_a_store_can_be_interrupted_at_its_first_step_and_goes_on_later() {
        RocksStoreOptions interrupted = Engine.defaults(new TestClock())
                .failpoints(step -> {
                    if (step == Failpoints.Step.STAMP_WRITTEN) {
                        throw new RocksDBException("interrupted");
                    }
                })
                .build();
        assertThat(failureOf(() -> RocksStore.open(folder(), interrupted)).code())
                .isEqualTo(ErrorCode.INTERNAL);
        try (Engine engine = new Engine(folder())) {
            engine.assertApplied(engine.put("k", "v"));
        }
    }

    @Test
    void a_second_opening_in_this_process_is_told_who_holds_the_folder() throws Exception {
        try (Engine engine = new Engine(folder())) {
            KvException failure = failureOf(() -> RocksStore.open(folder(), engine.options()));
            assertThat(failure.code()).isEqualTo(ErrorCode.UNAVAILABLE);
            assertThat(failure)
                    .hasMessageContaining(
                            "is held by process " + ProcessHandle.current().pid())
                    .hasMessageContaining("since 2026-01-01T00:00:00Z");
            engine.assertApplied(engine.put("k", "v"));
        }
        RocksStore.open(folder(), Engine.defaults(new TestClock()).build()).close();
    }

    @Test
    void a_refusing_store_answers_everything_with_its_reason() {
        KvException reason = new KvException(ErrorCode.UNAUTHORIZED, "not here");
        try (RefusingStore store = new RefusingStore(reason)) {
            assertThat(store.admin().accounts()).isCompletedExceptionally();
            assertThat(Engine.failureOf(store.admin().accounts())).isSameAs(reason);
        }
    }
}
