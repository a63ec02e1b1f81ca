package io.nearkv.server.cli;

import io.nearkv.server.config.DataFolder;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The option {@code --data}. */
public final class DataFolderOption {
    @Option(
            names = "--data",
            order = 800,
            paramLabel = "DIR",
            description = "The server's data folder. Default: NEARKV_DATA, or ./data.")
    private @Nullable Path path;

    /** As {@link #folder}, and fails if it is no folder, or one that this process may not look into: that is not the same as an empty one. */
    public DataFolder usableFolder(Console console) throws IOException {
        DataFolder folder = folder(console);
        folder.requireUsable();
        return folder;
    }

    /** Returns the data folder: the flag's, else that of {@code NEARKV_DATA}, else {@link DataFolder#DEFAULT}. */
    public DataFolder folder(Console console) {
        if (path != null) {
            return new DataFolder(path);
        }
        return new DataFolder(Path.of(console.environment().getOrDefault("NEARKV_DATA", DataFolder.DEFAULT)));
    }
}
