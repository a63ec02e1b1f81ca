package io.nearkv.cluster;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.util.Objects.requireNonNull;

import io.nearkv.core.BackupInfo;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvAdmin;
import io.nearkv.core.KvException;
import io.nearkv.core.Value;
import io.nearkv.core.rocksdb.BackupSource;
import io.nearkv.core.rocksdb.StoreBackups;
import io.nearkv.core.rocksdb.WorkProgress;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The backups of a cluster in a folder. In {@code log-N} are those of log N, in the format of {@link StoreBackups}: files under their checksums, each once however many backups need it.
 * {@code cluster-NNNNNN.manifest} says which of them belong together; it is written last, so that a backup is there as a whole or not at all.
 *
 * <p>Each log is at a moment of its own, and whole at that moment: everything is in it that was acknowledged before the backup was asked for, and nothing in part. Not thread-safe; one process at a
 * time makes a backup in a folder.
 */
public final class ClusterBackups {
    private static final String TITLE = "nearkv cluster backup";
    private static final int FORMAT = 1;
    private static final Pattern FILE_NAME = Pattern.compile("cluster-(\\d{6,9})\\.manifest");
    private static final long MAX_BYTES = 1 << 20;
    private static final Duration KEEP_ASKING = Duration.ofSeconds(30);
    private static final Duration PATIENCE = Duration.ofMinutes(10);
    private static final long PAUSE_MILLIS = 100;

    private final Path folder;

    /**
     * A log in a backup.
     *
     * @param backup which of the backups in the folder of the log
     * @param index the last entry that is in it
     * @param version every change up to here is in it, counted as the log counts
     */
    public record Log(int backup, long index, long version) {}

    /**
     * A backup.
     *
     * @param id its number within the folder, at least 1
     * @param created when it was asked for
     * @param cluster the cluster
     * @param environment the environment that the data belongs to
     * @param partitions over how many logs the keys are spread
     * @param logs the logs, by their numbers
     * @param bytes of the files that it needs, shared with other backups or not
     * @param checksum of all this, by which a cluster that begins with it names it
     */
    public record Backup(
            int id,
            Instant created,
            UUID cluster,
            String environment,
            int partitions,
            List<Log> logs,
            long bytes,
            String checksum) {
        /** Checks that nothing is missing. */
        public Backup {
            requireNonNull(created, "created");
            requireNonNull(cluster, "cluster");
            requireNonNull(environment, "environment");
            requireNonNull(checksum, "checksum");
            logs = List.copyOf(logs);
            if (id < 1 || logs.isEmpty()) {
                throw new IllegalArgumentException("backup " + id + " of " + logs.size() + " logs");
            }
        }
    }

    /** Looks at a folder of backups, which need not be there. */
    public ClusterBackups(Path folder) {
        this.folder = requireNonNull(folder, "folder");
    }

    /** Returns the backups of a log. */
    StoreBackups log(int number) {
        return new StoreBackups(folder.resolve("log-" + number));
    }

    // ---- looking

    /** Returns all backups, oldest first. */
    public List<Backup> list() throws IOException {
        List<Backup> found = new ArrayList<>();
        for (int id : ids()) {
            found.add(read(id));
        }
        return found;
    }

