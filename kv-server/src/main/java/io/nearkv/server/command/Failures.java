package io.nearkv.server.command;

import io.nearkv.core.DenialReason;
import io.nearkv.core.KvException;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.ExitCode;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;

/** Turns failures into one line on standard error and an exit code. */
final class Failures {
    private Failures() {}

    /** Prints {@code nearkv: code: message} and returns the exit code that goes with it. */
    static ExitCode report(Throwable thrown, PrintStream err, boolean verbose) {
        Throwable failure = unwrapped(thrown);
        ExitCode exitCode;
        String line;
        if (failure instanceof CommandException command) {
            exitCode = command.exitCode();
            line = command.label() + ": " + command.getMessage();
        } else if (failure instanceof KvException known) {
            exitCode = ExitCode.of(known.code());
            line = known.code().label() + ": " + reason(known) + known.getMessage();
        } else if (failure instanceof IOException io) {
            exitCode = ExitCode.FAILURE;
            line = "io: " + explain(io);
        } else {
            exitCode = ExitCode.FAILURE;
            line = "internal: " + failure;
        }
        err.println("nearkv: " + oneLine(line));
        if (verbose) {
            failure.printStackTrace(err);
        }
        return exitCode;
    }

    private static Throwable unwrapped(Throwable thrown) {
        Throwable inner = thrown;
        while ((inner instanceof CompletionException || inner instanceof ExecutionException)
                && inner.getCause() != null) {
            inner = inner.getCause();
        }
        return inner;
    }

    private static String reason(KvException failure) {
        KvException.Denial denial = failure.denial();
        if (denial == null) {
            return "";
        }
        DenialReason reason = denial.reason();
        return reason.label() + ": ";
    }

    /** The messages of these exceptions are the bare name of the file. */
    private static String explain(IOException failure) {
        if (failure instanceof NoSuchFileException missing) {
            return missing.getFile() + ": no such file or folder";
        }
        if (failure instanceof AccessDeniedException denied) {
            return denied.getFile() + ": permission denied";
        }
        if (failure instanceof FileAlreadyExistsException there) {
            return there.getFile() + ": already there"
                    + (there.getReason() == null ? "" : " (" + there.getReason() + ")");
        }
        if (failure instanceof FileSystemException other) {
            return other.getFile() + ": " + (other.getReason() == null ? "cannot be used" : other.getReason());
        }
        return String.valueOf(failure.getMessage());
    }

    /** Scripts read one line per failure, and a key or a title from outside must not forge another. */
    static String oneLine(String text) {
        StringBuilder line = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '\n' || c == '\r') {
                line.append(' ');
            } else if (Character.isISOControl(c) && c != '\t') {
                line.append(String.format("\\u%04x", (int) c));
            } else {
                line.append(c);
            }
        }
        return line.toString();
    }
}
