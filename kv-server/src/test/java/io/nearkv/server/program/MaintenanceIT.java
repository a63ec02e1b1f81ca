package io.nearkv.server.program;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import io.nearkv.core.KvNamespace;
import io.nearkv.core.PutOptions;
import io.nearkv.net.client.KvClient;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Draining, backup, restore, check, keys: what an operator does. */
class MaintenanceIT {
    @TempDir
    private Path folder;

    private String path(String name) {
        return folder.resolve(name).toString();
    }

    @Test
    void a_drain_under_load_loses_nothing_that_was_acknowledged() throws IOException, InterruptedException {
        Program program = new Program(folder);
        Set<String> acknowledged = ConcurrentHashMap.newKeySet();
        ConcurrentLinkedQueue<KvException> failures = new ConcurrentLinkedQueue<>();
        AtomicBoolean going = new AtomicBoolean(true);
        try (RunningServer server = program.serve()) {
            String token = Files.readString(folder.resolve("data/admin.token")).strip();
            try (KvClient client = KvClient.builder()
                    .server(server.address())
                    .token(token)
                    .retryBudget(0)
                    .build()) {
                KvNamespace namespace = client.kv().namespace("default").withTimeout(Duration.ofSeconds(20));
                List<Thread> writers = new ArrayList<>();
                for (int t = 0; t < 8; t++) {
                    int writer = t;
                    Thread thread = new Thread(() -> {
                        for (int i = 0; going.get(); i++) {
                            String key = writer + "/" + i;
                            try {
                                namespace.put(key, key, PutOptions.DEFAULT);
                                acknowledged.add(key);
                            } catch (KvException e) {
                                failures.add(e);
                                return;
                            }
                        }
                    });
                    thread.start();
                    writers.add(thread);
                }
                await().atMost(Duration.ofSeconds(30)).until(() -> acknowledged.size() > 2000);

                assertThat(server.stop()).isZero();

                going.set(false);
                for (Thread writer : writers) {
                    writer.join();
                }
            }
            // Nobody was told that a write may have happened: all were answered, or refused before any effect.
            assertThat(failures).allMatch(e -> e.code() == ErrorCode.UNAVAILABLE);
            assertThat(server.err()).noneMatch(line -> line.contains("\"level\":\"ERROR\""));
        }
        assertThat(program.call("check", path("data")).out()).endsWith("clean\n");
        try (RunningServer again = program.serve();
                Kv kv = KvClient.connect(
                        again.address(),
                        Files.readString(folder.resolve("data/admin.token")).strip())) {
            assertThat(kv.namespace("default").getAll(acknowledged).keySet()).isEqualTo(acknowledged);
        }
    }

    @Test
    void a_backup_is_made_online_restored_elsewhere_and_served() throws IOException {
        Program program = new Program(folder);
        String account;
        try (RunningServer server = program.serve("--environment", "production")) {
            account = server.account();
            assertThat(program.call("put", "default", "k", "before").exitCode()).isZero();
            Program.Result made = program.call("backup");
            assertThat(made.exitCode()).as("%s", made).isZero();
            assertThat(made.out()).startsWith("backup 1 position ").contains("data/backups");
            assertThat(program.call("put", "default", "k", "after").exitCode()).isZero();
            // A folder in use cannot be checked, nor restored over.
            Program.Result check = program.call("check", path("data"));
            assertThat(check.exitCode()).isEqualTo(6);
            assertThat(check.err()).contains("process " + server.pid());
            assertThat(program.call("restore", "--from", path("data/backups"), "--data", path("data"))
                            .exitCode())
                    .isEqualTo(1);
            assertThat(server.stop()).isZero();
        }
        // Stopped, the command opens the folder itself.
        assertThat(program.call("backup").out()).startsWith("backup 2 position ");
        assertThat(program.call("backup", "--list").out().lines()).hasSize(2);
        assertThat(program.call("backup", "--verify", "--id", "1").out()).isEqualTo("clean\n");

        assertThat(program.call("restore", "--from", path("data/backups"), "--id", "1", "--data", path("restored"))
                        .out())
                .startsWith("restored backup 1 of ")
                .contains("environment production");

        assertThat(program.call("check", path("restored")).out()).endsWith("clean\n");
        // Without keys: the start makes new ones, for the environment and the account of the data.
        try (RunningServer server = program.serve("--data", "restored")) {
            assertThat(server.environment()).isEqualTo("production");
            assertThat(server.account()).isEqualTo(account);
            assertThat(program.call("get", "default", "k", "--data", path("restored"))
                            .out())
                    .isEqualTo("before");
            Program.Result old = program.call(
                    "get", "default", "k", "--data", path("restored"), "--token-file", path("data/admin.token"));
            assertThat(old.exitCode()).isEqualTo(4);
            assertThat(old.err()).startsWith("nearkv: unauthorized: token_unknown");
        }
    }

