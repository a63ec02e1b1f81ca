package io.nearkv.server.command;

import io.nearkv.core.identity.IdentityDirectory;
import io.nearkv.core.identity.KeyRole;
import io.nearkv.server.cli.BaseCommand;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.DataFolderOption;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.cli.PlainText;
import java.io.IOException;
import java.time.Duration;
import java.time.InstantSource;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code nearkv key rotate}. */
@Command(
        name = "rotate",
        description = {
            "Makes a new key that signs from now on, and prints its id. What the old key signed stays good until the overlap",
            "ends. The folder's own tokens are signed anew; a running server notices within about a second."
        })
final class KeyRotateCommand extends BaseCommand {
    private static final String DEFAULT_OVERLAP = "7d";

    @Mixin
    private final DataFolderOption data = new DataFolderOption();

    @Option(
            names = "--role",
            paramLabel = "ROLE",
            description = "Which key: token (callers), build (servers) or revocation (the list). Default: token.")
    private String role = KeyRole.TOKEN.label();

    @Option(
            names = "--overlap",
            paramLabel = "TIME",
            defaultValue = DEFAULT_OVERLAP,
            description =
                    "How long the old key still verifies, such as 0 (its private half is known to others), 12h or "
                            + "30d. Default: " + DEFAULT_OVERLAP + ".")
    private Duration overlap = Duration.ofDays(7);

    KeyRotateCommand(Console console) {
        super(console);
    }

    @Override
    protected ExitCode run() throws IOException {
        KeyRole found = KeyRole.ofLabel(role);
        if (found == null) {
            throw CommandException.usage(
                    "--role: '" + PlainText.visible(role) + "' (expected: token, build or revocation)");
        }
        IdentityDirectory identity =
                IdentityDirectory.open(data.usableFolder(console()).path(), InstantSource.system());
        try {
            console().out().line(identity.rotate(found, overlap));
        } catch (IllegalArgumentException e) {
            throw CommandException.usage("--" + e.getMessage());
        }
        return ExitCode.DONE;
    }
}
