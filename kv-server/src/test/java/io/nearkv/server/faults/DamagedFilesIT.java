package io.nearkv.server.faults;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.Value;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/** A damaged file is refused or reported by name; it never makes the store forget or answer wrongly. */
@EnabledIfSystemProperty(named = "nearkv.test.long", matches = "true", disabledReason = "kv-server/campaign damage")
class DamagedFilesIT {
    private static final int KEYS = 400;

    @TempDir
    private Path folder;

    @Test
    void one_flipped_bit_in_the_middle_of_the_log_is_refused_and_the_log_is_named() throws Exception {
        Path log = killedWithLog();
        flipBit(log, Files.size(log) / 2);

        assertRefused(log);
    }

    @Test
    void a_zeroed_sector_in_the_middle_of_the_log_is_refused_and_the_log_is_named() throws Exception {
        Path log = killedWithLog();
        try (RandomAccessFile file = new RandomAccessFile(log.toFile(), "rw")) {
            file.seek(Files.size(log) / 2 / 512 * 512);
            file.write(new byte[512]);
        }

        assertRefused(log);
    }

    @Test
    void a_log_that_was_cut_is_refused_although_it_looks_like_a_torn_write() throws Exception {
        Path log = killedWithLog();
        try (RandomAccessFile file = new RandomAccessFile(log.toFile(), "rw")) {
            file.setLength(Files.size(log) * 3 / 4);
        }

        assertRefused(null);
    }

    @Test
    void a_flipped_bit_in_a_table_or_blob_file_is_an_error_of_the_reads_that_meet_it_and_check_names_the_file()
            throws Exception {
        Path data = folder.resolve("data");
        NamespaceId namespace = fill(data, true);
        // What is in the log moves to table and blob files when the store is opened again.
        try (ServerProcess server = ServerProcess.serve(data, Map.of())) {
            server.awaitReady();
            assertThat(server.terminate()).isZero();
        }
        Path damaged = largest(data, ".blob");
        flipBit(damaged, Files.size(damaged) / 2);

        try (ServerProcess server = ServerProcess.serve(data, Map.of());
                Kv kv = connect(data, server.awaitReady())) {
            int refused = 0;
            for (int i = 0; i < KEYS; i++) {
                try {
                    GetResult result =
                            CrashLoad.await(kv.store().get(namespace, Key.of("key/" + i), ReadOptions.STRONG));
                    assertThat(result.toOptional()).as("key/%s", i).contains(value(i));
                } catch (KvException e) {
                    assertThat(e.code()).isEqualTo(ErrorCode.INTERNAL);
                    refused++;
                }
            }
            assertThat(refused).as("reads that met the damage").isPositive();
            server.terminate();
        }
        try (ServerProcess check = ServerProcess.run("check", data.toString())) {
            assertThat(check.awaitExit()).isEqualTo(1);
            assertThat(check.stdout() + check.stderr())
                    .contains(damaged.getFileName().toString());
        }
    }

    /** Fills a store, kills the server and returns the log that holds the acknowledged writes. */
    private Path killedWithLog() throws Exception {
        Path data = folder.resolve("data");
        fill(data, false);
        return largest(data, ".log");
    }

    private static NamespaceId fill(Path data, boolean stopCleanly) throws Exception {
        try (ServerProcess server = ServerProcess.serve(data, Map.of());
                Kv kv = connect(data, server.awaitReady())) {
            for (int i = 0; i < KEYS; i++) {
                kv.namespace("default").put("key/" + i, value(i));
            }
            NamespaceId namespace = kv.namespace("default").info().id();
            if (stopCleanly) {
                assertThat(server.terminate()).isZero();
            } else {
                server.kill();
            }
            return namespace;
        }
    }

    private static Value value(int number) {
        byte[] bytes = new byte[6000];
        new Random(number).nextBytes(bytes);
        return Value.wrap(bytes);
    }

    private void assertRefused(@org.jspecify.annotations.Nullable Path named) {
        Path data = folder.resolve("data");
        String expected = named == null ? "acknowledged" : named.getFileName().toString();
        for (int attempt = 0; attempt < 2; attempt++) { // The first refusal must not make the second start succeed.
            try (ServerProcess server = ServerProcess.serve(data, Map.of())) {
                assertThat(server.awaitExit())
                        .as("exit status; %s", server.stdout())
                        .isEqualTo(1);
                assertThat(server.stderr()).contains(expected);
            }
        }
        try (ServerProcess check = ServerProcess.run("check", data.toString())) {
            assertThat(check.awaitExit()).isEqualTo(1);
            assertThat(check.stdout() + check.stderr()).contains(expected);
        }
    }

    private static Path largest(Path data, String suffix) throws IOException {
        try (Stream<Path> files = Files.walk(data)) {
            return files.filter(file -> file.getFileName().toString().endsWith(suffix))
                    .max(Comparator.comparingLong(file -> file.toFile().length()))
                    .orElseThrow();
        }
    }

    private static void flipBit(Path path, long offset) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.seek(offset);
            int old = file.read();
            file.seek(offset);
            file.write(old ^ 0x10);
        }
    }

    private static Kv connect(Path data, String address) throws IOException {
        return io.nearkv.net.client.KvClient.connect(
                address, Files.readString(data.resolve("admin.token")).trim());
    }
}
