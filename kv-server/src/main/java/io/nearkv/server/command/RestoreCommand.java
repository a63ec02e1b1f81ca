package io.nearkv.server.command;

import io.nearkv.core.rocksdb.StoreBackups;
import io.nearkv.server.cli.BaseCommand;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.cli.ProgressLine;
import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.InstantSource;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code nearkv restore}. */
@Command(
        name = "restore",
        description = {
            "Puts a backup into a data folder that has no store yet, and verifies every file on the way. The data keeps its",
            "environment and gets a new history: watches from before the backup start over. If the folder has no identity",
            "either, the next 'nearkv serve' makes new keys and a new administrator's token for the same environment."
        })
final class RestoreCommand extends BaseCommand {
    @Option(names = "--from", required = true, paramLabel = "DIR", description = "The folder of backups.")
    private Path from = Path.of("");

    @Option(names = "--id", paramLabel = "N", description = "Which backup. Default: the newest.")
    private @Nullable Integer id;

    @Option(
            names = "--data",
            required = true,
            paramLabel = "DIR",
            description = "The data folder; made if it is missing.")
    private Path data = Path.of("");

    RestoreCommand(Console console) {
        super(console);
    }

    @Override
    protected ExitCode run() throws IOException {
        StoreBackups.Backup restored;
        try (ProgressLine progress = new ProgressLine(console())) {
            restored = new StoreBackups(from)
                    .restore(id, data, InstantSource.system(), new SecureRandom(), progress::show);
        }
        console()
                .out()
                .line("restored backup " + restored.info().id() + " of " + restored.created() + " environment "
                        + restored.environment() + " into " + data);
        return ExitCode.DONE;
    }
}
