package io.nearkv.server.command;

import io.nearkv.core.rocksdb.RocksStoreOptions;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The engine's memory, queues and retention. */
final class EngineOptions implements SettingDefaults.Settings {
    @Option(
            names = "--cache-mib",
            order = 200,
            paramLabel = "MIB",
            defaultValue = "256",
            description = "Memory for cached blocks of the engine, outside the heap. Default: ${DEFAULT-VALUE}.")
    private long cacheMib;

    @Option(
            names = "--write-buffer-mib",
            order = 201,
            paramLabel = "MIB",
            defaultValue = "64",
            description =
                    "Memory for entries that are in the log but in no table yet, per buffer, of which there are up to "
                            + "three. Default: ${DEFAULT-VALUE}.")
    private long writeBufferMib;

    @Option(
            names = "--max-queued-writes",
            order = 202,
            paramLabel = "N",
            defaultValue = "16384",
            description = "Most writes that wait for the disk; more are answered 503. Default: ${DEFAULT-VALUE}.")
    private int maxQueuedWrites;

    @Option(
            names = "--max-queued-mib",
            order = 203,
            paramLabel = "MIB",
            defaultValue = "128",
            description = "Most MiB of writes that wait for the disk. Default: ${DEFAULT-VALUE}.")
    private long maxQueuedMib;

    @Option(
            names = "--feed-retain-time",
            order = 204,
            paramLabel = "TIME",
            defaultValue = "24h",
            description = "How long changes are kept for watchers that come back. Default: ${DEFAULT-VALUE}.")
    private Duration feedRetainTime = Duration.ZERO;

    @Option(
            names = "--feed-retain-mib",
            order = 205,
            paramLabel = "MIB",
            defaultValue = "256",
            description = "How many MiB of changes are kept. Default: ${DEFAULT-VALUE}.")
    private long feedRetainMib;

    @Option(
            names = "--read-threads",
            order = 206,
            paramLabel = "N",
            description = "Threads for reads that touch the disk. Default: one for each processor, at least 4.")
    private @Nullable Integer readThreads;

    @Option(
            names = "--disk-reserve-mib",
            order = 207,
            paramLabel = "MIB",
            defaultValue = "64",
            description =
                    "Free disk space below which writes are answered 503, so that the engine itself never meets a full "
                            + "disk; 0 for no guard. Default: ${DEFAULT-VALUE}.")
    private long diskReserveMib;

    /** Sets what the user gave; {@link IllegalArgumentException} if one is out of range. */
    void applyTo(RocksStoreOptions.Builder builder) {
        builder.cacheBytes(bytes(cacheMib))
                .writeBufferBytes(bytes(writeBufferMib))
                .queueRequests(maxQueuedWrites)
                .queueBytes(bytes(maxQueuedMib))
                .feedRetainTime(feedRetainTime)
                .feedRetainBytes(bytes(feedRetainMib))
                .diskReserveBytes(bytes(diskReserveMib));
        if (readThreads != null) {
            builder.readThreads(readThreads);
        }
    }

    static long bytes(long mib) {
        if (mib < 0 || mib > 1L << 30) {
            throw new IllegalArgumentException("MiB: " + mib + " (expected: 0 to " + (1L << 30) + ")");
        }
        return mib << 20;
    }
}
