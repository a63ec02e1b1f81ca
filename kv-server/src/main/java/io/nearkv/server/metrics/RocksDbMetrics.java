package io.nearkv.server.metrics;

import io.nearkv.core.rocksdb.RocksDbStats;
import java.util.Map;
import java.util.TreeMap;

/** RocksDB's own gauges. Stateless. */
final class RocksDbMetrics {
    private RocksDbMetrics() {}

    static void add(MetricPage page, RocksDbStats stats) {
        page.gauge("nearkv_core_rocksdb_block_cache_bytes", "Bytes in the block cache.", stats.cacheBytes());
        page.gauge("nearkv_core_rocksdb_block_cache_limit_bytes", "Most of them.", stats.cacheLimitBytes());
        page.gauge(
                "nearkv_core_rocksdb_block_cache_pinned_bytes",
                "Those that cannot be evicted.",
                stats.cachePinnedBytes());
        page.gauge("nearkv_core_rocksdb_memtable_bytes", "Bytes in write buffers.", stats.writeBufferBytes());
        page.gauge(
                "nearkv_core_rocksdb_table_reader_bytes",
                "Bytes of indexes and filters in memory.",
                stats.tableReaderBytes());
        page.gauge(
                "nearkv_core_rocksdb_live_data_bytes",
                "Estimate of the bytes on disk that are not garbage.",
                stats.liveDataBytes());
        page.gauge("nearkv_core_rocksdb_entries", "Estimate of the number of entries.", stats.entries());
        page.gauge("nearkv_core_rocksdb_table_file_bytes", "Bytes of table files.", stats.tableFileBytes());
        Map<String, Long> levels = new TreeMap<>();
        for (int level = 0; level < stats.filesPerLevel().size(); level++) {
            levels.put(Integer.toString(level), stats.filesPerLevel().get(level));
        }
        page.gauges("nearkv_core_rocksdb_table_files", "Table files, by level.", "level", levels);
        page.gauge("nearkv_core_rocksdb_blob_files", "Blob files, which hold large values.", stats.blobFiles());
        page.gauge("nearkv_core_rocksdb_blob_file_bytes", "Their bytes.", stats.blobFileBytes());
        page.gauge(
                "nearkv_core_rocksdb_blob_garbage_bytes",
                "Those of them that belong to no value any more.",
                stats.blobGarbageBytes());
        page.gauge(
                "nearkv_core_rocksdb_pending_compaction_bytes",
                "Estimate of the bytes that compactions still have to rewrite.",
                stats.pendingCompactionBytes());
        page.gauge("nearkv_core_rocksdb_running_compactions", "Compactions that run.", stats.runningCompactions());
        page.gauge("nearkv_core_rocksdb_running_flushes", "Flushes that run.", stats.runningFlushes());
        page.gauge("nearkv_core_rocksdb_snapshots", "Snapshots that keep old entries alive.", stats.snapshots());
        page.gauge(
                "nearkv_core_rocksdb_background_errors",
                "Errors of background work since the database was opened.",
                stats.backgroundErrors());
        page.gauge(
                "nearkv_core_rocksdb_writes_stopped",
                "Whether writes stand still until compactions have caught up.",
                stats.writesStopped() ? 1 : 0);
        page.gauge(
                "nearkv_core_rocksdb_delayed_write_bytes_per_second",
                "The rate to which writes are slowed down for the same reason; 0 for not at all.",
                stats.delayedWriteRate());
    }
}
