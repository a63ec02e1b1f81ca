package io.nearkv.server.metrics;

import io.nearkv.core.rocksdb.RocksStoreStats;

/** The metrics of the store. Stateless. */
final class EngineMetrics {
    private static final double NANOS_PER_SECOND = 1e9;

    private EngineMetrics() {}

    static void add(MetricPage page, RocksStoreStats stats) {
        page.gauge(
                "nearkv_core_open",
                "Whether the store answers; 0 while it recovers from a failed write.",
                stats.open() ? 1 : 0);
        page.counter("nearkv_core_reopenings", "Recoveries from a failed write.", stats.reopenings());
        writes(page, stats);
        reads(page, stats);
        feed(page, stats);
        page.counter("nearkv_core_expirations_swept", "Expirations that were worked off.", stats.sweptExpirations());
        if (stats.freeDiskBytes() != Long.MAX_VALUE) {
            page.gauge("nearkv_core_disk_free_bytes", "Free bytes on the disk of the store.", stats.freeDiskBytes());
        }
        page.gauge(
                "nearkv_core_disk_reserve_bytes",
                "Free bytes below which writes are refused.",
                stats.diskReserveBytes());
    }

    private static void writes(MetricPage page, RocksStoreStats stats) {
        page.gauge("nearkv_core_write_queue_requests", "Writes that wait or are worked on.", stats.waitingRequests());
        page.gauge("nearkv_core_write_queue_requests_limit", "Most of them.", stats.waitingRequestsLimit());
        page.gauge("nearkv_core_write_queue_bytes", "Their bytes.", stats.waitingBytes());
        page.gauge("nearkv_core_write_queue_limit_bytes", "Most of their bytes.", stats.waitingBytesLimit());
        page.counter("nearkv_core_commit_groups", "Groups of writes that were committed together.", stats.groups());
        page.counter("nearkv_core_commit_requests", "Writes in these groups.", stats.groupRequests());
        page.counter("nearkv_core_fsyncs", "Groups that were fsynced.", stats.syncs());
        page.counter("nearkv_core_fsync_seconds", "Time that this took.", stats.syncNanos() / NANOS_PER_SECOND);
    }

    private static void reads(MetricPage page, RocksStoreStats stats) {
        page.gauge("nearkv_core_reads_queued", "Reads that wait for a thread.", stats.queuedReads());
        page.gauge("nearkv_core_reads_queued_limit", "Most of them.", stats.queuedReadsLimit());
        page.gauge("nearkv_core_reads_active", "Reads that have a thread.", stats.activeReads());
        page.gauge("nearkv_core_reads_active_limit", "Threads for reads.", stats.activeReadsLimit());
        page.gauge("nearkv_core_value_readers", "Readers of streamed values.", stats.openReaders());
        page.gauge("nearkv_core_value_readers_limit", "Most of them.", stats.openReadersLimit());
        page.gauge("nearkv_core_uploads", "Uploads of streamed values.", stats.openUploads());
        page.gauge("nearkv_core_uploads_limit", "Most of them.", stats.openUploadsLimit());
    }

    private static void feed(MetricPage page, RocksStoreStats stats) {
        page.gauge("nearkv_core_last_version", "The version of the last committed change.", stats.lastVersion());
        page.gauge(
                "nearkv_core_feed_oldest_version",
                "The version after which the change feed is complete.",
                stats.oldestVersion());
        page.gauge("nearkv_core_feed_bytes", "Bytes of the change feed that are kept.", stats.feedBytes());
        page.gauge("nearkv_core_feed_limit_bytes", "Most of them.", stats.feedBytesLimit());
        page.gauge("nearkv_core_feed_subscribers", "Subscribers of the change feed.", stats.subscribers());
        page.gauge("nearkv_core_feed_subscribers_limit", "Most of them.", stats.subscribersLimit());
    }
}
