package io.nearkv.server.program;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.nearkv.core.Value;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.Output;
import io.nearkv.server.command.CommandRunner;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Runs the program {@code nearkv} as real processes: the classes under test on the class path of the test. */
final class Program {
    private static final long LIMIT_SECONDS = 60;

    private final Path workFolder;
    private final Map<String, String> environment;
    private final List<String> launcher;

    /** Runs processes in this folder, with nothing in their environment but these variables. */
    Program(Path workFolder, Map<String, String> environment) {
        this(workFolder, environment, List.of());
    }

    private Program(Path workFolder, Map<String, String> environment, List<String> launcher) {
        this.workFolder = workFolder;
        this.environment = Map.copyOf(environment);
        this.launcher = List.copyOf(launcher);
    }

    Program(Path workFolder) {
        this(workFolder, Map.of());
    }

    /** Returns one whose processes are started by a command that becomes the program, such as {@code ip netns exec NAME}. */
    Program launchedBy(List<String> command) {
        return new Program(workFolder, environment, command);
    }

    /** What a command left behind. */
    record Result(int exitCode, Value written, String err) {
        String out() {
            return written.asString();
        }

        byte[] outBytes() {
            return written.toByteArray();
        }

        @Override
        public String toString() {
            return "exit code " + exitCode + "\nout: " + out() + "\nerr: " + err;
        }
    }

    /** Runs a command to its end. */
    Result run(String... args) {
        return runReading(new byte[0], args);
    }

    /** Runs a command that reads these bytes from standard input to its end. */
    Result runReading(byte[] in, String... args) {
        try {
            Process process = start(args);
            CompletableFuture<byte[]> out = drain(process.getInputStream());
            CompletableFuture<byte[]> err = drain(process.getErrorStream());
            try (OutputStream stdin = process.getOutputStream()) {
                stdin.write(in);
            } catch (IOException e) {
                // The command ended without reading its input, as one may that fails early; its exit code tells.
                process.getOutputStream();
            }
            if (!process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new AssertionError(List.of(args) + " did not end; " + new String(err.join(), UTF_8));
            }
            return new Result(process.exitValue(), Value.wrap(out.join()), new String(err.join(), UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }

    /** Runs a command inside this process, which takes a fiftieth of the time. Files are named relative to the folder of this process. */
    Result call(String... args) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        Map<String, String> variables = new HashMap<>(environment);
        variables.putIfAbsent("NEARKV_DATA", workFolder.resolve("data").toString());
        Console console = new Console(
                new ByteArrayInputStream(new byte[0]),
                new Output(out),
                new PrintStream(err, true, UTF_8),
                false,
                false,
                variables);
        int exitCode = CommandRunner.run(args, console);
        return new Result(exitCode, Value.wrap(out.toByteArray()), err.toString(UTF_8));
    }

    /** Starts a server, on free ports where the arguments say nothing, and waits until it is ready. */
    RunningServer serve(String... args) {
        List<String> all = new ArrayList<>(List.of("serve"));
        for (String port : List.of("--listen", "--http", "--ops")) {
            if (!List.of(args).contains(port)) {
                all.addAll(List.of(port, "127.0.0.1:0"));
            }
        }
        all.addAll(List.of(args));
        try {
            return RunningServer.awaitReady(start(all.toArray(String[]::new)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Starts a command and leaves it running. */
    Process start(String... args) throws IOException {
        return start(List.of(), args);
    }

    Process start(List<String> jvmOptions, String... args) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-ea",
                "--enable-native-access=ALL-UNNAMED",
                "-Dfile.encoding=UTF-8",
                "-cp",
                classPath()));
        command.addAll(1, jvmOptions);
        command.addAll(0, launcher);
        command.add("io.nearkv.server.Main");
        command.addAll(List.of(args));
        ProcessBuilder builder = new ProcessBuilder(command).directory(workFolder.toFile());
        builder.environment().clear();
        builder.environment().put("LC_ALL", "C.UTF-8");
        builder.environment().putAll(environment);
        return builder.start();
    }

    /** Returns the class path of the test. */
    static String classPath() {
        // The test runner puts a jar with nothing but a manifest on the class path, and the real one here.
        return System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
    }

    static CompletableFuture<byte[]> drain(InputStream in) {
        return CompletableFuture.supplyAsync(
                () -> {
                    try {
                        return in.readAllBytes();
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                },
                task -> new Thread(task, "drain").start());
    }
}
