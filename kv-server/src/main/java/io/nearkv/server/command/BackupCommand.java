package io.nearkv.server.command;

import io.nearkv.server.cli.BaseCommand;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import picocli.CommandLine.Command;

/** {@code nearkv backup}. */
@Command(name = "backup", description = "...")
final class BackupCommand extends BaseCommand {
    BackupCommand(Console console) {
        super(console);
    }

    @Override
    protected ExitCode run() {
        return ExitCode.DONE;
    }
}
