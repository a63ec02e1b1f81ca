package io.nearkv.bench.macro;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** The program's launcher script. */
public final class Launcher {
    /** A build and a class data archive, on a machine that has other things to do. */
    private static final long LIMIT_MINUTES = 15;

    private Launcher() {}

    /**
     * Runs the launcher once, so that it builds what it has to before anything is measured; it says on standard error what it does.
     *
     * @param environment what to set beside this process's environment
     * @throws IOException if it fails or does not end within a quarter of an hour
     */
    public static void prepare(Path launcher, Map<String, String> environment)
            throws IOException, InterruptedException {
        ProcessBuilder builder = new ProcessBuilder(launcher.toAbsolutePath().toString(), "--help")
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.INHERIT);
        builder.environment().putAll(environment);
        Process process = builder.start();
        try {
            if (!process.waitFor(LIMIT_MINUTES, TimeUnit.MINUTES)) {
                throw new IOException(launcher + " was not ready to start within " + LIMIT_MINUTES + " minutes");
            }
        } finally {
            process.destroy();
        }
        if (process.exitValue() != 0) {
            throw new IOException(launcher + " failed with exit code " + process.exitValue());
        }
    }
}
