package io.nearkv.core.rocksdb;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.Cache;
import org.rocksdb.ColumnFamilyDescriptor;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.ColumnFamilyOptions;
import org.rocksdb.CompressionType;
import org.rocksdb.DBOptions;
import org.rocksdb.DataBlockIndexType;
import org.rocksdb.HyperClockCache;
import org.rocksdb.ReadOptions;
import org.rocksdb.ReadTier;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.Status;
import org.rocksdb.WALRecoveryMode;
import org.rocksdb.WriteOptions;

/**
 * One opening of the RocksDB inside a data folder: the handle and everything that must be freed after it, in order. After a failure of the disk the store opens another
 * one. Every use goes through {@link #lanes}, except those of the writer thread, which is stopped before this is closed. Thread-safe.
 */
final class Database implements AutoCloseable {
    /** What to make of a log that is not whole. */
    enum Mode {
        /** A last record that is cut short was never acknowledged and is dropped; anything else is refused. */
        STRICT,
        /** Everything before the first damaged or missing record is taken. */
        WHAT_IS_LEFT,
        /** As it is, although logs were cut off where they were damaged: column families may contradict each other, and {@link StoreRepair} must follow. */
        CUT,
        /** Not even a last record may be cut short, as in a copy. */
        WHOLE,
        /** There is no log: a log outside has what was not flushed. */
        REPLICA;

        private WALRecoveryMode recovery() {
            return switch (this) {
                case STRICT, CUT, REPLICA -> WALRecoveryMode.TolerateCorruptedTailRecords;
                case WHAT_IS_LEFT -> WALRecoveryMode.PointInTimeRecovery;
                case WHOLE -> WALRecoveryMode.AbsoluteConsistency;
            };
        }
    }

    /** The folder of RocksDB's files inside a data folder. */
    static final String FOLDER = "store";

    static final int NOT_FOUND = RocksDB.NOT_FOUND;

    private static final int BLOOM_BITS_PER_KEY = 10;
    /** Of a write buffer, for a filter of the keys in it: a get of any other key then need not search it, which costs as much as all the rest. */
    private static final double BUFFER_FILTER_SHARE = 0.05;
    /** Values in {@code values} from this size on go to blob files, which compactions do not rewrite; only the last piece of a value is smaller. */
    private static final long MIN_BLOB_BYTES = 4096;

    private static final int INFO_LOG_TAIL_BYTES = 64 * 1024;
    private static final Pattern DROPPING = Pattern.compile("(\\d+\\.log): dropping (\\d+) bytes");

    private final Path folder;
    final RocksDB rocks;
    final ColumnFamilyHandle entries;
    final ColumnFamilyHandle values;
    final ColumnFamilyHandle expiry;
    final ColumnFamilyHandle changes;
    final ColumnFamilyHandle meta;
    final Lanes lanes;
    /** Reads that may touch the disk. */
    final ReadOptions anywhere;
    /** Reads that may not: RocksDB answers {@code Incomplete} in place of them. */
    final ReadOptions inMemory;
    /** Reads of much data that is not needed again soon. */
    final ReadOptions scan;

    final WriteOptions synced;
    final WriteOptions buffered;
    /** Writes that somebody else's log keeps until they are in table files. */
    final WriteOptions unlogged;

    final Cache cache;
    /** What must be freed after the database, last made first. */
    private final Deque<AutoCloseable> owned;

    private Database(
            Path folder, RocksDB rocks, List<ColumnFamilyHandle> families, Cache cache, Deque<AutoCloseable> owned) {
        this.folder = folder;
        this.rocks = rocks;
        this.entries = families.get(1);
        this.values = families.get(2);
        this.expiry = families.get(3);
        this.changes = families.get(4);
        this.meta = families.get(5);
        this.lanes = new Lanes();
        this.cache = cache;
        this.owned = owned;
        this.anywhere = own(owned, new ReadOptions());
        this.inMemory = own(owned, new ReadOptions().setReadTier(ReadTier.BLOCK_CACHE_TIER));
        this.scan = own(owned, new ReadOptions().setFillCache(false));
        this.synced = own(owned, new WriteOptions().setSync(true));
        this.buffered = own(owned, new WriteOptions());
        this.unlogged = own(owned, new WriteOptions().setDisableWAL(true));
    }

