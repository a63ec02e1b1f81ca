package io.nearkv.core.rocksdb;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.AccountId;
import io.nearkv.core.AccountInfo;
import io.nearkv.core.BatchResult;
import io.nearkv.core.DirectReader;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KvAdmin;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.ListOptions;
import io.nearkv.core.ListPage;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.OpenResult;
import io.nearkv.core.Position;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.ValueWriter;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.WriteResult;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.rocksdb.RocksDBException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The embedded engine: a durable store in one folder, held by one process. Reads that are in memory are answered on the caller's thread; writes go through one thread, which commits
 * many at once; see {@code docs/formats/store.md} for what is on disk. Every read is as fresh as {@link ReadOptions.Consistency#STRONG} asks. Futures complete
 * on threads of the store, which all other requests need too: a callback must not block. Thread-safe.
 */
public final class RocksStore implements KvStore {
    private static final Logger log = LoggerFactory.getLogger(RocksStore.class);
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private final StoreCore core;
    private final FolderLock lock;
    private final FeedLog feedLog;
    private final Recovery recovery;
    private final DiskSpace disk;
    private final ScheduledThreadPoolExecutor timer;
    private final FeedHub feeds;
    private final Writer writer;
    private final Reads reads;
    private final LargeValues largeValues;
    private final Uploads uploads;
    private final Sweeper sweeper;
    private final IdleFlush idleFlush;
    private final RocksAdmin admin;
    private final AtomicBoolean closing = new AtomicBoolean();

    private RocksStore(StoreCore core, FolderLock lock, AckMarker marker) throws IOException {
        this.core = core;
        this.lock = lock;
        this.feedLog = new FeedLog(core.options);
        this.recovery = new Recovery(core, marker);
        this.disk = new DiskSpace(core.folder, core.options.diskReserveBytes, core.options.diskProbe);
        this.timer = new ScheduledThreadPoolExecutor(1, StoreThreads.named("nearkv-timer"));
        timer.setRemoveOnCancelPolicy(true);
        this.feeds = new FeedHub(core, feedLog, timer);
        this.writer = new Writer(core, feedLog, feeds, disk, recovery);
        this.reads = new Reads(core);
        this.largeValues = new LargeValues(core, reads);
        this.uploads = new Uploads(core, writer, disk);
        this.sweeper = new Sweeper(core, writer, timer);
        this.idleFlush = new IdleFlush(core, disk);
        this.admin = new RocksAdmin(core, writer);
        recovery.add(largeValues);
    }

    /** Returns whether the folder holds a store, whole or damaged. Changes nothing. */
    public static boolean isStore(Path folder) {
        return Files.exists(folder.resolve(StoreStamp.FILE)) || Files.exists(currentFile(folder));
    }

    private static Path currentFile(Path folder) {
        return folder.resolve(Database.FOLDER).resolve("CURRENT");
    }

    /**
     * Reads what a folder is without opening it, or returns null if it is no store. Changes nothing on disk.
     *
     * @throws KvException {@link ErrorCode#INTERNAL} if the stamp is damaged
     */
    public static @Nullable StoreStamp readStamp(Path folder) {
        return StoreStamp.read(folder);
    }

    /**
     * Opens the store of a folder; makes one if the folder is empty or absent and the options allow it.
     *
     * @throws KvException {@link ErrorCode#UNAUTHORIZED} with a denial if the folder is of another environment, and {@link ErrorCode#INTERNAL} if it has a newer format
     *     (nothing on disk is changed in either case), is damaged or lacks acknowledged writes; {@link ErrorCode#UNAVAILABLE} if another process holds it, or the disk
     *     fails
     */
    public static RocksStore open(Path folder, RocksStoreOptions options) {
        requireNonNull(options, "options");
        StoreStamp stamp = StoreStamp.read(folder);
        if (stamp != null) {
            stamp.check(folder, options.environment);
        }
        try {
            return openLocked(folder, options);
        } catch (IOException e) {
            throw new KvException(ErrorCode.UNAVAILABLE, "cannot open " + folder + ": " + e, e);
        }
    }

    private static RocksStore openLocked(Path folder, RocksStoreOptions options) throws IOException {
        if (StoreStamp.read(folder) == null) {
            checkMayCreate(folder, options);
            Files.createDirectories(folder);
        }
        FolderLock lock = FolderLock.acquire(
                folder, options.program, options.clock.instant().truncatedTo(ChronoUnit.SECONDS));
        boolean opened = false;
        try {
            StoreStamp stamp = StoreStamp.read(folder);
            if (stamp == null) {
                stamp = create(folder, options);
            }
            stamp.check(folder, options.environment); // Again, now that nobody else can make it something else.
            StoreCore core = new StoreCore(folder, options, stamp);
            AckMarker marker = AckMarker.open(folder);
            if (!marker.reached().equals(AckMarker.Reached.NOTHING) && !Files.exists(currentFile(folder))) {
                throw new KvException(
                        ErrorCode.INTERNAL,
                        folder + " lacks its database, and " + marker.reached()
                                + " was acknowledged (expected: restore the folder from a backup)");
            }
            RocksStore store = new RocksStore(core, lock, marker);
            store.start();
            opened = true;
            return store;
        } finally {
            if (!opened) {
                lock.close();
            }
        }
    }

    /** A folder with anything in it but the rests of an earlier attempt is not ours. */
    private static void checkMayCreate(Path folder, RocksStoreOptions options) throws IOException {
        if (Files.exists(currentFile(folder))) {
            throw new KvException(
                    ErrorCode.INTERNAL,
                    folder.resolve(StoreStamp.FILE)
                            + " is missing, and there is data (expected: restore the folder from a backup)");
        }
        if (!options.create) {
            throw new KvException(ErrorCode.NOT_FOUND, folder + " holds no store");
        }
        if (Files.isDirectory(folder)) {
            try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
                for (Path file : files) {
                    String name = String.valueOf(file.getFileName());
                    if (name.equals(Database.FOLDER)) {
                        throw new KvException(
                                ErrorCode.INTERNAL,
                                folder.resolve(StoreStamp.FILE) + " is missing, and there is a folder '" + name
                                        + "' (expected: restore the folder from a backup)");
                    }
                }
            }
        }
    }

    /** The marker comes before the stamp: so there is no stamp without a marker, and a missing one is damage. */
    private static StoreStamp create(Path folder, RocksStoreOptions options) throws IOException {
        AckMarker.create(folder, AckMarker.Reached.NOTHING);
        StoreStamp stamp = new StoreStamp(
                StoreStamp.CURRENT_FORMAT,
                options.environment,
                options.random.nextLong(),
                options.clock.instant().truncatedTo(ChronoUnit.SECONDS));
        stamp.write(folder);
        Path parent = folder.toAbsolutePath().getParent();
        if (parent != null) {
            StoreStamp.syncFolder(parent);
        }
        try {
            options.failpoints.reached(Failpoints.Step.STAMP_WRITTEN);
        } catch (RocksDBException e) {
            throw Database.failure(folder, "cannot be made", e);
        }
        return stamp;
    }

    private void start() {
        boolean started = false;
        try {
            recovery.open(feedLog);
            writer.start();
            sweeper.start();
            long second = TimeUnit.SECONDS.toNanos(1);
            var unused = timer.scheduleWithFixedDelay(this::tidy, second, second, TimeUnit.NANOSECONDS);
            started = true;
        } finally {
            if (!started) {
                timer.shutdownNow();
            }
        }
    }

    /** Once a second: what is idle, what is left over, and what of the feed is too old, also if nobody writes. */
    private void tidy() {
        try {
            disk.look(); // Who sends no writes while there is no room would otherwise never learn that there is.
            largeValues.closeIdle();
            uploads.tidy();
            idleFlush.look();
            if (core.database != null && feedLog.isDue(core.nowMillis())) {
                var unused = writer.submit(new TrimFeed());
            }
        } catch (RuntimeException e) {
            log.atWarn().setCause(e).log("upkeep failed, it is tried again"); // Thrown on, it would be the last time.
        }
    }

    private static final class TrimFeed extends WriteOp<Boolean> {
        TrimFeed() {
            super(128, WriteOptions.BUFFERED);
        }

        @Override
        boolean makesRoom() {
            return true;
        }

        @Override
        Boolean prepare(Group group) throws RocksDBException {
            group.trimFeed();
            return true;
        }
    }

    /** Returns the position after the last committed change. */
    public Position position() {
        return core.position(core.lastVersion);
    }

    /** Returns the stamp of the folder. */
    public StoreStamp stamp() {
        return core.stamp;
    }

    @Override
    public CompletableFuture<GetResult> get(NamespaceId namespace, Key key, ReadOptions options) {
        requireNonNull(namespace, "namespace");
        requireNonNull(key, "key");
        requireNonNull(options, "options");
        core.checkOpen();
        return reads.get(namespace, key, options);
    }

    @Override
    public CompletableFuture<List<GetResult>> getAll(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        requireNonNull(namespace, "namespace");
        requireNonNull(options, "options");
        core.checkOpen();
        return reads.getAll(namespace, keys, options);
    }

    @Override
    public CompletableFuture<List<Long>> versions(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        requireNonNull(namespace, "namespace");
        requireNonNull(options, "options");
        core.checkOpen();
        return reads.versions(namespace, keys, options);
    }

    @Override
    public CompletableFuture<OpenResult> open(NamespaceId namespace, Key key, ReadOptions options) {
        requireNonNull(namespace, "namespace");
        requireNonNull(key, "key");
        requireNonNull(options, "options");
        core.checkOpen();
        return largeValues.open(namespace, key, options);
    }

    @Override
    public CompletableFuture<WriteResult> write(NamespaceId namespace, Mutation mutation, WriteOptions options) {
        requireNonNull(namespace, "namespace");
        core.checkOpen();
        try {
            return writer.submit(new WriteOps.Single(namespace, mutation, WriteOps.Puts.WHOLE, options));
        } catch (KvException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    @Override
    public CompletableFuture<List<WriteResult>> writeAll(
            NamespaceId namespace, List<Mutation> mutations, WriteOptions options) {
        requireNonNull(namespace, "namespace");
        core.checkOpen();
        try {
            return writer.submit(new WriteOps.Many(namespace, List.copyOf(mutations), WriteOps.Puts.WHOLE, options));
        } catch (KvException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    @Override
    public CompletableFuture<BatchResult> batch(NamespaceId namespace, List<Mutation> mutations, WriteOptions options) {
        requireNonNull(namespace, "namespace");
        core.checkOpen();
        try {
            return writer.submit(new WriteOps.Atomic(namespace, List.copyOf(mutations), WriteOps.Puts.WHOLE, options));
        } catch (KvException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    @Override
    public CompletableFuture<ValueWriter> upload(NamespaceId namespace, Key key, PutOptions put, WriteOptions options) {
        requireNonNull(namespace, "namespace");
        requireNonNull(key, "key");
        requireNonNull(put, "put");
        requireNonNull(options, "options");
        core.checkOpen();
        return uploads.begin(namespace, key, put, options);
    }

    @Override
    public CompletableFuture<ListPage> list(NamespaceId namespace, ListOptions list, ReadOptions options) {
        requireNonNull(namespace, "namespace");
        requireNonNull(list, "list");
        core.checkOpen();
        return Listings.page(core, reads, namespace, list, options.timeout(), true);
    }

    @Override
    public Flow.Publisher<FeedEvent> watch(FeedRequest request) {
        core.checkOpen();
        return feeds.watch(request);
    }

    @Override
    public Position positionOf(long version) {
        core.checkOpen();
        return core.position(version);
    }

    @Override
    public KvAdmin admin() {
        core.checkOpen();
        return admin;
    }

    @Override
    public DirectReader directReader() {
        core.checkOpen();
        return reads;
    }

    /** Returns what the store is doing. Asks RocksDB some dozen questions: for a look now and then. */
    public RocksStoreStats stats() {
        RocksStoreOptions options = core.options;
        return new RocksStoreStats(
                core.database != null,
                core.lastVersion,
                feedLog.trimmed(),
                feedLog.bytes(),
                options.feedRetainBytes,
                writer.waitingRequests(),
                options.queueRequests,
                writer.waitingBytes(),
                options.queueBytes,
                writer.groups(),
                writer.requests(),
                writer.syncs(),
                writer.syncNanos(),
                reads.queued(),
                options.readQueue,
                reads.active(),
                options.readThreads,
                largeValues.openReaders(),
                options.maxOpenReaders,
                uploads.openUploads(),
                options.maxUploads,
                feeds.subscribers(),
                options.maxSubscribers,
                sweeper.swept(),
                recovery.reopenings(),
                disk.freeBytes(),
                options.diskReserveBytes,
                rocksDbStats());
    }

    private RocksDbStats rocksDbStats() {
        Database db = core.database;
        Lanes.Lane lane = db == null ? null : db.lanes.enter();
        if (db == null || lane == null) {
            return RocksDbStats.none(core.options);
        }
        try {
            return RocksDbStats.read(db, core.options);
        } catch (RocksDBException e) {
            throw db.failure("does not say how it is", e);
        } finally {
            db.lanes.leave(lane);
        }
    }

    /**
     * Returns why the store takes no writes at the moment: it is closed, recovers from a failed write, or has too little room on its disk; null if it takes them. A queue that is full for
     * a moment is no reason. Costs next to nothing and never waits.
     */
    public @Nullable KvException writeRefusal() {
        if (core.closed) {
            return StoreCore.closing();
        }
        return core.database == null ? core.unavailable : disk.refusal(0, false);
    }

    @Override
    public void close() {
        if (!closing.compareAndSet(false, true)) {
            return;
        }
        core.closed = true;
        timer.shutdownNow();
        // Uploads first, because what they leave is removed through the writer, if it still can.
        uploads.close();
        boolean ended = writer.isWriterThread() || writer.awaitEnd(PATIENCE);
        feeds.close();
        reads.close();
        Database db = core.database;
        core.withdraw(StoreCore.closing());
        // A writer that hangs in the kernel, or that is the caller, is still inside the database: freeing it would
        // crash the process.
        if (ended && !writer.isWriterThread() && !recovery.isStuck() && (db == null || recovery.release(db))) {
            recovery.marker().force();
            try {
                lock.close();
            } catch (IOException e) {
                log.atWarn().setCause(e).log("the lock of the folder cannot be released before the process ends");
            }
        }
    }

    /** Removes what has expired, soon; for tests that move the clock. */
    void sweep() {
        sweeper.sweep();
    }

    /** Returns the database, for tests that look into it. */
    Database databaseForTests() {
        return core.database();
    }

    /** Returns the account that a new store begins with. */
    static AccountInfo initialAccount(RocksStoreOptions options) {
        AccountInfo given = options.initialAccount;
        return given != null ? given : new AccountInfo(AccountId.random(options.random), "default");
    }
}
