package io.nearkv.core.transfer;

import java.util.List;

/**
 * What the import of a folder came to.
 *
 * @param counts the files that were imported
 * @param problemCount how many files and folders were not
 * @param problems the first {@value #MAX_PROBLEMS} of them
 */
public record AssetReport(TransferCounts counts, long problemCount, List<Problem> problems) {
    /** Problems that are kept with their names. */
    public static final int MAX_PROBLEMS = 1000;

    /**
     * A file or folder that was not imported.
     *
     * @param path its path relative to the folder, as messages show it
     * @param reason why, and what was expected
     */
    public record Problem(String path, String reason) {}

    /** Makes the list read-only. */
    public AssetReport {
        problems = List.copyOf(problems);
    }

    /** Returns whether every file was imported. */
    public boolean complete() {
        return problemCount == 0;
    }
}
