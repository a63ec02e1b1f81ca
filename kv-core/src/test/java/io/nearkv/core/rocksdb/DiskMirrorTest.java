package io.nearkv.core.rocksdb;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.CacheStorage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The disks of copies: in order, whole, and dropped when damaged. */
class DiskMirrorTest {
    @TempDir
    Path folder;

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static @Nullable String get(CacheStorage storage, String key) {
        byte[] record = storage.get(bytes(key));
        return record == null ? null : new String(record, StandardCharsets.UTF_8);
    }

    private static List<String> scan(DiskMirror mirror, String from, int limit) {
        List<String> seen = new ArrayList<>();
        mirror.scan(bytes(from), (key, record) -> {
            seen.add(new String(key, StandardCharsets.UTF_8) + "=" + new String(record, StandardCharsets.UTF_8));
            return seen.size() < limit;
        });
        return seen;
    }

    @Test
    void records_are_walked_over_in_order_from_any_key_on() {
        try (DiskMirror mirror = DiskMirror.open(folder, "test")) {
            for (String key : List.of("b", "a", "ba", "c")) {
                mirror.put(bytes(key), bytes("1"));
            }
            assertThat(scan(mirror, "", 100)).containsExactly("a=1", "b=1", "ba=1", "c=1");
            assertThat(scan(mirror, "aa", 2)).containsExactly("b=1", "ba=1");
            assertThat(scan(mirror, "d", 2)).isEmpty();
        }
    }

    @Test
    void many_records_are_put_and_removed_together_and_are_there_after_reopening() {
        try (DiskMirror mirror = DiskMirror.open(folder, "test")) {
            mirror.put(bytes("gone"), bytes("1"));
            mirror.putAll(List.of(bytes("a"), bytes("gone"), bytes("b")), List.of(bytes("1"), new byte[0], bytes("2")));
        }
        try (DiskMirror mirror = DiskMirror.open(folder, "test")) {
            assertThat(scan(mirror, "", 100)).containsExactly("a=1", "b=2");
            mirror.removeAll(bytes("a"));
            assertThat(scan(mirror, "", 100)).containsExactly("b=2");
        }
    }

    @Test
    void what_was_made_under_another_stamp_is_forgotten() {
        try (DiskMirror mirror = DiskMirror.open(folder, "staging")) {
            mirror.put(bytes("a"), bytes("1"));
        }
        try (DiskMirror mirror = DiskMirror.open(folder, "production")) {
            assertThat(get(mirror, "a")).isNull();
        }
    }

    @Test
    void damage_is_found_and_everything_forgotten() throws IOException {
        try (DiskMirror mirror = DiskMirror.open(folder, "test")) {
            mirror.put(bytes("a"), bytes("1"));
        }
        try (DiskMirror mirror = DiskMirror.open(folder, "test")) {
            // Opening has moved the log's records to a file.
            mirror.put(bytes("b"), bytes("1"));
        }
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.filter(f -> f.toString().endsWith(".sst")).toList()) {
                byte[] content = Files.readAllBytes(file);
                Arrays.fill(content, 0, content.length / 2, (byte) 0x5A);
                Files.write(file, content);
            }
        }
        try (DiskMirror mirror = DiskMirror.open(folder, "test")) {
            assertThat(get(mirror, "a")).isNull();
            assertThat(mirror.drops()).isPositive();
            mirror.put(bytes("a"), bytes("2"));
            assertThat(scan(mirror, "", 10)).contains("a=2");
        }
    }
}
