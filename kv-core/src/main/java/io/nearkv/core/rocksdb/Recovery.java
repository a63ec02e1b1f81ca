package io.nearkv.core.rocksdb;

import io.nearkv.core.AccountInfo;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.WriteBatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Opens the database, at the start and again after a failed write, and checks that it holds everything that was acknowledged. Used by the thread that opens the store, and
 * then by the writer thread alone.
 */
final class Recovery {
    private static final Logger log = LoggerFactory.getLogger(Recovery.class);
    private static final Duration FIRST_DELAY = Duration.ofMillis(50);
    private static final Duration LONGEST_DELAY = Duration.ofSeconds(5);

    /** What holds native objects of a database and must let go of them before it is closed. */
    interface Holder {
        /** Frees native objects; nobody is inside the lanes any more. */
        void databaseClosing(Database db);
    }

    private final StoreCore core;
    private final AckMarker marker;
    private final List<Holder> holders = new CopyOnWriteArrayList<>();
    /** The database that failed, until it is freed. */
    private @Nullable Database withdrawn;

    private final LongAdder reopenings = new LongAdder();

    Recovery(StoreCore core, AckMarker marker) {
        this.core = core;
        this.marker = marker;
    }

    AckMarker marker() {
        return marker;
    }

    void add(Holder holder) {
        holders.add(holder);
    }

    long reopenings() {
        return reopenings.sum();
    }

    /**
     * Opens the database and loads what is kept in memory.
     *
     * @throws KvException {@link ErrorCode#INTERNAL} if something is damaged or acknowledged writes are missing, {@link ErrorCode#UNAVAILABLE} if it may work
     *     later
     */
    void open(FeedLog feedLog) {
        Database db = null;
        try {
            core.options.failpoints.reached(Failpoints.Step.BEFORE_OPEN);
            db = Database.open(core.folder, core.options, Database.Mode.STRICT);
            checkStamp(db);
            long lastVersion = feedLog.load(db);
            Catalogue catalogue = MetaRecords.readCatalogue(db);
            AckMarker.Reached found = new AckMarker.Reached(lastVersion, catalogue.revision());
            if (!found.covers(marker.reached())) {
                throw lost(found);
            }
            beginEpoch(db);
            core.catalogue = catalogue;
            core.lastVersion = lastVersion;
            try (RocksIterator values = db.rocks.newIterator(db.values, db.anywhere)) {
                values.seekToFirst();
                core.hasLargeValues = values.isValid();
                values.status();
            }
            // Beginning the epoch was synced, and with it all that was found.
            marker.advance(lastVersion, catalogue.revision());
            core.database = db;
            db = null;
        } catch (RocksDBException e) {
            throw Database.failure(core.folder.resolve(Database.FOLDER), "cannot be opened", e);
        } finally {
            if (db != null) {
                db.close();
            }
        }
    }

    private void checkStamp(Database db) throws RocksDBException {
        byte[] record = db.rocks.get(db.meta, MetaRecords.name(MetaRecords.STAMP));
        if (record == null) {
            if (!marker.reached().equals(AckMarker.Reached.NOTHING)) {
                throw lost(AckMarker.Reached.NOTHING);
            }
            // A store that is being made: its first account comes with the stamp.
            AccountInfo account = RocksStore.initialAccount(core.options);
            try (WriteBatch batch = new WriteBatch()) {
                batch.put(db.meta, MetaRecords.name(MetaRecords.STAMP), MetaRecords.stamp(core.stamp));
                MetaRecords.putAccount(db, batch, account);
                MetaRecords.putCatalogue(db, batch, Catalogue.EMPTY.with(account));
                db.rocks.write(db.synced, batch);
            }
            return;
        }
        StoreStamp inside = MetaRecords.stamp(record);
        if (!inside.environment().equals(core.stamp.environment()) || inside.lineage() != core.stamp.lineage()) {
            throw new KvException(
                    ErrorCode.INTERNAL,
                    core.folder + " is put together from two stores: " + StoreStamp.FILE + " says environment '"
                            + core.stamp.environment() + "' and lineage " + Long.toHexString(core.stamp.lineage())
                            + ", the data says '" + inside.environment() + "' and "
                            + Long.toHexString(inside.lineage()) + " (expected: restore it from a backup)");
        }
    }

