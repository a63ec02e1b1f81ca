package io.nearkv.server.command;

import io.nearkv.server.cli.BaseCommand;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import picocli.CommandLine.Command;

/** {@code nearkv serve}. */
@Command(name = "serve", description = "...")
final class ServeCommand extends BaseCommand {
    ServeCommand(Console console) {
        super(console);
    }

    @Override
    protected ExitCode run() {
        return ExitCode.DONE;
    }
}
