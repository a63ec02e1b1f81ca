package io.nearkv.core;

import static java.util.Objects.requireNonNull;

import java.time.Duration;

/**
 * When a write is acknowledged, and how long the caller waits for that.
 *
 * @param durability what must have happened before the acknowledgement
 * @param timeout how long the caller waits, up to {@link Limits#MAX_TIMEOUT}
 */
public record WriteOptions(Durability durability, Duration timeout) {
    /** Durable, with the default timeout. */
    public static final WriteOptions DEFAULT = new WriteOptions(Durability.FSYNC, Limits.DEFAULT_TIMEOUT);
    /** Acknowledged before it is on the disk; see {@link Durability#BUFFERED}. */
    public static final WriteOptions BUFFERED = new WriteOptions(Durability.BUFFERED, Limits.DEFAULT_TIMEOUT);

    /** What an acknowledgement means; the ordinals are frozen, because they are on the wire. */
    public enum Durability {
        /** The write is on the disk (fsynced): it survives a power cut. The default. */
        FSYNC,
        /** The write is in the operating system's buffers: it survives the end of the process, not of the machine. Never the default. */
        BUFFERED
    }

    /** Checks the timeout. */
    public WriteOptions {
        requireNonNull(durability, "durability");
        ReadOptions.checkTimeout(timeout);
    }

    /** Returns a copy with this timeout. */
    public WriteOptions withTimeout(Duration newTimeout) {
        return new WriteOptions(durability, newTimeout);
    }
}
