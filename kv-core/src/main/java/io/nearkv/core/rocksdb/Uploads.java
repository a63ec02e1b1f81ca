package io.nearkv.core.rocksdb;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.core.Mutation;
import io.nearkv.core.PutOptions;
import io.nearkv.core.Value;
import io.nearkv.core.ValueWriter;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.WriteResult;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.zip.CRC32C;
import org.rocksdb.RocksDBException;
import org.rocksdb.WriteBatch;

/**
 * Values that come piece by piece. Full chunks are written as they arrive, without a sync, by threads of their own: the commit, which is synced, covers them, because a sync
 * reaches everything before it in the log. Before the first chunk a record in {@code meta} says that there are chunks without an entry; it goes with the commit, and
 * what is left of such records after a crash tells the next opening what to remove. Values of at most one chunk wait in memory and become ordinary puts.
 *
 * <p>Each upload costs one chunk of memory. Thread-safe.
 */
final class Uploads {
    private static final int THREADS = 2;

    private final StoreCore core;
    private final Writer writer;
    private final DiskSpace disk;
    /** Its queue is bounded by the number of uploads: each has at most one task in it. */
    private final ThreadPoolExecutor threads;

    private final Set<Upload> open = ConcurrentHashMap.newKeySet();
    private final AtomicInteger openCount = new AtomicInteger();

    Uploads(StoreCore core, Writer writer, DiskSpace disk) {
        this.core = core;
        this.writer = writer;
        this.disk = disk;
        this.threads = new ThreadPoolExecutor(
                THREADS,
                THREADS,
                10,
                TimeUnit.SECONDS,
                new LinkedBlockingQueue<>(),
                StoreThreads.named("nearkv-upload"));
        threads.allowCoreThreadTimeOut(true);
    }

    int openUploads() {
        return openCount.get();
    }

