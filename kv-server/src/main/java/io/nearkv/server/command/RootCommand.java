package io.nearkv.server.command;

import io.nearkv.server.cli.BaseCommand;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The program without a command. */
@Command(
        name = "nearkv",
        versionProvider = Version.Lines.class,
        description = "A key-value store close to its readers: the server, and commands that talk to it.",
        synopsisSubcommandLabel = "COMMAND",
        commandListHeading = "%nCommands:%n",
        footer = {
            "",
            "Begin with 'nearkv serve', then 'nearkv put default hello world' in another terminal.",
            "'nearkv COMMAND --help' explains a command.",
            "",
            "Client commands find the server by --server, then NEARKV_SERVER, then the data folder; the token by --token",
            "or --token-file, then NEARKV_TOKEN, then the data folder. The data folder is --data, then NEARKV_DATA, then",
            "./data.",
            "",
            "Exit codes: 0 done, 1 failure, 2 usage, 3 absent, 4 unauthorized or forbidden, 5 condition failed,",
            "6 unavailable or timed out, 21 refused by a check of release safety."
        })
final class RootCommand extends BaseCommand {
    @Option(
            names = {"-V", "--version"},
            order = 902,
            versionHelp = true,
            description = "Print the version, the id of this build and the Java that runs it, and exit.")
    private boolean unusedVersion; // The command line library acts on it by itself.

    RootCommand(Console console) {
        super(console);
    }

    @Override
    protected ExitCode run() {
        throw CommandException.usage("a command is missing (see: nearkv --help)");
    }
}
