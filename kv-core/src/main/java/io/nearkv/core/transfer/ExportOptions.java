package io.nearkv.core.transfer;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.Key;
import java.util.function.Consumer;

/**
 * What to export.
 *
 * @param prefix what the keys begin with; empty for all
 * @param progress is told how far the export has come, at least after every page of 1,000 keys, on the thread that runs it
 */
public record ExportOptions(String prefix, Consumer<TransferCounts> progress) {
    /** Everything, silently. */
    public static final ExportOptions DEFAULT = new ExportOptions("", counts -> {});

    /** Checks the prefix as {@link Key#prefixUtf8} does. */
    public ExportOptions {
        byte[] unused = Key.prefixUtf8(prefix);
        requireNonNull(progress, "progress");
    }

    /** Returns a copy with this prefix. */
    public ExportOptions withPrefix(String newPrefix) {
        return new ExportOptions(newPrefix, progress);
    }

    /** Returns a copy that tells this its progress. */
    public ExportOptions withProgress(Consumer<TransferCounts> newProgress) {
        return new ExportOptions(prefix, newProgress);
    }
}
