package io.nearkv.core.rocksdb;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.AccountInfo;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.NamespaceInfo;
import io.nearkv.core.PutOptions;
import io.nearkv.core.Value;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;
import org.rocksdb.RocksDBException;
import org.rocksdb.WriteBatch;

/**
 * The commit group that is being built: one RocksDB batch, and the state as it will be. Used again and again by the writer thread, to which it is confined.
 *
 * <p>A put without a condition reads nothing: neither the entry that it replaces nor, as long as the store has no large values, its pointer. Only if some operation of
 * the group depends on state are the earlier writes of the group remembered in {@code overlay}.
 */
final class Group {
    /** Beyond this the buffer of the batch is not kept for the next group. */
    private static final long MAX_KEPT_BATCH_BYTES = 16 << 20;

    private record ScopedKey(int namespace, Key key) {}

    /** What is known about an entry; version 0 if it is not there, value id 0 if its value is not in {@code values}. */
    private record State(long version, long expiresAt, long valueId, int valueBytes) {
        static final State ABSENT = new State(0, 0, 0, 0);
    }

    private final StoreCore core;
    private final FeedLog feedLog;
    private final Map<ScopedKey, State> overlay = new HashMap<>();
    private final ChangeGroup.Encoder encoder = new ChangeGroup.Encoder();
    private final EntryRecord.View view = new EntryRecord.View();
    private final ByteBuffer keyBuffer = ByteBuffer.allocateDirect(1024);
    private final ByteBuffer valueBuffer;
    private final ByteBuffer empty = ByteBuffer.allocateDirect(0);
    private final CRC32C crc = new CRC32C();
    private final byte[] copyBuffer = new byte[Limits.CHUNK_BYTES];

    private Database db;
    private WriteBatch batch;
    private Catalogue catalogue = Catalogue.EMPTY;
    private long nowMillis;
    private long firstVersion;
    private long nextVersion;
    private boolean tracksState;
    private boolean largeValues;
    private long trimmedTo;
    /** What live subscribers get, or null if there are none. */
    private @Nullable List<ChangeGroup> published;

    private List<ChangeGroup.Item> items = new ArrayList<>();

    Group(StoreCore core, FeedLog feedLog, Database db) {
        this.core = core;
        this.feedLog = feedLog;
        this.db = db;
        this.batch = new WriteBatch();
        this.valueBuffer = ByteBuffer.allocateDirect(
                Math.max(Limits.CHUNK_BYTES, core.options.inlineValueBytes + EntryRecord.MAX_HEADER_BYTES));
    }

    /** Begins anew, at a time that decides about all expirations of the group. */
    void begin(Database database, long lastVersion, long now, boolean tracks, boolean publishes) {
        if (batch.getDataSize() > MAX_KEPT_BATCH_BYTES) {
            batch.close();
            batch = new WriteBatch();
        }
        batch.clear();
        overlay.clear();
        db = database;
        catalogue = core.catalogue;
        nowMillis = now;
        firstVersion = lastVersion + 1;
        nextVersion = firstVersion;
        tracksState = tracks;
        largeValues = core.hasLargeValues;
        published = publishes ? new ArrayList<>() : null;
        items = new ArrayList<>();
        trimmedTo = feedLog.trimmed();
        encoder.begin(firstVersion, nowMillis);
    }

    Catalogue catalogue() {
        return catalogue;
    }

    StoreCore core() {
        return core;
    }

    Database database() {
        return db;
    }

    /** Returns the batch, for records of {@code meta}. */
    WriteBatch batch() {
        return batch;
    }

    /** Sets the catalogue that the group leaves. */
    void catalogue(Catalogue changed) throws RocksDBException {
        MetaRecords.putCatalogue(db, batch, changed);
        catalogue = changed;
    }

    /** Returns the version that the next change will have. */
    long nextVersion() {
        return nextVersion;
    }

    long nowMillis() {
        return nowMillis;
    }

