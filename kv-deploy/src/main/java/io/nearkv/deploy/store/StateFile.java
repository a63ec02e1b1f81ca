package io.nearkv.deploy.store;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.identity.OwnerOnlyFiles;
import io.nearkv.deploy.document.Rejected;
import io.nearkv.deploy.document.StoredDocuments;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The one file in which a process keeps its documents, and the lock that makes it the only process to do so. Replaced as a whole: the old content or the new, never none. */
final class StateFile implements AutoCloseable {
    static final String NAME = "route.state";

    private final Path file;
    private final FileLock lock;
    private final Consumer<String> afterStep;

    private StateFile(Path file, FileLock lock, Consumer<String> afterStep) {
        this.file = file;
        this.lock = lock;
        this.afterStep = afterStep;
    }

    /**
     * Takes the folder.
     *
     * @param afterStep told of each step of a write that is done; what it throws ends the write there
     */
    static StateFile open(Path folder, Consumer<String> afterStep) throws IOException {
        if (Files.notExists(folder)) {
            Path parent = folder.toAbsolutePath().getParent();
            if (parent != null) {
                Files.createDirectories(parent);
            }
            OwnerOnlyFiles.createFolder(folder);
        }
        FileChannel channel = OwnerOnlyFiles.openForLock(folder.resolve("route.lock"));
        FileLock lock;
        try {
            lock = channel.tryLock();
        } catch (OverlappingFileLockException e) {
            lock = null;
        }
        if (lock == null) {
            channel.close();
            throw new KvException(
                    ErrorCode.UNAVAILABLE,
                    "the routes in '" + folder + "' are in use by another process; stop it first");
        }
        return new StateFile(folder.resolve(NAME), lock, afterStep);
    }

    /** Returns what is kept; nothing if there is no file. */
    static StoredDocuments read(Path folder) throws IOException, Rejected {
        Path file = folder.resolve(NAME);
        if (Files.notExists(file, LinkOption.NOFOLLOW_LINKS)) {
            return StoredDocuments.NONE;
        }
        return StoredDocuments.decode(OwnerOnlyFiles.readAtMost(file, StoredDocuments.MAX_BYTES));
    }

    void write(StoredDocuments documents) throws IOException {
        OwnerOnlyFiles.write(file, documents.encode(), afterStep);
    }

    /** Moves a damaged file out of the way and returns where to; null if it was gone. */
    @Nullable
    Path setAside() throws IOException {
        for (int i = 1; ; i++) {
            Path aside = file.resolveSibling(NAME + ".damaged-" + i);
            if (Files.notExists(aside, LinkOption.NOFOLLOW_LINKS)) {
                if (Files.notExists(file, LinkOption.NOFOLLOW_LINKS)) {
                    return null;
                }
                Files.move(file, aside);
                return aside;
            }
        }
    }

    @Override
    public void close() throws IOException {
        lock.acquiredBy().close(); // and with it the lock
    }
}
