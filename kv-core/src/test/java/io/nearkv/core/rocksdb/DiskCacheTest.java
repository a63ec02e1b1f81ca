package io.nearkv.core.rocksdb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the disk of a cache keeps, and what it never says. */
class DiskCacheTest {
    private static final long BOUND = DiskCache.MIN_BYTES;

    @TempDir
    Path folder;

    private DiskCache open() {
        return open(folder.resolve("disk"));
    }

    private static DiskCache open(Path at) {
        return DiskCache.open(at, "test", BOUND);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static @Nullable String text(DiskCache cache, String key) {
        byte[] record = cache.get(bytes(key));
        return record == null ? null : new String(record, StandardCharsets.UTF_8);
    }

    private static void put(DiskCache cache, String key, String record) {
        cache.put(bytes(key), bytes(record));
    }

    private static long size(Path at) {
        try (Stream<Path> files = Files.list(at)) {
            return files.mapToLong(DiskCacheTest::length).sum();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static long length(Path file) {
        try {
            return Files.size(file);
        } catch (NoSuchFileException e) {
            return 0; // Just dropped.
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<Path> files(Path at, String suffix) throws IOException {
        try (Stream<Path> files = Files.list(at)) {
            return files.filter(file -> file.toString().endsWith(suffix))
                    .sorted()
                    .toList();
        }
    }

    private static void copy(Path from, Path to) throws IOException {
        Files.createDirectories(to);
        try (Stream<Path> files = Files.list(from)) {
            for (Path file : files.toList()) {
                if (!file.endsWith("LOCK")) {
                    Files.copy(file, to.resolve(file.getFileName().toString()));
                }
            }
        }
    }

    private static void flip(Path file, long at) throws IOException {
        byte[] content = Files.readAllBytes(file);
        content[(int) at] ^= 0x10;
        Files.write(file, content);
    }

    @Test
    void what_was_put_is_there_after_it_was_closed_and_what_was_taken_away_is_not() {
        try (DiskCache cache = open()) {
            put(cache, "a/1", "one");
            put(cache, "a/2", "two");
            put(cache, "b/1", "three");
            put(cache, "b/2", "old");
            put(cache, "b/2", "new");
            cache.remove(bytes("b/1"));
            cache.removeAll(bytes("a/"));
            assertThat(text(cache, "b/2")).isEqualTo("new");
            assertThat(cache.bytes()).isPositive();
        }
        try (DiskCache cache = open()) {
            assertThat(text(cache, "a/1")).isNull();
            assertThat(text(cache, "a/2")).isNull();
            assertThat(text(cache, "b/1")).isNull();
            assertThat(text(cache, "b/2")).isEqualTo("new");
            assertThat(cache.drops()).isZero();
            cache.clear();
            assertThat(text(cache, "b/2")).isNull();
            put(cache, "b/2", "again");
        }
        try (DiskCache cache = open()) {
            assertThat(text(cache, "b/2")).isEqualTo("again");
        }
    }

    @Test
    void the_last_byte_of_a_prefix_may_be_the_largest() {
        try (DiskCache cache = open()) {
            byte[] prefix = {'x', (byte) 0xFF, (byte) 0xFF};
            byte[] inside = {'x', (byte) 0xFF, (byte) 0xFF, 7};
            byte[] outside = {'y'};
            cache.put(inside, bytes("in"));
            cache.put(outside, bytes("out"));
            cache.removeAll(prefix);
            assertThat(cache.get(inside)).isNull();
            assertThat(cache.get(outside)).isEqualTo(bytes("out"));
        }
    }

    @Test
    void it_takes_about_as_much_of_the_disk_as_it_may_and_the_latest_is_there() throws IOException {
        Random random = new Random(7);
        byte[] record = new byte[100_000];
        long largest = 0;
        try (DiskCache cache = open()) {
            for (int i = 0; i < 1200; i++) { // Seven times as much.
                random.nextBytes(record);
                cache.put(bytes("k" + i), record);
                if (i % 50 == 0) {
                    largest = Math.max(largest, size(folder.resolve("disk")));
                }
            }
            assertThat(cache.get(bytes("k1199"))).isEqualTo(record);
            assertThat(cache.get(bytes("k0"))).isNull();
            assertThat(cache.drops()).isZero();
            assertThat(cache.bytes()).isBetween(BOUND / 4, 2 * BOUND);
        }
        // Files go a moment after they are too many, so that there is more for that moment.
        assertThat(largest).isBetween(BOUND / 2, 2 * BOUND);
    }

    @Test
    void a_key_that_is_written_over_and_over_never_shows_an_older_record() {
        byte[] record = new byte[100_000];
        try (DiskCache cache = open()) {
            for (int i = 0; i < 600; i++) {
                Arrays.fill(record, (byte) i);
                cache.put(bytes("k" + i % 3), record);
                byte[] found = cache.get(bytes("k" + i % 3));
                assertThat(found == null ? -1 : found[0]).isEqualTo((byte) i);
                if (i % 7 == 0) {
                    cache.remove(bytes("k" + i % 3));
                    assertThat(cache.get(bytes("k" + i % 3))).isNull();
                }
            }
        }
    }

    @Test
    void after_a_kill_it_has_a_beginning_of_what_was_done() throws IOException {
        Path disk = folder.resolve("disk");
        try (DiskCache cache = open()) {
            for (int i = 1; i <= 3000; i++) {
                put(cache, "a", "a" + i);
                put(cache, "b", "b" + i);
                cache.remove(bytes("gone" + (i - 1)));
                put(cache, "gone" + i, "x");
                if (i % 1000 == 0) {
                    Path killed = folder.resolve("killed" + i);
                    copy(disk, killed); // Between two calls: what is written has been handed to the system.
                    try (DiskCache after = open(killed)) {
                        assertThat(text(after, "a")).isEqualTo("a" + i);
                        assertThat(text(after, "b")).isEqualTo("b" + i);
                        assertThat(text(after, "gone" + i)).isEqualTo("x");
                        assertThat(text(after, "gone" + (i - 1))).isNull();
                        assertThat(after.drops()).isZero();
                    }
                }
            }
        }
    }

    @Test
    void after_a_loss_of_power_it_has_a_beginning_of_what_was_done() throws IOException {
        Path disk = folder.resolve("disk");
        try (DiskCache cache = open()) {
            for (int i = 1; i <= 200; i++) {
                put(cache, "first", "" + i);
                put(cache, "second", "" + i);
            }
            Random random = new Random(3);
            for (int round = 0; round < 10; round++) {
                Path lost = folder.resolve("lost" + round);
                copy(disk, lost);
                Path log = files(lost, ".log").get(0);
                byte[] whole = Files.readAllBytes(log);
                Files.write(log, Arrays.copyOf(whole, random.nextInt(whole.length + 1)));
                try (DiskCache after = open(lost)) {
                    String first = text(after, "first");
                    String second = text(after, "second");
                    int one = first == null ? 0 : Integer.parseInt(first);
                    int two = second == null ? 0 : Integer.parseInt(second);
                    assertThat(one - two)
                            .as("first %s, second %s", first, second)
                            .isBetween(0, 1);
                }
            }
        }
    }

    /** Opens a copy of the folder with one bit of one file turned, and compares what it says with all that was ever put. */
    private void damage(Path disk, String suffix, int rounds, Map<String, byte[]> all) throws IOException {
        Random random = new Random(suffix.hashCode());
        int dropped = 0;
        int shorter = 0;
        for (int round = 0; round < rounds; round++) {
            Path damaged = folder.resolve("damaged" + suffix + round);
            copy(disk, damaged);
            List<Path> files = files(damaged, suffix);
            Path file = files.get(random.nextInt(files.size()));
            flip(file, (long) (random.nextDouble() * Files.size(file)));
            try (DiskCache cache = open(damaged)) {
                int there = 0;
                for (Map.Entry<String, byte[]> entry : all.entrySet()) {
                    byte[] found = cache.get(bytes(entry.getKey()));
                    if (found != null) {
                        there++;
                        assertThat(found).as(entry.getKey()).isEqualTo(entry.getValue());
                    }
                }
                dropped += cache.drops() > 0 ? 1 : 0;
                shorter += there < all.size() ? 1 : 0;
                put(cache, "new", "v");
                assertThat(text(cache, "new")).as("it is of use again").isEqualTo("v");
            }
        }
        assertThat(dropped + shorter).as("rounds in which the damage was met").isPositive();
    }

    @Test
    void a_bit_that_is_turned_costs_records_but_never_shows_a_wrong_one() throws IOException {
        Path disk = folder.resolve("disk");
        Map<String, byte[]> all = new HashMap<>();
        Random random = new Random(5);
        try (DiskCache cache = open()) {
            for (int i = 0; i < 120; i++) {
                byte[] record = new byte[20_000];
                random.nextBytes(record);
                all.put("k" + i, record);
                cache.put(bytes("k" + i), record);
            }
        }
        // Some of it in a file of its own already, the rest in the log.
        assertThat(files(disk, ".sst")).isNotEmpty();
        assertThat(files(disk, ".log")).isNotEmpty();
        damage(disk, ".sst", 8, all);
        damage(disk, ".log", 8, all);
    }

    @Test
    void what_is_missing_is_damage_too() throws IOException {
        Path disk = folder.resolve("disk");
        try (DiskCache cache = open()) {
            for (int i = 0; i < 30; i++) {
                cache.put(bytes("k" + i), new byte[100_000]);
            }
        }
        Files.delete(files(disk, ".sst").get(0));
        try (DiskCache cache = open()) {
            assertThat(cache.drops()).isEqualTo(1);
            assertThat(cache.get(bytes("k29"))).isNull();
            put(cache, "k", "v");
        }
        Files.write(disk.resolve("CURRENT"), bytes("nonsense"));
        try (DiskCache cache = open()) {
            assertThat(cache.drops()).isEqualTo(1);
            assertThat(text(cache, "k")).isNull();
        }
    }

    @Test
    void what_was_kept_of_other_data_is_forgotten() {
        try (DiskCache cache = open()) {
            put(cache, "k", "v");
        }
        try (DiskCache cache = DiskCache.open(folder.resolve("disk"), "another environment", BOUND)) {
            assertThat(text(cache, "k")).isNull();
            put(cache, "k", "w");
        }
        try (DiskCache cache = DiskCache.open(folder.resolve("disk"), "another environment", BOUND)) {
            assertThat(text(cache, "k")).isEqualTo("w");
        }
    }

    @Test
    void a_folder_that_is_in_use_is_refused_and_not_emptied() {
        try (DiskCache cache = open()) {
            put(cache, "k", "v");
            assertThatThrownBy(this::open)
                    .isInstanceOfSatisfying(
                            KvException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.UNAVAILABLE));
            assertThat(text(cache, "k")).isEqualTo("v");
        }
        try (DiskCache cache = open()) {
            assertThat(text(cache, "k")).isEqualTo("v");
        }
    }

    @Test
    void a_folder_that_cannot_be_made_is_refused() throws IOException {
        Files.write(folder.resolve("disk"), bytes("a file"));
        assertThatThrownBy(this::open)
                .isInstanceOfSatisfying(
                        KvException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.UNAVAILABLE));
    }
}
