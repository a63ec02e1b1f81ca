package io.nearkv.core.transfer;

/**
 * How far a transfer has come, or what it came to.
 *
 * @param entries entries that were transferred
 * @param bytes the bytes of their values
 */
public record TransferCounts(long entries, long bytes) {}
