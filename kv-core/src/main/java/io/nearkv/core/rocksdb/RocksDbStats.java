package io.nearkv.core.rocksdb;

import java.util.Collections;
import java.util.List;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;

/**
 * RocksDB's own gauges, at about one moment: bytes and counts. All zero while the store has no database. Immutable.
 *
 * @param cacheBytes bytes in the block cache
 * @param cacheLimitBytes the bound of cacheBytes
 * @param cachePinnedBytes those of cacheBytes that cannot be evicted
 * @param writeBufferBytes bytes in write buffers (memtables), also in those that are being flushed or still read
 * @param tableReaderBytes bytes of indexes and filters that stay in memory
 * @param liveDataBytes estimate of the bytes of table and blob files that are not garbage
 * @param entries estimate of the number of entries
 * @param tableFileBytes bytes of table files on disk
 * @param filesPerLevel table files on each level, of all column families together
 * @param blobFiles blob files, which hold the large values
 * @param blobFileBytes their bytes on disk
 * @param blobGarbageBytes those of them that belong to no value any more
 * @param pendingCompactionBytes estimate of the bytes that compactions still have to rewrite
 * @param runningCompactions compactions that run
 * @param runningFlushes flushes of write buffers that run
 * @param snapshots snapshots that keep old entries alive
 * @param backgroundErrors errors of background work since the database was opened
 * @param writesStopped whether RocksDB lets no write through until compactions have caught up
 * @param delayedWriteRate bytes a second to which RocksDB slows writes down for the same reason; 0 for not at all
 */
public record RocksDbStats(
        long cacheBytes,
        long cacheLimitBytes,
        long cachePinnedBytes,
        long writeBufferBytes,
        long tableReaderBytes,
        long liveDataBytes,
        long entries,
        long tableFileBytes,
        List<Long> filesPerLevel,
        long blobFiles,
        long blobFileBytes,
        long blobGarbageBytes,
        long pendingCompactionBytes,
        long runningCompactions,
        long runningFlushes,
        long snapshots,
        long backgroundErrors,
        boolean writesStopped,
        long delayedWriteRate) {
    /** As RocksDB's default has it. */
    private static final int LEVELS = 7;

    /** What there is to say without a database. */
    static RocksDbStats none(RocksStoreOptions options) {
        return new RocksDbStats(
                0,
                options.cacheBytes,
                0,
                0,
                0,
                0,
                0,
                0,
                Collections.nCopies(LEVELS, 0L),
                0,
                0,
                0,
                0,
                0,
                0,
                0,
                0,
                false,
                0);
    }

    /** Makes the list read-only. */
    public RocksDbStats {
        filesPerLevel = List.copyOf(filesPerLevel);
    }

    /** Asks the database, inside whose lanes the caller is. Takes its mutex some dozen times: not for a hot path. */
    static RocksDbStats read(Database db, RocksStoreOptions options) throws RocksDBException {
        RocksDB rocks = db.rocks;
        return new RocksDbStats(
                db.cache.getUsage(),
                options.cacheBytes,
                db.cache.getPinnedUsage(),
                rocks.getAggregatedLongProperty("rocksdb.size-all-mem-tables"),
                rocks.getAggregatedLongProperty("rocksdb.estimate-table-readers-mem"),
                rocks.getAggregatedLongProperty("rocksdb.estimate-live-data-size"),
                rocks.getLongProperty(db.entries, "rocksdb.estimate-num-keys"),
                rocks.getAggregatedLongProperty("rocksdb.total-sst-files-size"),
                filesPerLevel(db),
                rocks.getLongProperty(db.values, "rocksdb.num-blob-files"),
                rocks.getLongProperty(db.values, "rocksdb.total-blob-file-size"),
                rocks.getLongProperty(db.values, "rocksdb.live-blob-file-garbage-size"),
                rocks.getAggregatedLongProperty("rocksdb.estimate-pending-compaction-bytes"),
                // These are of the whole database, whichever column family is asked.
                rocks.getLongProperty("rocksdb.num-running-compactions"),
                rocks.getLongProperty("rocksdb.num-running-flushes"),
                rocks.getLongProperty("rocksdb.num-snapshots"),
                rocks.getLongProperty("rocksdb.background-errors"),
                rocks.getLongProperty("rocksdb.is-write-stopped") != 0,
                rocks.getLongProperty("rocksdb.actual-delayed-write-rate"));
    }

    private static List<Long> filesPerLevel(Database db) throws RocksDBException {
        Long[] files = new Long[LEVELS];
        for (int level = 0; level < LEVELS; level++) {
            long sum = 0;
            for (var family : List.of(db.entries, db.values, db.expiry, db.changes, db.meta)) {
                sum += Long.parseLong(db.rocks.getProperty(family, "rocksdb.num-files-at-level" + level));
            }
            files[level] = sum;
        }
        return List.of(files);
    }
}
