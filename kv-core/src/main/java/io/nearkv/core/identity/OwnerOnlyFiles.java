package io.nearkv.core.identity;

import static java.nio.file.StandardCopyOption.ATOMIC_MOVE;
import static java.nio.file.StandardCopyOption.REPLACE_EXISTING;
import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.CREATE_NEW;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.EnumSet;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Files and folders that only their owner may read, replaced as a whole or not at all: a reader sees the old content or the new, also after a power cut. On
 * file systems without POSIX permissions the folder's own protection has to do.
 */
public final class OwnerOnlyFiles {
    private static final Set<PosixFilePermission> FILE = PosixFilePermissions.fromString("rw-------");
    private static final Set<PosixFilePermission> FOLDER = PosixFilePermissions.fromString("rwx------");

    private OwnerOnlyFiles() {}

    /** Makes a folder; its parent must exist. */
    public static void createFolder(Path folder) throws IOException {
        Files.createDirectory(folder, attributes(folder, FOLDER));
    }

    /** Puts {@code content} in place of the file. Callers exclude each other. */
    public static void write(Path file, byte[] content) throws IOException {
        write(file, content, step -> {});
    }

    /**
     * As {@link #write(Path, byte[])}.
     *
     * @param afterStep told of each step that is done: {@code created}, {@code written}, {@code synced}, {@code renamed}, {@code done}. What it throws ends the writing there
     */
    public static void write(Path file, byte[] content, Consumer<String> afterStep) throws IOException {
        Path temporary = file.resolveSibling("." + file.getFileName() + ".new");
        Files.deleteIfExists(temporary); // left by a process that was killed
        try (FileChannel channel =
                FileChannel.open(temporary, EnumSet.of(CREATE_NEW, WRITE), attributes(temporary, FILE))) {
            afterStep.accept("created");
            ByteBuffer buffer = ByteBuffer.wrap(content);
            while (buffer.hasRemaining()) {
                channel.write(buffer);
            }
            afterStep.accept("written");
            channel.force(true);
        }
        afterStep.accept("synced");
        Files.move(temporary, file, ATOMIC_MOVE, REPLACE_EXISTING);
        afterStep.accept("renamed");
        syncFolder(parent(file));
        afterStep.accept("done");
    }

    /** Opens a file for locking, and makes it if it is missing. */
    public static FileChannel openForLock(Path file) throws IOException {
        return FileChannel.open(file, EnumSet.of(CREATE, WRITE), attributes(file, FILE));
    }

    /** Makes what was created, renamed or deleted in a folder last. */
    public static void syncFolder(Path folder) throws IOException {
        if (isPosix(folder)) { // elsewhere a folder cannot be opened as a file
            try (FileChannel channel = FileChannel.open(folder, READ)) {
                channel.force(true);
            }
        }
    }

    /**
     * Reads a file of at most {@code maxBytes}.
     *
     * @throws IOException if it cannot be read or is longer
     */
    public static byte[] readAtMost(Path file, int maxBytes) throws IOException {
        try {
            return read(file, maxBytes);
        } catch (MalformedException e) {
            throw new IOException("'" + file + "' cannot be read: " + e.why(), e);
        }
    }

    /** Reads a file of at most {@code maxBytes}; refuses a longer one without reading it whole. */
    static byte[] read(Path file, int maxBytes) throws IOException, MalformedException {
        try (InputStream in = Files.newInputStream(file)) {
            byte[] content = in.readNBytes(maxBytes + 1);
            if (content.length > maxBytes) {
                throw new MalformedException("it is longer than " + maxBytes + " bytes");
            }
            return content;
        }
    }

    /** Refuses a file that others than its owner may read or write. */
    static void requireOwnerOnly(Path file) throws IOException, MalformedException {
        if (isPosix(file) && !FILE.containsAll(Files.getPosixFilePermissions(file))) {
            throw new MalformedException(
                    "others than its owner may use it: chmod 600 it, and think of the key as known");
        }
    }

    private static FileAttribute<?>[] attributes(Path path, Set<PosixFilePermission> permissions) throws IOException {
        return isPosix(parent(path))
                ? new FileAttribute<?>[] {PosixFilePermissions.asFileAttribute(permissions)}
                : new FileAttribute<?>[0];
    }

    private static boolean isPosix(Path path) throws IOException {
        return Files.getFileStore(path).supportsFileAttributeView("posix");
    }

    private static Path parent(Path path) {
        Path parent = path.toAbsolutePath().getParent();
        return parent == null ? path : parent;
    }
}
