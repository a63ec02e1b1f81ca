package io.nearkv.cluster;

import java.io.File;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.ratis.io.MD5Hash;
import org.apache.ratis.server.protocol.TermIndex;
import org.apache.ratis.server.storage.FileInfo;
import org.apache.ratis.server.storage.RaftStorage;
import org.apache.ratis.statemachine.SnapshotInfo;
import org.apache.ratis.statemachine.SnapshotRetentionPolicy;
import org.apache.ratis.statemachine.StateMachineStorage;
import org.apache.ratis.statemachine.impl.FileListSnapshotInfo;
import org.apache.ratis.util.MD5FileUtil;
import org.jspecify.annotations.Nullable;

/**
 * The snapshots of a partition: folders {@code snapshot.TERM.INDEX} in Ratis' folder of the state machine, which it replaces as a whole when it has received one from the
 * leader. A folder has its name only once it is complete. Thread-safe.
 */
final class SnapshotStorage implements StateMachineStorage {
    private static final Pattern NAME = Pattern.compile("snapshot\\.(\\d{1,19})\\.(\\d{1,19})");
    /** One that is being sent, and the newest. */
    private static final int KEPT = 2;

    private volatile @Nullable Path folder;
    private volatile @Nullable SnapshotInfo latest;

    /**
     * A snapshot on the disk.
     *
     * @param folder where it is
     * @param at the last entry that is in it
     */
    record Stored(Path folder, TermIndex at) {}

    /** A file whose checksum is computed when it is first sent: most never are. */
    private static final class SentFile extends FileInfo {
        private @Nullable MD5Hash digest;

        SentFile(Path path) {
            super(path, null);
        }

        @Override
        public synchronized MD5Hash getFileDigest() {
            MD5Hash known = digest;
            if (known == null) {
                try {
                    known = MD5FileUtil.computeMd5ForFile(getPath().toFile());
                } catch (IOException e) {
                    throw new java.io.UncheckedIOException("cannot read " + getPath(), e);
                }
                digest = known;
            }
            return known;
        }
    }

    @Override
    public void init(RaftStorage storage) throws IOException {
        Path stateMachine = storage.getStorageDir().getStateMachineDir().toPath();
        Files.createDirectories(stateMachine);
        folder = stateMachine;
        load();
    }

    private Path folder() {
        Path known = folder;
        if (known == null) {
            throw new IllegalStateException("no folder yet");
        }
        return known;
    }

    /** Looks again what there is; after Ratis has put a received snapshot there. */
    void load() throws IOException {
        Stored newest = newest();
        latest = newest == null ? null : info(newest);
    }

    private static SnapshotInfo info(Stored snapshot) throws IOException {
        List<FileInfo> files = new ArrayList<>();
        try (Stream<Path> paths = Files.list(snapshot.folder())) {
            for (Path path : paths.sorted().toList()) {
                if (!path.toString().endsWith(MD5FileUtil.MD5_SUFFIX)) {
                    files.add(new SentFile(path));
                }
            }
        }
        return new FileListSnapshotInfo(files, snapshot.at());
    }

    private List<Stored> stored() throws IOException {
        List<Stored> found = new ArrayList<>();
        try (Stream<Path> paths = Files.list(folder())) {
            for (Path path : paths.toList()) {
                Matcher name = NAME.matcher(String.valueOf(path.getFileName()));
                if (name.matches()) {
                    found.add(new Stored(
                            path, TermIndex.valueOf(Long.parseLong(name.group(1)), Long.parseLong(name.group(2)))));
                }
            }
        }
        found.sort(Comparator.comparing(snapshot -> snapshot.at().getIndex()));
        return found;
    }

    /** Returns the newest snapshot, or null if there is none. */
    @Nullable
    Stored newest() throws IOException {
        List<Stored> found = stored();
        return found.isEmpty() ? null : found.get(found.size() - 1);
    }

    /** Has a snapshot made, and shows it when it is complete. */
    void add(TermIndex at, Maker maker) throws IOException {
        Path complete = folder().resolve(name(at));
        if (Files.exists(complete)) {
            return;
        }
        Path making = folder().resolve("making");
        delete(making);
        maker.make(making);
        Files.move(making, complete, StandardCopyOption.ATOMIC_MOVE);
        sync(folder());
        load();
    }

    /** Makes the names in a folder durable. */
    static void sync(Path folder) throws IOException {
        try (FileChannel names = FileChannel.open(folder, StandardOpenOption.READ)) {
            names.force(true);
        }
    }

    /** Takes up the snapshot that the log begins with, if one was made and not taken up yet. */
    void begin(Path made) throws IOException {
        if (Files.notExists(made)) {
            return;
        }
        if (newest() == null) {
            try (Stream<Path> snapshots = Files.list(made)) {
                for (Path snapshot : snapshots.toList()) {
                    Files.move(
                            snapshot,
                            folder().resolve(String.valueOf(snapshot.getFileName())),
                            StandardCopyOption.ATOMIC_MOVE);
                }
            }
            sync(folder());
            load();
        }
        delete(made);
    }

    /** Returns what a snapshot is called. */
    static String name(TermIndex at) {
        return "snapshot." + at.getTerm() + "." + at.getIndex();
    }

    /** Makes a snapshot. */
    interface Maker {
        /** Makes the folder and puts the files there. */
        void make(Path target) throws IOException;
    }

    @Override
    public @Nullable SnapshotInfo getLatestSnapshot() {
        return latest;
    }

    @Override
    public void format() {
        // Nothing to prepare.
    }

    @Override
    public void cleanupOldSnapshots(SnapshotRetentionPolicy policy) throws IOException {
        List<Stored> found = stored();
        for (Stored old : found.subList(0, Math.max(0, found.size() - KEPT))) {
            delete(old.folder());
        }
    }

    /** Removes a folder with all that is in it, if it is there. */
    static void delete(Path folder) throws IOException {
        if (Files.notExists(folder)) {
            return;
        }
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    @Override
    public @Nullable File getSnapshotDir() {
        Path known = folder;
        return known == null ? null : known.toFile();
    }
}
