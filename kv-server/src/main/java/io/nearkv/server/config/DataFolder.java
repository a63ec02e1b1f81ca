package io.nearkv.server.config;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import org.jspecify.annotations.Nullable;

/**
 * A server's data folder and what lies where in it. Docs: {@code docs/operations.md}. Immutable.
 *
 * @param path the folder, which need not be there
 */
public record DataFolder(Path path) {
    /** The data folder where nothing else is said: below the current folder. */
    public static final String DEFAULT = "data";

    /** Checks that a folder is given. */
    public DataFolder {
        requireNonNull(path, "path");
    }

    /** Fails if there is something that is no folder, or one that this process may not look into. */
    public void requireUsable() throws IOException {
        if (Files.exists(path) && !Files.isDirectory(path)) {
            throw new FileSystemException(path.toString(), null, "is not a folder");
        }
        if (Files.exists(path) && !(Files.isReadable(path) && Files.isExecutable(path))) {
            throw new AccessDeniedException(path.toString());
        }
    }

    /** Fails if the folder is there and this process may not make files in it. */
    public void requireWritable() throws IOException {
        if (Files.exists(path) && !Files.isWritable(path)) {
            throw new AccessDeniedException(path.toString());
        }
    }

    /** Makes the folder if it is missing, readable by its owner alone: there are keys and other people's values in it. */
    public void createForOwner() throws IOException {
        if (Files.exists(path)) {
            return;
        }
        Path parent = path.toAbsolutePath().getParent();
        if (parent != null) {
            Files.createDirectories(parent);
        }
        boolean posix = Files.getFileStore(parent == null ? path : parent).supportsFileAttributeView("posix");
        Files.createDirectory(
                path,
                posix
                        ? new FileAttribute<?>[] {
                            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"))
                        }
                        : new FileAttribute<?>[0]);
    }

    /** Returns the folder where backups go if nothing else is said. */
    public Path backups() {
        return path.resolve("backups");
    }

    /** Returns the file of the administrator's token, readable by the owner alone. */
    public Path adminToken() {
        return path.resolve("admin.token");
    }

    /** Returns the file that says where the server of this folder listens. */
    public Path serverAddress() {
        return path.resolve("server.address");
    }

    /** Returns the address that the running server has recorded, or null if none runs (or one that was killed never did). */
    public @Nullable String readServerAddress() throws IOException {
        return readOneLine(serverAddress());
    }

    /** Returns the administrator's token, or null if there is none. */
    public @Nullable String readAdminToken() throws IOException {
        return readOneLine(adminToken());
    }

    /** Records where the server listens; readers see the old address or the new one, never half of it. */
    public void writeServerAddress(String address) throws IOException {
        Path fresh = path.resolve("server.address.new");
        Files.writeString(fresh, address + "\n");
        Files.move(fresh, serverAddress(), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    /** Forgets the address if it is still this one: another server may have recorded its own since. */
    public void removeServerAddress(String address) throws IOException {
        if (address.equals(readServerAddress())) {
            Files.deleteIfExists(serverAddress());
        }
    }

    /** Returns a file's text without the line end, or null if there is no such file. */
    public static @Nullable String readOneLine(Path file) throws IOException {
        try {
            String text = new String(Files.readAllBytes(file), UTF_8).strip();
            if (text.isEmpty() || text.indexOf('\n') >= 0) {
                throw new IOException(file + ": holds " + (text.isEmpty() ? "nothing" : "more than one line")
                        + " (expected: one line)");
            }
            return text;
        } catch (NoSuchFileException e) {
            return null;
        }
    }
}
