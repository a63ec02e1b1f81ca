package io.nearkv.server.command;

import io.nearkv.server.cli.BaseCommand;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import picocli.CommandLine.Command;

/** {@code nearkv import}. */
@Command(name = "import", description = "...")
final class ImportCommand extends BaseCommand {
    ImportCommand(Console console) {
        super(console);
    }

    @Override
    protected ExitCode run() {
        return ExitCode.DONE;
    }
}
