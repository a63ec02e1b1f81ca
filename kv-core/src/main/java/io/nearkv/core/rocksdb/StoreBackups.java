package io.nearkv.core.rocksdb;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.BackupInfo;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.rocksdb.Checkpoint;
import org.rocksdb.RocksDBException;

/** The backups in a folder: which there are, whether they are whole, and how a store comes back from one. Not thread-safe. */
public final class StoreBackups {
    private static final String RESTORING = "restoring";
    private static final String SNAPSHOT = "store.snapshot";

    private final BackupFolder folder;
    private final Path path;

    /**
     * A backup.
     *
     * @param info its number, what it holds, and its size
     * @param created when it was made
     * @param environment the environment that the data belongs to
     */
    public record Backup(BackupInfo info, Instant created, String environment) {
        /** Checks that nothing is missing. */
        public Backup {
            requireNonNull(info, "info");
            requireNonNull(created, "created");
            requireNonNull(environment, "environment");
        }
    }

    /** Looks at a folder of backups, which need not be there. */
    public StoreBackups(Path folder) {
        this.path = requireNonNull(folder, "folder");
        this.folder = new BackupFolder(folder);
    }

    /** Returns all backups, oldest first. */
    public List<Backup> list() throws IOException {
        List<Backup> backups = new ArrayList<>();
        for (BackupManifest manifest : folder.manifests()) {
            backups.add(new Backup(manifest.info(path), manifest.created(), manifest.environment()));
        }
        return backups;
    }

    /**
     * Copies a snapshot of a replica into a new backup.
     *
     * @param environment the environment that the data belongs to
     * @param lineage the history that it is of
     * @param version every change up to here is in it
     * @return the new backup
     */
    public BackupInfo add(
            BackupSource snapshot, String environment, long lineage, long version, Instant now, WorkProgress progress)
            throws IOException {
        return folder.add(
                snapshot, new StoreStamp(StoreStamp.CURRENT_FORMAT, environment, lineage, now), version, now, progress);
    }

    /** Returns the SHA-256 of a file in hex digits, as backups know it. */
    public static String sha256(Path file) throws IOException {
        return BackupFolder.digest(file);
    }

    /** Puts the files of a backup into a new folder, verified; returns what it is a backup of. */
    BackupManifest copy(int id, Path target, WorkProgress progress) throws IOException {
        BackupManifest manifest = folder.manifest(id);
        if (manifest.storeFormat() > StoreStamp.CURRENT_FORMAT) {
            throw new KvException(
                    ErrorCode.INTERNAL,
                    "backup " + manifest.id() + " has store format " + manifest.storeFormat()
                            + ", and this program reads up to " + StoreStamp.CURRENT_FORMAT
                            + " (expected: a newer program)");
        }
        folder.copyTo(manifest, target, progress);
        return manifest;
    }

    /**
     * Reads every file of a backup and returns what is wrong, one line for each damaged or missing file.
     *
     * @param id the backup, or null for the newest
     * @throws KvException {@link ErrorCode#NOT_FOUND} if there is none
     */
    public List<String> verify(@Nullable Integer id, WorkProgress progress) throws IOException {
        return folder.verify(folder.manifest(id), progress);
    }

    /**
     * Puts a backup into a data folder that has no store. The data keeps its environment and gets a new lineage, because its history from here on is another one than what came after the
     * backup. Nothing is in place before all of it is verified.
     *
     * @param id the backup, or null for the newest
     * @return the backup that was restored
     * @throws KvException {@link ErrorCode#NOT_FOUND} if there is no such backup, {@link ErrorCode#INTERNAL} if one of its files is damaged
     */
    public Backup restore(
            @Nullable Integer id, Path dataFolder, InstantSource clock, RandomGenerator random, WorkProgress progress)
            throws IOException {
        int wanted = folder.manifest(id).id(); // Before anything is made.
        BackupFolder.requireNoStore(dataFolder);
        Files.createDirectories(dataFolder);
        Path staging = dataFolder.resolve(RESTORING);
        deleteRecursively(staging); // of a restore that was cut short
        Files.createDirectory(staging);
        BackupManifest manifest = copy(wanted, staging.resolve(Database.FOLDER), progress);
        StoreStamp stamp =
                new StoreStamp(manifest.storeFormat(), manifest.environment(), random.nextLong(), clock.instant());
        long version = StoreAdoption.adopt(staging, stamp, Database.Mode.WHOLE);
        if (version < manifest.version()) {
            throw new KvException(
                    ErrorCode.INTERNAL,
                    "backup " + manifest.id() + " ends at version " + version + " and not at " + manifest.version()
                            + " (expected: another backup)");
        }
        // The stamp first: a folder with a stamp and without data is refused, one without a stamp is taken for a new
        // one.
        for (String name : List.of(StoreStamp.FILE, AckMarker.FILE, Database.FOLDER)) {
            Files.move(staging.resolve(name), dataFolder.resolve(name), StandardCopyOption.ATOMIC_MOVE);
            StoreStamp.syncFolder(dataFolder);
        }
        deleteRecursively(staging);
        return new Backup(manifest.info(path), manifest.created(), manifest.environment());
    }

    /** Makes a backup of an open database. May take long; the database is held for the first moment alone. */
    static BackupInfo create(StoreCore core, Path backups) {
        Path snapshot = core.folder.resolve(SNAPSHOT);
        try {
            deleteRecursively(snapshot); // of a backup that was cut short
            long version = core.lastVersion;
            Database db = core.database();
            Lanes.Lane lane = core.enter(db);
            try (Checkpoint checkpoint = Checkpoint.create(db.rocks)) {
                checkpoint.createCheckpoint(snapshot.toString());
            } catch (RocksDBException e) {
                throw db.failure("cannot make a snapshot", e);
            } finally {
                db.lanes.leave(lane);
            }
            try {
                return new BackupFolder(backups)
                        .add(snapshot, core.stamp, version, core.options.clock.instant(), WorkProgress.NONE);
            } finally {
                deleteRecursively(snapshot);
            }
        } catch (IOException e) {
            throw new KvException(ErrorCode.UNAVAILABLE, "the backup in " + backups + " failed: " + e, e);
        }
    }

    static void deleteRecursively(Path folder) throws IOException {
        if (Files.notExists(folder)) {
            return;
        }
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