    /**
     * Opens the database of a data folder, and makes it if it is not there.
     *
     * @throws KvException as {@link #failure}
     */
    static Database open(Path dataFolder, RocksStoreOptions options, Mode mode) {
        Path folder = dataFolder.resolve(FOLDER);
        Deque<AutoCloseable> owned = new ArrayDeque<>();
        boolean opened = false;
        try {
            LogFileCheck.refuseEndlessTail(folder);
            RocksDB.loadLibrary();
            Cache cache = own(owned, new HyperClockCache(options.cacheBytes, 0, -1, false));
            DBOptions db = own(owned, databaseOptions(options, mode));
            List<ColumnFamilyDescriptor> descriptors = List.of(
                    family("default", own(owned, plain(options, cache, 1 << 20))),
                    family("entries", own(owned, entries(options, cache))),
                    family("values", own(owned, values(options, cache))),
                    family("expiry", own(owned, plain(options, cache, 8 << 20))),
                    family("changes", own(owned, plain(options, cache, 16 << 20))),
                    family("meta", own(owned, plain(options, cache, 1 << 20))));
            List<ColumnFamilyHandle> families = new ArrayList<>();
            // RocksDB frees the handles with itself. What it does not free is the read options object that it makes for
            // its own
            // use, some hundred bytes for each opening, out of reach here.
            RocksDB rocks = own(owned, RocksDB.open(db, folder.toString(), descriptors, families));
            Database database = new Database(folder, rocks, families, cache, owned);
            opened = true;
            return database;
        } catch (RocksDBException e) {
            throw failure(folder, "cannot be opened", e);
        } catch (IOException e) {
            throw new KvException(ErrorCode.UNAVAILABLE, "store " + folder + " cannot be opened: " + e, e);
        } finally {
            if (!opened) {
                free(owned);
            }
        }
    }

    private static <T extends AutoCloseable> T own(Deque<AutoCloseable> owned, T object) {
        owned.push(object);
        return object;
    }

    private static ColumnFamilyDescriptor family(String name, ColumnFamilyOptions options) {
        return new ColumnFamilyDescriptor(name.getBytes(StandardCharsets.US_ASCII), options);
    }

    private static DBOptions databaseOptions(RocksStoreOptions options, Mode mode) {
        // The manifest then knows which logs there must be and how long their synced part is; without a setter of its
        // own.
        Properties verified = new Properties();
        verified.setProperty(
                "track_and_verify_wals_in_manifest", String.valueOf(mode != Mode.WHAT_IS_LEFT && mode != Mode.CUT));
        DBOptions db = requireNonNull(DBOptions.getDBOptionsFromProps(verified), "options from properties");
        return db.setCreateIfMissing(true)
                // Without a log of its own nothing but the flush keeps the column families at one and the same state.
                .setAtomicFlush(mode == Mode.REPLICA)
                .setCreateMissingColumnFamilies(true)
                .setParanoidChecks(true)
                .setWalRecoveryMode(mode.recovery())
                // One thread writes; what uploads write beside it is too little to be worth a concurrent memtable's
                // cost.
                .setAllowConcurrentMemtableWrite(false)
                .setMaxTotalWalSize(4 * options.writeBufferBytes)
                .setBytesPerSync(1 << 20)
                .setMaxBackgroundJobs(Math.max(2, Runtime.getRuntime().availableProcessors() / 2))
                .setStatsDumpPeriodSec(0)
                .setMaxLogFileSize(8 << 20)
                .setKeepLogFileNum(4);
    }

    private static BlockBasedTableConfig table(Cache cache) {
        // Indexes and filters stay with their open files and not in the cache: one lookup less for each read, and no
        // read of
        // a cached block that must go to the disk for its index. The price is memory that grows with the data (about
        // 1.5 bytes a key).
        return new BlockBasedTableConfig().setBlockCache(cache);
    }

    private static ColumnFamilyOptions plain(RocksStoreOptions options, Cache cache, long writeBufferBytes) {
        return new ColumnFamilyOptions()
                .setTableFormatConfig(table(cache))
                .setParanoidFileChecks(false)
                .setWriteBufferSize(Math.min(writeBufferBytes, options.writeBufferBytes))
                .setCompressionType(
                        options.compression ? CompressionType.LZ4_COMPRESSION : CompressionType.NO_COMPRESSION);
    }

    private static ColumnFamilyOptions entries(RocksStoreOptions options, Cache cache) {
        return plain(options, cache, options.writeBufferBytes)
                .setMaxWriteBufferNumber(3)
                .setMemtablePrefixBloomSizeRatio(BUFFER_FILTER_SHARE)
                .setMemtableWholeKeyFiltering(true)
                .setTableFormatConfig(table(cache)
                        .setFilterPolicy(new BloomFilter(BLOOM_BITS_PER_KEY))
                        .setDataBlockIndexType(DataBlockIndexType.kDataBlockBinaryAndHash)
                        .setDataBlockHashTableUtilRatio(0.75));
    }

