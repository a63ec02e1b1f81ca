package io.nearkv.core.rocksdb;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.CacheStorage;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import org.jspecify.annotations.Nullable;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.Cache;
import org.rocksdb.CompactionOptionsFIFO;
import org.rocksdb.CompactionStyle;
import org.rocksdb.CompressionType;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.Status;
import org.rocksdb.WALRecoveryMode;
import org.rocksdb.WriteOptions;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The disk of a cache, in a RocksDB of its own. Files are dropped oldest first once there are more bytes than wanted (FIFO compaction): that bounds the space
 * without any bookkeeping, and a key's newer record or deletion is never gone before its older one. The log is written but not synced, so that a killed process loses nothing and a
 * loss of power the latest records alone: what is recovered is always a beginning of what was done. Block checksums are verified at every read.
 */
public final class DiskCache implements CacheStorage {
    /** Least bytes that make sense: a few write buffers. */
    public static final long MIN_BYTES = 16L << 20;

    private static final Logger log = LoggerFactory.getLogger(DiskCache.class);
    private static final byte[] STAMP_KEY = {0};
    private static final byte ENTRY = 1;
    private static final byte[] NOTHING = {};
    private static final int BLOOM_BITS_PER_KEY = 10;
    private static final long BLOCK_CACHE_BYTES = 8 << 20;
    private static final long MAX_WRITE_BUFFER_BYTES = 32 << 20;
    /** FIFO compaction keeps all files in one level, and never waits for it to shrink. */
    private static final int NO_STALL = 1 << 20;

    private final Path folder;
    private final byte[] stamp;
    private final long maxBytes;
    private @Nullable Opened opened;
    private long drops;

    /** What must be freed, last made first. */
    private static final class Opened {
        final Deque<AutoCloseable> owned = new ArrayDeque<>();
        final RocksDB rocks;
        final ReadOptions reads;
        final WriteOptions writes;

        Opened(Path folder, long maxBytes) throws RocksDBException {
            boolean done = false;
            try {
                RocksDB.loadLibrary();
                Cache cache = own(new LRUCache(BLOCK_CACHE_BYTES));
                BloomFilter filter = own(new BloomFilter(BLOOM_BITS_PER_KEY));
                // What is in the log and the buffers comes on top of the files, so that they get three quarters.
                CompactionOptionsFIFO fifo = own(new CompactionOptionsFIFO()
                        .setMaxTableFilesSize(maxBytes / 4 * 3)
                        .setAllowCompaction(true));
                Options options = own(new Options()
                        .setCreateIfMissing(true)
                        .setParanoidChecks(true)
                        .setWalRecoveryMode(WALRecoveryMode.PointInTimeRecovery)
                        .setCompactionStyle(CompactionStyle.FIFO)
                        .setCompactionOptionsFIFO(fifo)
                        .setNumLevels(1)
                        .setLevel0FileNumCompactionTrigger(8)
                        .setLevel0SlowdownWritesTrigger(NO_STALL)
                        .setLevel0StopWritesTrigger(NO_STALL)
                        .setWriteBufferSize(Math.min(MAX_WRITE_BUFFER_BYTES, maxBytes / 16))
                        .setMaxWriteBufferNumber(3)
                        .setMaxTotalWalSize(Math.min(MAX_WRITE_BUFFER_BYTES, maxBytes / 16))
                        .setCompressionType(CompressionType.LZ4_COMPRESSION)
                        .setMaxOpenFiles(-1) // FIFO compaction needs to know all files; they are few and large.
                        .setStatsDumpPeriodSec(0)
                        .setMaxLogFileSize(1 << 20)
                        .setKeepLogFileNum(2)
                        .setTableFormatConfig(
                                new BlockBasedTableConfig().setBlockCache(cache).setFilterPolicy(filter)));
                reads = own(new ReadOptions());
                writes = own(new WriteOptions());
                rocks = own(RocksDB.open(options, folder.toString()));
                done = true;
            } finally {
                if (!done) {
                    close();
                }
            }
        }

        private <T extends AutoCloseable> T own(T object) {
            owned.push(object);
            return object;
        }

        void close() {
            while (!owned.isEmpty()) {
                try {
                    owned.pop().close();
                } catch (Exception e) {
                    throw new IllegalStateException("cannot free a native object", e);
                }
            }
        }
    }

    private DiskCache(Path folder, byte[] stamp, long maxBytes) {
        this.folder = folder;
        this.stamp = stamp;
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
        DiskCache cache =
                new DiskCache(requireNonNull(folder, "folder"), stamp.getBytes(StandardCharsets.UTF_8), maxBytes);
        try {
            Files.createDirectories(folder);
            cache.open();
        } catch (RocksDBException e) {
            if (!isDamage(e)) {
                throw cache.unusable(e);
            }
            cache.drop(e);
            if (cache.opened == null) {
                throw cache.unusable(e); // Not damage, then: an empty folder cannot be used either.
            }
        } catch (IOException e) {
            throw cache.unusable(e);
        }
        return cache;
    }