    @Test
    void a_damaged_backup_and_a_damaged_folder_are_named() throws IOException {
        Program program = new Program(folder);
        try (RunningServer server = program.serve()) {
            Files.write(folder.resolve("value"), new byte[500_000]);
            assertThat(program.call("put", "default", "k", "--file", path("value"))
                            .exitCode())
                    .isZero();
            assertThat(program.call("backup").exitCode()).isZero();
            assertThat(server.stop()).isZero();
        }
        Path damaged = largest(folder.resolve("data/backups/files"), "");
        flip(damaged);
        Program.Result verify = program.call("backup", "--verify");
        assertThat(verify.exitCode()).isEqualTo(1);
        assertThat(verify.out()).contains(String.valueOf(damaged.getFileName()));
        assertThat(verify.err()).startsWith("nearkv: not_clean: ");
        Program.Result restore = program.call("restore", "--from", path("data/backups"), "--data", path("restored"));
        assertThat(restore.exitCode()).isEqualTo(1);
        assertThat(restore.err()).startsWith("nearkv: internal: ").contains(damaged.toString());

        Path blob = largest(folder.resolve("data/store"), ".blob");
        flip(blob);
        Program.Result check = program.call("check", path("data"));
        assertThat(check.exitCode()).isEqualTo(1);
        assertThat(check.out()).contains(blob.toString()).contains("'k'");
        assertThat(check.err()).startsWith("nearkv: not_clean: ");
        assertThat(program.call("check", path("data"), "--json").out()).startsWith("{\"clean\":false,");
    }

    @Test
    void a_wrong_folder_is_told() {
        Program program = new Program(folder);
        assertThat(program.call("check", path("nothing")).exitCode()).isEqualTo(3);
        assertThat(program.call("backup", "--data", path("nothing")).exitCode()).isEqualTo(3);
        assertThat(program.call("restore", "--from", path("nothing"), "--data", path("x"))
                        .exitCode())
                .isEqualTo(3);
        assertThat(program.call("token", "create", "--data", path("nothing")).exitCode())
                .isEqualTo(3);
        assertThat(program.call("key", "rotate", "--data", path("nothing")).exitCode())
                .isEqualTo(3);
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void a_rotated_key_keeps_old_tokens_good_for_the_overlap() throws IOException {
        Program program = new Program(folder);
        try (RunningServer server = program.serve()) {
            String old = program.call("token", "create", "--allow", "read,write")
                    .out()
                    .strip();
            assertThat(program.call("put", "default", "k", "v", "--token", old).exitCode())
                    .isZero();
            String before = Files.readString(folder.resolve("data/admin.token"));
            String key = program.call("key", "rotate", "--overlap", "1h").out().strip();
            assertThat(Files.readString(folder.resolve("data/admin.token"))).isNotEqualTo(before);

            await().atMost(Duration.ofSeconds(10))
                    .until(() -> program.call("get", "default", "k").exitCode() == 0);
            assertThat(program.call("get", "default", "k", "--token", old).exitCode())
                    .isZero();
            String fresh = program.call("token", "create").out().strip();
            assertThat(program.call("token", "inspect", fresh).out())
                    .contains("verdict      good")
                    .contains(key)
                    .doesNotContain(fresh);

            assertThat(program.call("key", "rotate", "--overlap", "0").exitCode())
                    .isZero();

            await().atMost(Duration.ofSeconds(10))
                    .until(() ->
                            program.call("get", "default", "k", "--token", old).exitCode() == 4);
            assertThat(program.call("token", "inspect", old).exitCode()).isEqualTo(4);
            assertThat(server.stop()).isZero();
        }
    }

    @Test
    void a_server_that_was_killed_leaves_a_record_that_does_no_harm() {
        Program program = new Program(folder);
        try (RunningServer server = program.serve()) {
            assertThat(program.call("put", "default", "k", "v").exitCode()).isZero();
            server.kill();
        }
        assertThat(folder.resolve("data/server.address")).exists();
        Program.Result gone = program.call("get", "default", "k", "--timeout", "2s");
        assertThat(gone.exitCode()).as("%s", gone).isEqualTo(6);
        assertThat(gone.err()).contains("does it still run?");
        assertThat(program.call("backup").exitCode()).isZero();
        assertThat(program.call("check", path("data")).out()).endsWith("clean\n");
        try (RunningServer server = program.serve()) {
            assertThat(program.call("get", "default", "k").out()).isEqualTo("v");
            assertThat(server.stop()).isZero();
        }
        assertThat(folder.resolve("data/server.address")).doesNotExist();
    }

    private static Path largest(Path folder, String ending) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> file.toString().endsWith(ending))
                    .max(java.util.Comparator.comparingLong(
                            file -> file.toFile().length()))
                    .orElseThrow();
        }
    }

    private static void flip(Path file) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        bytes[bytes.length / 2] ^= 1;
        Files.write(file, bytes);
    }
}
