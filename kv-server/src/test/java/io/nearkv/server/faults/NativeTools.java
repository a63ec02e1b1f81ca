package io.nearkv.server.faults;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The small C programs and the commands of the system that make faults. Tests that need what a machine lacks are skipped, and say so. */
public final class NativeTools {
    private NativeTools() {}

    /** Compiles a program of {@code src/test/c}; skips the test where there is no C compiler. */
    static Path compile(Path folder, String source, String... options) throws Exception {
        assumeTrue(
                succeeds("gcc", "--version"),
                "SKIPPED: no gcc on this machine, which the fault injection is compiled with");
        Path binary = folder.resolve(source.replace(".c", ""));
        List<String> command = new ArrayList<>(List.of("gcc", "-O1", "-Wall", "-o", binary.toString()));
        command.addAll(List.of(options));
        command.add(Path.of("src/test/c", source).toAbsolutePath().toString());
        command.add("-ldl");
        run(command.toArray(String[]::new));
        return binary;
    }

    /** Makes an ext4 file system of its own in a file and mounts it; skips the test where that is not allowed. */
    public static Mount mountImage(Path folder, int mebibytes) throws Exception {
        assumeTrue(
                "root".equals(System.getProperty("user.name")) && succeeds("mkfs.ext4", "-V"),
                "SKIPPED: mounting a file system of its own needs root and mkfs.ext4");
        Path image = folder.resolve("disk.img");
        Path point = Files.createDirectories(folder.resolve("disk"));
        run("truncate", "-s", mebibytes + "M", image.toString());
        run("mkfs.ext4", "-q", "-F", image.toString());
        assumeTrue(
                succeeds("mount", "-o", "loop", image.toString(), point.toString()),
                "SKIPPED: loop mounts are not allowed on this machine");
        return new Mount(image, point);
    }

    /**
     * A mounted file system.
     *
     * @param image the file that it is in
     * @param point where it is mounted
     */
    public record Mount(Path image, Path point) implements AutoCloseable {
        void remount() throws Exception {
            run("umount", point.toString());
            run("mount", "-o", "loop", image.toString(), point.toString());
        }

        @Override
        public void close() throws IOException {
            try {
                if (!succeeds("umount", point.toString())) {
                    run("umount", "-l", point.toString());
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Runs a command, which must succeed. */
    public static void run(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor())
                .as("%s: %s", String.join(" ", command), output)
                .isZero();
    }

    /** Returns whether a command is there and succeeds. */
    public static boolean succeeds(String... command) throws InterruptedException {
        try {
            Process process = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
            return process.waitFor(30, TimeUnit.SECONDS) && process.exitValue() == 0;
        } catch (IOException e) {
            return false; // The command is not there.
        }
    }
}
