package io.nearkv.core.rocksdb;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Where the files of a snapshot come from that becomes a backup: a folder, or another machine. */
public interface BackupSource {
    /**
     * A file of the snapshot.
     *
     * @param name what it is called in the database
     * @param bytes its length
     */
    record SourceFile(String name, long bytes) {
        /** Checks that nothing is missing. */
        public SourceFile {
            requireNonNull(name, "name");
        }
    }

    /** Returns all files, none of which changes. */
    List<SourceFile> files() throws IOException;

    /** Returns the SHA-256 of a file in hex digits if it costs less than reading it, or null: one that the folder of backups has is not read. */
    @Nullable
    String sha256(SourceFile file) throws IOException;

    /** Opens a file. */
    InputStream open(SourceFile file) throws IOException;
}
