package io.nearkv.core.rocksdb;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.DirectReader;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.OpenResult;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDBException;
import org.rocksdb.Snapshot;

/**
 * Point reads. First on the caller's thread and in memory alone: RocksDB says {@code Incomplete} where it would have to touch the disk, and then the read moves to a
 * bounded pool. (RocksDB's {@code keyMayExist} would say so without an exception, but it turns a damaged block into "absent".) Thread-safe.
 */
final class Reads implements DirectReader {
    /** More keys than this in one call would hold up an event loop, wherever they are. */
    private static final int MAX_KEYS_ON_CALLER = 64;

    private final StoreCore core;
    private final ThreadPoolExecutor pool;

    Reads(StoreCore core) {
        this.core = core;
        int threads = core.options.readThreads;
        this.pool = new ThreadPoolExecutor(
                threads,
                threads,
                10,
                TimeUnit.SECONDS,
                new ArrayBlockingQueue<>(core.options.readQueue),
                StoreThreads.named("nearkv-read"));
        pool.allowCoreThreadTimeOut(true);
    }

    /** A read that may wait for the disk. */
    interface Task<T> {
        /** Runs inside a lane of the database. */
        T run(Database db, Lanes.Lane lane) throws RocksDBException;
    }

    /** Runs a read on the pool, if it begins within the timeout. */
    <T> CompletableFuture<T> onPool(Duration timeout, Task<T> task) {
        CompletableFuture<T> future = new CompletableFuture<>();
        long deadline = System.nanoTime() + timeout.toNanos();
        try {
            pool.execute(() -> {
                if (future.isDone()) {
                    return; // Cancelled while it waited.
                }
                if (System.nanoTime() - deadline > 0) {
                    future.completeExceptionally(new KvException(
                            ErrorCode.DEADLINE_EXCEEDED, "the deadline passed while the read waited for a thread"));
                    return;
                }
                runTask(future, task);
            });
        } catch (RejectedExecutionException e) {
            future.completeExceptionally(
                    core.closed
                            ? StoreCore.closing()
                            : StoreCore.overloaded(
                                    "as many reads wait for the disk as may (" + core.options.readQueue + ")"));
        }
        return future;
    }

    private <T> void runTask(CompletableFuture<T> future, Task<T> task) {
        T result;
        try {
            result = inLane(task);
        } catch (KvException e) {
            future.completeExceptionally(e);
            return;
        } catch (RuntimeException | Error e) {
            future.completeExceptionally(KvException.from(e));
            throw e;
        }
        if (!future.complete(result) && result instanceof OpenResult.Opened opened) {
            opened.reader().close(); // Cancelled in the very last moment, and nobody else knows of the reader.
        }
    }

    /** Runs a read here and now. */
    <T> T inLane(Task<T> task) {
        Database db = core.database();
        Lanes.Lane lane = core.enter(db);
        try {
            return task.run(db, lane);
        } catch (RocksDBException e) {
            throw db.failure("cannot be read", e);
        } finally {
            db.lanes.leave(lane);
        }
    }

    CompletableFuture<GetResult> get(NamespaceId namespace, Key key, io.nearkv.core.ReadOptions options) {
        long asOf =
                options.after() == null ? 0 : core.lastVersion; // Before the read, so that it reflects this at least.
        try {
            GetResult result = inMemory(namespace, key);
            if (result != null) {
                return CompletableFuture.completedFuture(asOf(result, asOf));
            }
        } catch (KvException e) {
            return CompletableFuture.failedFuture(e);
        }
        return onPool(options.timeout(), (db, lane) -> {
            int number = core.catalogue.namespace(namespace).number();
            GetResult result = find(db, lane, db.anywhere, number, key);
            return result != null ? asOf(result, asOf) : findLarge(db, lane, number, key, Integer.MAX_VALUE);
        });
    }

    /** Tells a session how far the store was, where the answer has no version that would. */
    static GetResult asOf(GetResult result, long asOf) {
        return asOf != 0 && result instanceof GetResult.Missing missing
                ? GetResult.Missing.of(asOf, missing.origin())
                : result;
    }

    /** Returns the answer if it is in memory, or null. */
    @Nullable
    GetResult inMemory(NamespaceId namespace, Key key) {
        Database db = core.database();
        int number = core.catalogue.namespace(namespace).number();
        Lanes.Lane lane = core.enter(db);
        try {
            return find(db, lane, db.inMemory, number, key);
        } catch (RocksDBException e) {
            if (Database.isIncomplete(e)) {
                return null;
            }
            throw db.failure("cannot be read", e);
        } finally {
            db.lanes.leave(lane);
        }
    }

