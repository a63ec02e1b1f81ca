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
 * A RocksDB of copies, which can be made again: damage is no accident to recover from, but a reason to begin anew. The log is written but not synced, so that a killed process loses
 * nothing and a loss of power the latest records alone: what is recovered is always a beginning of what was done. Block checksums are verified at every read. Not thread-safe.
 */
abstract sealed class CopyDatabase implements CacheStorage permits DiskCache, DiskMirror {
    private static final Logger log = LoggerFactory.getLogger(CopyDatabase.class);
    private static final byte[] STAMP_KEY = {0};
    private static final byte ENTRY = 1;
    private static final byte[] NOTHING = {};
    private static final int BLOOM_BITS_PER_KEY = 10;
    private static final long BLOCK_CACHE_BYTES = 8 << 20;

    private final Path folder;
    private final byte[] stamp;
    private @Nullable Opened opened;
    private long drops;

    /** What must be freed, last made first. */
    static final class Opened {
        final Deque<AutoCloseable> owned = new ArrayDeque<>();
        final RocksDB rocks;
        final ReadOptions reads;
        final WriteOptions writes;

        private Opened(Path folder, CopyDatabase settings) throws RocksDBException {
            boolean done = false;
            try {
                RocksDB.loadLibrary();
                Cache cache = own(new LRUCache(BLOCK_CACHE_BYTES));
                BloomFilter filter = own(new BloomFilter(BLOOM_BITS_PER_KEY));
                Options options = own(new Options()
                        .setCreateIfMissing(true)
                        .setParanoidChecks(true)
                        .setWalRecoveryMode(WALRecoveryMode.PointInTimeRecovery)
                        .setCompressionType(CompressionType.LZ4_COMPRESSION)
                        .setMaxOpenFiles(256)
                        .setStatsDumpPeriodSec(0)
                        .setMaxLogFileSize(1 << 20)
                        .setKeepLogFileNum(2)
                        .setTableFormatConfig(
                                new BlockBasedTableConfig().setBlockCache(cache).setFilterPolicy(filter)));
                settings.shape(options, this);
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

        <T extends AutoCloseable> T own(T object) {
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

    CopyDatabase(Path folder, String stamp) {
        this.folder = requireNonNull(folder, "folder");
        this.stamp = stamp.getBytes(StandardCharsets.UTF_8);
    }

    /** Sets how the files are kept; what it makes for that the database owns. */
    abstract void shape(Options options, Opened owner);

    /** Opens the folder, which is made if it is missing, and emptied if it is damaged or has another stamp. */
    final void begin() {
        try {
            Files.createDirectories(folder);
            open();
        } catch (RocksDBException e) {
            if (!isDamage(e)) {
                throw unusable(e);
            }
            drop(e);
            if (opened == null) {
                throw unusable(e); // Not damage, then: an empty folder cannot be used either.
            }
        } catch (IOException e) {
            throw unusable(e);
        }
    }

    private KvException unusable(Exception e) {
        return new KvException(
                ErrorCode.UNAVAILABLE,
                "the copies in " + folder + " cannot be used: " + e.getMessage()
                        + " (expected: a folder that this process alone uses)",
                e);
    }

    private void open() throws RocksDBException {
        Opened fresh = new Opened(folder, this);
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
            fresh = new Opened(folder, this);
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
            throw new UncheckedIOException("the copies in " + folder + " cannot be emptied", e);
        }
    }

    interface Call<T> {
        T on(Opened db) throws RocksDBException;
    }

    /** Does something with the database; a failure of any kind makes it forget everything, because what came after would be missing a piece. */
    final <T> T run(Call<T> call, T otherwise) {
        Opened db = opened;
        if (db == null) {
            drops++; // What was put since the last failure is not there either.
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

    static byte[] entryKey(byte[] key) {
        byte[] full = new byte[1 + key.length];
        full[0] = ENTRY;
        System.arraycopy(key, 0, full, 1, key.length);
        return full;
    }

    @Override
    public final byte @Nullable [] get(byte[] key) {
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
    public final void put(byte[] key, byte[] record) {
        var unused = run(
                db -> {
                    db.rocks.put(db.writes, entryKey(key), record);
                    return true;
                },
                false);
    }

    @Override
    public final void remove(byte[] key) {
        var unused = run(
                db -> {
                    db.rocks.delete(db.writes, entryKey(key));
                    return true;
                },
                false);
    }

    @Override
    public final void removeAll(byte[] prefix) {
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
    public final void clear() {
        restart();
    }

    @Override
    public final long bytes() {
        return run(
                db -> db.rocks.getLongProperty("rocksdb.total-sst-files-size")
                        + db.rocks.getLongProperty("rocksdb.size-all-mem-tables"),
                0L);
    }

    @Override
    public final long drops() {
        return drops;
    }

    @Override
    public final void close() {
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
