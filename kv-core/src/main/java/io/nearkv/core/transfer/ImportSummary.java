package io.nearkv.core.transfer;

/**
 * What an import came to.
 *
 * @param entries entries that were written
 * @param bytes the bytes of their values
 * @param present entries that were left alone, because their key was there and only absent ones were asked for
 * @param expired entries that were left out, because they had expired since they were exported
 */
public record ImportSummary(long entries, long bytes, long present, long expired) {}
