package io.nearkv.core.rocksdb;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.BackupInfo;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.rocksdb.BackupManifest.StoredFile;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A folder of backups. Files of the database are kept in {@code files/} under their SHA-256, each once however many backups need it; {@code backup-NNNNNN.manifest} says which
 * ones a backup consists of, and under which names. RocksDB's tables and blob files never change, so a backup copies what is new since the last one.
 *
 * <p>A hard-linked snapshot (a RocksDB checkpoint) is taken first, in an instant, and copied after that, so that a backup of hours keeps neither the store nor its end
 * waiting. RocksDB's own backup engine would hold the database for as long as the copy takes. Not thread-safe; {@link WorkProgress} is called on the calling thread.
 */
final class BackupFolder {
    private static final String FILES = "files";
    private static final int BUFFER_BYTES = 1 << 20;

    private final Path folder;
    private final byte[] buffer = new byte[BUFFER_BYTES];

    BackupFolder(Path folder) {
        this.folder = requireNonNull(folder, "folder");
    }

    /** Returns the manifests of all backups, oldest first. */
    List<BackupManifest> manifests() throws IOException {
        List<BackupManifest> found = new ArrayList<>();
        for (int id : ids()) {
            found.add(BackupManifest.read(folder.resolve(BackupManifest.fileName(id))));
        }
        return found;
    }

