package io.nearkv.net.client;

import io.nearkv.core.Position;
import io.nearkv.core.ReadOptions;
import java.util.List;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * What a client has written to a cluster itself, so that it reads nothing older: who is asked for a read may be another node than the one that took the write. Thread-safe.
 */
final class OwnWrites {
    /** All partitions. */
    static final int ALL = -1;

    private final long lineage;
    /** 1 for each partition to which a write was sent. */
    private final AtomicIntegerArray begun;
    /** The last version that each partition has acknowledged, by its own count, or 0. */
    private final AtomicLongArray versions;

    OwnWrites(long lineage, int partitions) {
        this.lineage = lineage;
        this.begun = new AtomicIntegerArray(partitions);
        this.versions = new AtomicLongArray(partitions);
    }

    boolean isOf(long otherLineage, int partitions) {
        return lineage == otherLineage && partitions == versions.length();
    }

    /** Notes that a write is about to be sent. */
    void begin(int partition) {
        if (begun.get(partition) == 0) {
            begun.set(partition, 1);
        }
    }

    boolean hasBegun(int partition) {
        return begun.get(partition) != 0;
    }

    /** Notes a version that was acknowledged, as it was told. */
    void done(long version) {
        int partition = (int) (version % versions.length());
        begin(partition);
        versions.accumulateAndGet(partition, version / versions.length(), Math::max);
    }

    /**
     * Returns options with which any node shows what was written to a partition, the same where that is so already.
     *
     * @param partition which, or {@link #ALL}
     */
    ReadOptions seenBy(ReadOptions options, int partition) {
        boolean strong = options.consistency() == ReadOptions.Consistency.STRONG
                || options.consistency() == ReadOptions.Consistency.BOUNDED;
        if (strong) {
            return options;
        }
        Long[] seen = new Long[versions.length()];
        boolean any = false;
        for (int i = 0; i < seen.length; i++) {
            seen[i] = partition == ALL || partition == i ? versions.get(i) : 0L;
            any |= seen[i] > 0;
        }
        if (!any) {
            return options;
        }
        Position own = new Position(lineage, List.of(seen));
        Position after = options.after();
        if (after == null) {
            return options.withSession(own);
        }
        // What is not of this history is for the store to judge.
        return after.lineage() == lineage ? options.withSession(after.and(own)) : options;
    }
}