    /** Returns the answer, or null if the value is in {@code values}. */
    @Nullable
    GetResult find(Database db, Lanes.Lane lane, ReadOptions options, int namespace, Key key) throws RocksDBException {
        EntryRecord.putEntryKey(lane.key.clear(), namespace, key);
        int size = db.get(db.entries, options, lane.key.flip(), lane.value);
        if (size == Database.NOT_FOUND) {
            return GetResult.Missing.INSTANCE;
        }
        EntryRecord.View view = lane.view;
        view.read(lane.value, size);
        if (view.isExpired(core)) {
            return GetResult.Missing.INSTANCE;
        }
        return view.external ? null : inline(lane);
    }

    private static GetResult inline(Lanes.Lane lane) {
        EntryRecord.View view = lane.view;
        byte[] value = new byte[view.valueBytes];
        lane.value.get(view.valueAt, value);
        return GetResult.Found.wrap(value, view.metadata(lane.value), view.version, view.expiresAt);
    }

    /** Reads an entry whose value is in {@code values}: all from one snapshot, because a write meanwhile removes the pieces of what it replaces. */
    private GetResult findLarge(Database db, Lanes.Lane lane, int namespace, Key key, int maxBytes)
            throws RocksDBException {
        Snapshot snapshot = db.rocks.getSnapshot();
        try (ReadOptions options = new ReadOptions().setSnapshot(snapshot)) {
            GetResult result = find(db, lane, options, namespace, key);
            if (result != null) {
                return result;
            }
            EntryRecord.View view = lane.view;
            if (view.valueBytes > maxBytes) {
                throw tooManyBytes();
            }
            byte[] value = new byte[view.valueBytes];
            readChunks(db, options, namespace, view.valueId, value);
            CRC32C crc = new CRC32C();
            crc.update(value, 0, value.length);
            if ((int) crc.getValue() != view.crc32c) {
                throw wrongChecksum(key);
            }
            return GetResult.Found.wrap(value, view.metadata(lane.value), view.version, view.expiresAt);
        } finally {
            db.rocks.releaseSnapshot(snapshot);
            snapshot.close();
        }
    }

    private static void readChunks(Database db, ReadOptions options, int namespace, long valueId, byte[] value)
            throws RocksDBException {
        ByteBuffer key = ByteBuffer.allocate(EntryRecord.CHUNK_KEY_BYTES);
        for (int index = 0, from = 0; from < value.length; index++) {
            int length = Math.min(Limits.CHUNK_BYTES, value.length - from);
            EntryRecord.putChunkKey(key.clear(), namespace, valueId, index);
            readChunk(db, options, key.array(), value, from, length);
            from += length;
        }
    }

    /** Reads one piece of a value into an array. */
    static void readChunk(Database db, ReadOptions options, byte[] key, byte[] target, int from, int length)
            throws RocksDBException {
        int size = db.rocks.get(db.values, options, key, 0, key.length, target, from, length);
        if (size != length) {
            throw EntryRecord.damaged(
                    size == Database.NOT_FOUND
                            ? "a piece of a value is missing"
                            : "a piece of a value has " + size + " bytes in place of " + length);
        }
    }

    static KvException wrongChecksum(Key key) {
        return EntryRecord.damaged("the value of key '" + key.toDisplayString() + "' has a wrong checksum");
    }

    private static KvException tooManyBytes() {
        return new KvException(
                ErrorCode.TOO_LARGE,
                "the values are more than " + Limits.MAX_BULK_GET_BYTES + " bytes together (expected: fewer keys)");
    }

