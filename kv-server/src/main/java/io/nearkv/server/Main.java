package io.nearkv.server;

import io.nearkv.server.cli.Console;
import io.nearkv.server.command.CommandRunner;

/** The program {@code nearkv}. */
public final class Main {
    private Main() {}

    /** Runs the command that the arguments name and ends the process with its exit code. */
    public static void main(String[] args) {
        System.exit(CommandRunner.run(args, Console.ofProcess()));
    }
}
