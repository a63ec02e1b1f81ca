package io.nearkv.server.command;

import io.nearkv.cluster.ClusterBackups;
import io.nearkv.cluster.ClusterBackups.Backup;
import io.nearkv.cluster.ClusterLayout;
import io.nearkv.cluster.ClusterMember;
import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import io.nearkv.core.identity.IdentityDirectory;
import io.nearkv.core.rocksdb.RocksStore;
import io.nearkv.server.cli.BaseCommand;
import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.ConnectionOptions;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.DataFolderOption;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.cli.JsonLine;
import io.nearkv.server.cli.PlainText;
import io.nearkv.server.cli.ProgressLine;
import io.nearkv.server.config.DataFolder;
import io.nearkv.server.node.ClusterDocument;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code nearkv cluster backup} and {@code nearkv cluster restore}. */
final class ClusterBackupCommands {
    private ClusterBackupCommands() {}

    /** {@code nearkv cluster backup}. */
    @Command(
            name = "backup",
            description = {
                "Copies a snapshot of each log of a cluster that serves into a folder on this machine, and prints what it has",
                "made. Backups are incremental, and each is complete. Keys and tokens are not part of one: keep a copy of the",
                "folder that 'nearkv cluster init' made, which --data names."
            })
    static final class Save extends BaseCommand {
        @Parameters(index = "0", paramLabel = "DIR", description = "The folder of backups; made if it is missing.")
        private Path folder = Path.of("");

        @Mixin
        private final ConnectionOptions connection = new ConnectionOptions();

        @Option(names = "--list", description = "Make none; list those that there are.")
        private boolean list;

        @Option(
                names = "--verify",
                description =
                        "Make none; read every file of the newest one (or that of --id) and name what is damaged.")
        private boolean verify;

        @Option(names = "--id", paramLabel = "N", description = "With --verify: which backup.")
        private @Nullable Integer id;

        @Option(names = "--json", description = "One JSON object on a line for each backup.")
        private boolean json;

        Save(Console console) {
            super(console);
        }

        @Override
        protected ExitCode run() throws IOException, InterruptedException {
            ClusterBackups backups = new ClusterBackups(folder);
            if (list) {
                for (Backup backup : backups.list()) {
                    print(backup);
                }
                return ExitCode.DONE;
            }
            if (verify) {
                return verify(backups);
            }
            if (id != null) {
                throw CommandException.usage("--id is for --verify");
            }
            Path data = connection.folder(console()).path();
            if (RocksStore.isStore(data)) {
                throw CommandException.usage(
                        "'" + data + "' is the data folder of a single node (expected: 'nearkv backup',"
                                + " or --data with the folder that 'nearkv cluster init' made)");
            }
            ClusterLayout layout =
                    ClusterDocument.read(data.resolve("cluster.json")).layout();
            var access = connection.resolve(console());
            try (Kv kv = ServerConnection.open(access);
                    ProgressLine progress = new ProgressLine(console())) {
                print(backups.save(kv.store().admin(), layout, InstantSource.system(), progress::show));
                return ExitCode.DONE;
            } catch (KvException e) {
                throw ServerConnection.explained(e, access);
            }
        }

        private ExitCode verify(ClusterBackups backups) throws IOException {
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

        private void print(Backup backup) {
            if (json) {
                JsonLine line = new JsonLine()
                        .number("id", backup.id())
                        .text("created", backup.created().toString())
                        .text("cluster", backup.cluster().toString())
                        .text("environment", backup.environment())
                        .number("partitions", backup.partitions())
                        .number("bytes", backup.bytes());
                for (int number = 0; number < backup.logs().size(); number++) {
                    line.number("index_" + number, backup.logs().get(number).index());
                }
                console().out().line(line.toString());
                return;
            }
            console()
                    .out()
                    .line("backup " + backup.id() + " created " + backup.created() + " environment "
                            + backup.environment() + " partitions " + backup.partitions() + " bytes " + backup.bytes());
        }
    }

