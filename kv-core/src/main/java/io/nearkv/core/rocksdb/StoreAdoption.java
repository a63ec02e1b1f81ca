package io.nearkv.core.rocksdb;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.rocksdb.RocksDBException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Begins a new history with data that is there: after a restore, and after a loss that somebody accepts. Not thread-safe. */
public final class StoreAdoption {
    private static final Logger log = LoggerFactory.getLogger(StoreAdoption.class);

    private StoreAdoption() {}

    /**
     * Makes a stopped folder usable again whose log lost acknowledged writes, with what is left of it. Damaged tables and values stay damaged.
     *
     * @return the version at which the data ends now
     * @throws KvException {@link ErrorCode#UNAVAILABLE} if a process holds the folder, {@link ErrorCode#NOT_FOUND} if there is no store in it, {@link ErrorCode#INTERNAL} if it
     *     cannot be opened even so
     */
    public static long acceptLoss(Path folder, InstantSource clock, RandomGenerator random) throws IOException {
        StoreCheck.requireStore(folder);
        FolderLock lock = FolderLock.acquire(folder, "nearkv check", clock.instant());
        try {
            StoreStamp before = StoreStamp.read(folder);
            if (before == null) {
                throw new KvException(
                        ErrorCode.INTERNAL,
                        folder.resolve(StoreStamp.FILE)
                                + " is missing, so that nobody knows whose data this is (expected: restore a backup)");
            }
            before.check(folder, before.environment());
            StoreStamp after =
                    new StoreStamp(before.formatVersion(), before.environment(), random.nextLong(), clock.instant());
            try {
                // What is before the damage: a state that the store has been in.
                return adopt(folder, after, Database.Mode.WHAT_IS_LEFT);
            } catch (KvException e) {
                // Some column families have more in their tables already than the log up to its damage: no common state
                // is left.
                log.atWarn().setCause(e).log("no common state is left; keeping every entry that is whole");
                LogFileCheck.cutAtDamage(folder.resolve(Database.FOLDER));
                return adopt(folder, after, Database.Mode.CUT);
            }
        } finally {
            lock.close();
        }
    }

    /** Stamps the database of a folder, inside and outside, and has everything in it count as acknowledged; returns its last version. */
    static long adopt(Path folder, StoreStamp stamp, Database.Mode mode) throws IOException {
        AckMarker.Reached reached;
        RocksStoreOptions options =
                RocksStoreOptions.builder().environment(stamp.environment()).build();
        try (Database db = Database.open(folder, options, mode)) {
            long version = new FeedLog(options).load(db);
            if (mode == Database.Mode.CUT) {
                version = StoreRepair.run(db, version);
            }
            reached =
                    new AckMarker.Reached(version, MetaRecords.readCatalogue(db).revision());
            byte @Nullable [] inside = db.rocks.get(db.meta, MetaRecords.name(MetaRecords.STAMP));
            if (inside == null) {
                throw new KvException(
                        ErrorCode.INTERNAL, "the database in " + folder + " has no stamp (expected: restore a backup)");
            }
            db.rocks.put(db.meta, db.synced, MetaRecords.name(MetaRecords.STAMP), MetaRecords.stamp(stamp));
        } catch (RocksDBException e) {
            throw Database.failure(folder.resolve(Database.FOLDER), "cannot be opened", e);
        }
        stamp.write(folder);
        AckMarker.create(folder, reached);
        return reached.version();
    }
}
