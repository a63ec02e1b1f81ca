package io.nearkv.server.command;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.deploy.model.SafetyLayers;
import io.nearkv.server.cli.BaseCommand;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.config.DataFolder;
import io.nearkv.server.config.LogSetup;
import io.nearkv.server.incident.model.Layer;
import io.nearkv.server.incident.process.ChildProcesses;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Unmatched;

/** The processes that {@code nearkv incident replay} starts: not for people, and in no list of commands. Only here can layers of safety be switched off. */
final class IncidentCommands {
    private IncidentCommands() {}

    private static Consumer<String> lines(Console console) {
        return line -> {
            console.out().line(line);
            console.out().flush();
        };
    }

    private static String oneLine(@Nullable Path file) throws IOException {
        String line = file == null ? null : DataFolder.readOneLine(file);
        if (line == null) {
            throw new KvException(ErrorCode.NOT_FOUND, "'" + file + "' is not there");
        }
        return line;
    }

    /** {@code nearkv incident node … serve …}. */
    @Command(name = "node", hidden = true, description = "A node of the replay: 'serve' with its options follows.")
    static final class Node extends BaseCommand {
        @Option(names = "--off", paramLabel = "LAYER", description = "A layer of safety that this node is without.")
        private Set<Layer> off = EnumSet.noneOf(Layer.class);

        @Unmatched
        private List<String> rest = new ArrayList<>();

        Node(Console console) {
            super(console);
        }

        @Override
        protected ExitCode run() {
            ChildProcesses.endWithParent(console().in());
            SafetyLayers layers = new SafetyLayers(
                    !off.contains(Layer.PRE_CHECKS),
                    !off.contains(Layer.ACCEPTANCE),
                    !off.contains(Layer.HANDSHAKE),
                    !off.contains(Layer.FALLBACK));
            int exitCode = CommandRunner.serve(rest.toArray(String[]::new), console(), layers);
            return exitCode == 0 ? ExitCode.DONE : ExitCode.FAILURE;
        }
    }

    /** {@code nearkv incident control}. */
    @Command(name = "control", hidden = true, description = "The control plane of the replay.")
    static final class Control extends BaseCommand {
        @Option(names = "--data", required = true, paramLabel = "DIR", description = "The folder of the replay.")
        private @Nullable Path folder;

        @Option(names = "--router", paramLabel = "ADDRESS", description = "Who follows its routes.")
        private List<String> routers = List.of();

        @Option(names = "--no-checks", description = "Publish whatever is asked for.")
        private boolean unchecked;

        Control(Console console) {
            super(console);
        }

        @Override
        protected ExitCode run() throws IOException {
            LogSetup.want(LogSetup.Format.JSON, "info");
            Path data = folder == null ? Path.of(".") : folder;
            ChildProcesses.control(data, routers, !unchecked, console().in(), lines(console()));
            return ExitCode.DONE;
        }
    }

    /** {@code nearkv incident access}. */
    @Command(name = "access", hidden = true, description = "The access service of the replay.")
    static final class Access extends BaseCommand {
        @Option(names = "--server", paramLabel = "ADDRESS", description = "The store.")
        private String server = "";

        @Option(names = "--token-file", paramLabel = "FILE", description = "What it shows to the store.")
        private @Nullable Path token;

        @Option(names = "--secret-file", paramLabel = "FILE", description = "The secret of the CI.")
        private @Nullable Path secret;

        Access(Console console) {
            super(console);
        }

        @Override
        protected ExitCode run() throws IOException {
            ChildProcesses.access(
                    server, oneLine(token), oneLine(secret), console().in(), lines(console()));
            return ExitCode.DONE;
        }
    }

    /** {@code nearkv incident ci}. */
    @Command(name = "ci", hidden = true, description = "The CI of the replay.")
    static final class Ci extends BaseCommand {
        @Option(names = "--access", paramLabel = "URL", description = "Where its secret is.")
        private String access = "";

        @Option(names = "--control", paramLabel = "URL", description = "The control plane.")
        private String control = "";

        Ci(Console console) {
            super(console);
        }

        @Override
        protected ExitCode run() throws IOException {
            ChildProcesses.ci(access, control, console().in(), lines(console()));
            return ExitCode.DONE;
        }
    }
}
