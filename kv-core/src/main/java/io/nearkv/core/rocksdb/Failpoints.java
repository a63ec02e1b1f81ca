package io.nearkv.core.rocksdb;

import org.rocksdb.RocksDBException;

/** Where tests stop a store or let it fail: called at every durable step. Thread-safe. */
interface Failpoints {
    /** Does nothing. */
    Failpoints NONE = step -> {};

    /** The steps. */
    enum Step {
        /** The stamp file is on the disk, the database is not there yet. */
        STAMP_WRITTEN,
        /** The writer has taken a group and has not evaluated it. */
        GROUP_TAKEN,
        /** The group is built; it goes to the log next. */
        BEFORE_WRITE,
        /** The group is in the log (and synced, if it asked for that); nobody knows yet. */
        AFTER_WRITE,
        /** The marker says so; nobody was told yet. */
        BEFORE_ACKNOWLEDGE,
        /** A piece of an upload goes to the log next. */
        BEFORE_CHUNK,
        /** The database is about to be opened, at the start or after a failure. */
        BEFORE_OPEN
    }

    /** Returns, or throws what RocksDB would have thrown, or never returns. */
    void reached(Step step) throws RocksDBException;
}
