package io.nearkv.server.command;

import io.nearkv.core.BackupInfo;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.core.rocksdb.RocksStore;
import io.nearkv.core.rocksdb.RocksStoreOptions;
import io.nearkv.core.rocksdb.StoreBackups;
import io.nearkv.core.rocksdb.StoreStamp;
import io.nearkv.server.cli.BaseCommand;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.ConnectionOptions;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.cli.JsonLine;
import io.nearkv.server.cli.PlainText;
import io.nearkv.server.cli.ProgressLine;
import io.nearkv.server.config.DataFolder;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code nearkv backup}. */
@Command(
        name = "backup",
        description = {
            "Makes a backup and prints its number, its size and where it is. The running server makes it while it serves, in",
            "its own folder of backups (--backups of 'nearkv serve'); if no server runs on the data folder, the command opens",
            "the folder itself. Backups are incremental, and each is complete. Keys and tokens are not part of one."
        })
final class BackupCommand extends BaseCommand {
    @Mixin
    private final ConnectionOptions connection = new ConnectionOptions();

    @Option(
            names = "--to",
            paramLabel = "DIR",
            description =
                    "The folder of backups: where to put one if no server runs, and what --list and --verify look at. "
                            + "Default: the folder 'backups' in the data folder.")
    private @Nullable Path to;

    @Option(names = "--list", description = "Make none; list those that there are.")
    private boolean list;

    @Option(
            names = "--verify",
            description = "Make none; read every file of the newest one (or that of --id) and name what is damaged.")
    private boolean verify;

    @Option(names = "--id", paramLabel = "N", description = "With --verify: which backup.")
    private @Nullable Integer id;

    @Option(names = "--json", description = "One JSON object on a line for each backup.")
    private boolean json;

    BackupCommand(Console console) {
        super(console);
    }

    @Override
    protected ExitCode run() throws IOException, InterruptedException {
        DataFolder folder = connection.folder(console());
        Path backups = to == null ? folder.backups() : to;
        if (list || verify) {
            return look(new StoreBackups(backups));
        }
        boolean remote = connection.namesServer(console()) || folder.readServerAddress() != null;
        if (remote && to != null) {
            throw CommandException.usage(
                    "--to is for a folder that no server holds; a server puts backups where its own --backups says");
        }
        print(remote ? throughServer(folder, backups) : directly(folder, backups), null, null);
        return ExitCode.DONE;
    }

    private BackupInfo throughServer(DataFolder folder, Path backups) throws IOException, InterruptedException {
        var access = connection.resolve(console());
        try (Kv kv = ServerConnection.open(access);
                ProgressLine progress = new ProgressLine(console())) {
            progress.show("the server makes a backup", 0, 0);
            return kv.store().admin().backup().get(Limits.MAX_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            KvException failure = KvException.from(e);
            if (failure.code() == ErrorCode.UNAVAILABLE && access.recordedIn() != null) {
                // The server that recorded its address was killed. If another process holds the folder after all, its
                // lock says so.
                return directly(folder, backups);
            }
            throw failure;
        } catch (TimeoutException e) {
            throw new KvException(ErrorCode.DEADLINE_EXCEEDED, "no backup within " + Limits.MAX_TIMEOUT, e);
        }
    }

    private static BackupInfo directly(DataFolder folder, Path backups) {
        StoreStamp stamp = RocksStore.readStamp(folder.path());
        if (stamp == null) {
            throw new KvException(
                    ErrorCode.NOT_FOUND,
                    "there is no store in '" + folder.path() + "' (expected: a data folder, with --data)");
        }
        RocksStoreOptions options = RocksStoreOptions.builder()
                .environment(stamp.environment())
                .program("nearkv backup")
                .backupFolder(backups)
                .create(false)
                .build();
        try (RocksStore store = RocksStore.open(folder.path(), options)) {
            return store.admin().backup().join();
        }
    }

    private ExitCode look(StoreBackups backups) throws IOException {
        if (list) {
            for (StoreBackups.Backup backup : backups.list()) {
                print(backup.info(), backup.created().toString(), backup.environment());
            }
            return ExitCode.DONE;
        }
        List<String> problems;
        try (ProgressLine progress = new ProgressLine(console())) {
            problems = backups.verify(id, progress::show);
        }
        problems.forEach(problem -> console().out().line(PlainText.visible(problem)));
        if (!problems.isEmpty()) {
            throw CommandException.failed(
                    "not_clean", problems.size() + " files of the backup are not as they were", null);
        }
        console().out().line("clean");
        return ExitCode.DONE;
    }

    private void print(BackupInfo backup, @Nullable String created, @Nullable String environment) {
        if (json) {
            console()
                    .out()
                    .line(new JsonLine()
                            .number("id", backup.id())
                            .text("position", backup.position().toString())
                            .number("bytes", backup.sizeBytes())
                            .text("folder", backup.folder())
                            .text("created", created)
                            .text("environment", environment)
                            .toString());
            return;
        }
        console()
                .out()
                .line("backup " + backup.id() + " position " + backup.position() + " bytes " + backup.sizeBytes()
                        + (created == null ? " in " + backup.folder() : " created " + created)
                        + (environment == null ? "" : " environment " + environment));
    }
}