    private KvException lost(AckMarker.Reached found) {
        return new KvException(
                ErrorCode.INTERNAL,
                "acknowledged writes are missing: the log in " + core.folder.resolve(Database.FOLDER) + " ends at "
                        + found
                        + ", and " + core.folder.resolve(AckMarker.FILE) + " says that " + marker.reached()
                        + " was acknowledged (expected: restore the folder from a backup, or accept the loss with"
                        + " 'nearkv check --accept-loss')");
    }

    /** Counts this opening and removes what earlier ones left of unfinished uploads. */
    private void beginEpoch(Database db) throws RocksDBException {
        byte[] record = db.rocks.get(db.meta, MetaRecords.name(MetaRecords.EPOCH));
        long epoch = (record == null ? 0 : MetaRecords.number(MetaRecords.EPOCH, record)) + 1;
        try (WriteBatch batch = new WriteBatch()) {
            batch.put(db.meta, MetaRecords.name(MetaRecords.EPOCH), MetaRecords.number(epoch));
            List<String> staged = new ArrayList<>();
            MetaRecords.forEach(db, MetaRecords.STAGING, (id, value) -> {
                staged.add(id);
                Uploads.dropStaged(db, batch, id, value);
            });
            db.rocks.write(db.synced, batch);
            if (!staged.isEmpty()) {
                log.atInfo().addKeyValue("uploads", staged.size()).log("removed unfinished uploads");
            }
        }
        core.valueIds.set(epoch << 40 | 1);
    }

    /** Takes the database away from new callers after a failed write; {@link #reopen} must follow. */
    void withdraw(KvException cause) {
        withdrawn = core.database;
        core.withdraw(new KvException(
                ErrorCode.UNAVAILABLE,
                "the store recovers from a failed write: " + cause.getMessage(),
                null,
                FIRST_DELAY,
                cause));
    }

    /**
     * Closes the withdrawn database and opens it again, however long that takes; returns when it is open, or the store is closed.
     *
     * @param refuseQueued refuses the requests that came in time to be queued, so that they need not wait for the disk
     */
    void reopen(FeedLog feedLog, KvException cause, Runnable refuseQueued) {
        Database db = withdrawn;
        refuseQueued.run();
        if (db != null && !release(db)) {
            // A read hangs in the kernel. Freeing the database under it would crash the process; so this store is at
            // its end.
            core.withdraw(new KvException(ErrorCode.INTERNAL, "a read hangs, the store must be started again", cause));
            return;
        }
        withdrawn = null;
        Duration delay = FIRST_DELAY;
        while (!core.closed) {
            try {
                open(feedLog);
                reopenings.increment();
                log.atWarn().addKeyValue("version", core.lastVersion).log("the store is open again");
                return;
            } catch (KvException e) {
                log.atWarn().setCause(e).log("the store cannot be opened again yet");
                core.unavailable = new KvException(
                        ErrorCode.UNAVAILABLE,
                        "the store recovers from a failed write: " + e.getMessage(),
                        null,
                        delay,
                        e);
            }
            // A thread may have seen the database just before it was withdrawn, and queued its request after.
            refuseQueued.run();
            LockSupport.parkNanos(this, delay.toNanos());
            delay = delay.multipliedBy(2).compareTo(LONGEST_DELAY) < 0 ? delay.multipliedBy(2) : LONGEST_DELAY;
        }
    }

    /** Returns whether a database that failed could not be freed: its files are still in use. After the writer has ended. */
    boolean isStuck() {
        return withdrawn != null;
    }

    /** Frees a database that was withdrawn; returns false if somebody is still inside. */
    boolean release(Database db) {
        if (!db.closeLanes(Duration.ofNanos(TimeUnit.SECONDS.toNanos(10)))) {
            log.atError().log("a call hangs inside the database, which is left open");
            return false;
        }
        for (Holder holder : holders) {
            holder.databaseClosing(db);
        }
        db.close();
        return true;
    }
}
