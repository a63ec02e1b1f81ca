package io.nearkv.edge;

import io.nearkv.core.Cursor;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KeyInfo;
import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.core.ListOptions;
import io.nearkv.core.ListPage;
import io.nearkv.core.Metadata;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.OrderedStorage;
import io.nearkv.core.Position;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The disk of a mirror, behind one thread and a bounded queue. Methods that say so run on that thread alone; the others are thread-safe.
 *
 * <p>Records, big-endian; the storage has the checksums. All but the position and the catalogue begin their keys with the namespace (16 bytes):
 *
 * <ul>
 *   <li>{@code h} namespace key: the head of an entry: format (1 byte, 1), version (8), expiration in seconds since the epoch (8), length of the value (4), metadata;
 *   <li>{@code v} namespace key: its value, after a format byte, so that an empty one is a record too. Apart, so that a listing passes over no values;
 *   <li>{@code c} namespace: how far the copy is: format, generation (8), whether it is complete (1), whether it ever was (1), the last key that was compared;
 *   <li>{@code p}: where the feed is: format, generation (8), when that was the latest there was in milliseconds since the epoch (8), the text of the position;
 *   <li>{@code n} namespace: its entry in the catalogue.
 * </ul>
 */
final class MirrorDisk implements CatalogueDisk, AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(MirrorDisk.class);
    private static final int QUEUE = 16 * 1024;
    private static final byte FORMAT = 1;
    private static final int HEAD_BYTES = 21;
    private static final int SAVED_BYTES = 17;
    private static final int PROGRESS_BYTES = 11;
    private static final int NAMESPACE_BYTES = 16;
    private static final byte[] POSITION = {'p'};
    private static final byte HEAD = 'h';
    private static final byte VALUE = 'v';
    private static final byte PROGRESS = 'c';
    private static final byte CATALOGUE = 'n';
    /** Entries that one page of a listing looks at, live or expired; then it ends, however short it is. As the engine's. */
    private static final int MAX_STEPS = 10_000;

    /** Where an earlier process has stopped. */
    record Saved(long generation, Position position, long millis) {}

    /**
     * How far the copy of a namespace is.
     *
     * @param generation the generation of the feed in whose course it was made or compared
     * @param complete whether it was to the end
     * @param ever whether there was a complete copy once: then what is here is old at worst
     * @param cursor the last key that was compared, or null for none; of no meaning when complete
     */
    record Progress(
            long generation,
            boolean complete,
            boolean ever,
            @Nullable Key cursor) {
        static final Progress NONE = new Progress(0, false, false, null);
    }

    private final OrderedStorage storage;
    private final Freshness.Time time;
    private final ThreadPoolExecutor thread;
    private volatile long bytes;

    MirrorDisk(OrderedStorage storage, Freshness.Time time) {
        this.storage = storage;
        this.time = time;
        this.thread = new ThreadPoolExecutor(1, 1, 0, TimeUnit.SECONDS, new ArrayBlockingQueue<>(QUEUE), task -> {
            Thread made = new Thread(task, "nearkv-mirror-disk");
            made.setDaemon(true);
            return made;
        });
    }

    /** Runs a task on the thread; returns false if it is too busy, or closed. */
    boolean execute(Runnable task) {
        try {
            thread.execute(task);
            return true;
        } catch (RejectedExecutionException e) {
            return false;
        }
    }

    /** Reads on the thread; null if there is nothing that can be relied on, or the thread is too busy. Fails if what is asked for is too large. */
    <T> CompletableFuture<@Nullable T> read(Supplier<@Nullable T> reader) {
        CompletableFuture<@Nullable T> future = new CompletableFuture<>();
        boolean taken = execute(() -> {
            try {
                future.complete(reader.get());
            } catch (RuntimeException e) {
                if (e instanceof KvException refusal && refusal.code() == ErrorCode.TOO_LARGE) {
                    future.completeExceptionally(refusal);
                    return;
                }
                log.atWarn().setCause(e).log("the disk of the mirror cannot be read");
                future.complete(null);
            }
        });
        if (!taken) {
            future.complete(null);
        }
        return future;
    }

    private static byte[] record(byte kind, NamespaceId namespace, byte[] key) {
        byte[] full = new byte[1 + NAMESPACE_BYTES + key.length];
        full[0] = kind;
        System.arraycopy(CacheKey.prefix(namespace), 0, full, 1, NAMESPACE_BYTES);
        System.arraycopy(key, 0, full, 1 + NAMESPACE_BYTES, key.length);
        return full;
    }

    private static byte[] record(byte kind, NamespaceId namespace) {
        return record(kind, namespace, new byte[0]);
    }

    // ---- on the thread: how far it is ----

    @Nullable
    Saved saved() {
        byte[] record = storage.get(POSITION);
        if (record == null || record.length <= SAVED_BYTES || record[0] != FORMAT) {
            return null;
        }
        ByteBuffer in = ByteBuffer.wrap(record, 1, SAVED_BYTES - 1);
        String text = new String(record, SAVED_BYTES, record.length - SAVED_BYTES, StandardCharsets.US_ASCII);
        try {
            return new Saved(in.getLong(), Position.parse(text), in.getLong());
        } catch (KvException e) {
            log.atWarn().setCause(e).log("the disk of the mirror has no position that can be read, and is dropped");
            storage.clear();
            return null;
        }
    }

    void save(Saved saved) {
        byte[] text = saved.position().toString().getBytes(StandardCharsets.US_ASCII);
        storage.put(
                POSITION,
                ByteBuffer.allocate(SAVED_BYTES + text.length)
                        .put(FORMAT)
                        .putLong(saved.generation())
                        .putLong(saved.millis())
                        .put(text)
                        .array());
        bytes = storage.bytes();
    }

    Progress progress(NamespaceId namespace) {
        byte[] record = storage.get(record(PROGRESS, namespace));
        return record == null ? Progress.NONE : decodeProgress(record);
    }

    private static Progress decodeProgress(byte[] record) {
        if (record.length < PROGRESS_BYTES || record[0] != FORMAT) {
            return Progress.NONE;
        }
        ByteBuffer in = ByteBuffer.wrap(record, 1, record.length - 1);
        return new Progress(
                in.getLong(), in.get() == 1, in.get() == 1, in.hasRemaining() ? Key.ofUtf8(in.slice()) : null);
    }

    void progress(NamespaceId namespace, Progress progress) {
        Key cursor = progress.cursor();
        ByteBuffer out = ByteBuffer.allocate(PROGRESS_BYTES + (cursor == null ? 0 : cursor.length()))
                .put(FORMAT)
                .putLong(progress.generation())
                .put((byte) (progress.complete() ? 1 : 0))
                .put((byte) (progress.ever() ? 1 : 0));
        if (cursor != null) {
            cursor.putTo(out);
        }
        storage.put(record(PROGRESS, namespace), out.array());
    }

    /** Returns how far each namespace is of which there is something. */
    Map<NamespaceId, Progress> allProgress() {
        Map<NamespaceId, Progress> found = new HashMap<>();
        forEach(PROGRESS, (namespace, record) -> found.put(namespace, decodeProgress(record)));
        return found;
    }

    /** Calls back with all that is known of namespaces. */
    void forEachInCatalogue(BiConsumer<NamespaceId, byte[]> consumer) {
        forEach(CATALOGUE, consumer);
    }

    private void forEach(byte kind, BiConsumer<NamespaceId, byte[]> consumer) {
        storage.scan(new byte[] {kind}, (key, record) -> {
            if (key[0] != kind) {
                return false;
            }
            ByteBuffer id = ByteBuffer.wrap(key, 1, NAMESPACE_BYTES);
            consumer.accept(new NamespaceId(id.getLong(), id.getLong()), record);
            return true;
        });
    }

    void forget(NamespaceId namespace) {
        storage.remove(record(PROGRESS, namespace)); // First: without it nothing below is relied on.
        storage.removeAll(record(HEAD, namespace));
        storage.removeAll(record(VALUE, namespace));
        storage.remove(record(CATALOGUE, namespace));
    }

    long drops() {
        return storage.drops();
    }

    // ---- on the thread: entries ----

    /** Keeps what upstream has answered for these keys: all of it, or nothing. */
    void put(NamespaceId namespace, List<Key> keys, List<GetResult> results) {
        List<byte[]> names = new ArrayList<>(2 * keys.size());
        List<byte[]> records = new ArrayList<>(2 * keys.size());
        for (int i = 0; i < keys.size(); i++) {
            byte[] key = keys.get(i).toByteArray();
            names.add(record(HEAD, namespace, key));
            names.add(record(VALUE, namespace, key));
            if (results.get(i) instanceof GetResult.Found found) {
                Metadata metadata = found.metadata();
                ByteBuffer head = ByteBuffer.allocate(HEAD_BYTES + (metadata == null ? 0 : metadata.length()))
                        .put(FORMAT)
                        .putLong(found.version())
                        .putLong(found.expiresAt())
                        .putInt(found.length());
                if (metadata != null) {
                    metadata.putTo(head);
                }
                records.add(head.array());
                records.add(ByteBuffer.allocate(1 + found.length())
                        .put(FORMAT)
                        .put(found.borrowArray())
                        .array());
            } else {
                records.add(new byte[0]);
                records.add(new byte[0]);
            }
        }
        storage.putAll(names, records);
    }

    private static KeyInfo info(Key key, byte[] head) {
        ByteBuffer in = ByteBuffer.wrap(head);
        if (head.length < HEAD_BYTES || in.get() != FORMAT) {
            throw new IllegalStateException("an entry of the mirror has a head of another format");
        }
        long version = in.getLong();
        long expiresAt = in.getLong();
        int valueBytes = in.getInt();
        return new KeyInfo(key, version, in.hasRemaining() ? Metadata.ofStored(in) : null, expiresAt, valueBytes);
    }

    private boolean isExpired(KeyInfo info) {
        return info.expiresAt() != 0 && time.millis() >= info.expiresAt() * 1000;
    }

    /** Returns the version of a key, expired or not, or 0. */
    long version(NamespaceId namespace, Key key) {
        byte[] head = storage.get(record(HEAD, namespace, key.toByteArray()));
        return head == null ? 0 : info(key, head).version();
    }

    /** Returns the versions of keys, 0 for one that is not there; null if there is no copy that was ever complete. */
    @Nullable
    List<Long> versions(NamespaceId namespace, List<Key> keys) {
        List<Long> versions = new ArrayList<>(keys.size());
        for (Key key : keys) {
            byte[] head = storage.get(record(HEAD, namespace, key.toByteArray()));
            KeyInfo info = head == null ? null : info(key, head);
            versions.add(info == null || isExpired(info) ? 0 : info.version());
        }
        return progress(namespace).ever() ? versions : null;
    }

    /** Returns the entries of keys; null if there is no copy that was ever complete: what is not found would mean nothing. */
    @Nullable
    List<GetResult> get(NamespaceId namespace, List<Key> keys) {
        List<GetResult> results = new ArrayList<>(keys.size());
        long total = 0;
        for (Key key : keys) {
            byte[] name = key.toByteArray();
            byte[] head = storage.get(record(HEAD, namespace, name));
            KeyInfo info = head == null ? null : info(key, head);
            if (info == null || isExpired(info)) {
                results.add(GetResult.Missing.INSTANCE);
                continue;
            }
            total += info.valueBytes();
            if (total > Limits.MAX_BULK_GET_BYTES) {
                throw new KvException(
                        ErrorCode.TOO_LARGE,
                        "the values are more than " + Limits.MAX_BULK_GET_BYTES
                                + " bytes together (expected: fewer keys)");
            }
            byte[] value = storage.get(record(VALUE, namespace, name));
            if (value == null || value.length != info.valueBytes() + 1) {
                return null; // It was dropped in between.
            }
            results.add(GetResult.Found.wrap(
                    Arrays.copyOfRange(value, 1, value.length), info.metadata(), info.version(), info.expiresAt()));
        }
        // Afterwards: if damage was found on the way, this is gone too.
        return progress(namespace).ever() ? results : null;
    }

    /** Returns a page of a listing; null as {@link #get}. */
    @Nullable
    ListPage list(NamespaceId namespace, ListOptions list) {
        byte[] prefix = list.prefix().getBytes(StandardCharsets.UTF_8);
        Cursor cursor = list.cursor();
        byte[] from = cursor == null ? prefix : after(cursor.after());
        if (Arrays.compareUnsigned(from, prefix) < 0) {
            from = prefix; // Never before the prefix, wherever the cursor comes from.
        }
        List<KeyInfo> keys = new ArrayList<>(Math.min(list.limit(), 128));
        Cursor[] next = new Cursor[1];
        int[] steps = new int[1];
        walk(namespace, from, info -> {
            if (!info.key().startsWith(prefix)) {
                return false;
            }
            if (keys.size() == list.limit()) {
                next[0] = Cursor.after(keys.get(keys.size() - 1).key());
                return false;
            }
            if (!isExpired(info)) {
                keys.add(info);
            }
            if (++steps[0] == MAX_STEPS) {
                next[0] = Cursor.after(info.key());
                return false;
            }
            return true;
        });
        return progress(namespace).ever() ? new ListPage(keys, next[0]) : null;
    }

    private static byte[] after(Key key) {
        return Arrays.copyOf(key.toByteArray(), key.length() + 1); // The very next string.
    }

    /** Takes entries as they are walked over. */
    interface InfoVisitor {
        boolean visit(KeyInfo info);
    }

    /** Walks over all entries, expired or not, that come after a key; null for from the beginning. */
    void walkAfter(NamespaceId namespace, @Nullable Key key, InfoVisitor visitor) {
        walk(namespace, key == null ? new byte[0] : after(key), visitor);
    }

    private void walk(NamespaceId namespace, byte[] from, InfoVisitor visitor) {
        byte[] all = record(HEAD, namespace);
        storage.scan(record(HEAD, namespace, from), (key, record) -> {
            if (!Arrays.equals(key, 0, Math.min(key.length, all.length), all, 0, all.length)) {
                return false;
            }
            return visitor.visit(info(Key.ofUtf8(Arrays.copyOfRange(key, all.length, key.length)), record));
        });
    }

    // ---- for everybody ----

    @Override
    public void catalogue(NamespaceId namespace, byte[] record) {
        boolean unused = execute(() -> storage.put(record(CATALOGUE, namespace), record));
    }

    @Override
    public CompletableFuture<byte @Nullable []> catalogue(NamespaceId namespace) {
        return read(() -> storage.get(record(CATALOGUE, namespace)));
    }

    long bytes() {
        return bytes;
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
        if (ended) {
            storage.close();
        } else {
            log.atWarn().log("the disk of the mirror is too slow to end in order, and is left");
        }
    }
}
