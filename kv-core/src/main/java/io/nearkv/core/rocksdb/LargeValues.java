package io.nearkv.core.rocksdb;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.core.Metadata;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.OpenResult;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.ValueReader;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;
import org.rocksdb.RocksDBException;
import org.rocksdb.Snapshot;

/**
 * Readers of values piece by piece. A value of more than one piece keeps a snapshot of the database until its reader is closed, and with it old files on the disk; so readers
 * are bounded in number, and closed when they are idle. Thread-safe.
 */
final class LargeValues implements Recovery.Holder {
    private final StoreCore core;
    private final Reads reads;
    private final Set<Streaming> open = ConcurrentHashMap.newKeySet();
    private final AtomicInteger openCount = new AtomicInteger();

    LargeValues(StoreCore core, Reads reads) {
        this.core = core;
        this.reads = reads;
    }

    int openReaders() {
        return openCount.get();
    }

    CompletableFuture<OpenResult> open(NamespaceId namespace, Key key, ReadOptions options) {
        long asOf = options.after() == null ? 0 : core.lastVersion;
        try {
            GetResult result = reads.inMemory(namespace, key);
            if (result != null) {
                return CompletableFuture.completedFuture(OpenResult.of(Reads.asOf(result, asOf)));
            }
        } catch (KvException e) {
            return CompletableFuture.failedFuture(e);
        }
        return reads.onPool(options.timeout(), (db, lane) -> {
            int number = core.catalogue.namespace(namespace).number();
            GetResult result = reads.find(db, lane, db.anywhere, number, key);
            return result != null
                    ? OpenResult.of(Reads.asOf(result, asOf))
                    : stream(db, lane, number, key, options.timeout());
        });
    }

    private OpenResult stream(Database db, Lanes.Lane lane, int namespace, Key key, Duration timeout)
            throws RocksDBException {
        if (openCount.incrementAndGet() > core.options.maxOpenReaders) {
            openCount.decrementAndGet();
            throw StoreCore.overloaded(
                    core.options.maxOpenReaders + " readers of streamed values are open, as many as may");
        }
        Streaming reader = null;
        Snapshot snapshot = db.rocks.getSnapshot();
        org.rocksdb.ReadOptions options = new org.rocksdb.ReadOptions().setSnapshot(snapshot);
        try {
            GetResult result = reads.find(db, lane, options, namespace, key);
            if (result != null) {
                return OpenResult.of(result);
            }
            reader = new Streaming(db, snapshot, options, namespace, key, lane, timeout);
            open.add(reader);
            return new OpenResult.Opened(reader);
        } finally {
            if (reader == null) {
                free(db, snapshot, options);
                openCount.decrementAndGet();
            }
        }
    }

    private static void free(Database db, Snapshot snapshot, org.rocksdb.ReadOptions options) {
        options.close();
        db.rocks.releaseSnapshot(snapshot);
        snapshot.close();
    }

    /** Closes readers that nobody has read from for long. */
    void closeIdle() {
        long now = System.nanoTime();
        for (Streaming reader : open) {
            if (now - reader.lastUseNanos > core.options.readerIdleTime.toNanos()) {
                reader.end(new KvException(
                        ErrorCode.UNAVAILABLE,
                        "the reader was closed because nobody read from it for " + core.options.readerIdleTime
                                + " (expected: open it again)"));
            }
        }
    }

    @Override
    public void databaseClosing(Database db) {
        for (Streaming reader : open) {
            reader.endFor(db, core.closed ? StoreCore.closing() : core.unavailable);
        }
    }