    CompletableFuture<List<GetResult>> getAll(
            NamespaceId namespace, List<Key> keys, io.nearkv.core.ReadOptions options) {
        List<Key> asked = List.copyOf(keys);
        if (asked.size() > Limits.MAX_BULK_GET_KEYS) {
            return CompletableFuture.failedFuture(new KvException(
                    ErrorCode.TOO_LARGE, asked.size() + " keys (expected: at most " + Limits.MAX_BULK_GET_KEYS + ")"));
        }
        List<GetResult> found = new ArrayList<>(asked.size());
        try {
            var unused = core.catalogue.namespace(namespace);
            if (asked.size() <= MAX_KEYS_ON_CALLER) {
                for (Key key : asked) {
                    GetResult result = inMemory(namespace, key);
                    if (result == null) {
                        break;
                    }
                    found.add(result);
                }
                if (found.size() == asked.size()) {
                    return CompletableFuture.completedFuture(found); // 64 inline values are no 25 MiB.
                }
            }
        } catch (KvException e) {
            return CompletableFuture.failedFuture(e);
        }
        return onPool(options.timeout(), (db, lane) -> {
            int number = core.catalogue.namespace(namespace).number();
            long bytes = 0;
            for (GetResult result : found) {
                bytes += bytesOf(result);
            }
            for (Key key : asked.subList(found.size(), asked.size())) {
                GetResult result = find(db, lane, db.anywhere, number, key);
                if (result == null) {
                    result = findLarge(db, lane, number, key, (int) (Limits.MAX_BULK_GET_BYTES - bytes));
                }
                bytes += bytesOf(result);
                if (bytes > Limits.MAX_BULK_GET_BYTES) {
                    throw tooManyBytes();
                }
                found.add(result);
            }
            return found;
        });
    }

    CompletableFuture<List<Long>> versions(NamespaceId namespace, List<Key> keys, io.nearkv.core.ReadOptions options) {
        List<Key> asked = List.copyOf(keys);
        if (asked.size() > Limits.MAX_BULK_GET_KEYS) {
            return CompletableFuture.failedFuture(new KvException(
                    ErrorCode.TOO_LARGE, asked.size() + " keys (expected: at most " + Limits.MAX_BULK_GET_KEYS + ")"));
        }
        // On the pool: it is asked for many keys at a time, and nobody waits for the answer to serve somebody else.
        return onPool(options.timeout(), (db, lane) -> {
            int number = core.catalogue.namespace(namespace).number();
            List<Long> versions = new ArrayList<>(asked.size());
            for (Key key : asked) {
                EntryRecord.putEntryKey(lane.key.clear(), number, key);
                int size = db.get(db.entries, db.anywhere, lane.key.flip(), lane.value);
                EntryRecord.View view = lane.view;
                if (size != Database.NOT_FOUND) {
                    view.read(lane.value, size);
                }
                versions.add(size == Database.NOT_FOUND || view.isExpired(core) ? 0 : view.version);
            }
            return versions;
        });
    }

    private static long bytesOf(GetResult result) {
        return result instanceof GetResult.Found found ? found.length() : 0;
    }

    @Override
    public Outcome read(NamespaceId namespace, ByteBuffer key, Visitor visitor) {
        requireNonNull(visitor, "visitor");
        core.checkOpen();
        if (key.remaining() > Limits.MAX_KEY_BYTES) {
            throw new IllegalArgumentException("key: " + key.remaining() + " bytes (expected: a checked key)");
        }
        Database db = core.database();
        int number = core.catalogue.namespace(namespace).number();
        Lanes.Lane lane = core.enter(db);
        try {
            lane.key.clear().putInt(number);
            int end = Integer.BYTES + key.remaining();
            lane.key.put(Integer.BYTES, key, key.position(), key.remaining());
            int size = db.get(db.entries, db.inMemory, lane.key.position(0).limit(end), lane.value);
            if (size == Database.NOT_FOUND) {
                return Outcome.MISSING;
            }
            EntryRecord.View view = lane.view;
            view.read(lane.value, size);
            if (view.isExpired(core)) {
                return Outcome.MISSING;
            }
            if (view.external) {
                return Outcome.ELSEWHERE;
            }
            ByteBuffer metadata = null;
            if (view.metadataBytes > 0) {
                metadata = lane.metadata
                        .limit(view.metadataAt + view.metadataBytes)
                        .position(view.metadataAt);
            }
            visitor.entry(lane.value.limit(size).position(view.valueAt), metadata, view.version, view.expiresAt);
            return Outcome.FOUND;
        } catch (RocksDBException e) {
            if (Database.isIncomplete(e)) {
                return Outcome.ELSEWHERE;
            }
            throw db.failure("cannot be read", e);
        } finally {
            db.lanes.leave(lane);
        }
    }

    int queued() {
        return pool.getQueue().size();
    }

    int active() {
        return pool.getActiveCount();
    }

    /** Stops taking reads and waits for those that are under way, up to some seconds. */
    void close() {
        // Those in the queue find the store closed and say so, in no time.
        StoreThreads.shutDown(pool, 10);
    }
}
