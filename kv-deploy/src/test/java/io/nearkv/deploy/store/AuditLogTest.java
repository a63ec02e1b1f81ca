package io.nearkv.deploy.store;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.deploy.model.Bytes;
import io.nearkv.deploy.testing.MovableClock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whoever changes, removes or inserts a line is found out. */
class AuditLogTest {
    @TempDir
    Path temp;

    private final MovableClock clock = new MovableClock();
    private Path file = Path.of("unset");

    @BeforeEach
    void setFile() {
        file = temp.resolve("audit.log");
    }

    private void write(int records) {
        try (AuditLog log = AuditLog.open(file, clock)) {
            for (int i = 0; i < records; i++) {
                log.append("event_" + i, Map.of("number", i, "text", "line\nbreak \"quoted\" ü"));
            }
        }
    }

    @Test
    void an_untouched_log_verifies_over_restarts() {
        write(3);
        write(2);

        AuditReport report = AuditLog.verify(file);

        assertThat(report.intact()).isTrue();
        assertThat(report.records()).isEqualTo(5);
        assertThat(report.first()).isEqualTo(1);
        try (AuditLog log = AuditLog.open(file, clock)) {
            assertThat(log.head()).isEqualTo(report.head());
            assertThat(log.records()).isEqualTo(5);
        }
    }

    @Test
    void a_record_is_one_line_of_json_with_the_hash_of_the_one_before() throws IOException {
        write(2);

        List<String> lines = Files.readAllLines(file);
        assertThat(lines).hasSize(2);
        assertThat(lines.get(0))
                .startsWith("{\"n\":1,\"prev\":\"" + "0".repeat(64)
                        + "\",\"at\":\"2026-11-24T10:00:00Z\",\"event\":\"event_0\",\"facts\":{");
        assertThat(lines.get(1))
                .startsWith("{\"n\":2,\"prev\":\""
                        + Bytes.sha256(lines.get(0).getBytes(UTF_8)).hex() + "\"");
    }

    @Test
    void any_changed_byte_but_in_the_last_record_is_found() throws IOException {
        write(4);
        byte[] content = Files.readAllBytes(file);
        String text = new String(content, UTF_8);
        int end = text.substring(0, text.lastIndexOf("{\"n\":4")).getBytes(UTF_8).length;
        for (int i = 0; i < end; i++) {
            byte[] changed = content.clone();
            changed[i] ^= 1;
            Files.write(file, changed);
            assertThat(AuditLog.verify(file).intact()).as("byte %d", i).isFalse();
        }
    }

    @Test
    void a_line_that_is_removed_inserted_or_moved_is_found() throws IOException {
        write(4);
        List<String> lines = Files.readAllLines(file);
        for (List<String> forged : List.of(
                List.of(lines.get(0), lines.get(2), lines.get(3)),
                List.of(lines.get(1), lines.get(0), lines.get(2), lines.get(3)),
                List.of(lines.get(0), lines.get(0), lines.get(1), lines.get(2), lines.get(3)),
                List.of(lines.get(0), lines.get(1), "{}", lines.get(2), lines.get(3)),
                List.of(lines.get(0), lines.get(1), "", lines.get(2), lines.get(3)))) {
            Files.write(file, forged);
            assertThat(AuditLog.verify(file).problem()).isNotEmpty();
        }
    }

    @Test
    void what_is_cut_off_at_the_end_shows_in_the_head() throws IOException {
        write(4);
        String head = AuditLog.verify(file).head();
        List<String> lines = Files.readAllLines(file);
        Files.write(file, lines.subList(0, 3));

        AuditReport report = AuditLog.verify(file);

        assertThat(report.intact()).as("a chain cannot know its end").isTrue();
        assertThat(report.records()).isEqualTo(3);
        assertThat(report.head()).isNotEqualTo(head);
    }

    @Test
    void a_record_that_a_crash_has_cut_short_is_taken_off_at_any_length() throws IOException {
        write(2);
        byte[] two = Files.readAllBytes(file);
        write(1);
        byte[] three = Files.readAllBytes(file);
        for (int length = two.length; length < three.length; length += 5) {
            Files.write(file, Arrays.copyOf(three, length));
            assertThat(AuditLog.verify(file).intact()).isTrue();
            write(1);
            assertThat(AuditLog.verify(file).intact()).as("cut at %d", length).isTrue();
            assertThat(AuditLog.verify(file).records()).isEqualTo(3);
        }
    }

