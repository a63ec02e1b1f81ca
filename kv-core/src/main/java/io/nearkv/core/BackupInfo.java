package io.nearkv.core;

import static java.util.Objects.requireNonNull;

/**
 * A finished backup.
 *
 * @param id its number within the backup folder, at least 1
 * @param position what it holds: every change up to here
 * @param sizeBytes the bytes of the files that it needs, shared with other backups or not
 * @param folder the backup folder, on the machine of the store
 */
public record BackupInfo(int id, Position position, long sizeBytes, String folder) {
    /** Checks that nothing is missing. */
    public BackupInfo {
        requireNonNull(position, "position");
        requireNonNull(folder, "folder");
    }
}