    private KvException unusable(Exception e) {
        return new KvException(
                ErrorCode.UNAVAILABLE,
                "the disk cache in " + folder + " cannot be used: " + e.getMessage()
                        + " (expected: a folder that this process alone uses)",
                e);
    }

    private void open() throws RocksDBException {
        Opened fresh = new Opened(folder, maxBytes);
        boolean ours = false;
        try {
            byte[] found = fresh.rocks.get(fresh.reads, STAMP_KEY);
            ours = Arrays.equals(found, stamp);
        } finally {
            if (!ours) {
                fresh.close();
            }
        }
        if (!ours) {
            deleteFiles();
            fresh = new Opened(folder, maxBytes);
            fresh.rocks.put(fresh.writes, STAMP_KEY, stamp);
        }
        opened = fresh;
    }

    /** Anything but a disk that does not do what it is told is damage: a file that is missing, cut short or altered, or of a later version. */
    private static boolean isDamage(RocksDBException e) {
        Status status = e.getStatus();
        Status.Code code = status == null ? Status.Code.Undefined : status.getCode();
        if (code == Status.Code.IOError) {
            String message = String.valueOf(e.getMessage());
            return message.contains("No such file") || message.contains("not found");
        }
        return true;
    }

    /** Forgets everything, and begins anew. */
    private void drop(Exception cause) {
        drops++;
        log.atWarn().addKeyValue("folder", folder).setCause(cause).log("the disk of the cache is damaged, and dropped");
        restart();
    }

    private void restart() {
        Opened old = opened;
        opened = null;
        if (old != null) {
            old.close();
        }
        deleteFiles();
        try {
            open();
        } catch (RocksDBException e) {
            // The next call tries again; until then there is nothing here.
            log.atWarn().addKeyValue("folder", folder).setCause(e).log("the disk of the cache cannot be used");
        }
    }

    private void deleteFiles() {
        try {
            if (Files.exists(folder)) {
                Files.walkFileTree(folder, new SimpleFileVisitor<>() {
                    @Override
                    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                        Files.delete(file);
                        return FileVisitResult.CONTINUE;
                    }

                    @Override
                    public FileVisitResult postVisitDirectory(Path dir, @Nullable IOException e) throws IOException {
                        if (!dir.equals(folder)) {
                            Files.delete(dir);
                        }
                        return FileVisitResult.CONTINUE;
                    }
                });
            }
        } catch (IOException e) {
            throw new UncheckedIOException("the disk cache in " + folder + " cannot be emptied", e);
        }
    }

    private interface Call<T> {
        T on(Opened db) throws RocksDBException;
    }

    /** Does something with the database; a failure of any kind makes it forget everything, because what came after would be missing a piece. */
    private <T> T run(Call<T> call, T otherwise) {
        Opened db = opened;
        if (db == null) {
            restart();
            db = opened;
        }
        if (db == null) {
            return otherwise;
        }
        try {
            return call.on(db);
        } catch (RocksDBException e) {
            drop(e);
            return otherwise;
        }
    }

    private static byte[] entryKey(byte[] key) {
        byte[] full = new byte[1 + key.length];
        full[0] = ENTRY;
        System.arraycopy(key, 0, full, 1, key.length);
        return full;
    }

    @Override
    public byte @Nullable [] get(byte[] key) {
        // Of no bytes: nobody puts an empty record.
        byte[] found = run(
                db -> {
                    byte[] record = db.rocks.get(db.reads, entryKey(key));
                    return record == null ? NOTHING : record;
                },
                NOTHING);
        return found.length == 0 ? null : found;
    }

    @Override
    public void put(byte[] key, byte[] record) {
        var unused = run(
                db -> {
                    db.rocks.put(db.writes, entryKey(key), record);
                    return true;
                },
                false);
    }

    @Override
    public void remove(byte[] key) {
        var unused = run(
                db -> {
                    db.rocks.delete(db.writes, entryKey(key));
                    return true;
                },
                false);
    }

    @Override
    public void removeAll(byte[] prefix) {
        byte[] from = entryKey(prefix);
        byte[] to = from.clone();
        int last = to.length - 1;
        while (to[last] == (byte) 0xFF) {
            last--; // The first byte is ENTRY, so this ends.
        }
        byte[] end = Arrays.copyOf(to, last + 1);
        end[last]++;
        var unused = run(
                db -> {
                    db.rocks.deleteRange(db.writes, from, end);
                    return true;
                },
                false);
    }

    @Override
    public void clear() {
        restart();
    }

    @Override
    public long bytes() {
        return run(
                db -> db.rocks.getLongProperty("rocksdb.total-sst-files-size")
                        + db.rocks.getLongProperty("rocksdb.size-all-mem-tables"),
                0L);
    }

    @Override
    public long drops() {
        return drops;
    }

    @Override
    public void close() {
        Opened db = opened;
        opened = null;
        if (db != null) {
            try {
                db.rocks.syncWal();
            } catch (RocksDBException e) {
                log.atWarn().addKeyValue("folder", folder).setCause(e).log("the latest of the disk cache may be lost");
            }
            db.close();
        }
    }
}
