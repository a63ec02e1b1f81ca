package io.nearkv.server.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Tells whether a standard stream is a terminal. */
public final class Terminals {
    private Terminals() {}

    /** Returns whether the file descriptor (1 for standard output, 2 for standard error) is a terminal. */
    public static boolean isTerminal(int fileDescriptor) {
        // System.console() answers for input and output together and, from JDK 22 on, is there without any terminal.
        Path link = Path.of("/proc/self/fd/" + fileDescriptor);
        try {
            String target = Files.readSymbolicLink(link).toString();
            return target.startsWith("/dev/pts/") || target.startsWith("/dev/tty") || target.equals("/dev/console");
        } catch (IOException | UnsupportedOperationException e) {
            // No /proc here (macOS): ask the tool that knows. It inherits the stream in question.
            return isTerminalByTest(fileDescriptor);
        }
    }

    private static boolean isTerminalByTest(int fileDescriptor) {
        try {
            return new ProcessBuilder("test", "-t", Integer.toString(fileDescriptor))
                            .inheritIO()
                            .start()
                            .waitFor()
                    == 0;
        } catch (IOException e) {
            return false; // Nothing to ask: treat it as a pipe, where output is plain.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