    private List<Integer> ids() throws IOException {
        if (Files.notExists(folder)) {
            return List.of();
        }
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.map(entry -> FILE_NAME.matcher(String.valueOf(entry.getFileName())))
                    .filter(Matcher::matches)
                    .map(name -> Integer.parseInt(name.group(1)))
                    .sorted()
                    .toList();
        }
    }

    /**
     * Returns a backup.
     *
     * @param id its number, or null for the newest
     * @throws KvException {@link ErrorCode#NOT_FOUND} if there is none, {@link ErrorCode#INTERNAL} if what describes it is damaged
     */
    public Backup get(@Nullable Integer id) throws IOException {
        List<Integer> ids = ids();
        if (ids.isEmpty()) {
            throw new KvException(ErrorCode.NOT_FOUND, "there is no backup of a cluster in '" + folder + "'");
        }
        int wanted = id == null ? ids.get(ids.size() - 1) : id;
        if (!ids.contains(wanted)) {
            throw new KvException(
                    ErrorCode.NOT_FOUND,
                    "there is no backup " + wanted + " in '" + folder + "' (expected: one of " + ids + ")");
        }
        return read(wanted);
    }

    /**
     * Returns the backup with a checksum.
     *
     * @throws KvException {@link ErrorCode#NOT_FOUND} if there is none
     */
    Backup find(String checksum) throws IOException {
        for (int id : ids()) {
            if (StoreBackups.sha256(file(id)).equals(checksum)) {
                return read(id);
            }
        }
        throw new KvException(
                ErrorCode.NOT_FOUND,
                "the backup that the cluster begins with is not in '" + folder
                        + "' (expected: the folder that was given to" + " 'nearkv cluster restore', or a copy of it)");
    }

    /**
     * Reads every file of a backup and returns what is wrong, one line for each damaged or missing file.
     *
     * @param id the backup, or null for the newest
     * @throws KvException {@link ErrorCode#NOT_FOUND} if there is none
     */
    public List<String> verify(@Nullable Integer id, WorkProgress progress) throws IOException {
        Backup backup = get(id);
        List<String> problems = new ArrayList<>();
        for (int number = 0; number < backup.logs().size(); number++) {
            problems.addAll(log(number).verify(backup.logs().get(number).backup(), progress));
        }
        return problems;
    }

    // ---- the manifest

    private Path file(int id) {
        return folder.resolve(String.format("cluster-%06d.manifest", id));
    }

    private Backup read(int id) throws IOException {
        Path file = file(id);
        if (Files.size(file) > MAX_BYTES) {
            throw damaged(file, "it is longer than " + MAX_BYTES + " bytes", null);
        }
        List<String> lines = Files.readAllLines(file, US_ASCII);
        if (lines.isEmpty() || !lines.get(0).equals(TITLE)) {
            throw damaged(file, "it does not begin with '" + TITLE + "'", null);
        }
        Map<String, String> fields = new HashMap<>();
        List<Log> logs = new ArrayList<>();
        try {
            for (String line : lines.subList(1, lines.size())) {
                int equals = line.indexOf('=');
                String value = line.substring(equals + 1);
                if (line.startsWith("log=")) {
                    String[] parts = value.split(" ", 3);
                    logs.add(new Log(Integer.parseInt(parts[0]), Long.parseLong(parts[1]), Long.parseLong(parts[2])));
                } else {
                    fields.put(line.substring(0, Math.max(0, equals)), value);
                }
            }
            int format = Integer.parseInt(field(fields, "format"));
            if (format > FORMAT) {
                throw new KvException(
                        ErrorCode.INTERNAL,
                        file + " has format version " + format + ", and this program reads up to " + FORMAT
                                + " (expected: a newer program)");
            }
            if (!field(fields, "end").equals(Integer.toString(logs.size()))) {
                throw damaged(file, "it is cut short", null);
            }
            return new Backup(
                    id,
                    Instant.parse(field(fields, "created")),
                    UUID.fromString(field(fields, "cluster")),
                    field(fields, "environment"),
                    Integer.parseInt(field(fields, "partitions")),
                    logs,
                    Long.parseLong(field(fields, "bytes")),
                    StoreBackups.sha256(file));
        } catch (IllegalArgumentException | IndexOutOfBoundsException | DateTimeException e) {
            throw damaged(file, "a line is malformed", e);
        }
    }

    private static String field(Map<String, String> fields, String name) {
        String value = fields.get(name);
        if (value == null) {
            throw new IllegalArgumentException("no line '" + name + "'");
        }
        return value;
    }

    private static KvException damaged(Path file, String how, @Nullable Throwable cause) {
        return new KvException(ErrorCode.INTERNAL, file + " is damaged: " + how + " (expected: another backup)", cause);
    }

    private static String text(ClusterLayout layout, Instant created, List<Log> logs, long bytes) {
        StringBuilder text = new StringBuilder(TITLE)
                .append("\nformat=")
                .append(FORMAT)
                .append("\ncreated=")
                .append(created)
                .append("\ncluster=")
                .append(layout.cluster())
                .append("\nenvironment=")
                .append(layout.environment())
                .append("\npartitions=")
                .append(layout.partitions())
                .append("\nbytes=")
                .append(bytes)
                .append('\n');
        for (Log log : logs) {
            text.append("log=")
                    .append(log.backup())
                    .append(' ')
                    .append(log.index())
                    .append(' ')
                    .append(log.version())
                    .append('\n');
        }
        return text.append("end=").append(logs.size()).append('\n').toString();
    }

    // ---- making one

    /**
     * Makes a backup of a cluster that serves, and reads back what it has written. What an earlier backup in the folder has is not copied again; one that was broken off leaves nothing but files that the
     * next one finds there.
     *
     * @param admin the cluster
     * @param layout of the cluster
     * @throws KvException as the cluster's answers; {@link ErrorCode#UNAVAILABLE} if another process makes a backup in the folder, or a log has no leader
     */
    public Backup save(KvAdmin admin, ClusterLayout layout, InstantSource clock, WorkProgress progress)
            throws IOException, InterruptedException {
        Files.createDirectories(folder);
        try (FileChannel channel =
                FileChannel.open(folder.resolve("LOCK"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            lock(channel);
            Instant created = clock.instant();
            UUID[] ids = new UUID[layout.logs()];
            ClusterSnapshot[] snapshots = new ClusterSnapshot[layout.logs()];
            Kept kept = new Kept(admin, ids, snapshots);
            // All within a moment. Log 0 is the last: it then knows every namespace that any other knows.
            for (int number = layout.logs() - 1; number >= 0; number--) {
                progress.advanced("taking snapshots", (long) layout.logs() - number, layout.logs());
                ids[number] = UUID.randomUUID();
                snapshots[number] = kept.take(number);
            }
            List<Log> logs = new ArrayList<>();
            long bytes = 0;
            for (int number = 0; number < layout.logs(); number++) {
                ClusterSnapshot snapshot = snapshots[number];
                String step = layout.logs() == 1 ? "copying" : "copying log " + number;
                BackupInfo info = log(number)
                        .add(
                                new Copied(kept, ids[number], snapshot),
                                layout.environment(),
                                layout.lineage(),
                                snapshot.version(),
                                created,
                                (what, done, total) -> progress.advanced(step, done, total));
                logs.add(new Log(info.id(), snapshot.index(), snapshot.version()));
                bytes += info.sizeBytes();
            }
            List<Integer> before = ids();
            int id = before.isEmpty() ? 1 : before.get(before.size() - 1) + 1;
            Disk.write(file(id), text(layout, created, logs, bytes).getBytes(US_ASCII));
            return read(id);
        }
    }

    /** Takes the lock of the folder, until the channel is closed. */
    private void lock(FileChannel channel) throws IOException {
        boolean free;
        try {
            free = channel.tryLock() != null;
        } catch (OverlappingFileLockException e) {
            free = false; // Somebody else in this process has it.
        }
        if (!free) {
            throw new KvException(
                    ErrorCode.UNAVAILABLE,
                    "another backup is being made in '" + folder + "' (expected: one after the other)");
        }
    }

    /** The snapshots that nodes keep for this backup. */
    private static final class Kept {
        private final KvAdmin admin;
        private final UUID[] ids;
        private final ClusterSnapshot[] snapshots;
        private long askedNanos = System.nanoTime();

        Kept(KvAdmin admin, UUID[] ids, ClusterSnapshot[] snapshots) {
            this.admin = admin;
            this.ids = ids;
            this.snapshots = snapshots;
        }

        CompletableFuture<Value> ask(ClusterQuestion question) {
            return admin.ask(question.encode());
        }

        ClusterSnapshot take(int number) throws InterruptedException {
            long end = System.nanoTime() + PATIENCE.toNanos();
            List<BackupSource.SourceFile> files = new ArrayList<>();
            while (true) {
                ClusterSnapshot part = ClusterSnapshot.decode(
                        await(ask(new ClusterQuestion.Snapshot(number, ids[number], files.size()))));
                files.addAll(part.files());
                if (part.count() > 0 && files.size() >= part.count()) {
                    return new ClusterSnapshot(part.node(), part.index(), part.version(), part.count(), files);
                }
                if (System.nanoTime() - end > 0) {
                    throw new KvException(
                            ErrorCode.UNAVAILABLE,
                            "node '" + part.node() + "' has made no snapshot of log " + number + " within "
                                    + PATIENCE.toMinutes() + " min");
                }
                if (part.count() == 0) {
                    files.clear(); // Another node may lead now, with a snapshot of its own.
                    Thread.sleep(PAUSE_MILLIS);
                }
            }
        }

        /** Has the nodes know now and then that those which wait for their turn are still wanted. */
        void keep() throws InterruptedException {
            if (System.nanoTime() - askedNanos > KEEP_ASKING.toNanos()) {
                for (int number = 0; number < ids.length; number++) {
                    String name = snapshots[number].files().get(0).name();
                    var unused = await(
                            ask(new ClusterQuestion.SnapshotPiece(snapshots[number].node(), ids[number], name, 0, 1)));
                }
                askedNanos = System.nanoTime();
            }
        }
    }

    private static Value await(CompletableFuture<Value> answer) throws InterruptedException {
        try {
            return answer.get();
        } catch (ExecutionException e) {
            throw KvException.from(e);
        }
    }

    private static Value awaitInput(CompletableFuture<Value> answer) throws IOException {
        try {
            return await(answer);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    /** A snapshot on another machine. */
    private record Copied(Kept kept, UUID id, ClusterSnapshot snapshot) implements BackupSource {
        @Override
        public List<SourceFile> files() {
            return snapshot.files();
        }

        @Override
        public String sha256(SourceFile file) throws IOException {
            Value answer = awaitInput(kept.ask(new ClusterQuestion.SnapshotDigest(snapshot.node(), id, file.name())));
            return Key.display(new String(answer.toByteArray(), US_ASCII));
        }

        @Override
        public InputStream open(SourceFile file) {
            return new Pieces(this, file);
        }

        CompletableFuture<Value> piece(SourceFile file, long offset) {
            long left = file.bytes() - offset;
            return left <= 0
                    ? CompletableFuture.completedFuture(Value.wrap(new byte[0]))
                    : kept.ask(new ClusterQuestion.SnapshotPiece(snapshot.node(), id, file.name(), offset, (int)
                            Math.min(left, ClusterQuestion.SnapshotPiece.MAX_PIECE_BYTES)));
        }
    }

    /** A file on another machine, read from the beginning to the end; the next piece is on its way while one is used. */
    private static final class Pieces extends InputStream {
        private final Copied from;
        private final BackupSource.SourceFile file;
        private Value piece = Value.wrap(new byte[0]);
        private int used;
        private long asked;
        private CompletableFuture<Value> next;

        Pieces(Copied from, BackupSource.SourceFile file) {
            this.from = from;
            this.file = file;
            this.next = from.piece(file, 0);
        }

        private boolean hasMore() throws IOException {
            if (used < piece.length()) {
                return true;
            }
            piece = awaitInput(next);
            used = 0;
            asked += piece.length();
            if (piece.length() == 0 && asked < file.bytes()) {
                throw new IOException("'" + file.name() + "' ends after " + asked + " of " + file.bytes() + " bytes");
            }
            next = from.piece(file, asked);
            try {
                from.kept().keep();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException("interrupted", e);
            }
            return piece.length() > 0;
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
        }

        @Override
        public int read(byte[] target, int offset, int length) throws IOException {
            if (!hasMore()) {
                return -1;
            }
            int count = Math.min(length, piece.length() - used);
            piece.copyTo(used, target, offset, count);
            used += count;
            return count;
        }
    }
}
