package io.nearkv.core.rocksdb;

/**
 * What a store is doing, for metrics: a snapshot of its gauges and counters. Bytes, counts and nanoseconds. Immutable.
 *
 * @param open whether the store answers; false while it recovers from a failed write
 * @param lastVersion the version of the last committed change
 * @param oldestVersion the version after which the change feed is complete
 * @param feedBytes bytes of the change feed that are kept
 * @param waitingRequests write requests that wait or are being worked on
 * @param waitingRequestsLimit the bound of waitingRequests
 * @param waitingBytes their bytes
 * @param waitingBytesLimit the bound of waitingBytes
 * @param groups commit groups since the store was opened
 * @param groupRequests write requests in them
 * @param syncs groups that were fsynced
 * @param syncNanos time that the log took for those, in all
 * @param queuedReads reads that wait for a thread
 * @param activeReads reads that have one
 * @param openReaders readers of streamed values
 * @param openUploads uploads under way
 * @param subscribers subscribers of change feeds
 * @param sweptExpirations records of the list of expirations that were worked off
 * @param reopenings how often the store has recovered from a failed write
 * @param freeDiskBytes free bytes on the disk at the last look
 * @param cacheBytes bytes in RocksDB's block cache
 * @param cachePinnedBytes those of them that cannot be evicted
 * @param writeBufferBytes bytes in RocksDB's write buffers
 * @param tableReaderBytes bytes of indexes and filters that stay in memory
 * @param tableFileBytes bytes of table files on disk
 * @param pendingCompactionBytes bytes that compactions still have to work off
 */
public record RocksStoreStats(
        boolean open,
        long lastVersion,
        long oldestVersion,
        long feedBytes,
        long waitingRequests,
        long waitingRequestsLimit,
        long waitingBytes,
        long waitingBytesLimit,
        long groups,
        long groupRequests,
        long syncs,
        long syncNanos,
        int queuedReads,
        int activeReads,
        int openReaders,
        int openUploads,
        int subscribers,
        long sweptExpirations,
        long reopenings,
        long freeDiskBytes,
        long cacheBytes,
        long cachePinnedBytes,
        long writeBufferBytes,
        long tableReaderBytes,
        long tableFileBytes,
        long pendingCompactionBytes) {}