    private List<Integer> ids() throws IOException {
        if (Files.notExists(folder)) {
            return List.of();
        }
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.map(file -> BackupManifest.idOf(String.valueOf(file.getFileName())))
                    .filter(id -> id > 0)
                    .sorted()
                    .toList();
        }
    }

    /**
     * Returns the manifest of a backup, by default the newest.
     *
     * @throws KvException {@link ErrorCode#NOT_FOUND} if there is none
     */
    BackupManifest manifest(@Nullable Integer id) throws IOException {
        List<Integer> ids = ids();
        if (ids.isEmpty()) {
            throw new KvException(ErrorCode.NOT_FOUND, "there is no backup in '" + folder + "'");
        }
        int wanted = id == null ? ids.get(ids.size() - 1) : id;
        if (!ids.contains(wanted)) {
            throw new KvException(
                    ErrorCode.NOT_FOUND,
                    "there is no backup " + wanted + " in '" + folder + "' (expected: one of " + ids + ")");
        }
        return BackupManifest.read(folder.resolve(BackupManifest.fileName(wanted)));
    }

    /**
     * Copies a snapshot of a store into a new backup and reads back what it has written.
     *
     * @param snapshot a folder with the files of the database, none of which changes
     * @param stamp the stamp of the store
     * @param version every change up to here is in the snapshot
     */
    BackupInfo add(Path snapshot, StoreStamp stamp, long version, Instant now, WorkProgress progress)
            throws IOException {
        List<Integer> ids = ids();
        return add(
                new FolderSource(
                        snapshot, ids.isEmpty() ? Map.of() : knownFiles(ids.get(ids.size() - 1), stamp.lineage())),
                stamp,
                version,
                now,
                progress);
    }

    /**
     * Copies a snapshot from wherever it is into a new backup and reads back what it has written.
     *
     * @param stamp the stamp of the store
     * @param version every change up to here is in the snapshot
     */
    BackupInfo add(BackupSource source, StoreStamp stamp, long version, Instant now, WorkProgress progress)
            throws IOException {
        Files.createDirectories(folder.resolve(FILES));
        List<Integer> ids = ids();
        int id = ids.isEmpty() ? 1 : ids.get(ids.size() - 1) + 1;
        List<BackupSource.SourceFile> sources = source.files();
        long total = sources.stream().mapToLong(BackupSource.SourceFile::bytes).sum();
        List<StoredFile> files = new ArrayList<>();
        long done = 0;
        for (BackupSource.SourceFile file : sources) {
            files.add(store(source, file));
            done += file.bytes();
            progress.advanced("copying", done, total);
        }
        StoreStamp.syncFolder(folder.resolve(FILES));
        BackupManifest manifest = new BackupManifest(
                id, now, stamp.formatVersion(), stamp.environment(), stamp.lineage(), version, files);
        Path file = folder.resolve(BackupManifest.fileName(id));
        Path fresh = folder.resolve(BackupManifest.fileName(id) + ".new");
        try (FileChannel channel = create(fresh)) {
            writeAll(
                    channel, ByteBuffer.wrap(manifest.toText().getBytes(java.nio.charset.StandardCharsets.ISO_8859_1)));
            channel.force(true);
        }
        Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
        StoreStamp.syncFolder(folder);
        return manifest.info(folder);
    }

    /** Within one history a table or blob file of one name never changes: it need not even be read again. */
    private Map<String, StoredFile> knownFiles(int lastId, long lineage) throws IOException {
        Map<String, StoredFile> known = new HashMap<>();
        BackupManifest last;
        try {
            last = BackupManifest.read(folder.resolve(BackupManifest.fileName(lastId)));
        } catch (KvException e) {
            return known; // A damaged manifest costs a full copy of what its backup shares, and not this backup.
        }
        if (last.lineage() == lineage) {
            last.files().stream()
                    .filter(file -> file.name().endsWith(".sst") || file.name().endsWith(".blob"))
                    .forEach(file -> known.put(file.name(), file));
        }
        return known;
    }

    /** A snapshot in a folder on this machine; known are files of which the name and the length say what is in them. */
    private record FolderSource(Path snapshot, Map<String, StoredFile> known) implements BackupSource {
        @Override
        public List<SourceFile> files() throws IOException {
            List<SourceFile> files = new ArrayList<>();
            try (Stream<Path> entries = Files.list(snapshot)) {
                for (Path entry :
                        entries.sorted(Comparator.comparing(Path::toString)).toList()) {
                    files.add(new SourceFile(String.valueOf(entry.getFileName()), Files.size(entry)));
                }
            }
            return files;
        }

        @Override
        public @Nullable String sha256(SourceFile file) {
            StoredFile before = known.get(file.name());
            return before == null || before.bytes() != file.bytes() ? null : before.sha256();
        }

        @Override
        public InputStream open(SourceFile file) throws IOException {
            return Files.newInputStream(snapshot.resolve(file.name()));
        }
    }

    private StoredFile store(BackupSource source, BackupSource.SourceFile file) throws IOException {
        String expected = source.sha256(file);
        if (expected != null) {
            StoredFile there = new StoredFile(expected, file.bytes(), file.name());
            if (hasSize(pathOf(expected), file.bytes())) {
                return there;
            }
        }
        Path fresh = folder.resolve(FILES).resolve(".new");
        String sha256;
        try (FileChannel target = create(fresh);
                InputStream in = source.open(file)) {
            sha256 = copy(in, target);
            target.force(true);
        }
        if (expected != null && !sha256.equals(expected)) {
            throw new KvException(
                    ErrorCode.INTERNAL, "'" + file.name() + "' is not what its checksum says (expected: another try)");
        }
        if (!sha256.equals(digest(fresh))) {
            throw new KvException(
                    ErrorCode.INTERNAL,
                    fresh + " reads back differently from what was written (expected: another disk)");
        }
        StoredFile stored = new StoredFile(sha256, Files.size(fresh), file.name());
        Path kept = pathOf(sha256);
        if (hasSize(kept, stored.bytes())) {
            Files.delete(fresh);
        } else {
            Files.move(fresh, kept, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        }
        return stored;
    }

    private static boolean hasSize(Path file, long bytes) throws IOException {
        try {
            return Files.size(file) == bytes;
        } catch (NoSuchFileException e) {
            return false;
        }
    }

    private Path pathOf(String sha256) {
        return folder.resolve(FILES).resolve(sha256);
    }

    /** Reads every file of a backup and returns what is wrong, one line for each damaged or missing file. */
    List<String> verify(BackupManifest manifest, WorkProgress progress) throws IOException {
        List<String> problems = new ArrayList<>();
        long done = 0;
        for (StoredFile file : manifest.files()) {
            Path stored = pathOf(file.sha256());
            try {
                if (!digest(stored).equals(file.sha256())) {
                    problems.add(stored + " (" + file.name() + "): its checksum does not match");
                }
            } catch (NoSuchFileException e) {
                problems.add(stored + " (" + file.name() + "): missing");
            }
            done += file.bytes();
            progress.advanced("verifying", done, manifest.sizeBytes());
        }
        return problems;
    }

    /**
     * Copies the files of a backup into a new folder, and makes them durable.
     *
     * @throws KvException {@link ErrorCode#INTERNAL} if one of them is damaged; the message names it
     */
    void copyTo(BackupManifest manifest, Path target, WorkProgress progress) throws IOException {
        Files.createDirectories(target);
        long done = 0;
        for (StoredFile file : manifest.files()) {
            Path stored = pathOf(file.sha256());
            String found;
            try (InputStream in = Files.newInputStream(stored);
                    FileChannel channel = create(target.resolve(file.name()))) {
                found = copy(in, channel);
                channel.force(true);
            } catch (NoSuchFileException e) {
                throw unusable(stored, file, "is missing");
            }
            if (!found.equals(file.sha256())) {
                throw unusable(stored, file, "is damaged: its checksum does not match");
            }
            done += file.bytes();
            progress.advanced("verifying", done, manifest.sizeBytes());
        }
        StoreStamp.syncFolder(target);
    }

    private static KvException unusable(Path stored, StoredFile file, String how) {
        return new KvException(
                ErrorCode.INTERNAL, stored + " (" + file.name() + ") " + how + " (expected: another backup)");
    }

    private static FileChannel create(Path file) throws IOException {
        return FileChannel.open(
                file, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE);
    }

    /** Copies what is read and returns its SHA-256. */
    private String copy(InputStream in, FileChannel target) throws IOException {
        MessageDigest digest = sha256();
        for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
            digest.update(buffer, 0, count);
            writeAll(target, ByteBuffer.wrap(buffer, 0, count));
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    /** Returns the SHA-256 of a file in hex digits. */
    static String digest(Path file) throws IOException {
        MessageDigest digest = sha256();
        byte[] piece = new byte[BUFFER_BYTES];
        try (InputStream in = Files.newInputStream(file)) {
            for (int count = in.read(piece); count >= 0; count = in.read(piece)) {
                digest.update(piece, 0, count);
            }
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    private static void writeAll(FileChannel target, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            target.write(bytes);
        }
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java runtime has SHA-256", e);
        }
    }

    /** Fails if a data folder holds a store already, whole or in part. */
    static void requireNoStore(Path dataFolder) throws IOException {
        for (String name : List.of(StoreStamp.FILE, AckMarker.FILE, Database.FOLDER)) {
            if (Files.exists(dataFolder.resolve(name))) {
                throw new FileAlreadyExistsException(
                        dataFolder.resolve(name).toString(), null, "a restore wants a folder without a store");
            }
        }
    }
}
