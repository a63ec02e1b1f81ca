package io.nearkv.server.program;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The real clients of Workers KV, from npm and unmodified, against a server in a process of its own. What they do is in
 * {@code kv-net/src/test/clients}; here they are installed, started, and asked whether all went well.
 */
class WorkersClientsIT {
    private static final Path SOURCE = Path.of("..", "kv-net", "src", "test", "clients");
    /** Where the packages are installed, from the lock file, and kept for the next run with the same lock file. */
    private static final Path INSTALLED = Path.of("target", "workers-clients");

    private static final int OLDEST_NODE = 20;
    private static final int TAIL_LINES = 60;

    /** Why the tests are skipped; null if they are not. */
    private static @Nullable String missing;

    @TempDir
    private Path folder;

    @BeforeAll
    static void install() throws Exception {
        missing = whatIsMissing();
        if (missing != null) {
            return;
        }
        Files.createDirectories(INSTALLED);
        try (Stream<Path> files = Files.list(SOURCE)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Files.copy(file, INSTALLED.resolve(file.getFileName()), StandardCopyOption.REPLACE_EXISTING);
            }
        }
        // Written when all is there: an installation that was interrupted is made again.
        Path stamp = INSTALLED.resolve("installed.lock");
        String lock = Files.readString(SOURCE.resolve("package-lock.json"));
        if (Files.exists(stamp) && Files.readString(stamp).equals(lock)) {
            return;
        }
        // No install scripts: the binaries that the emulator and wrangler need are in packages of their own.
        Ended npm = run(
                INSTALLED,
                300,
                List.of(
                        "npm",
                        "ci",
                        "--prefer-offline",
                        "--no-audit",
                        "--no-fund",
                        "--ignore-scripts",
                        "--no-update-notifier"));
        assertThat(npm.exitCode()).as("npm ci:\n%s", npm.tail()).isZero();
        Files.writeString(stamp, lock);
    }

    @BeforeEach
    void skip_only_where_node_is_missing() {
        assumeTrue(missing == null, missing);
    }

    @Test
    void the_official_sdk_works_against_every_endpoint() throws Exception {
        flow("sdk.mjs", 300);
    }

    @Test
    void wrangler_kv_works_with_remote() throws Exception {
        flow("wrangler.mjs", 600);
    }

    @Test
    void unstorage_works_with_its_http_driver() throws Exception {
        flow("unstorage.mjs", 180);
    }

    @Test
    void the_emulator_answers_the_same_to_the_same_random_operations() throws Exception {
        flow("oracle.mjs", 240, "--seconds", "6");
    }

    private void flow(String script, int maxSeconds, String... more) throws Exception {
        try (RunningServer server = new Program(folder).serve()) {
            List<String> command = new ArrayList<>(List.of(
                    "node",
                    script,
                    "--base",
                    "http://" + server.field("http") + "/client/v4",
                    "--account",
                    server.account(),
                    "--token-file",
                    folder.resolve("data").resolve("admin.token").toString()));
            command.addAll(List.of(more));
            Ended ended = run(INSTALLED, maxSeconds, command);
            assertThat(ended.exitCode())
                    .as("%s:\n%s\nthe server's log:\n%s", script, ended.tail(), String.join("\n", last(server.err())))
                    .isZero();
            // A flow that checked nothing has not passed.
            assertThat(ended.lines()).anyMatch(line -> line.startsWith("ok "));
        }
    }

    private static @Nullable String whatIsMissing() throws Exception {
        String reason = null;
        try {
            String version =
                    run(Path.of("."), 60, List.of("node", "--version")).lines().get(0);
            int major = Integer.parseInt(version.replaceFirst("^v(\\d+).*", "$1"));
            if (major < OLDEST_NODE) {
                reason = "node is " + version + ", and the clients need " + OLDEST_NODE;
            } else if (run(Path.of("."), 60, List.of("npm", "--version")).exitCode() != 0) {
                reason = "npm does not work";
            }
        } catch (IOException e) {
            reason = "no node or no npm on this machine";
        }
        if (reason == null) {
            return null;
        }
        String message = "SKIPPED: the real clients of Workers KV were not run: " + reason;
        System.err.println(message);
        return message;
    }

    /** A process that has ended, or was ended because its time was over. */
    private record Ended(int exitCode, List<String> lines) {
        /** Failures first, for they may be far above the end. */
        String tail() {
            List<String> failures = new ArrayList<>();
            boolean inside = false;
            for (String line : lines) {
                inside = line.startsWith("not ok ") || (inside && line.startsWith("  #"));
                if (inside && failures.size() < TAIL_LINES) {
                    failures.add(line);
                }
            }
            return String.join("\n", failures) + "\n...\n" + String.join("\n", last(lines));
        }
    }

    private static List<String> last(List<String> lines) {
        return lines.subList(Math.max(0, lines.size() - TAIL_LINES), lines.size());
    }

    /** Runs a command; its output goes to a file, so that none of its children can hold up the end. */
    private static Ended run(Path directory, int maxSeconds, List<String> command) throws Exception {
        Path output = Files.createTempFile("nearkv-clients", ".log");
        try {
            Process process = new ProcessBuilder(command)
                    .directory(directory.toFile())
                    .redirectInput(ProcessBuilder.Redirect.from(new java.io.File("/dev/null")))
                    .redirectErrorStream(true)
                    .redirectOutput(output.toFile())
                    .start();
            boolean ended = process.waitFor(maxSeconds, TimeUnit.SECONDS);
            if (!ended) {
                process.descendants().forEach(ProcessHandle::destroyForcibly);
                process.destroyForcibly().waitFor();
            }
            List<String> lines = new ArrayList<>(
                    new String(Files.readAllBytes(output), UTF_8).lines().toList());
            if (!ended) {
                lines.add(command + " did not end within " + maxSeconds + " s");
            }
            return new Ended(ended ? process.exitValue() : -1, lines);
        } finally {
            Files.deleteIfExists(output);
        }
    }
}
