package io.nearkv.server.command;

import io.nearkv.core.Condition;
import io.nearkv.core.Key;
import io.nearkv.core.Kv;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.cli.JsonLine;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code nearkv delete}. */
@Command(
        name = "delete",
        description = "Removes a key and prints the version of the removal. Removing one that is not there succeeds.")
final class DeleteCommand extends ClientCommand {
    @Mixin
    private final KeyParameters at = new KeyParameters();

    @Option(
            names = "--if-version",
            paramLabel = "VERSION",
            description = "Only if the entry has this version; exit code 5 otherwise.")
    private @Nullable Long ifVersion;

    @Option(names = "--json", description = "Print the version as a JSON object.")
    private boolean json;

    DeleteCommand(Console console) {
        super(console);
    }

    @Override
    void check() {
        Key unusedKey = Key.of(at.key());
        Condition unusedCondition = condition();
    }

    private Condition condition() {
        return ifVersion == null ? Condition.NONE : Conditions.ifVersion(ifVersion);
    }

    @Override
    ExitCode run(Kv kv) {
        long version =
                namespace(kv, at.namespace()).delete(at.key(), condition()).orThrow();
        console()
                .out()
                .line(
                        json
                                ? new JsonLine()
                                        .text("key", at.key())
                                        .number("version", version)
                                        .toString()
                                : "version " + version);
        return ExitCode.DONE;
    }
}
