package io.nearkv.core.rocksdb;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Refuses writes before the disk is full. RocksDB on a full disk stops with an error that only reopening clears, and cannot even reopen without room; so the last
 * bytes are kept for it. Thread-safe.
 */
final class DiskSpace {
    /** Asks the file system. */
    interface Probe {
        /** Returns the bytes that this process may still write. */
        long usableBytes() throws IOException;
    }

    private static final long CHECK_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
    private static final long CHECK_BYTES = 1 << 20;

    private final Path folder;
    private final long reserveBytes;
    private final Probe probe;
    private long checkedAtNanos;
    private long bytesSinceCheck;
    private volatile long freeBytes;

    DiskSpace(Path folder, long reserveBytes, @Nullable Probe probe) throws IOException {
        this.folder = folder;
        this.reserveBytes = reserveBytes;
        FileStore store = Files.getFileStore(folder);
        this.probe = probe == null ? store::getUsableSpace : probe;
        check(System.nanoTime());
    }

    /** Notes that a write of this size comes next, and looks again if it is time. */
    synchronized void beforeWrite(long bytes) {
        bytesSinceCheck += bytes;
        long now = System.nanoTime();
        if (now - checkedAtNanos >= CHECK_NANOS || bytesSinceCheck >= CHECK_BYTES) {
            check(now);
        }
    }

    /** Looks again. */
    synchronized void look() {
        check(System.nanoTime());
    }

    private void check(long nowNanos) {
        checkedAtNanos = nowNanos;
        bytesSinceCheck = 0;
        try {
            freeBytes = reserveBytes == 0 ? Long.MAX_VALUE : probe.usableBytes();
        } catch (IOException e) {
            freeBytes = 0; // A disk that cannot even answer this takes no writes.
        }
    }

    /** Returns why a write of this size is refused now, or null. Deletes may use half of the reserve, because they are the way out. */
    @Nullable
    KvException refusal(long bytes, boolean makesRoom) {
        long free = freeBytes;
        // Twice the size, because data is written to the log first and to a table file later.
        if (free - 2 * bytes >= (makesRoom ? reserveBytes / 2 : reserveBytes)) {
            return null;
        }
        return new KvException(
                ErrorCode.UNAVAILABLE,
                "disk full: " + free + " bytes are free below " + folder + ", of which " + reserveBytes
                        + " are reserved (expected: more room; deletes and reads go on)",
                null,
                Duration.ofSeconds(1),
                null);
    }

    /** Returns the free bytes at the last look. */
    long freeBytes() {
        return freeBytes;
    }
}