    private static ColumnFamilyOptions values(RocksStoreOptions options, Cache cache) {
        // Values are often compressed already, and the filter answers "no pointer" for keys with small values.
        return plain(options, cache, options.writeBufferBytes)
                .setCompressionType(CompressionType.NO_COMPRESSION)
                .setTableFormatConfig(table(cache).setFilterPolicy(new BloomFilter(BLOOM_BITS_PER_KEY)))
                .setEnableBlobFiles(true)
                .setMinBlobSize(MIN_BLOB_BYTES)
                .setEnableBlobGarbageCollection(true)
                .setBlobGarbageCollectionAgeCutoff(0.25)
                .setBlobGarbageCollectionForceThreshold(0.75);
    }

    /**
     * Looks a key up, and copies as much of its record as fits into the buffer from its beginning on.
     *
     * @return the size of the record, or {@link #NOT_FOUND}
     */
    int get(ColumnFamilyHandle family, ReadOptions options, ByteBuffer key, ByteBuffer value) throws RocksDBException {
        return rocks.get(family, options, key, value.clear());
    }

    /** Returns the exception of the error table for one of RocksDB, which names the file where it knows it. */
    KvException failure(String what, RocksDBException e) {
        return failure(folder, what, e);
    }

    static KvException failure(Path folder, String what, RocksDBException e) {
        Status status = e.getStatus();
        Status.@Nullable Code code = status == null ? null : status.getCode();
        String message = "store " + folder + " " + what + ": " + e.getMessage();
        if (status != null && code == Status.Code.IOError && status.getSubCode() == Status.SubCode.NoSpace) {
            return new KvException(ErrorCode.UNAVAILABLE, message, null, Duration.ofSeconds(1), e);
        }
        if (code == Status.Code.Corruption) {
            message += damagedLog(folder, message);
            return new KvException(
                    ErrorCode.INTERNAL,
                    message + " (expected: 'nearkv check', or restore the folder from a backup)",
                    e);
        }
        boolean passing = code == Status.Code.Incomplete
                || code == Status.Code.TimedOut
                || code == Status.Code.Busy
                || code == Status.Code.TryAgain
                || code == Status.Code.ShutdownInProgress;
        return new KvException(passing ? ErrorCode.UNAVAILABLE : ErrorCode.INTERNAL, message, e);
    }

    /** Of a damaged log RocksDB's message says nothing but that there is one; its own log file names it. */
    private static String damagedLog(Path folder, String message) {
        if (message.contains(".sst") || message.contains(".blob") || message.contains(".log")) {
            return "";
        }
        Path infoLog = folder.resolve("LOG");
        try (SeekableByteChannel file = Files.newByteChannel(infoLog)) {
            file.position(Math.max(0, file.size() - INFO_LOG_TAIL_BYTES));
            ByteBuffer tail = ByteBuffer.allocate(INFO_LOG_TAIL_BYTES);
            while (tail.hasRemaining() && file.read(tail) >= 0) {}
            Matcher dropping = DROPPING.matcher(StandardCharsets.ISO_8859_1.decode(tail.flip()));
            String found = "";
            while (dropping.find()) {
                found = " in " + folder.resolve(dropping.group(1)) + " (" + dropping.group(2) + " bytes)";
            }
            return found;
        } catch (IOException e) {
            return ""; // Without the name, then.
        }
    }

    static boolean isIncomplete(RocksDBException e) {
        Status status = e.getStatus();
        return status != null && status.getCode() == Status.Code.Incomplete;
    }

    /** Lets nobody in any more; returns whether everybody inside has left within the time. */
    boolean closeLanes(Duration patience) {
        return lanes.close(System.nanoTime() + patience.toNanos());
    }

    /** Frees everything; only after {@link #closeLanes} has returned true, and with no snapshot or iterator left. */
    @Override
    public void close() {
        free(owned);
    }

    private static void free(Deque<AutoCloseable> owned) {
        while (!owned.isEmpty()) {
            try {
                owned.pop().close();
            } catch (Exception e) {
                // Closing a native object throws nothing that is declared; a runtime exception must not keep the others
                // alive.
                throw new IllegalStateException("cannot free a native object", e);
            }
        }
    }
}