    /** {@code nearkv cluster restore}. */
    @Command(
            name = "restore",
            description = {
                "Makes the cluster of a folder another one, which begins with a backup: cluster.json gets a new id and, with",
                "--node, new nodes; each node gets a new join file. Says how to start the nodes, with empty folders. The",
                "former cluster must not run any more: stop it first, and keep its folders until the new one serves."
            })
    static final class Restore extends BaseCommand {
        @Parameters(index = "0", paramLabel = "DIR", description = "The folder of backups.")
        private Path backups = Path.of("");

        @Mixin
        private final DataFolderOption data = new DataFolderOption();

        @Option(names = "--id", paramLabel = "N", description = "Which backup. Default: the newest.")
        private @Nullable Integer id;

        @Option(
                names = "--node",
                paramLabel = "NAME=HOST:PORT",
                description = "A node of the new cluster and where it is reached. Default: the nodes of cluster.json.")
        private List<String> nodes = List.of();

        Restore(Console console) {
            super(console);
        }

        @Override
        protected ExitCode run() throws IOException {
            DataFolder folder = data.usableFolder(console());
            Path file = folder.path().resolve("cluster.json");
            ClusterDocument former = ClusterDocument.read(file);
            ClusterBackups from = new ClusterBackups(backups);
            Backup backup = from.get(id);
            ClusterLayout layout = former.layout();
            if (!backup.environment().equals(layout.environment())) {
                throw CommandException.usage("backup " + backup.id() + " is of environment '" + backup.environment()
                        + "', and '" + file + "' of '" + layout.environment()
                        + "' (expected: the folder of the cluster that"
                        + " was backed up, or a copy of it)");
            }
            if (backup.partitions() != layout.partitions()) {
                throw CommandException.usage("backup " + backup.id() + " has " + backup.partitions()
                        + " partitions, and '" + file + "' has " + layout.partitions()
                        + " (expected: the folder of the cluster that was backed up, or a copy of it)");
            }
            List<String> problems;
            try (ProgressLine progress = new ProgressLine(console())) {
                problems = from.verify(backup.id(), progress::show);
            }
            if (!problems.isEmpty()) {
                problems.forEach(problem -> console().out().line(PlainText.visible(problem)));
                throw CommandException.failed(
                        "not_clean", problems.size() + " files of the backup are not as they were", null);
            }
            ClusterDocument next = placed(former).restored(UUID.randomUUID(), backup.checksum());
            IdentityDirectory identity = IdentityDirectory.open(folder.path(), InstantSource.system());
            for (ClusterMember member : next.layout().members()) {
                Path join = folder.path().resolve(member.id() + ".join");
                Files.deleteIfExists(join);
                ClusterCommands.writeJoin(identity, member.id(), join);
            }
            ClusterCommands.replace(folder, next);
            console()
                    .out()
                    .line("the cluster begins with backup " + backup.id() + " of " + backup.created()
                            + ". Start each node, on its machine, with an empty folder:");
            for (ClusterMember member : next.layout().members()) {
                console().out().line(ClusterCommands.startLine(folder.path(), member.id()) + " --restore " + backups);
            }
            return ExitCode.DONE;
        }

        private ClusterDocument placed(ClusterDocument former) {
            if (nodes.isEmpty()) {
                return former;
            }
            List<ClusterMember> members = new ArrayList<>();
            Map<String, ClusterDocument.Place> places = new LinkedHashMap<>();
            for (String node : nodes) {
                ClusterCommands.Placed placed = ClusterCommands.Placed.parse("--node", node);
                members.add(placed.member());
                places.put(placed.member().id(), placed.place());
            }
            try {
                return new ClusterDocument(former.layout().withMembers(members), places);
            } catch (IllegalArgumentException e) {
                throw CommandException.usage(String.valueOf(e.getMessage()));
            }
        }
    }
}
