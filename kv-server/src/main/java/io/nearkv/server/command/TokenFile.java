package io.nearkv.server.command;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;

/** A file with a secret in one line, for its owner alone. */
final class TokenFile {
    private TokenFile() {}

    /** Writes a new file; {@link FileAlreadyExistsException} if there is one, because its owner may have given it away. */
    static void write(Path file, String token) throws IOException {
        Path parent = file.toAbsolutePath().getParent();
        boolean posix = Files.getFileStore(parent == null ? file : parent).supportsFileAttributeView("posix");
        Files.createFile(
                file,
                posix
                        ? new FileAttribute<?>[] {
                            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))
                        }
                        : new FileAttribute<?>[0]);
        Files.writeString(file, token + "\n");
    }
}
