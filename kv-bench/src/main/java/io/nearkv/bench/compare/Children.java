package io.nearkv.bench.compare;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** Starts processes and makes sure that none of them, and none of their folders, outlives this one. Thread-safe. */
final class Children implements AutoCloseable {
    private final Set<Process> processes = ConcurrentHashMap.newKeySet();
    private final Set<Path> folders = ConcurrentHashMap.newKeySet();
    private final Path workFolder;
    private final Thread hook = new Thread(this::end, "end-children");

    /** Creates a group whose folders lie below this one. */
    Children(Path workFolder) {
        this.workFolder = workFolder;
        Runtime.getRuntime().addShutdownHook(hook);
    }

    /** Returns a new folder, deleted in the end. */
    Path newFolder(String name) throws IOException {
        Files.createDirectories(workFolder);
        Path folder = Files.createTempDirectory(workFolder, "nearkv-bench-" + name + "-");
        folders.add(folder);
        return folder;
    }

    /**
     * Starts a process; standard error goes to the file {@code NAME.err} of its folder.
     *
     * @param cpu the processor that it may use, or null for all
     */
    Process start(
            String name, List<String> command, @Nullable Integer cpu, Map<String, String> environment, Path folder)
            throws IOException {
        List<String> words = new ArrayList<>();
        if (cpu != null) {
            // Replaces itself with the command, so the process id is the command's.
            words.addAll(List.of("taskset", "-c", Integer.toString(cpu)));
        }
        words.addAll(command);
        ProcessBuilder builder = new ProcessBuilder(words);
        builder.environment().putAll(environment);
        builder.redirectError(
                ProcessBuilder.Redirect.appendTo(folder.resolve(name + ".err").toFile()));
        Process process = builder.start();
        processes.add(process);
        return process;
    }

    /** Returns the beginning of a command line that runs a class of this class path on this Java. */
    static List<String> java(Class<?> main, String... options) {
        List<String> words = new ArrayList<>();
        words.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        words.addAll(List.of(options));
        // Performance counters are a file that the JVM maps; a slow disk below it stalls every thread.
        words.addAll(List.of(
                "-XX:-UsePerfData",
                "--enable-native-access=ALL-UNNAMED",
                "-Dlogback.configurationFile=io/nearkv/bench/logback.xml"));
        String libraries = System.getProperty("java.library.path", "");
        if (!libraries.isEmpty()) {
            words.add("-Djava.library.path=" + libraries);
        }
        words.addAll(List.of("-cp", System.getProperty("java.class.path", "")));
        words.add(main.getName());
        return words;
    }

    /** Reads lines of a process until one begins with this; fails after the timeout or when the output ends. */
    static String awaitLine(Process process, BufferedReader lines, String beginning, Duration timeout)
            throws IOException, InterruptedException {
        CompletableFuture<String> found = CompletableFuture.supplyAsync(() -> {
            try {
                for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                    if (line.startsWith(beginning)) {
                        return line;
                    }
                }
                return "";
            } catch (IOException e) {
                return "";
            }
        });
        try {
            String line = found.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
            if (line.isEmpty()) {
                throw new IOException("the process ended before it printed '" + beginning + "': "
                        + process.info().commandLine().orElse("unknown command"));
            }
            return line;
        } catch (ExecutionException e) {
            throw new IOException("cannot read from the process", e);
        } catch (TimeoutException e) {
            throw new IOException("no line '" + beginning + "' within " + timeout.toSeconds() + " s", e);
        }
    }

    static BufferedReader lines(Process process) {
        return new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    }

    /** Ends one process: asks it, and kills it after ten seconds. */
    void stop(Process process) {
        process.destroy();
        try {
            if (!process.waitFor(10, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
        processes.remove(process);
    }

    private synchronized void end() {
        processes.forEach(Process::destroyForcibly);
        for (Process process : processes) {
            try {
                boolean unused = process.waitFor(5, TimeUnit.SECONDS); // killed; only the system can still hold it
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                break;
            }
        }
        processes.clear();
        for (Path folder : folders) {
            delete(folder);
        }
        folders.clear();
    }

    static void delete(Path folder) {
        try {
            Files.walkFileTree(folder, new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                    Files.deleteIfExists(file);
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult postVisitDirectory(Path directory, @Nullable IOException failure)
                        throws IOException {
                    Files.deleteIfExists(directory);
                    return FileVisitResult.CONTINUE;
                }
            });
        } catch (IOException e) {
            System.err.println("could not delete " + folder + ": " + e.getMessage());
        }
    }

    @Override
    public void close() {
        end();
        try {
            boolean unused = Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The JVM is going down, and the hook runs by itself.
            return;
        }
    }
}