    /**
     * Returns when an entry expires that is put now, or 0.
     *
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if that is not ahead, or too far
     */
    long expirationOf(PutOptions put) {
        long nowSeconds = Math.floorDiv(nowMillis, 1000);
        if (put.ttlSeconds() != 0) {
            long expiresAt = nowSeconds + put.ttlSeconds();
            if (expiresAt > Limits.MAX_EXPIRATION_EPOCH_SECOND) {
                throw new KvException(
                        ErrorCode.INVALID_REQUEST,
                        "ttl: " + put.ttlSeconds() + " s (expected: an expiration of at most "
                                + Limits.MAX_EXPIRATION_EPOCH_SECOND + ")");
            }
            return expiresAt;
        }
        if (put.expiresAt() != 0 && put.expiresAt() < nowSeconds + Limits.MIN_TTL.toSeconds()) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "expiration: " + put.expiresAt() + " (expected: at least " + Limits.MIN_TTL.toSeconds()
                            + " s after " + nowSeconds + ", the store's time)");
        }
        return put.expiresAt();
    }

    /** Returns the version of the live entry of a key, or 0 if there is none. */
    long currentVersion(int namespace, Key key) throws RocksDBException {
        State state = state(namespace, key);
        return isExpired(state) ? 0 : state.version();
    }

    /** Returns whether the entry of a key has exactly this expiration, and it is over. */
    boolean isExpiredAt(int namespace, Key key, long expiresAt) throws RocksDBException {
        State state = state(namespace, key);
        return state.version() != 0 && state.expiresAt() == expiresAt && isExpired(state);
    }

    private boolean isExpired(State state) {
        return state.expiresAt() != 0 && nowMillis >= state.expiresAt() * 1000;
    }

    private State state(int namespace, Key key) throws RocksDBException {
        ScopedKey scoped = new ScopedKey(namespace, key);
        State state = overlay.get(scoped);
        if (state == null) {
            EntryRecord.putEntryKey(keyBuffer.clear(), namespace, key);
            int size = db.get(db.entries, db.anywhere, keyBuffer.flip(), valueBuffer);
            if (size == Database.NOT_FOUND) {
                state = State.ABSENT;
            } else {
                view.read(valueBuffer, size);
                state = new State(
                        view.version,
                        view.expiresAt,
                        view.external ? view.valueId : 0,
                        view.external ? view.valueBytes : 0);
            }
            overlay.put(scoped, state);
        }
        return state;
    }

    /** Sets an entry; returns its version. */
    @com.google.errorprone.annotations.CanIgnoreReturnValue
    long put(Catalogue.Namespace namespace, Key key, Value value, PutOptions options, long expiresAt, boolean ends)
            throws RocksDBException {
        if (value.length() <= core.options.inlineValueBytes) {
            dropLargeValue(namespace.number(), key);
            EntryRecord.putHead(valueBuffer.clear(), nextVersion, expiresAt, options.metadata(), false);
            value.putTo(valueBuffer);
            return finishPut(namespace, key, expiresAt, 0, 0, ends);
        }
        long valueId = core.newValueId();
        crc.reset();
        for (int index = 0, from = 0; from < value.length(); index++) {
            int length = Math.min(Limits.CHUNK_BYTES, value.length() - from);
            value.copyTo(from, copyBuffer, 0, length);
            crc.update(copyBuffer, 0, length);
            EntryRecord.putChunkKey(keyBuffer.clear(), namespace.number(), valueId, index);
            valueBuffer.clear().put(copyBuffer, 0, length);
            batch.put(db.values, keyBuffer.flip(), valueBuffer.flip());
            from += length;
        }
        return putLarge(namespace, key, options, expiresAt, valueId, value.length(), (int) crc.getValue(), ends);
    }

    /** Sets an entry whose value is, or will be with this group, in {@code values}; returns its version. */
    long putLarge(
            Catalogue.Namespace namespace,
            Key key,
            PutOptions options,
            long expiresAt,
            long valueId,
            int length,
            int crc32c,
            boolean ends)
            throws RocksDBException {
        dropLargeValue(namespace.number(), key);
        largeValues = true;
        EntryRecord.putPointerKey(keyBuffer.clear(), namespace.number(), key);
        EntryRecord.putPointer(valueBuffer.clear(), valueId, length);
        batch.put(db.values, keyBuffer.flip(), valueBuffer.flip());
        EntryRecord.putHead(valueBuffer.clear(), nextVersion, expiresAt, options.metadata(), true);
        EntryRecord.putExternal(valueBuffer, valueId, length, crc32c);
        return finishPut(namespace, key, expiresAt, valueId, length, ends);
    }

    private long finishPut(
            Catalogue.Namespace namespace, Key key, long expiresAt, long valueId, int length, boolean ends)
            throws RocksDBException {
        EntryRecord.putEntryKey(keyBuffer.clear(), namespace.number(), key);
        batch.put(db.entries, keyBuffer.flip(), valueBuffer.flip());
        if (expiresAt != 0) {
            EntryRecord.putExpiryKey(keyBuffer.clear(), expiresAt, namespace.number(), key);
            batch.put(db.expiry, keyBuffer.flip(), empty);
        }
        if (tracksState) {
            overlay.put(new ScopedKey(namespace.number(), key), new State(nextVersion, expiresAt, valueId, length));
        }
        return change(namespace, key, FeedEvent.Kind.PUT, ends);
    }

    /** Removes an entry, if it is there; returns the version of the change. */
    @com.google.errorprone.annotations.CanIgnoreReturnValue
    long delete(Catalogue.Namespace namespace, Key key, FeedEvent.Kind kind, boolean ends) throws RocksDBException {
        dropLargeValue(namespace.number(), key);
        EntryRecord.putEntryKey(keyBuffer.clear(), namespace.number(), key);
        batch.delete(db.entries, keyBuffer.flip());
        if (tracksState) {
            overlay.put(new ScopedKey(namespace.number(), key), State.ABSENT);
        }
        return change(namespace, key, kind, ends);
    }

    void dropExpiry(long expiresAt, int namespace, Key key) throws RocksDBException {
        EntryRecord.putExpiryKey(keyBuffer.clear(), expiresAt, namespace, key);
        batch.delete(db.expiry, keyBuffer.flip());
    }

    /** Removes the pieces and the pointer of the value that a key has now. The filter of {@code values} answers for most keys that have none. */
    private void dropLargeValue(int namespace, Key key) throws RocksDBException {
        State known = tracksState ? overlay.get(new ScopedKey(namespace, key)) : null;
        long valueId = 0;
        int length = 0;
        if (known != null) {
            valueId = known.valueId();
            length = known.valueBytes();
        } else if (largeValues) {
            EntryRecord.putPointerKey(keyBuffer.clear(), namespace, key);
            int size = db.get(db.values, db.anywhere, keyBuffer.flip(), valueBuffer);
            if (size != Database.NOT_FOUND) {
                if (size != EntryRecord.POINTER_BYTES || valueBuffer.get(0) != EntryRecord.FORMAT) {
                    throw EntryRecord.damaged("a value pointer has " + size + " bytes");
                }
                valueId = valueBuffer.getLong(1);
                length = valueBuffer.getInt(1 + Long.BYTES);
            }
        }
        if (valueId != 0) {
            EntryRecord.putPointerKey(keyBuffer.clear(), namespace, key);
            batch.delete(db.values, keyBuffer.flip());
            dropChunks(namespace, valueId, EntryRecord.chunks(length));
        }
    }

    /** Removes the pieces of a value. */
    void dropChunks(int namespace, long valueId, int count) throws RocksDBException {
        for (int index = 0; index < count; index++) {
            EntryRecord.putChunkKey(keyBuffer.clear(), namespace, valueId, index);
            batch.delete(db.values, keyBuffer.flip());
        }
    }

    /** Adds an account, whose id is new. */
    AccountInfo createAccount(AccountInfo account) throws RocksDBException {
        Catalogue.checkTitle(account.name());
        MetaRecords.putAccount(db, batch, account);
        catalogue(catalogue.with(account));
        return account;
    }

    /** Adds a namespace; one with this id that is there already stays as it is. */
    NamespaceInfo createNamespace(NamespaceInfo info) throws RocksDBException {
        Catalogue.Namespace known = catalogue.find(info.id());
        if (known != null) {
            return known.info();
        }
        Catalogue after = catalogue.with(info);
        MetaRecords.putNamespace(db, batch, after.namespace(info.id()));
        catalogue(after);
        return info;
    }

    /** Gives a namespace another title. */
    NamespaceInfo renameNamespace(NamespaceId namespace, String title) throws RocksDBException {
        NamespaceInfo info = new NamespaceInfo(
                namespace, catalogue.namespace(namespace).info().account(), title);
        Catalogue after = catalogue.renamed(info);
        MetaRecords.putNamespace(db, batch, after.namespace(namespace));
        catalogue(after);
        return info;
    }

    /** Removes a namespace with everything in it, whatever that is. */
    void deleteNamespace(Catalogue.Namespace namespace) throws RocksDBException {
        byte[] from =
                ByteBuffer.allocate(Integer.BYTES).putInt(namespace.number()).array();
        byte[] to = ByteBuffer.allocate(Integer.BYTES)
                .putInt(namespace.number() + 1)
                .array();
        batch.deleteRange(db.entries, from, to);
        if (largeValues) {
            batch.deleteRange(db.values, from, to);
        }
        batch.delete(db.meta, MetaRecords.name(MetaRecords.NAMESPACE + namespace.id()));
        catalogue(catalogue.without(namespace.id()));
        change(namespace, null, FeedEvent.Kind.NAMESPACE_DELETED, true);
    }

    @com.google.errorprone.annotations.CanIgnoreReturnValue
    private long change(Catalogue.Namespace namespace, @Nullable Key key, FeedEvent.Kind kind, boolean ends)
            throws RocksDBException {
        if (encoder.isFull()) {
            closeRecord();
        }
        encoder.add(namespace.id(), key, kind, ends);
        if (published != null) {
            items.add(new ChangeGroup.Item(namespace.id(), key, kind, ends));
        }
        return nextVersion++;
    }

    private void closeRecord() throws RocksDBException {
        long first = encoder.firstVersion();
        ByteBuffer record = encoder.finish();
        int bytes = record.remaining();
        keyBuffer.clear().putLong(first);
        feedLog.append(db, batch, keyBuffer.flip(), record, first, nextVersion - 1, nowMillis);
        if (published != null) {
            published.add(new ChangeGroup(first, nowMillis, items, bytes));
            items = new ArrayList<>();
        }
        encoder.begin(nextVersion, nowMillis);
    }

    /** Trims the change feed. */
    void trimFeed() throws RocksDBException {
        trimmedTo = feedLog.trim(db, batch, nowMillis);
    }

    /** Adds the last records; returns whether there is anything to write. */
    boolean complete() throws RocksDBException {
        if (encoder.count() > 0) {
            closeRecord();
            trimFeed();
        }
        return batch.count() > 0;
    }

    /** Makes the new state known, after it was written. */
    void committed() {
        core.catalogue = catalogue;
        if (largeValues) {
            core.hasLargeValues = true;
        }
        feedLog.trimmedTo(trimmedTo);
        core.lastVersion = nextVersion - 1;
    }

    List<ChangeGroup> published() {
        return requireNonNull(published, "published");
    }

    boolean hasChanges() {
        return nextVersion > firstVersion;
    }

    long lastVersion() {
        return nextVersion - 1;
    }

    void close() {
        batch.close();
    }
}
