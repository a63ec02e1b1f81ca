package io.nearkv.server.command;

import io.nearkv.server.cli.CommandException;
import io.nearkv.server.cli.Console;
import io.nearkv.server.cli.DataFolderOption;
import io.nearkv.server.cli.ExitCode;
import io.nearkv.server.config.DataFolder;
import io.nearkv.server.control.ControlFolder;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Where a command that must work with nothing alive finds trust, route and ledger: on the local disk. */
final class LocalRouteOptions {
    @Option(
            names = "--folder",
            order = 620,
            paramLabel = "DIR",
            description =
                    "The route folder of a node (--route-folder of 'nearkv serve', or 'route' in its data folder); it "
                            + "may run or not. Default: NEARKV_ROUTE, or what the data folder has.")
    private @Nullable Path folder;

    @Option(
            names = "--bundle",
            order = 621,
            paramLabel = "FILE",
            description = "A bundle in place of a folder, as 'nearkv route bundle' makes it.")
    private @Nullable Path bundle;

    @Mixin
    private final DataFolderOption data = new DataFolderOption();

    /** Returns whether the user names one. */
    boolean isGiven() {
        return folder != null || bundle != null;
    }

    /** Reads what is there; fails with a line that says what to do if nothing is. */
    LocalRoute read(Console console) {
        if (folder != null && bundle != null) {
            throw CommandException.usage("--folder and --bundle exclude each other");
        }
        Path named = folder != null ? folder : bundle;
        String variable = console.environment().get("NEARKV_ROUTE");
        if (named == null && variable != null) {
            named = Path.of(variable);
        }
        if (named != null) {
            return read(named);
        }
        DataFolder dataFolder = data.folder(console);
        Path own = dataFolder.path().resolve("route");
        Path control = new ControlFolder(dataFolder).bundle();
        if (Files.exists(own)) {
            return read(own);
        }
        if (Files.exists(control)) {
            return read(control);
        }
        throw new CommandException(
                ExitCode.ABSENT,
                "absent",
                "there is no route on this disk (neither '" + own + "' nor '" + control
                        + "'); run this on a node with --folder, or give a bundle with --bundle",
                null);
    }

    private static LocalRoute read(Path path) {
        return Files.isDirectory(path) ? LocalRoute.ofFolder(path) : LocalRoute.ofBundle(path);
    }
}
