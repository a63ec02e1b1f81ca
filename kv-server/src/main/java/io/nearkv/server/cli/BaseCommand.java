package io.nearkv.server.cli;

import static java.util.Objects.requireNonNull;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** What every command has. {@link CommandRunner} makes one, fills its options in and calls it once. Not thread-safe. */
@Command(
        synopsisHeading = "Usage: ",
        descriptionHeading = "%n",
        parameterListHeading = "%nParameters:%n",
        optionListHeading = "%nOptions:%n",
        sortOptions = false,
        showDefaultValues = false,
        usageHelpWidth = 110)
public abstract class BaseCommand implements Callable<Integer> {
    private final Console console;

    @Option(
            names = {"-v", "--verbose"},
            order = 900,
            description = "With a failure, print its causes and stack trace too; log more.")
    private boolean verbose;

    @Option(
            names = {"-h", "--help"},
            order = 901,
            usageHelp = true,
            description = "Print this help and exit.")
    private boolean unusedHelp; // The command line library acts on it by itself.

    /** Creates a command that reads from and writes to this console. */
    protected BaseCommand(Console console) {
        this.console = requireNonNull(console, "console");
    }

    /** Returns what the command reads from and writes to. */
    protected final Console console() {
        return console;
    }

    /** Returns whether the user wants to see everything. */
    public final boolean verbose() {
        return verbose;
    }

    /** Runs the command. Failures are thrown, and {@link CommandRunner} turns them into a line and an exit code. */
    protected abstract ExitCode run() throws Exception;

    @Override
    public final Integer call() throws Exception {
        return run().number();
    }
}
