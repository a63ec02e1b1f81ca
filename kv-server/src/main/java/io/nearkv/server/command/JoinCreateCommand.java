package io.nearkv.server.command;

import io.nearkv.core.identity.IdentityDirectory;
import io.nearkv.server.cli.BaseCommand;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.DataFolderOption;
import io.nearkv.server.cli.ExitCode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.InstantSource;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code nearkv join create}. */
@Command(
        name = "create",
        description = {
            "Makes a join file and prints it, alone, on standard output: the environment's public keys, the permission",
            "of the node's build, and the token that it shows to the node above. It is all that",
            "'nearkv serve --role edge --join FILE' needs. Keep it as you keep a token."
        })
final class JoinCreateCommand extends BaseCommand {
    private static final String DEFAULT_LIFETIME = "365d";

    @Parameters(index = "0", paramLabel = "NAME", description = "What the node is called, such as edge-1.")
    private String name = "";

    @Mixin
    private final DataFolderOption data = new DataFolderOption();

    @Option(
            names = "--ttl",
            paramLabel = "TIME",
            defaultValue = DEFAULT_LIFETIME,
            description = "How long the node may serve with it: seconds, or with a unit such as 12h or 30d. Default: "
                    + DEFAULT_LIFETIME + ".")
    private Duration lifetime = Duration.ofDays(365);

    @Option(names = "--for-build", paramLabel = "ID", description = "The build that the node runs. Default: this one.")
    private @Nullable String build;

    JoinCreateCommand(Console console) {
        super(console);
    }

    @Override
    protected ExitCode run() throws IOException {
        IdentityDirectory identity =
                IdentityDirectory.open(data.usableFolder(console()).path(), InstantSource.system());
        try {
            byte[] json = identity.join(name, build == null ? Version.build() : build, lifetime)
                    .toJson();
            console().out().line(new String(json, StandardCharsets.UTF_8).stripTrailing());
            return ExitCode.DONE;
        } catch (IllegalArgumentException e) {
            throw CommandException.usage(String.valueOf(e.getMessage()));
        }
    }
}
