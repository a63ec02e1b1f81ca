package io.nearkv.core.transfer;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.Key;
import java.util.function.Consumer;

/**
 * How to import a folder.
 *
 * @param keyPrefix what is put before each relative path to make the key; empty by default
 * @param progress is told how far the import has come, at least every 1,000 files, on the thread that runs it
 */
public record AssetOptions(String keyPrefix, Consumer<TransferCounts> progress) {
    /** Relative paths as keys, silently. */
    public static final AssetOptions DEFAULT = new AssetOptions("", counts -> {});

    /** Checks the prefix as {@link Key#prefixUtf8} does. */
    public AssetOptions {
        byte[] unused = Key.prefixUtf8(keyPrefix);
        requireNonNull(progress, "progress");
    }

    /** Returns a copy with this prefix. */
    public AssetOptions withKeyPrefix(String newKeyPrefix) {
        return new AssetOptions(newKeyPrefix, progress);
    }

    /** Returns a copy that tells this its progress. */
    public AssetOptions withProgress(Consumer<TransferCounts> newProgress) {
        return new AssetOptions(keyPrefix, newProgress);
    }
}
