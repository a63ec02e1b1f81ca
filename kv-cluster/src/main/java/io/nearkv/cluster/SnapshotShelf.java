package io.nearkv.cluster;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.Value;
import io.nearkv.core.rocksdb.BackupSource.SourceFile;
import io.nearkv.core.rocksdb.StoreBackups;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Snapshots that this node keeps while somebody copies them away: links to the files of a snapshot of the log, in a folder for each. One that nobody asks for is given up after a while. All of
 * them are read by one thread, at the pace of the snapshots that nodes send each other. Thread-safe.
 */
final class SnapshotShelf implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(SnapshotShelf.class);
    private static final Duration IDLE = Duration.ofMinutes(5);
    /** Enough for two backups of a node with all partitions; a backup that is broken off gives its place up. */
    private static final int MAX_HELD = 2 * (ClusterLayout.MAX_PARTITIONS + 1);

    private static final int MAX_WAITING = 256;
    private static final Duration PATIENCE = Duration.ofSeconds(5);

    private final Path folder;
    private final String node;
    private final SnapshotPace pace;
    private final Map<UUID, Held> held = new ConcurrentHashMap<>();
    private final ThreadPoolExecutor reader;

    /** A snapshot; {@code usedNanos} is when somebody has asked for it. */
    private static final class Held {
        private final Path files;
        private final CompletableFuture<ClusterSnapshot> made = new CompletableFuture<>();
        private volatile long usedNanos = System.nanoTime();

        Held(Path files) {
            this.files = files;
        }
    }

    /**
     * Makes it, and removes what a former process has left.
     *
     * @param folder where the links are, on the disk of the logs
     * @param node the name of this node
     */
    SnapshotShelf(Path folder, String node, SnapshotPace pace) throws IOException {
        this.folder = folder;
        this.node = node;
        this.pace = pace;
        SnapshotStorage.delete(folder);
        this.reader =
                new ThreadPoolExecutor(1, 1, 10, TimeUnit.SECONDS, new LinkedBlockingQueue<>(MAX_WAITING), task -> {
                    Thread thread = new Thread(task, "nearkv-snapshot-reader");
                    thread.setDaemon(true);
                    return thread;
                });
        reader.allowCoreThreadTimeOut(true);
    }

    /** Has a log keep a snapshot that has all that was acknowledged before; answers without files if it takes too long, to be asked again. */
    CompletableFuture<ClusterSnapshot> take(Partition partition, UUID id) {
        if (held.size() >= MAX_HELD && !held.containsKey(id)) {
            return CompletableFuture.failedFuture(new KvException(
                    ErrorCode.UNAVAILABLE,
                    "node '" + node + "' keeps " + MAX_HELD + " snapshots to be copied already (expected: one backup"
                            + " after the other)"));
        }
        boolean[] fresh = new boolean[1];
        Held its = held.computeIfAbsent(id, unknown -> {
            fresh[0] = true;
            return new Held(folder.resolve(id.toString()));
        });
        its.usedNanos = System.nanoTime();
        if (fresh[0]) {
            var unused = partition
                    .barrier(Duration.ofSeconds(10))
                    .thenCompose(reached -> {
                        long version = partition.replica().position().version();
                        return partition
                                .snapshot()
                                .thenApplyAsync(index -> link(partition, its.files, version), reader);
                    })
                    .whenComplete((snapshot, failed) -> {
                        if (failed != null) {
                            held.remove(id);
                            its.made.completeExceptionally(KvException.from(failed));
                        } else {
                            its.made.complete(snapshot);
                        }
                    });
        }
        return its.made
                .copy()
                .completeOnTimeout(
                        new ClusterSnapshot(node, -1, -1, 0, List.of()), PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
    }

    private ClusterSnapshot link(Partition partition, Path target, long version) {
        try {
            Files.createDirectories(target);
            long index = partition.stateMachine().linkSnapshot(target);
            List<SourceFile> files = new ArrayList<>();
            try (Stream<Path> paths = Files.list(target)) {
                for (Path path :
                        paths.sorted(Comparator.comparing(Path::toString)).toList()) {
                    files.add(new SourceFile(String.valueOf(path.getFileName()), Files.size(path)));
                }
            }
            return new ClusterSnapshot(node, index, version, files.size(), files);
        } catch (IOException e) {
            throw new KvException(ErrorCode.UNAVAILABLE, "node '" + node + "' cannot keep a snapshot: " + e, e);
        }
    }

    private Path file(UUID id, String name) {
        Held its = held.get(id);
        if (its == null || !its.made.isDone()) {
            throw new KvException(
                    ErrorCode.NOT_FOUND,
                    "node '" + node + "' keeps no snapshot " + id
                            + " any more (expected: another backup; what is copied" + " already is not copied again)");
        }
        its.usedNanos = System.nanoTime();
        // By the list, so that no name leads out of the folder.
        if (its.made.join().files().stream().noneMatch(file -> file.name().equals(name))) {
            throw new KvException(ErrorCode.NOT_FOUND, "the snapshot has no such file");
        }
        return its.files.resolve(name);
    }

    /** Reads a piece of a file. */
    CompletableFuture<Value> read(ClusterQuestion.SnapshotPiece asked) {
        return work(() -> {
            Path file = file(asked.id(), asked.name());
            LockSupport.parkNanos(pace.takeNanos(asked.length(), System.nanoTime()));
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
                ByteBuffer piece = ByteBuffer.allocate(
                        (int) Math.max(0, Math.min(asked.length(), channel.size() - asked.offset())));
                long at = asked.offset();
                while (piece.hasRemaining()) {
                    int count = channel.read(piece, at);
                    if (count < 0) {
                        break;
                    }
                    at += count;
                }
                return Value.of(piece.flip());
            }
        });
    }

    /** Computes the checksum of a file. */
    CompletableFuture<Value> digest(ClusterQuestion.SnapshotDigest asked) {
        return work(() -> {
            Path file = file(asked.id(), asked.name());
            Value digest = Value.wrap(StoreBackups.sha256(file).getBytes(US_ASCII));
            var unused = pace.takeNanos(Files.size(file), System.nanoTime()); // What is asked next waits for it.
            return digest;
        });
    }

    private CompletableFuture<Value> work(Callable<Value> task) {
        CompletableFuture<Value> answer = new CompletableFuture<>();
        try {
            reader.execute(() -> {
                try {
                    answer.complete(task.call());
                } catch (NoSuchFileException e) {
                    answer.completeExceptionally(
                            new KvException(ErrorCode.NOT_FOUND, "the snapshot is not kept any more", e));
                } catch (Exception e) {
                    answer.completeExceptionally(KvException.from(e));
                }
            });
        } catch (RejectedExecutionException e) {
            answer.completeExceptionally(new KvException(
                    ErrorCode.UNAVAILABLE, "node '" + node + "' is asked for too much of its snapshots at a time", e));
        }
        return answer;
    }

    /** Gives up what nobody has asked for in a while. */
    void tidy() {
        long now = System.nanoTime();
        held.forEach((id, its) -> {
            if (its.made.isDone() && now - its.usedNanos > IDLE.toNanos() && held.remove(id, its)) {
                try {
                    SnapshotStorage.delete(its.files);
                } catch (IOException e) {
                    log.atWarn().setCause(e).log("a snapshot that was copied stays until the next start");
                }
            }
        });
    }

    @Override
    public void close() {
        reader.shutdownNow();
        try {
            SnapshotStorage.delete(folder);
        } catch (IOException e) {
            log.atDebug().setCause(e).log("the next start removes it");
        }
    }
}
