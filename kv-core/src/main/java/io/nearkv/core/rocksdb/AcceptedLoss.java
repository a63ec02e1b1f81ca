package io.nearkv.core.rocksdb;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.temporal.ChronoUnit;
import org.rocksdb.RocksDBException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is left of a store after its loss was accepted.
 *
 * @param foundVersion the version of the last change that is left
 * @param acknowledgedVersion the version that was acknowledged as durable, or -1 if the note of that is lost too
 * @param lineage the new lineage
 */
public record AcceptedLoss(long foundVersion, long acknowledgedVersion, long lineage) {
    private static final Logger log = LoggerFactory.getLogger(AcceptedLoss.class);

    static AcceptedLoss accept(Path folder, RocksStoreOptions options) {
        StoreStamp stamp = StoreStamp.read(folder);
        if (stamp == null) {
            throw new KvException(
                    ErrorCode.INTERNAL,
                    folder.resolve(StoreStamp.FILE) + " is missing (expected: restore the folder from a backup)");
        }
        stamp.check(folder, options.environment);
        if (!Files.exists(folder.resolve(Database.FOLDER).resolve("CURRENT"))) {
            throw new KvException(
                    ErrorCode.INTERNAL, folder + " lacks its database (expected: restore the folder from a backup)");
        }
        try (FolderLock lock = FolderLock.acquire(
                folder, options.program, options.clock.instant().truncatedTo(ChronoUnit.SECONDS))) {
            long acknowledged = acknowledged(folder);
            AcceptedLoss loss = rewrite(folder, options, stamp, acknowledged);
            log.atWarn()
                    .addKeyValue("found", loss.foundVersion())
                    .addKeyValue("acknowledged", acknowledged)
                    .addKeyValue("folder", lock.folder())
                    .log("the loss of acknowledged writes was accepted");
            return loss;
        } catch (IOException e) {
            throw new KvException(ErrorCode.UNAVAILABLE, "cannot repair " + folder + ": " + e, e);
        }
    }

    private static long acknowledged(Path folder) throws IOException {
        try {
            return AckMarker.open(folder).reached().version();
        } catch (KvException e) {
            return -1; // That it is unreadable may be the very damage.
        }
    }

    /** First the data, then the two files, each of which may be behind: doing it all again is always possible. */
    private static AcceptedLoss rewrite(Path folder, RocksStoreOptions options, StoreStamp stamp, long acknowledged)
            throws IOException {
        try (Database db = Database.open(folder, options, Database.Mode.WHAT_IS_LEFT)) {
            if (db.rocks.get(db.meta, MetaRecords.name(MetaRecords.STAMP)) == null) {
                throw new KvException(
                        ErrorCode.INTERNAL,
                        folder + " has lost even its stamp (expected: restore the folder from a backup)");
            }
            long lineage = options.random.nextLong();
            StoreStamp renewed = new StoreStamp(stamp.formatVersion(), stamp.environment(), lineage, stamp.created());
            long found = new FeedLog(options).load(db);
            AckMarker.Reached reached =
                    new AckMarker.Reached(found, MetaRecords.readCatalogue(db).revision());
            db.rocks.put(db.meta, db.synced, MetaRecords.name(MetaRecords.STAMP), MetaRecords.stamp(renewed));
            renewed.write(folder);
            AckMarker.create(folder, reached);
            return new AcceptedLoss(found, acknowledged, lineage);
        } catch (RocksDBException e) {
            throw Database.failure(folder.resolve(Database.FOLDER), "cannot be repaired", e);
        }
    }
}
