package io.nearkv.core.rocksdb;

import io.nearkv.core.AccountId;
import io.nearkv.core.AccountInfo;
import io.nearkv.core.DirectReader;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.ListOptions;
import io.nearkv.core.ListPage;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.NamespaceInfo;
import io.nearkv.core.OpenResult;
import io.nearkv.core.Position;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.WriteOptions;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.rocksdb.Checkpoint;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.WriteBatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The embedded engine as a replica: it keeps no log and syncs nothing, because a replicated log outside does, from which it is applied entry by entry. How far it came is
 * in the same batch as the data, so that after a crash it is at the state of some earlier entry, and the log goes on from there. Replicas that have applied the same
 * entries hold the same keys, versions and namespace numbers.
 *
 * <p>One thread applies, takes snapshots and closes; reads come from any thread and are as fresh as what is applied.
 */
public final class ReplicaStore implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(ReplicaStore.class);
    private static final Duration PATIENCE = Duration.ofSeconds(10);
    /** Values that come whole have ids made of the entry's index, and of a count within it. */
    private static final int VALUES_PER_ENTRY_BITS = 20;

    /**
     * A place in the log outside.
     *
     * @param term of the leader that wrote the entry
     * @param index of the entry
     */
    public record LogIndex(long term, long index) {
        /** Before the first entry. */
        public static final LogIndex NONE = new LogIndex(0, -1);
    }

    /**
     * What became of a command: an answer, or why it could not be.
     *
     * @param value as the command says, or null
     * @param refusal the reason, or null
     */
    public record Outcome(@Nullable Object value, @Nullable KvException refusal) {}

    private final StoreCore core;
    private final FolderLock lock;
    private final ScheduledThreadPoolExecutor timer;
    private final FeedHub feeds;
    private final Reads reads;
    private final LargeValues largeValues;
    private final DiskSpace disk;
    private final Group group;
    private volatile LogIndex applied = LogIndex.NONE;
    private long lastMillis;

    private ReplicaStore(
            StoreCore core,
            FolderLock lock,
            FeedLog feedLog,
            Database db,
            ScheduledThreadPoolExecutor timer,
            LogIndex applied,
            long lastMillis)
            throws IOException {
        this.core = core;
        this.lock = lock;
        this.timer = timer;
        this.feeds = new FeedHub(core, feedLog, timer);
        this.reads = new Reads(core);
        this.largeValues = new LargeValues(core, reads);
        this.disk = new DiskSpace(core.folder, core.options.diskReserveBytes, core.options.diskProbe);
        this.group = new Group(core, feedLog, db);
        this.applied = applied;
        this.lastMillis = lastMillis;
    }

    /**
     * Opens the replica in a folder; makes one if there is none.
     *
     * @param options environment, sizes and the clock by which reads see what has expired
     * @param lineage of the history, the same in all replicas
     * @param account the first account, the same in all replicas
     * @param namespace its first namespace, the same in all replicas
     * @throws KvException as {@link RocksStore#open}
     */
    public static ReplicaStore open(
            Path folder, RocksStoreOptions options, long lineage, AccountInfo account, NamespaceInfo namespace) {
        StoreStamp found = StoreStamp.read(folder);
        if (found != null) {
            found.check(folder, options.environment);
        }
        try {
            Files.createDirectories(folder);
            FolderLock lock = FolderLock.acquire(
                    folder, options.program, options.clock.instant().truncatedTo(ChronoUnit.SECONDS));
            boolean opened = false;
            try {
                StoreStamp stamp = StoreStamp.read(folder);
                if (stamp == null) {
                    stamp = new StoreStamp(
                            StoreStamp.CURRENT_FORMAT,
                            options.environment,
                            lineage,
                            options.clock.instant().truncatedTo(ChronoUnit.SECONDS));
                    stamp.write(folder);
                }
                stamp.check(folder, options.environment);
                if (stamp.lineage() != lineage) {
                    throw new KvException(
                            ErrorCode.INTERNAL,
                            folder + " is of another cluster: its lineage is " + Long.toHexString(stamp.lineage())
                                    + " (expected: " + Long.toHexString(lineage) + ")");
                }
                ReplicaStore store = open(
                        new StoreCore(folder, options, stamp),
                        lock,
                        Catalogue.EMPTY.with(account).with(namespace));
                opened = true;
                return store;
            } finally {
                if (!opened) {
                    lock.close();
                }
            }
        } catch (IOException e) {
            throw new KvException(ErrorCode.UNAVAILABLE, "cannot open " + folder + ": " + e, e);
        }
    }

    private static ReplicaStore open(StoreCore core, FolderLock lock, Catalogue first) throws IOException {
        Database db = Database.open(core.folder, core.options, Database.Mode.REPLICA);
        ScheduledThreadPoolExecutor timer = new ScheduledThreadPoolExecutor(1, StoreThreads.named("nearkv-timer"));
        timer.setRemoveOnCancelPolicy(true);
        boolean opened = false;
        try {
            stamp(core, db, first);
            FeedLog feedLog = new FeedLog(core.options);
            core.lastVersion = feedLog.load(db);
            core.catalogue = MetaRecords.readCatalogue(db);
            try (RocksIterator values = db.rocks.newIterator(db.values, db.anywhere)) {
                values.seekToFirst();
                core.hasLargeValues = values.isValid();
                values.status();
            }
            LogIndex applied = LogIndex.NONE;
            long lastMillis = 0;
            byte[] record = db.rocks.get(db.meta, MetaRecords.name(MetaRecords.APPLIED));
            if (record != null) {
                ByteBuffer in = MetaRecords.reader(MetaRecords.APPLIED, record, 1 + 3 * Long.BYTES);
                applied = new LogIndex(in.getLong(), in.getLong());
                lastMillis = in.getLong();
            }
            core.database = db;
            ReplicaStore store = new ReplicaStore(core, lock, feedLog, db, timer, applied, lastMillis);
            var unused = timer.scheduleWithFixedDelay(store::tidy, 1, 1, TimeUnit.SECONDS);
            opened = true;
            return store;
        } catch (RocksDBException e) {
            throw db.failure("cannot be opened", e);
        } finally {
            if (!opened) {
                timer.shutdownNow();
                db.close();
            }
        }
    }

    /** Writes what a store begins with. Not synced: if it is lost, so is all that came after it, and this is done again. */
    private static void stamp(StoreCore core, Database db, Catalogue first) throws RocksDBException {
        byte[] record = db.rocks.get(db.meta, MetaRecords.name(MetaRecords.STAMP));
        if (record != null) {
            StoreStamp inside = MetaRecords.stamp(record);
            inside.check(core.folder, core.options.environment);
            if (inside.lineage() != core.stamp.lineage()) {
                throw new KvException(
                        ErrorCode.INTERNAL,
                        core.folder + " is put together from two stores (expected: remove it; the other nodes have"
                                + " the data)");
            }
            return;
        }
        try (WriteBatch batch = new WriteBatch()) {
            batch.put(db.meta, MetaRecords.name(MetaRecords.STAMP), MetaRecords.stamp(core.stamp));
            for (AccountInfo account : first.accounts()) {
                MetaRecords.putAccount(db, batch, account);
            }
            for (Catalogue.Namespace namespace : first.allNamespaces()) {
                MetaRecords.putNamespace(db, batch, namespace);
            }
            MetaRecords.putCatalogue(db, batch, first);
            db.rocks.write(db.unlogged, batch);
        }
    }

    private void tidy() {
        try {
            disk.look();
            largeValues.closeIdle();
        } catch (RuntimeException e) {
            log.atWarn().setCause(e).log("upkeep failed, it is tried again"); // Thrown on, it would be the last time.
        }
    }

    /** Returns how far the log is applied. */
    public LogIndex applied() {
        return applied;
    }

    /**
     * Applies an entry.
     *
     * @param at its place, after all that came before
     * @param millis the time that its leader gave it, since 1970; decides about expirations. Time does not go back: an earlier one counts as that of the entry before
     * @param commands what to do
     * @return what became of each command
     * @throws KvException if the state cannot be read or written: this replica is at its end, and must be opened again
     */
    public List<Outcome> apply(LogIndex at, long millis, List<ReplicaCommand> commands) {
        Database db = core.database();
        lastMillis = Math.max(lastMillis, millis);
        core.valueIds.set((at.index() + 1) << VALUES_PER_ENTRY_BITS);
        List<WriteOp<?>> ops = new ArrayList<>(commands.size());
        boolean tracks = false;
        for (ReplicaCommand command : commands) {
            WriteOp<?> op = op(command);
            tracks |= op.readsState(core.options.inlineValueBytes);
            ops.add(op);
        }
        boolean publishes = feeds.hasSubscribers();
        try {
            group.begin(db, core.lastVersion, lastMillis, tracks, publishes);
            for (int i = 0; i < ops.size(); i++) {
                WriteOp<?> op = ops.get(i);
                try {
                    if (commands.get(i) instanceof ReplicaCommand.Write write) {
                        checkStaged(db, write);
                    }
                    op.prepareIn(group);
                } catch (KvException e) {
                    if (e.code() == ErrorCode.INTERNAL) {
                        throw e;
                    }
                    op.refusal = e; // The same in every replica, because it follows from the state alone.
                }
            }
            if (group.complete()) {
                group.batch().put(db.meta, MetaRecords.name(MetaRecords.APPLIED), appliedRecord(at));
                db.rocks.write(db.unlogged, group.batch());
                group.committed();
            }
        } catch (RocksDBException e) {
            throw db.failure("cannot be applied to", e);
        }
        applied = at;
        if (group.hasChanges()) {
            feeds.publish(publishes ? group.published() : List.of());
        }
        List<Outcome> outcomes = new ArrayList<>(ops.size());
        for (WriteOp<?> op : ops) {
            outcomes.add(new Outcome(op.refusal == null ? op.prepared() : null, op.refusal));
        }
        return outcomes;
    }

    /** Before anything of the write is added. */
    private static void checkStaged(Database db, ReplicaCommand.Write write) throws RocksDBException {
        for (ReplicaCommand.Staged value : write.staged().values()) {
            if (db.rocks.get(db.meta, MetaRecords.name(MetaRecords.piecesName(value.valueId()))) == null) {
                throw new KvException(
                        ErrorCode.UNAVAILABLE,
                        "the value was not sent in time and is given up (expected: send it again)",
                        null,
                        Duration.ofMillis(100),
                        null);
            }
        }
    }

    private byte[] appliedRecord(LogIndex at) {
        return ByteBuffer.allocate(1 + 3 * Long.BYTES)
                .put(MetaRecords.FORMAT)
                .putLong(at.term())
                .putLong(at.index())
                .putLong(lastMillis)
                .array();
    }

    /**
     * Checks what is wrong with a command whatever the state is, before it is put into the log: one with too many bytes, say.
     *
     * @throws KvException as {@link io.nearkv.core.KvStore}; applying the command would be at an end
     */
    public static void check(ReplicaCommand command) {
        var unused = op(command);
    }

    /** Notes that the log went on by an entry that is not for this store. */
    public void skipped(LogIndex at) {
        applied = at;
    }

    private static WriteOp<?> op(ReplicaCommand command) {
        if (command instanceof ReplicaCommand.Write write) {
            WriteOps.Puts puts = write.staged().isEmpty() ? WriteOps.Puts.WHOLE : new StagedPuts(write);
            return switch (write.mode()) {
                case SINGLE ->
                    new WriteOps.Single(write.namespace(), write.mutations().get(0), puts, WriteOptions.BUFFERED);
                case EACH -> new WriteOps.Many(write.namespace(), write.mutations(), puts, WriteOptions.BUFFERED);
                case ATOMIC -> new WriteOps.Atomic(write.namespace(), write.mutations(), puts, WriteOptions.BUFFERED);
            };
        }
        if (command instanceof ReplicaCommand.Expire expire) {
            return new WriteOps.Expire(expire.expirations());
        }
        return new Change(command);
    }

    /** Puts of values whose pieces are there. */
    private record StagedPuts(ReplicaCommand.Write write) implements WriteOps.Puts {
        @Override
        public long put(
                Group group,
                Catalogue.Namespace namespace,
                int index,
                io.nearkv.core.Mutation.Put put,
                long expiresAt,
                boolean ends)
                throws RocksDBException {
            ReplicaCommand.Staged value = write.staged().get(index);
            if (value == null) {
                return WHOLE.put(group, namespace, index, put, expiresAt, ends);
            }
            group.batch().delete(group.database().meta, MetaRecords.name(MetaRecords.piecesName(value.valueId())));
            return group.putLarge(
                    namespace,
                    put.key(),
                    put.options(),
                    expiresAt,
                    value.valueId(),
                    value.length(),
                    value.crc32c(),
                    ends);
        }
    }

    /** The commands that are not about entries. */
    private static final class Change extends WriteOp<Object> {
        private final ReplicaCommand command;

        Change(ReplicaCommand command) {
            super(0, WriteOptions.BUFFERED);
            this.command = command;
        }

        @Override
        Object prepare(Group group) throws RocksDBException {
            if (command instanceof ReplicaCommand.Piece piece) {
                return stage(group, piece);
            } else if (command instanceof ReplicaCommand.DropPieces drop) {
                return drop(group, drop.valueId());
            } else if (command instanceof ReplicaCommand.CreateAccount create) {
                return group.createAccount(create.account());
            } else if (command instanceof ReplicaCommand.CreateNamespace create) {
                return group.createNamespace(create.namespace());
            } else if (command instanceof ReplicaCommand.RenameNamespace rename) {
                return group.renameNamespace(rename.namespace(), rename.title());
            } else if (command instanceof ReplicaCommand.DeleteNamespace delete) {
                group.deleteNamespace(group.catalogue().namespace(delete.namespace()));
                return true;
            }
            throw new IllegalStateException("not a change: " + command.getClass());
        }

        private static Object stage(Group group, ReplicaCommand.Piece piece) throws RocksDBException {
            Database db = group.database();
            int namespace = group.catalogue().namespace(piece.namespace()).number();
            ByteBuffer key = ByteBuffer.allocate(EntryRecord.CHUNK_KEY_BYTES);
            EntryRecord.putChunkKey(key, namespace, piece.valueId(), piece.index());
            byte[] bytes = new byte[piece.bytes().length()];
            piece.bytes().copyTo(0, bytes, 0, bytes.length);
            group.batch().put(db.values, key.array(), bytes);
            if (piece.index() == 0) {
                group.batch()
                        .put(
                                db.meta,
                                MetaRecords.name(MetaRecords.piecesName(piece.valueId())),
                                ByteBuffer.allocate(1 + Integer.BYTES + Long.BYTES)
                                        .put(MetaRecords.FORMAT)
                                        .putInt(namespace)
                                        .putLong(group.nowMillis())
                                        .array());
            }
            return true;
        }

        private static Object drop(Group group, long valueId) throws RocksDBException {
            Database db = group.database();
            byte[] name = MetaRecords.name(MetaRecords.piecesName(valueId));
            byte[] record = db.rocks.get(db.meta, name);
            if (record != null) {
                int namespace = MetaRecords.reader(MetaRecords.PIECES, record, 1 + Integer.BYTES + Long.BYTES)
                        .getInt();
                ByteBuffer from = ByteBuffer.allocate(EntryRecord.CHUNK_KEY_BYTES);
                EntryRecord.putChunkKey(from, namespace, valueId, 0);
                ByteBuffer to = ByteBuffer.allocate(EntryRecord.CHUNK_KEY_BYTES);
                EntryRecord.putChunkKey(to, namespace, valueId, Integer.MAX_VALUE);
                group.batch().deleteRange(db.values, from.array(), to.array());
                group.batch().delete(db.meta, name);
            }
            return true;
        }
    }

    /** Returns what has expired by this node's clock and is still there, at most {@code limit}: for a leader to have it removed. */
    public List<ReplicaCommand.Expiration> expired(int limit) {
        return Expirations.due(core, limit);
    }

    /** Returns the ids of values whose first piece came before this time and to which nothing refers: given up by whoever sent them. */
    public List<Long> piecesBefore(long millis) {
        return reads.inLane((db, lane) -> {
            List<Long> ids = new ArrayList<>();
            MetaRecords.forEach(db, MetaRecords.PIECES, (id, record) -> {
                if (ByteBuffer.wrap(record).getLong(1 + Integer.BYTES) < millis) {
                    ids.add(HexFormat.fromHexDigitsToLong(id));
                }
            });
            return ids;
        });
    }

    /** Returns why writes should not be proposed at the moment, or null: the disk has too little room. */
    public @Nullable KvException writeRefusal(long bytes, boolean makesRoom) {
        disk.beforeWrite(bytes);
        return disk.refusal(bytes, makesRoom);
    }

    /**
     * Makes a copy of the state in a new folder, of links where the file system has them, and makes everything that is applied durable.
     *
     * @param target the folder, which must not exist
     */
    public void snapshot(Path target) {
        Database db = core.database();
        try (WriteBatch batch = new WriteBatch();
                Checkpoint checkpoint = Checkpoint.create(db.rocks)) {
            batch.put(db.meta, MetaRecords.name(MetaRecords.APPLIED), appliedRecord(applied));
            db.rocks.write(db.unlogged, batch);
            checkpoint.createCheckpoint(target.toString()); // Flushes, because there is no log.
        } catch (RocksDBException e) {
            throw db.failure("cannot make a snapshot", e);
        }
    }

    /**
     * Puts a snapshot, perhaps of another node, in place of the replica in a folder, which is not open. Cut short, it leaves a folder without a database, which is empty when it is opened.
     *
     * @param folder the folder of the replica
     * @param snapshot a folder that {@link #snapshot} made
     * @throws IOException if the files cannot be linked or copied
     */
    public static void install(Path folder, Path snapshot) throws IOException {
        Files.createDirectories(folder);
        Path staging = folder.resolve("installing");
        StoreBackups.deleteRecursively(staging);
        Files.createDirectory(staging);
        try (var files = Files.list(snapshot)) {
            for (Path file : files.toList()) {
                String name = String.valueOf(file.getFileName());
                if (name.endsWith(".md5")) {
                    continue;
                }
                Path to = staging.resolve(name);
                // Table files never change, so that both can share them; the others belong to whoever opens them.
                if (name.endsWith(".sst") || name.endsWith(".blob")) {
                    Files.createLink(to, file);
                } else {
                    Files.copy(file, to);
                }
            }
        }
        Path database = folder.resolve(Database.FOLDER);
        StoreBackups.deleteRecursively(database);
        Files.move(staging, database, StandardCopyOption.ATOMIC_MOVE);
        StoreStamp.syncFolder(folder);
    }

    /**
     * Makes a snapshot, as {@link #snapshot} does, from a backup of a replica: the beginning of another history, in which the log goes on after the same index. Which replica it was does not
     * matter, and whoever restores the same backup gets the same.
     *
     * @param id which backup
     * @param target the folder of the snapshot, which must not exist
     * @param scratch a folder that may be used meanwhile, on the same disk
     * @param options as for {@link #open}; the backup must be of its environment
     * @param lineage of the new history
     * @param known the namespaces that there are; what the backup has of others goes. Null if the backup itself says which there are
     * @return the namespaces that it has now, and after which index of the log it is
     * @throws KvException {@link ErrorCode#NOT_FOUND} if there is no such backup, {@link ErrorCode#INTERNAL} if it is damaged, {@link ErrorCode#UNAUTHORIZED} if it is of another environment
     */
    public static Restored restore(
            StoreBackups backups,
            int id,
            Path target,
            Path scratch,
            RocksStoreOptions options,
            long lineage,
            @Nullable Set<NamespaceId> known,
            WorkProgress progress)
            throws IOException {
        StoreBackups.deleteRecursively(scratch); // of one that was cut short
        Files.createDirectories(scratch);
        BackupManifest manifest = backups.copy(id, scratch.resolve(Database.FOLDER), progress);
        StoreStamp stamp = new StoreStamp(manifest.storeFormat(), manifest.environment(), lineage, manifest.created());
        stamp.check(scratch, options.environment);
        try (Database db = Database.open(scratch, options, Database.Mode.REPLICA);
                WriteBatch batch = new WriteBatch()) {
            batch.put(db.meta, MetaRecords.name(MetaRecords.STAMP), MetaRecords.stamp(stamp));
            db.rocks.write(db.synced, batch);
        } catch (RocksDBException e) {
            throw Database.failure(scratch.resolve(Database.FOLDER), "cannot be opened", e);
        }
        stamp.write(scratch);
        FolderLock lock = FolderLock.acquire(
                scratch, options.program, options.clock.instant().truncatedTo(ChronoUnit.SECONDS));
        Restored restored;
        try (ReplicaStore store = open(new StoreCore(scratch, options, stamp), lock, Catalogue.EMPTY)) {
            // The term before any other that is one: a log that ends in term 0 counts as empty. The index stays,
            // because
            // ids of values are made of it.
            LogIndex at = new LogIndex(1, Math.max(0, store.applied.index()));
            Set<NamespaceId> there = new HashSet<>();
            List<ReplicaCommand> drops = new ArrayList<>();
            for (Catalogue.Namespace namespace : store.core.catalogue.allNamespaces()) {
                NamespaceId its = namespace.info().id();
                if (known == null || known.contains(its)) {
                    there.add(its);
                } else {
                    drops.add(new ReplicaCommand.DeleteNamespace(its));
                }
            }
            if (!drops.isEmpty()) {
                var unused = store.apply(at, store.lastMillis, drops);
            }
            store.skipped(at);
            store.snapshot(target);
            restored = new Restored(at, Set.copyOf(there));
        }
        StoreBackups.deleteRecursively(scratch);
        return restored;
    }

    /**
     * What a history begins with that goes on from a backup.
     *
     * @param at after which entry the log begins
     * @param namespaces the namespaces that there are
     */
    public record Restored(LogIndex at, Set<NamespaceId> namespaces) {}

    /** Returns the position after the last change. */
    public Position position() {
        return core.position(core.lastVersion);
    }

    /** Returns the position that covers a version. */
    public Position positionOf(long version) {
        return core.position(version);
    }

    /** As {@link io.nearkv.core.KvStore#get}. */
    public CompletableFuture<GetResult> get(NamespaceId namespace, Key key, ReadOptions options) {
        return reads.get(namespace, key, options);
    }

    /** As {@link io.nearkv.core.KvStore#getAll}. */
    public CompletableFuture<List<GetResult>> getAll(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        return reads.getAll(namespace, keys, options);
    }

    /** As {@link io.nearkv.core.KvStore#versions}. */
    public CompletableFuture<List<Long>> versions(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        return reads.versions(namespace, keys, options);
    }

    /** As {@link io.nearkv.core.KvStore#open}. */
    public CompletableFuture<OpenResult> open(NamespaceId namespace, Key key, ReadOptions options) {
        return largeValues.open(namespace, key, options);
    }

    /**
     * As {@link io.nearkv.core.KvStore#list}.
     *
     * @param mayStay whether the caller's thread may read a page that is in memory; that of whoever applies the log may not, because all others wait for it
     */
    public CompletableFuture<ListPage> list(
            NamespaceId namespace, ListOptions list, ReadOptions options, boolean mayStay) {
        return Listings.page(core, reads, namespace, list, options.timeout(), mayStay);
    }

    /** As {@link io.nearkv.core.KvStore#watch}. */
    public Flow.Publisher<FeedEvent> watch(FeedRequest request) {
        return feeds.watch(request);
    }

    /** As {@link io.nearkv.core.DirectReader#read}. */
    public DirectReader.Outcome read(NamespaceId namespace, ByteBuffer key, DirectReader.Visitor visitor) {
        return reads.read(namespace, key, visitor);
    }

    /** Returns all accounts, ordered by id. */
    public List<AccountInfo> accounts() {
        var unused = core.database();
        return core.catalogue.accounts();
    }

    /** Returns the namespaces of an account, ordered by title. */
    public List<NamespaceInfo> namespaces(AccountId account) {
        var unused = core.database();
        return core.catalogue.namespaces(account);
    }

    /** Returns a namespace by its id. */
    public NamespaceInfo namespace(NamespaceId namespace) {
        var unused = core.database();
        return core.catalogue.namespace(namespace).info();
    }

    /** Returns a namespace by its title. */
    public NamespaceInfo namespace(AccountId account, String title) {
        var unused = core.database();
        return core.catalogue.namespace(account, title).info();
    }

    /** Returns the number of subscribers of change feeds. */
    public int subscribers() {
        return feeds.subscribers();
    }

    /** Ends feeds and reads, and closes the database. Idempotent. */
    @Override
    public void close() {
        Database db = core.database;
        if (core.closed || db == null) {
            return;
        }
        core.closed = true;
        timer.shutdownNow();
        feeds.close();
        reads.close();
        core.withdraw(StoreCore.closing());
        if (!db.closeLanes(PATIENCE)) {
            log.atError().log("a call hangs inside the database, which is left open");
            return;
        }
        largeValues.databaseClosing(db);
        group.close();
        db.close();
        try {
            lock.close();
        } catch (IOException e) {
            log.atWarn().setCause(e).log("the lock of the folder cannot be released before the process ends");
        }
    }
}
