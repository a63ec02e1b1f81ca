package io.nearkv.server.command;

import io.nearkv.core.KvException;
import io.nearkv.core.identity.IdentityDirectory;
import io.nearkv.core.identity.TokenInspection;
import io.nearkv.server.cli.BaseCommand;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.DataFolderOption;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.cli.JsonLine;
import io.nearkv.server.cli.Output;
import io.nearkv.server.cli.PlainText;
import io.nearkv.server.config.DataFolder;
import java.io.IOException;
import java.time.Instant;
import java.time.InstantSource;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code nearkv token inspect}. */
@Command(
        name = "inspect",
        description = {
            "Prints what a token says and whether it is good here and now. Never prints the token.",
            "Exit code 4 if it would be refused. Without keys in the data folder it says so and checks nothing."
        })
final class TokenInspectCommand extends BaseCommand {
    @Mixin
    private final DataFolderOption data = new DataFolderOption();

    @Parameters(paramLabel = "TOKEN", description = "The token, or - to read it from standard input.")
    private String token = "";

    @Option(names = "--json", description = "As one JSON object.")
    private boolean json;

    TokenInspectCommand(Console console) {
        super(console);
    }

    @Override
    protected ExitCode run() throws IOException {
        DataFolder folder = data.usableFolder(console());
        String text = TokenArgument.read(token, console());
        TokenInspection found = IdentityDirectory.exists(folder.path())
                ? IdentityDirectory.open(folder.path(), InstantSource.system()).inspect(text)
                : TokenInspection.of(text);
        KvException refusal = found.refusal();
        String verdict = verdict(found, refusal);
        if (json) {
            console().out().line(describe(found, verdict));
        } else {
            print(found, verdict);
        }
        return refusal == null ? ExitCode.DONE : ExitCode.DENIED;
    }

    private static String verdict(TokenInspection found, @Nullable KvException refusal) {
        if (!found.checked()) {
            return "unchecked";
        }
        if (refusal == null) {
            return "good";
        }
        return refusal.denial() == null ? "refused" : refusal.denial().reason().label();
    }

    private static String describe(TokenInspection found, String verdict) {
        return new JsonLine()
                .text("verdict", verdict)
                .text("kind", found.kind())
                .text("environment", found.environment())
                .text("token_id", found.tokenId())
                .text("subject", found.subject())
                .text(
                        "account",
                        found.account() == null ? null : found.account().toString())
                .text("permissions", found.permissions().toString())
                .text("build", found.buildId())
                .text("key", found.keyId())
                .number("not_before", found.notBeforeEpochSecond())
                .number("expires_at", found.expiresAtEpochSecond())
                .toString();
    }

    private void print(TokenInspection found, String verdict) {
        Output out = console().out();
        KvException refusal = found.refusal();
        out.line("verdict      " + verdict + (refusal == null ? "" : ": " + refusal.getMessage()));
        out.line("kind         " + found.kind());
        out.line("environment  " + found.environment());
        out.line("token id     " + found.tokenId());
        out.line("subject      " + PlainText.visible(found.subject()));
        if (found.account() != null) {
            out.line("account      " + found.account());
            out.line("permissions  " + found.permissions());
        }
        if (found.buildId() != null) {
            out.line("build        " + found.buildId());
        }
        out.line("key          " + PlainText.visible(found.keyId()));
        out.line("not before   " + Instant.ofEpochSecond(found.notBeforeEpochSecond()));
        out.line("expires at   " + Instant.ofEpochSecond(found.expiresAtEpochSecond()));
    }
}
