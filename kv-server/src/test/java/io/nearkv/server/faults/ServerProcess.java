package io.nearkv.server.faults;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A server, or any other command of the program, as a process of its own, which a test may kill as it likes. */
final class ServerProcess implements AutoCloseable {
    private static final Duration START = Duration.ofSeconds(60);

    private final Process process;
    private final Path out;
    private final Path err;

    private ServerProcess(Process process, Path out, Path err) {
        this.process = process;
        this.out = out;
        this.err = err;
    }

    /** Starts {@code nearkv serve} on a data folder. {@link #awaitReady()} tells when it is up. */
    static ServerProcess serve(Path data, Map<String, String> environment, String... options) {
        List<String> arguments = new ArrayList<>(List.of(
                "serve", "--data", data.toString(), "--listen", "127.0.0.1:0", "--http", "off", "--ops", "off"));
        arguments.addAll(List.of(options));
        return start(environment, arguments);
    }

    /** Starts the program with these arguments. */
    static ServerProcess start(Map<String, String> environment, List<String> arguments) {
        try {
            Path out = Files.createTempFile("nearkv-", ".out");
            Path err = Files.createTempFile("nearkv-", ".err");
            List<String> command = new ArrayList<>();
            command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
            command.addAll(List.of("-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"));
            if (Runtime.version().feature() >= 22) {
                command.add("--enable-native-access=ALL-UNNAMED");
            }
            command.addAll(List.of("-cp", System.getProperty("java.class.path"), "io.nearkv.server.Main"));
            command.addAll(arguments);
            ProcessBuilder builder =
                    new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(err.toFile());
            builder.environment().putAll(environment);
            return new ServerProcess(builder.start(), out, err);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Runs a command to its end and returns it; fails the test after two minutes. */
    static ServerProcess run(String... arguments) {
        ServerProcess program = start(Map.of(), List.of(arguments));
        program.awaitExit();
        return program;
    }

    /** Waits for the ready line and returns the address of the server. */
    String awaitReady() {
        await().atMost(START)
                .pollInterval(Duration.ofMillis(20))
                .until(() -> readyLine() != null || !process.isAlive());
        String line = readyLine();
        assertThat(line).as("the ready line; standard error: %s", stderr()).isNotNull();
        return java.util.Objects.requireNonNull(line).split(" ", -1)[2];
    }

    private @Nullable String readyLine() {
        return stdout().lines()
                .filter(line -> line.startsWith("nearkv ready "))
                .findFirst()
                .orElse(null);
    }

    /** Kills the process with SIGKILL and waits until it is gone. */
    void kill() {
        process.destroyForcibly();
        awaitExit();
    }

    /** Asks the process to end (SIGTERM) and returns its exit status. */
    int terminate() {
        process.destroy();
        return awaitExit();
    }

    /** Waits for the end of the process and returns its exit status. */
    int awaitExit() {
        try {
            assertThat(process.waitFor(2, TimeUnit.MINUTES))
                    .as("the process ends")
                    .isTrue();
            return process.exitValue();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }

    long pid() {
        return process.pid();
    }

    boolean isAlive() {
        return process.isAlive();
    }

    String stdout() {
        return read(out);
    }

    String stderr() {
        return read(err);
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        kill();
        try {
            Files.deleteIfExists(out);
            Files.deleteIfExists(err);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