    @Test
    void what_is_left_of_a_long_record_does_not_show_behind_a_short_one() throws IOException {
        write(1);
        Files.writeString(file, "{\"n\":2" + "x".repeat(10_000), StandardOpenOption.APPEND);
        write(1);
        assertThat(AuditLog.verify(file).records()).isEqualTo(2);
        assertThat(Files.size(file)).isLessThan(2_000);

        try (AuditLog log = AuditLog.open(file, clock)) {
            log.append("event", Map.of());
            // As an attempt leaves it whose sync has failed: whole, but not counted.
            Files.writeString(file, "{\"n\":4" + "x".repeat(10_000) + "\n", StandardOpenOption.APPEND);
            log.append("event", Map.of());
        }
        assertThat(AuditLog.verify(file).problem()).isEmpty();
        assertThat(AuditLog.verify(file).records()).isEqualTo(4);
    }

    @Test
    void a_log_that_ends_with_garbage_is_not_written_on() throws IOException {
        write(2);
        Files.writeString(file, "garbage\n", StandardOpenOption.APPEND);

        assertThatThrownBy(() -> AuditLog.open(file, clock))
                .isInstanceOf(KvException.class)
                .hasMessageContaining("no record");
    }

    @Test
    void it_goes_on_in_a_new_file_before_it_gets_too_large_and_keeps_the_newest() throws IOException {
        for (int round = 0; round < 2; round++) {
            try (AuditLog log = AuditLog.open(file, clock, 1_000)) {
                for (int i = 0; i < 100; i++) {
                    log.append("event", Map.of("i", i));
                }
            }
        }

        AuditReport report = AuditLog.verify(file);

        assertThat(report.problem()).isEmpty();
        assertThat(report.first()).isGreaterThan(1);
        assertThat(report.first() + report.records() - 1).isEqualTo(200);
        assertThat(Files.size(file)).isLessThan(1_100);
        try (Stream<Path> files = Files.list(temp)) {
            assertThat(files.count()).isEqualTo(17);
        }
    }

    @Test
    void a_crash_between_two_files_loses_nothing() throws IOException {
        try (AuditLog log = AuditLog.open(file, clock, 1_000)) {
            for (int i = 0; i < 10; i++) {
                log.append("event", Map.of("i", i));
            }
        }
        Files.move(file, temp.resolve("audit.log.99"));

        write(1);

        assertThat(AuditLog.verify(file).intact()).isTrue();
        assertThat(AuditLog.verify(file).records()).isEqualTo(11);
    }

    @Test
    void one_process_writes_at_a_time() {
        try (AuditLog log = AuditLog.open(file, clock)) {
            log.append("event", Map.of());
            assertThatThrownBy(() -> AuditLog.open(file, clock))
                    .isInstanceOfSatisfying(
                            KvException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.UNAVAILABLE));
        }
        write(1);
        assertThatThrownBy(() -> AuditLog.verify(temp.resolve("none")))
                .isInstanceOfSatisfying(
                        KvException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.NOT_FOUND));
    }

    @Test
    void a_closed_log_and_an_oversized_record_are_refused() {
        AuditLog log = AuditLog.open(file, clock);
        assertThatThrownBy(() -> log.append("event", Map.of("much", "x".repeat(70_000))))
                .isInstanceOf(IllegalArgumentException.class);
        log.close();
        log.close();
        assertThatThrownBy(() -> log.append("event", Map.of())).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void many_threads_write_one_chain() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(8);
        try (AuditLog log = AuditLog.open(file, clock)) {
            List<Callable<Integer>> tasks = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                int thread = i;
                tasks.add(() -> {
                    for (int j = 0; j < 25; j++) {
                        log.append("event", Map.of("thread", thread, "j", j));
                    }
                    return thread;
                });
            }
            for (Future<Integer> done : threads.invokeAll(tasks)) {
                done.get();
            }
        } finally {
            threads.shutdownNow();
        }

        assertThat(AuditLog.verify(file).intact()).isTrue();
        assertThat(AuditLog.verify(file).records()).isEqualTo(200);
    }
}