    /** Its lock is held while a piece is read, so that nothing is freed under the read. Lock order: the lane first. */
    private final class Streaming implements ValueReader {
        private final Database db;
        private final Snapshot snapshot;
        private final org.rocksdb.ReadOptions options;
        private final int namespace;
        private final Key key;
        private final Duration timeout;
        private final @Nullable Metadata metadata;
        private final long version;
        private final long expiresAt;
        private final long valueId;
        private final int length;
        private final int crc32c;
        private final CRC32C crc = new CRC32C();
        private final ByteBuffer chunkKey = ByteBuffer.allocate(EntryRecord.CHUNK_KEY_BYTES);
        private final byte[] piece;
        private int position;
        private boolean busy;
        private boolean closedByCaller;
        /** Why nothing can be read any more. */
        private @Nullable KvException ended;

        volatile long lastUseNanos = System.nanoTime();

        Streaming(
                Database db,
                Snapshot snapshot,
                org.rocksdb.ReadOptions options,
                int namespace,
                Key key,
                Lanes.Lane lane,
                Duration timeout) {
            this.db = db;
            this.snapshot = snapshot;
            this.options = options;
            this.namespace = namespace;
            this.key = key;
            this.timeout = timeout;
            EntryRecord.View view = lane.view;
            this.metadata = view.metadata(lane.value);
            this.version = view.version;
            this.expiresAt = view.expiresAt;
            this.valueId = view.valueId;
            this.length = view.valueBytes;
            this.crc32c = view.crc32c;
            this.piece = new byte[Math.min(length, Limits.CHUNK_BYTES)];
        }

        @Override
        public int length() {
            return length;
        }

        @Override
        public @Nullable Metadata metadata() {
            return metadata;
        }

        @Override
        public long version() {
            return version;
        }

        @Override
        public long expiresAt() {
            return expiresAt;
        }

        @Override
        public synchronized CompletableFuture<ByteBuffer> read() {
            if (closedByCaller) {
                throw new IllegalStateException("the reader is closed");
            }
            if (busy) {
                throw new IllegalStateException("an earlier read is under way (expected: one at a time)");
            }
            if (ended != null) {
                return CompletableFuture.failedFuture(ended);
            }
            lastUseNanos = System.nanoTime();
            if (position == length) {
                return CompletableFuture.completedFuture(ByteBuffer.allocate(0));
            }
            busy = true;
            CompletableFuture<ByteBuffer> result = reads.onPool(timeout, (current, lane) -> readPiece(current));
            // Whatever becomes of it, also a refusal or a cancellation: the next read may come.
            return result.whenComplete((buffer, failure) -> notBusy());
        }

        private synchronized void notBusy() {
            busy = false;
        }

        private synchronized ByteBuffer readPiece(Database current) throws RocksDBException {
            if (ended != null || current != db) {
                throw ended != null ? ended : core.unavailable;
            }
            int count = Math.min(Limits.CHUNK_BYTES, length - position);
            EntryRecord.putChunkKey(chunkKey.clear(), namespace, valueId, position / Limits.CHUNK_BYTES);
            Reads.readChunk(db, options, chunkKey.array(), piece, 0, count);
            crc.update(piece, 0, count);
            position += count;
            if (position == length && (int) crc.getValue() != crc32c) {
                throw Reads.wrongChecksum(key);
            }
            lastUseNanos = System.nanoTime();
            return ByteBuffer.wrap(piece, 0, count).asReadOnlyBuffer();
        }

        @Override
        public void close() {
            synchronized (this) {
                closedByCaller = true;
            }
            end(StoreCore.closing());
        }

        /** Frees what is held, now; a read that is under way is waited for. */
        void end(KvException reason) {
            Lanes.Lane lane = db.lanes.enter();
            if (lane != null) {
                try {
                    free(reason);
                } finally {
                    db.lanes.leave(lane);
                }
            }
            // Otherwise the database is being closed, and that frees it.
        }

        void endFor(Database closing, KvException reason) {
            if (closing == db) {
                free(reason);
            }
        }

        private synchronized void free(KvException reason) {
            if (ended == null) {
                ended = reason;
                open.remove(this);
                openCount.decrementAndGet();
                LargeValues.free(db, snapshot, options);
            }
        }
    }
}
