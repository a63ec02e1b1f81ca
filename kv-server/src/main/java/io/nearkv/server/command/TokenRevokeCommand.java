package io.nearkv.server.command;

import io.nearkv.core.identity.IdentityDirectory;
import io.nearkv.core.identity.IdentityLimits;
import io.nearkv.core.identity.TokenInspection;
import io.nearkv.server.cli.BaseCommand;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.DataFolderOption;
import io.nearkv.server.cli.ExitCode;
import java.io.IOException;
import java.time.InstantSource;
import java.util.regex.Pattern;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code nearkv token revoke}. */
@Command(
        name = "revoke",
        description = {
            "Puts a token on the environment's signed revocation list and prints its id. A running server of this data",
            "folder refuses it within about a second; elsewhere, once identity/revocations.jwt has been copied there."
        })
final class TokenRevokeCommand extends BaseCommand {
    private static final Pattern TOKEN_ID = Pattern.compile("[0-9a-f]{32}");

    @Mixin
    private final DataFolderOption data = new DataFolderOption();

    @Parameters(
            paramLabel = "TOKEN",
            description =
                    "The token, its id (as 'nearkv token inspect' prints it), or - to read it from standard input.")
    private String token = "";

    TokenRevokeCommand(Console console) {
        super(console);
    }

    @Override
    protected ExitCode run() throws IOException {
        InstantSource clock = InstantSource.system();
        IdentityDirectory identity =
                IdentityDirectory.open(data.usableFolder(console()).path(), clock);
        String text = TokenArgument.read(token, console());
        if (TOKEN_ID.matcher(text).matches()) {
            // When it ends is not known from its id: the latest end that it can have.
            identity.revoke(
                    text, clock.instant().plus(IdentityLimits.MAX_LIFETIME).getEpochSecond());
            console().out().line(text);
            return ExitCode.DONE;
        }
        TokenInspection found = identity.inspect(text);
        if (!found.environment().equals(identity.environment().name())) {
            throw CommandException.failed(
                    "environment_mismatch",
                    "the token is of environment '" + found.environment() + "', these keys are of '"
                            + identity.environment() + "'; revoke it where that environment's keys are",
                    null);
        }
        identity.revoke(found.tokenId(), found.expiresAtEpochSecond());
        console().out().line(found.tokenId());
        return ExitCode.DONE;
    }
}
