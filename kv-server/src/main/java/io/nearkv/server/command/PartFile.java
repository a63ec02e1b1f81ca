package io.nearkv.server.command;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** A file that is written beside the one it will replace, so that nobody sees half of it. */
final class PartFile {
    private PartFile() {}

    /** Makes an empty file in the folder of another; the caller renames or deletes it. */
    static Path beside(Path file) throws IOException {
        Path folder = file.toAbsolutePath().getParent();
        if (folder == null || !Files.isDirectory(folder)) {
            throw new NoSuchFileException(
                    String.valueOf(folder)); // Else the name of the part would be what is missing.
        }
        return Files.createTempFile(folder, ".nearkv-", ".part");
    }
}
