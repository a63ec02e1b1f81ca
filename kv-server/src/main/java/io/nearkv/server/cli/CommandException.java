package io.nearkv.server.cli;

import static java.util.Objects.requireNonNull;

import java.io.Serial;
import org.jspecify.annotations.Nullable;

/** Ends a command with an exit code and one line on standard error: {@code nearkv: label: message}. */
public final class CommandException extends RuntimeException {
    @Serial
    private static final long serialVersionUID = 1;

    private final ExitCode exitCode;
    private final String label;

    /** Creates a failure; the label is one word in lower case, as those of the error table. */
    public CommandException(ExitCode exitCode, String label, String message, @Nullable Throwable cause) {
        super(requireNonNull(message, "message"), cause);
        this.exitCode = requireNonNull(exitCode, "exitCode");
        this.label = requireNonNull(label, "label");
    }

    /** Returns the failure of a command line that cannot be understood. */
    public static CommandException usage(String message) {
        return new CommandException(ExitCode.USAGE, "usage", message, null);
    }

    /** Returns the failure of a command that this very machine or folder stands in the way of. */
    public static CommandException failed(String label, String message, @Nullable Throwable cause) {
        return new CommandException(ExitCode.FAILURE, label, message, cause);
    }

    /** Returns the exit code of the process. */
    public ExitCode exitCode() {
        return exitCode;
    }

    /** Returns the word before the message. */
    public String label() {
        return label;
    }
}
