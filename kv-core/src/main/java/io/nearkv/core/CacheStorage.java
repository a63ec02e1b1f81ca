package io.nearkv.core;

import org.jspecify.annotations.Nullable;

/**
 * Keeps records by key beyond the life of a process, as long as there is room for them: the disk of a cache. What it does not have any more it says it does not have; what it has
 * is what was put, in the order of the calls, also after a crash: it may then have forgotten the latest of them, but never an earlier one and not a later one. A storage
 * that finds itself damaged forgets everything. Calls may wait for the disk. Not thread-safe.
 */
public interface CacheStorage extends AutoCloseable {
    /** Returns the record of a key, or null if there is none (any more). */
    byte @Nullable [] get(byte[] key);

    /** Keeps a record of at least one byte, in place of any that the key has. */
    void put(byte[] key, byte[] record);

    /** Forgets the record of a key. */
    void remove(byte[] key);

    /** Forgets the records of all keys that begin with these bytes. */
    void removeAll(byte[] prefix);

    /** Forgets everything. */
    void clear();

    /** Returns about how many bytes of disk are used. */
    long bytes();

    /** Returns how often everything was forgotten because of damage. */
    long drops();

    /** Makes what was put last until after a loss of power, and gives the files back. Idempotent. */
    @Override
    void close();
}
