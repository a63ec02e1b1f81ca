package io.nearkv.server.command;

import io.nearkv.core.AccountId;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.identity.IdentityDirectory;
import io.nearkv.core.identity.Permission;
import io.nearkv.core.identity.Permissions;
import io.nearkv.core.identity.TokenRequest;
import io.nearkv.server.cli.BaseCommand;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.DataFolderOption;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.cli.PlainText;
import io.nearkv.server.config.DataFolder;
import java.io.IOException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code nearkv token create}. */
@Command(
        name = "create",
        description = {
            "Makes a token and prints it, alone, on standard output. It is kept nowhere: keep it yourself.",
            "Without --namespace it is for every namespace of the account, those to come included."
        })
final class TokenCreateCommand extends BaseCommand {
    private static final String DEFAULT_LIFETIME = "365d";

    @Mixin
    private final DataFolderOption data = new DataFolderOption();

    @Option(
            names = "--subject",
            paramLabel = "TEXT",
            description = "Whom it is for; stands in the token and in logs. Default: user.")
    private String subject = "user";

    @Option(
            names = "--allow",
            paramLabel = "WHAT",
            split = ",",
            description =
                    "read (get, list, watch), write (put, delete), admin (everything, and namespaces); several with "
                            + "commas between. Default: read.")
    private List<String> allow = List.of("read");

    @Option(
            names = "--namespace",
            paramLabel = "NAMESPACE",
            description =
                    "Only this namespace; may be given up to 64 times. An id, or the title of one if the server runs.")
    private List<String> namespaces = new ArrayList<>();

    @Option(
            names = "--ttl",
            paramLabel = "TIME",
            defaultValue = DEFAULT_LIFETIME,
            description = "How long it is good: seconds, or with a unit such as 12h or 30d. Default: "
                    + DEFAULT_LIFETIME + ".")
    private Duration lifetime = Duration.ofDays(365);

    @Option(
            names = "--account",
            paramLabel = "ID",
            description = "The account. Default: the one that the first start made.")
    private @Nullable String account;

    @Option(
            names = "--bearer-build",
            paramLabel = "ID",
            description = "The build that bears it, where the bearer is a server.")
    private @Nullable String bearerBuild;

    @Option(
            names = "--for-build",
            paramLabel = "ID",
            description = "Make a build token instead: the permission for this build to serve this environment. For "
                    + "'nearkv serve --build-token'.")
    private @Nullable String forBuild;

    TokenCreateCommand(Console console) {
        super(console);
    }

    @Override
    protected ExitCode run() throws IOException {
        DataFolder folder = data.usableFolder(console());
        IdentityDirectory identity = IdentityDirectory.open(folder.path(), InstantSource.system());
        try {
            String token = forBuild != null
                    ? identity.issueBuildToken(forBuild, lifetime)
                    : identity.issueToken(new TokenRequest(
                            subject,
                            account == null ? identity.account() : AccountId.parse(account),
                            permissions(folder),
                            lifetime,
                            bearerBuild));
            console().out().line(token);
            return ExitCode.DONE;
        } catch (IllegalArgumentException e) {
            throw CommandException.usage(String.valueOf(e.getMessage())); // Of the ranges that TokenRequest checks.
        }
    }

    private Permissions permissions(DataFolder folder) throws IOException {
        Permission[] granted = new Permission[allow.size()];
        for (int i = 0; i < granted.length; i++) {
            Permission permission = Permission.ofLabel(allow.get(i));
            if (permission == null) {
                throw CommandException.usage(
                        "--allow: '" + PlainText.visible(allow.get(i)) + "' (expected: read, write or admin)");
            }
            granted[i] = permission;
        }
        if (namespaces.isEmpty()) {
            return Permissions.none().withEverywhere(granted);
        }
        Permissions permissions = Permissions.none();
        for (String namespace : namespaces) {
            permissions = permissions.with(idOf(namespace, folder), granted);
        }
        return permissions;
    }

    /** Titles are in the catalogue, and the catalogue is the running server's. */
    private static NamespaceId idOf(String namespace, DataFolder folder) throws IOException {
        if (NamespaceId.isWellFormed(namespace)) {
            return NamespaceId.parse(namespace);
        }
        return ServerConnection.withLocalServer(
                folder,
                kv -> kv.namespaces()
                        .find(namespace)
                        .orElseThrow(() -> new KvException(
                                ErrorCode.NOT_FOUND,
                                "namespace '" + io.nearkv.core.Key.display(namespace) + "' does not exist"))
                        .id());
    }
}
