package io.nearkv.core.rocksdb;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.nio.file.Path;
import org.rocksdb.CompactionOptionsFIFO;
import org.rocksdb.CompactionStyle;
import org.rocksdb.Options;

/**
 * The disk of a cache, in a RocksDB of its own. Files are dropped oldest first once there are more bytes than wanted (FIFO compaction): that bounds the space
 * without any bookkeeping, and a key's newer record or deletion is never gone before its older one. Not thread-safe.
 */
public final class DiskCache extends CopyDatabase {
    /** Least bytes that make sense: a few write buffers. */
    public static final long MIN_BYTES = 16L << 20;

    private static final long MAX_WRITE_BUFFER_BYTES = 32 << 20;
    /** FIFO compaction keeps all files in one level, and never waits for it to shrink. */
    private static final int NO_STALL = 1 << 20;

    private final long maxBytes;

    private DiskCache(Path folder, String stamp, long maxBytes) {
        super(folder, stamp);
        this.maxBytes = maxBytes;
    }

    /**
     * Opens the cache in a folder, which is made if it is missing. One that is damaged, or was made under another stamp, is emptied: what it says is of no use to anybody.
     *
     * @param stamp whose data it is, such as the name of an environment
     * @param maxBytes about how much of the disk it may use, at least {@link #MIN_BYTES}
     * @throws KvException {@link ErrorCode#UNAVAILABLE} if the folder cannot be written, or another process has it open
     */
    public static DiskCache open(Path folder, String stamp, long maxBytes) {
        if (maxBytes < MIN_BYTES) {
            throw new IllegalArgumentException("maxBytes: " + maxBytes + " (expected: >= " + MIN_BYTES + ")");
        }
        DiskCache cache = new DiskCache(folder, stamp, maxBytes);
        cache.begin();
        return cache;
    }

    @Override
    void shape(Options options, Opened owner) {
        // What is in the log and the buffers comes on top of the files, so that they get three quarters.
        CompactionOptionsFIFO fifo = owner.own(new CompactionOptionsFIFO()
                .setMaxTableFilesSize(maxBytes / 4 * 3)
                .setAllowCompaction(true));
        Options unused = options.setMaxOpenFiles(-1) // FIFO compaction needs to know all files; they are few and large.
                .setCompactionStyle(CompactionStyle.FIFO)
                .setCompactionOptionsFIFO(fifo)
                .setNumLevels(1)
                .setLevel0FileNumCompactionTrigger(8)
                .setLevel0SlowdownWritesTrigger(NO_STALL)
                .setLevel0StopWritesTrigger(NO_STALL)
                .setWriteBufferSize(Math.min(MAX_WRITE_BUFFER_BYTES, maxBytes / 16))
                .setMaxWriteBufferNumber(3)
                .setMaxTotalWalSize(Math.min(MAX_WRITE_BUFFER_BYTES, maxBytes / 16));
    }
}
