package io.nearkv.server.command;

import io.nearkv.server.cli.BaseCommand;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import picocli.CommandLine.Command;

/** {@code nearkv restore}. */
@Command(name = "restore", description = "...")
final class RestoreCommand extends BaseCommand {
    RestoreCommand(Console console) {
        super(console);
    }

    @Override
    protected ExitCode run() {
        return ExitCode.DONE;
    }
}
