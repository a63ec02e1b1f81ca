package io.nearkv.core.rocksdb;

import java.util.List;
import org.rocksdb.FlushOptions;
import org.rocksdb.RocksDBException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Empties the write buffers into table files once nobody has written for a while. A get is faster from there: searching a full buffer, a list of some hundred thousand keys all
 * over the memory, takes as long as everything else that it does. And the next start, also one after a crash, has no log to read. Works on the store's timer thread.
 */
final class IdleFlush {
    private static final Logger log = LoggerFactory.getLogger(IdleFlush.class);
    /** Fewer entries in the buffer are found in no time, and are not worth a file of their own. */
    private static final int MIN_ENTRIES = 1000;

    private final StoreCore core;
    private final DiskSpace disk;
    private long seenSequence = -1;
    private long seenNanos;
    private boolean done;

    IdleFlush(StoreCore core, DiskSpace disk) {
        this.core = core;
        this.disk = disk;
    }

    /** Looks whether it is time. Does not wait for the disk. */
    void look() {
        Database db = core.database;
        Lanes.Lane lane = db == null ? null : db.lanes.enter();
        if (db == null || lane == null) {
            return;
        }
        try {
            long sequence = db.rocks.getLatestSequenceNumber();
            long now = System.nanoTime();
            if (sequence != seenSequence) {
                seenSequence = sequence;
                seenNanos = now;
                done = false;
            } else if (!done && now - seenNanos >= core.options.idleFlushTime.toNanos()) {
                done = true;
                if (db.rocks.getLongProperty(db.entries, "rocksdb.num-entries-active-mem-table") >= MIN_ENTRIES
                        && hasRoom()) {
                    flush(db);
                }
            }
        } catch (RocksDBException e) {
            // Not a write that anybody waits for: the log still has everything, and the next write will find out.
            log.atWarn().setCause(e).log("the write buffers cannot be emptied");
        } finally {
            db.lanes.leave(lane);
        }
    }

    /** A flush that fills the disk would stop RocksDB, for the sake of some microseconds. */
    private boolean hasRoom() {
        long bytes = core.options.writeBufferBytes;
        disk.beforeWrite(bytes);
        return disk.refusal(bytes, false) == null;
    }

    private void flush(Database db) throws RocksDBException {
        // All families, or the log could not go.
        try (FlushOptions options = new FlushOptions().setWaitForFlush(false).setAllowWriteStall(true)) {
            db.rocks.flush(options, List.of(db.entries, db.values, db.expiry, db.changes, db.meta));
        }
    }
}
