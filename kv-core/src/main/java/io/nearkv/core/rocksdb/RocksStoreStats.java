package io.nearkv.core.rocksdb;

/**
 * What a store is doing, for metrics: a snapshot of its gauges and counters. Bytes, counts and nanoseconds. Immutable.
 *
 * @param open whether the store answers; false while it recovers from a failed write
 * @param lastVersion the version of the last committed change
 * @param oldestVersion the version after which the change feed is complete
 * @param feedBytes bytes of the change feed that are kept
 * @param feedBytesLimit the bound of feedBytes
 * @param waitingRequests write requests that wait or are being worked on
 * @param waitingRequestsLimit the bound of waitingRequests
 * @param waitingBytes their bytes
 * @param waitingBytesLimit the bound of waitingBytes
 * @param groups commit groups since the store was opened
 * @param groupRequests write requests in them
 * @param syncs groups that were fsynced
 * @param syncNanos time that the log took for those, in all
 * @param queuedReads reads that wait for a thread
 * @param queuedReadsLimit the bound of queuedReads
 * @param activeReads reads that have one
 * @param activeReadsLimit the bound of activeReads
 * @param openReaders readers of streamed values
 * @param openReadersLimit the bound of openReaders
 * @param openUploads uploads under way
 * @param openUploadsLimit the bound of openUploads
 * @param subscribers subscribers of change feeds
 * @param subscribersLimit the bound of subscribers
 * @param sweptExpirations records of the list of expirations that were worked off
 * @param reopenings how often the store has recovered from a failed write
 * @param freeDiskBytes free bytes on the disk at the last look, at most a second ago; {@link Long#MAX_VALUE} where there is no reserve to guard
 * @param diskReserveBytes free bytes below which writes are refused
 * @param rocksDb RocksDB's own gauges
 */
public record RocksStoreStats(
        boolean open,
        long lastVersion,
        long oldestVersion,
        long feedBytes,
        long feedBytesLimit,
        long waitingRequests,
        long waitingRequestsLimit,
        long waitingBytes,
        long waitingBytesLimit,
        long groups,
        long groupRequests,
        long syncs,
        long syncNanos,
        int queuedReads,
        int queuedReadsLimit,
        int activeReads,
        int activeReadsLimit,
        int openReaders,
        int openReadersLimit,
        int openUploads,
        int openUploadsLimit,
        int subscribers,
        int subscribersLimit,
        long sweptExpirations,
        long reopenings,
        long freeDiskBytes,
        long diskReserveBytes,
        RocksDbStats rocksDb) {}
