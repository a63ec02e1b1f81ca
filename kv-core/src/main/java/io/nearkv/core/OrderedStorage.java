package io.nearkv.core;

import java.util.List;

/** A {@link CacheStorage} whose records can be walked in the order of their keys, and that keeps all of them however many there are: the disk of a full copy. Not thread-safe. */
public interface OrderedStorage extends CacheStorage {
    /** Takes records as they are walked over. */
    interface Visitor {
        /** Takes a record, which it may keep; returns whether to go on. */
        boolean visit(byte[] key, byte[] record);
    }

    /**
     * Walks over the records in the order of their keys, byte by byte unsigned, from this key on (or the next one), until the visitor has had enough or there are no more. Where damage
     * is found on the way, everything is forgotten, and the walk ends early: who relies on having seen all must look afterwards whether something is still there.
     */
    void scan(byte[] from, Visitor visitor);

    /** Keeps records in place of any that their keys have, and forgets those of the keys with a record of no bytes: all of it or, after a crash, nothing. */
    void putAll(List<byte[]> keys, List<byte[]> records);
}
