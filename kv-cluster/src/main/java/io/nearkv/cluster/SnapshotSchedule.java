package io.nearkv.cluster;

import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** When a snapshot is due, after which the log can be cut: by how much has been applied since the last one, or by how long the first of it has waited. Thread-safe. */
final class SnapshotSchedule {
    /** Small entries take more room in the log's memory than their bytes say. */
    private static final long ENTRIES = 200_000;

    /** Why a snapshot is taken, and with it what may go. */
    enum Reason {
        /** Much was applied. */
        SIZE,
        /** What was applied first is old, and so is everything in the snapshot before. */
        AGE
    }

    private final long maxBytes;
    private final long maxAgeNanos;
    private final LongSupplier nanos;
    /** Guarded by this, as are the next two. */
    private long entries;

    private long bytes;
    private long firstNanos;

    /**
     * Makes it; nothing is due.
     *
     * @param nanos a clock that does not jump
     */
    SnapshotSchedule(ClusterOptions options, LongSupplier nanos) {
        this.maxBytes = options.snapshotBytes();
        this.maxAgeNanos = options.snapshotAge().toNanos();
        this.nanos = nanos;
    }

    /** Notes an entry that the last snapshot does not have. */
    synchronized void applied(int size) {
        if (entries == 0) {
            firstNanos = nanos.getAsLong();
        }
        entries++;
        bytes += size;
    }

    /** Returns why a snapshot is due, or null if none is; from then on it counts as taken. */
    synchronized @Nullable Reason due() {
        Reason due = null;
        if (bytes >= maxBytes || entries >= ENTRIES) {
            due = Reason.SIZE;
        } else if (entries > 0 && nanos.getAsLong() - firstNanos >= maxAgeNanos) {
            due = Reason.AGE;
        }
        if (due != null) {
            restart();
        }
        return due;
    }

    /** Notes that there is a snapshot of everything until now. */
    synchronized void restart() {
        entries = 0;
        bytes = 0;
    }
}
