package io.nearkv.server.command;

import io.nearkv.server.cli.BaseCommand;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import picocli.CommandLine.Command;

/** {@code nearkv check}. */
@Command(name = "check", description = "...")
final class CheckCommand extends BaseCommand {
    CheckCommand(Console console) {
        super(console);
    }

    @Override
    protected ExitCode run() {
        return ExitCode.DONE;
    }
}