    CompletableFuture<ValueWriter> begin(
            io.nearkv.core.NamespaceId namespace, Key key, PutOptions put, WriteOptions options) {
        try {
            Database db = core.database();
            Catalogue.Namespace known = core.catalogue.namespace(namespace);
            if (openCount.incrementAndGet() > core.options.maxUploads) {
                openCount.decrementAndGet();
                throw StoreCore.overloaded(core.options.maxUploads + " uploads are under way, as many as may");
            }
            Upload upload = new Upload(db, known, key, put, options);
            open.add(upload);
            return CompletableFuture.completedFuture(upload);
        } catch (KvException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    /** Gives up what nobody has touched for long, and removes what was given up while the writer took nothing. */
    void tidy() {
        long now = System.nanoTime();
        for (Upload upload : open) {
            upload.tidy(now);
        }
    }

    /** Adds the removal of an upload that was not finished, given its record in {@code meta}. */
    static void dropStaged(Database db, WriteBatch batch, String id, byte[] record) {
        if (record.length != 1 + Integer.BYTES || record[0] != MetaRecords.FORMAT) {
            throw EntryRecord.damaged("meta record of unfinished upload " + id);
        }
        int namespace = ByteBuffer.wrap(record).getInt(1);
        long valueId = HexFormat.fromHexDigitsToLong(id);
        ByteBuffer from = ByteBuffer.allocate(EntryRecord.CHUNK_KEY_BYTES);
        EntryRecord.putChunkKey(from, namespace, valueId, 0);
        ByteBuffer to = ByteBuffer.allocate(EntryRecord.CHUNK_KEY_BYTES);
        EntryRecord.putChunkKey(to, namespace, valueId, Integer.MAX_VALUE);
        try {
            batch.deleteRange(db.values, from.array(), to.array());
            batch.delete(db.meta, MetaRecords.name(MetaRecords.stagingName(valueId)));
        } catch (RocksDBException e) {
            throw new IllegalStateException("a batch in memory does not fail", e);
        }
    }

    void close() {
        for (Upload upload : open) {
            upload.close();
        }
        StoreThreads.shutDown(threads, 5);
    }

    private final class Upload implements ValueWriter {
        private enum State {
            /** Takes pieces. */
            OPEN,
            /** A piece or the commit is under way. */
            BUSY,
            /** Takes nothing more; chunks may have to be removed. */
            ENDED
        }

        private final Database db;
        private final Catalogue.Namespace namespace;
        private final Key key;
        private final PutOptions put;
        private final WriteOptions options;
        private final byte[] chunk = new byte[Limits.CHUNK_BYTES];
        private final CRC32C crc = new CRC32C();
        private long valueId;
        private int filled;
        private int chunks;
        private int total;

        private State state = State.OPEN;
        private boolean closeWhenIdle;
        /** Whether chunks may be in the database that no entry points to. */
        private boolean staged;

        private volatile long lastUseNanos = System.nanoTime();

        Upload(Database db, Catalogue.Namespace namespace, Key key, PutOptions put, WriteOptions options) {
            this.db = db;
            this.namespace = namespace;
            this.key = key;
            this.put = put;
            this.options = options;
        }

        private synchronized void begin() {
            core.checkOpen();
            switch (state) {
                case BUSY -> throw new IllegalStateException("an earlier call is under way (expected: one at a time)");
                case ENDED -> throw new IllegalStateException("the writer is closed");
                case OPEN -> state = State.BUSY;
            }
            lastUseNanos = System.nanoTime();
        }

        private void idle() {
            boolean end;
            synchronized (this) {
                state = State.OPEN;
                end = closeWhenIdle;
            }
            if (end) {
                close();
            }
        }

        @Override
        public CompletableFuture<Void> write(ByteBuffer piece) {
            begin();
            if ((long) total + piece.remaining() > Limits.MAX_VALUE_BYTES) {
                end();
                return CompletableFuture.failedFuture(new KvException(
                        ErrorCode.TOO_LARGE,
                        "value of more than " + Limits.MAX_VALUE_BYTES + " bytes (expected: at most that)"));
            }
            if (piece.remaining() <= chunk.length - filled) {
                fill(piece);
                idle();
                return CompletableFuture.completedFuture(null);
            }
            CompletableFuture<Void> done = new CompletableFuture<>();
            try {
                threads.execute(() -> writeAll(piece, done));
            } catch (RejectedExecutionException e) {
                end();
                done.completeExceptionally(StoreCore.closing());
            }
            return done;
        }

        private void fill(ByteBuffer piece) {
            int count = Math.min(piece.remaining(), chunk.length - filled);
            piece.get(chunk, filled, count);
            filled += count;
            total += count;
        }

        private void writeAll(ByteBuffer piece, CompletableFuture<Void> done) {
            try {
                while (piece.remaining() > chunk.length - filled) {
                    fill(piece);
                    flush();
                }
                fill(piece);
            } catch (KvException e) {
                end();
                done.completeExceptionally(e);
                return;
            }
            idle();
            done.complete(null);
        }

        /** Writes the chunk, which need not be full if it is the last. */
        private void flush() {
            disk.beforeWrite(filled);
            KvException refusal = disk.refusal(filled, false);
            if (refusal != null) {
                throw refusal;
            }
            byte[] bytes = filled == chunk.length ? chunk : java.util.Arrays.copyOf(chunk, filled);
            Lanes.Lane lane = core.enter(db);
            try (WriteBatch batch = new WriteBatch()) {
                core.options.failpoints.reached(Failpoints.Step.BEFORE_CHUNK);
                if (chunks == 0) {
                    valueId = core.newValueId();
                    staged = true;
                    batch.put(
                            db.meta,
                            MetaRecords.name(MetaRecords.stagingName(valueId)),
                            ByteBuffer.allocate(1 + Integer.BYTES)
                                    .put(MetaRecords.FORMAT)
                                    .putInt(namespace.number())
                                    .array());
                }
                ByteBuffer chunkKey = ByteBuffer.allocate(EntryRecord.CHUNK_KEY_BYTES);
                EntryRecord.putChunkKey(chunkKey, namespace.number(), valueId, chunks);
                batch.put(db.values, chunkKey.array(), bytes);
                db.rocks.write(db.buffered, batch);
            } catch (RocksDBException e) {
                // The database takes no more writes until it is opened again; the writer finds that out and does it.
                var unused = writer.submit(new Touch());
                throw new KvException(
                        ErrorCode.UNAVAILABLE,
                        "the upload failed: " + db.failure("failed to write", e).getMessage(),
                        e);
            } finally {
                db.lanes.leave(lane);
            }
            crc.update(bytes, 0, filled);
            chunks++;
            filled = 0;
            lastUseNanos = System.nanoTime();
        }

        @Override
        public CompletableFuture<WriteResult> commit() {
            return commit(put);
        }

        @Override
        public CompletableFuture<WriteResult> commit(PutOptions committed) {
            requireNonNull(committed, "options");
            begin();
            if (chunks == 0) {
                Value value = Value.wrap(java.util.Arrays.copyOf(chunk, filled));
                return ending(writer.submit(new WriteOps.Single(
                        namespace.id(), new Mutation.Put(key, value, committed), WriteOps.Puts.WHOLE, options)));
            }
            CompletableFuture<WriteResult> done = new CompletableFuture<>();
            try {
                threads.execute(() -> {
                    try {
                        if (filled > 0) {
                            flush();
                        }
                    } catch (KvException e) {
                        end();
                        done.completeExceptionally(e);
                        return;
                    }
                    var unused = ending(writer.submit(new Commit(committed))).whenComplete((result, failure) -> {
                        if (failure != null) {
                            done.completeExceptionally(KvException.from(failure));
                        } else {
                            done.complete(result);
                        }
                    });
                });
            } catch (RejectedExecutionException e) {
                end();
                done.completeExceptionally(StoreCore.closing());
            }
            return done;
        }

        /** Ends this when the commit is answered, before the caller learns of it. */
        private CompletableFuture<WriteResult> ending(CompletableFuture<WriteResult> commit) {
            return commit.whenComplete((result, failure) -> end());
        }

        @Override
        public void close() {
            synchronized (this) {
                if (state == State.BUSY) {
                    closeWhenIdle = true; // The thread that works on it ends it.
                    return;
                }
                if (state == State.ENDED) {
                    return;
                }
            }
            end();
        }

        /** Ends this; what is staged is removed by the writer, and until then this counts as open. */
        private void end() {
            boolean remove;
            synchronized (this) {
                state = State.ENDED;
                remove = staged && core.database == db;
            }
            if (!remove) {
                release();
                return;
            }
            var unused = writer.submit(new Abandon()).whenComplete((nothing, failure) -> {
                if (failure == null) {
                    release();
                }
            });
        }

        void tidy(long nowNanos) {
            boolean retry;
            synchronized (this) {
                retry = state == State.ENDED;
                if (state == State.BUSY
                        || (!retry && nowNanos - lastUseNanos < core.options.uploadIdleTime.toNanos())) {
                    return;
                }
            }
            end();
        }

        private void release() {
            if (open.remove(this)) {
                openCount.decrementAndGet();
            }
        }

        /** Makes the chunks the value of the key. */
        private final class Commit extends WriteOp<WriteResult> {
            private final PutOptions put;
            private boolean applied;

            Commit(PutOptions put) {
                super(4096, options);
                this.put = put;
            }

            @Override
            boolean readsState(int inlineBytes) {
                return true;
            }

            @Override
            WriteResult prepare(Group group) throws RocksDBException {
                if (group.database() != db) {
                    throw core.unavailable; // Reopened meanwhile, and the chunks were removed.
                }
                Catalogue.Namespace current = group.catalogue().namespace(namespace.id());
                long expiresAt = group.expirationOf(put);
                long version = group.currentVersion(current.number(), key);
                if (!put.condition().holds(version)) {
                    return new WriteResult.ConditionFailed(version);
                }
                group.batch().delete(db.meta, MetaRecords.name(MetaRecords.stagingName(valueId)));
                applied = true;
                return new WriteResult.Applied(
                        group.putLarge(current, key, put, expiresAt, valueId, total, (int) crc.getValue(), true));
            }

            @Override
            void committed() {
                if (applied) {
                    staged = false;
                }
            }
        }

        /** Removes the chunks. */
        private final class Abandon extends WriteOp<Boolean> {
            Abandon() {
                super(128, WriteOptions.BUFFERED);
            }

            @Override
            boolean makesRoom() {
                return true;
            }

            @Override
            Boolean prepare(Group group) throws RocksDBException {
                if (group.database() == db) {
                    group.dropChunks(namespace.number(), valueId, chunks + 1);
                    group.batch().delete(db.meta, MetaRecords.name(MetaRecords.stagingName(valueId)));
                }
                return true;
            }
        }
    }

    /** Writes something that changes nothing, so that the writer finds out whether writing works. */
    private static final class Touch extends WriteOp<Boolean> {
        Touch() {
            super(128, WriteOptions.DEFAULT);
        }

        @Override
        Boolean prepare(Group group) throws RocksDBException {
            Database db = group.database();
            byte[] name = MetaRecords.name(MetaRecords.EPOCH);
            byte[] epoch = db.rocks.get(db.meta, name);
            if (epoch != null) {
                group.batch().put(db.meta, name, epoch);
            }
            return true;
        }
    }
}
