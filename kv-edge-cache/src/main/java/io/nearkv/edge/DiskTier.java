package io.nearkv.edge;

import io.nearkv.core.CacheStorage;
import io.nearkv.core.GetResult;
import io.nearkv.core.KvException;
import io.nearkv.core.Metadata;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.Position;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The disk of the cache, behind one thread and a bounded queue. One thread, because order is all that keeps it right: what is put, taken away and read of a key happens in the order in
 * which the table decided it. Where the queue is full, what would only be good to have is left out; but a removal must not be, and so the whole disk is dropped then. Thread-safe.
 *
 * <p>A record: format (1 byte, 1), kind (1; 0 an entry, 1 "not there"), version (8), expiration in seconds since the epoch (8), when it was vouched for in milliseconds since the epoch (8),
 * generation (8), length of the metadata (2), metadata, value; big-endian. The storage has the checksums.
 */
final class DiskTier implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(DiskTier.class);
    private static final int QUEUE = 16 * 1024;
    private static final byte FORMAT = 1;
    private static final int HEADER_BYTES = 36;
    private static final byte[] POSITION = {'p'};
    private static final byte ENTRY = 'e';
    private static final byte CATALOGUE = 'n';

    private final CacheStorage storage;
    private final Freshness.Time time;
    private final ThreadPoolExecutor thread;
    private final LongAdder overflows = new LongAdder();
    /** Counts the times that everything was dropped because the queue was full; what was queued before is void. */
    private final AtomicInteger epoch = new AtomicInteger();

    private int clearedEpoch;
    private volatile long bytes;

    DiskTier(CacheStorage storage, Freshness.Time time) {
        this(storage, time, QUEUE);
    }

    DiskTier(CacheStorage storage, Freshness.Time time, int queue) {
        this.storage = storage;
        this.time = time;
        this.thread = new ThreadPoolExecutor(1, 1, 0, TimeUnit.SECONDS, new ArrayBlockingQueue<>(queue), task -> {
            Thread made = new Thread(task, "nearkv-edge-disk");
            made.setDaemon(true);
            return made;
        });
    }

    /** Where an earlier process has stopped. */
    record Saved(long generation, Position position) {}

    /** Returns where an earlier process has stopped, or null. Waits. */
    @Nullable
    Saved saved() {
        byte[] record = storage.get(POSITION);
        if (record == null || record.length <= Long.BYTES) {
            return null;
        }
        ByteBuffer in = ByteBuffer.wrap(record);
        long generation = in.getLong();
        try {
            return new Saved(
                    generation,
                    Position.parse(
                            new String(record, Long.BYTES, record.length - Long.BYTES, StandardCharsets.US_ASCII)));
        } catch (KvException e) {
            log.atWarn().setCause(e).log("the disk of the cache has no position that can be read, and is dropped");
            storage.clear();
            return null;
        }
    }

    private boolean submit(Runnable task) {
        int current = epoch.get();
        try {
            thread.execute(() -> {
                if (clearedEpoch != epoch.get()) {
                    clearedEpoch = epoch.get();
                    storage.clear();
                }
                if (current == epoch.get()) {
                    task.run();
                }
            });
            return true;
        } catch (RejectedExecutionException e) {
            return false;
        }
    }

    private static byte[] with(byte kind, byte[] key) {
        byte[] full = new byte[1 + key.length];
        full[0] = kind;
        System.arraycopy(key, 0, full, 1, key.length);
        return full;
    }

    /** Reads in the order of the calls; null if there is nothing, or the thread is too busy. */
    private <T> CompletableFuture<@Nullable T> read(java.util.function.Supplier<@Nullable T> reader) {
        CompletableFuture<@Nullable T> future = new CompletableFuture<>();
        int current = epoch.get();
        try {
            thread.execute(() -> {
                try {
                    future.complete(current == epoch.get() && clearedEpoch == current ? reader.get() : null);
                } catch (RuntimeException e) {
                    log.atWarn().setCause(e).log("the disk of the cache cannot be read");
                    future.complete(null);
                }
            });
        } catch (RejectedExecutionException e) {
            future.complete(null);
        }
        return future;
    }

    /** Reads what the disk has of a key. */
    CompletableFuture<@Nullable Entry> read(CacheKey key) {
        return read(() -> {
            byte[] record = storage.get(with(ENTRY, key.toBytes()));
            return record == null ? null : decode(key, record);
        });
    }

    void put(Entry entry) {
        // Left out where the queue is full: what is there of the key then is taken away when its change is heard of, as
        // always.
        boolean unused = submit(() -> {
            storage.put(with(ENTRY, entry.key.toBytes()), encode(entry));
            bytes = storage.bytes();
        });
    }

    void remove(CacheKey key) {
        removal(() -> storage.remove(with(ENTRY, key.toBytes())));
    }

    void removeAll(NamespaceId namespace) {
        removal(() -> {
            storage.removeAll(with(ENTRY, CacheKey.prefix(namespace)));
            storage.remove(with(CATALOGUE, CacheKey.prefix(namespace)));
        });
    }

    private void removal(Runnable task) {
        if (!submit(task) && !thread.isShutdown()) {
            overflows.increment();
            var unused = epoch.incrementAndGet(); // The next task, or the end, drops everything.
        }
    }

    /** Keeps the position up to which all changes have been taken in, behind them. */
    void position(long generation, Position position) {
        byte[] text = position.toString().getBytes(StandardCharsets.US_ASCII);
        byte[] record = ByteBuffer.allocate(Long.BYTES + text.length)
                .putLong(generation)
                .put(text)
                .array();
        boolean unused = submit(() -> storage.put(POSITION, record));
    }

    /** Keeps what is known of a namespace. */
    void catalogue(NamespaceId namespace, byte[] record) {
        boolean unused = submit(() -> storage.put(with(CATALOGUE, CacheKey.prefix(namespace)), record));
    }

    /** Returns what is known of a namespace, or null. */
    CompletableFuture<byte @Nullable []> catalogue(NamespaceId namespace) {
        return read(() -> storage.get(with(CATALOGUE, CacheKey.prefix(namespace))));
    }

    private byte[] encode(Entry entry) {
        boolean found = entry.result instanceof GetResult.Found;
        Metadata metadata = found ? ((GetResult.Found) entry.result).metadata() : null;
        byte[] value = found ? ((GetResult.Found) entry.result).borrowArray() : new byte[0];
        byte[] json = new byte[metadata == null ? 0 : metadata.length()];
        if (metadata != null) {
            metadata.asByteBuffer().get(json);
        }
        return ByteBuffer.allocate(HEADER_BYTES + json.length + value.length)
                .put(FORMAT)
                .put((byte) (found ? 0 : 1))
                .putLong(entry.version)
                .putLong(entry.expiresAtMillis / 1000)
                .putLong(time.millis() - entry.ageNanos() / 1_000_000)
                .putLong(entry.generation())
                .putShort((short) json.length)
                .put(json)
                .put(value)
                .array();
    }

    private @Nullable Entry decode(CacheKey key, byte[] record) {
        ByteBuffer in = ByteBuffer.wrap(record);
        if (record.length < HEADER_BYTES || in.get() != FORMAT) {
            return null; // Of another version of the program.
        }
        boolean missing = in.get() == 1;
        long version = in.getLong();
        long expiresAt = in.getLong();
        long ageNanos = Math.max(0, time.millis() - in.getLong()) * 1_000_000;
        long generation = in.getLong();
        int metadataBytes = Short.toUnsignedInt(in.getShort());
        GetResult content = GetResult.Missing.INSTANCE;
        if (!missing) {
            if (HEADER_BYTES + metadataBytes > record.length) {
                return null;
            }
            Metadata metadata =
                    metadataBytes == 0 ? null : Metadata.ofStored(ByteBuffer.wrap(record, HEADER_BYTES, metadataBytes));
            content = GetResult.Found.wrap(
                    Arrays.copyOfRange(record, HEADER_BYTES + metadataBytes, record.length),
                    metadata,
                    version,
                    expiresAt);
        }
        return new Entry(key, content, false, time, time.nanos() - ageNanos, generation);
    }

    long bytes() {
        return bytes;
    }

    long drops() {
        return overflows.sum() + storage.drops();
    }

    int queued() {
        return thread.getQueue().size();
    }

    /** Waits until all that was asked for so far is done; for tests and the end. */
    void await() {
        CompletableFuture<Boolean> done = new CompletableFuture<>();
        if (submit(() -> done.complete(true))) {
            done.orTimeout(10, TimeUnit.SECONDS).exceptionally(e -> false).join();
        }
    }

    @Override
    public void close() {
        thread.shutdown();
        boolean ended = false;
        try {
            ended = thread.awaitTermination(10, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (!ended) {
            log.atWarn().log("the disk of the cache is too slow to end in order, and is left");
            return;
        }
        if (clearedEpoch != epoch.get()) {
            storage.clear();
        }
        storage.close();
    }
}
