package io.nearkv.core.rocksdb;

import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.zip.CRC32C;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.WriteBatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes a database agree with itself again after parts of its log were skipped: its column families may then know of different commits. What is whole is kept, what is
 * not is removed, and the change feed, which would have a hole, begins anew. Not thread-safe.
 */
final class StoreRepair {
    private static final Logger log = LoggerFactory.getLogger(StoreRepair.class);
    private static final int BATCH_OPERATIONS = 1000;

    private final Database db;
    private final EntryRecord.View view = new EntryRecord.View();
    private final ByteBuffer keyBuffer = ByteBuffer.allocate(1024);
    private final Set<Long> valueIds = new HashSet<>();
    private final Set<Integer> namespaces = new HashSet<>();
    private long highestVersion;
    private WriteBatch batch = new WriteBatch();

    private StoreRepair(Database db) {
        this.db = db;
    }

    /** Repairs a database; returns the version from which it goes on. */
    static long run(Database db, long lastChange) throws RocksDBException {
        StoreRepair repair = new StoreRepair(db);
        try {
            repair.highestVersion = lastChange;
            repair.repairCatalogue();
            repair.repairEntries();
            repair.repairValues();
            repair.restartFeed();
            repair.write();
            return repair.highestVersion;
        } finally {
            repair.batch.close();
        }
    }

    private void repairCatalogue() throws RocksDBException {
        Catalogue catalogue = MetaRecords.readCatalogue(db);
        int next = catalogue.nextNumber();
        for (Catalogue.Namespace namespace : catalogue.allNamespaces()) {
            namespaces.add(namespace.number());
            next = Math.max(next, namespace.number() + 1);
        }
        MetaRecords.putCatalogue(db, batch, new Catalogue(Map.of(), Map.of(), next, catalogue.revision() + 1));
    }

    private void repairEntries() throws RocksDBException {
        long removed = 0;
        try (RocksIterator records = db.rocks.newIterator(db.entries, db.scan)) {
            for (records.seekToFirst(); records.isValid(); records.next()) {
                byte[] key = records.key();
                byte[] record = records.value();
                boolean whole = false;
                try {
                    view.read(ByteBuffer.wrap(record), record.length);
                    highestVersion = Math.max(highestVersion, view.version);
                    whole = key.length > Integer.BYTES
                            && namespaces.contains(ByteBuffer.wrap(key).getInt())
                            && (!view.external || isValueWhole(key));
                } catch (KvException e) {
                    log.atDebug().setCause(e).log("an entry is unreadable");
                }
                if (!whole) {
                    removed++;
                    batch.delete(db.entries, key);
                } else {
                    if (view.external) {
                        valueIds.add(view.valueId);
                    }
                    if (view.expiresAt != 0) {
                        byte[] expiry = ByteBuffer.allocate(Long.BYTES + key.length)
                                .putLong(view.expiresAt)
                                .put(key)
                                .array();
                        batch.put(db.expiry, expiry, new byte[0]);
                    }
                }
                writeIfFull();
            }
            records.status();
        }
        log.atWarn().addKeyValue("entries", removed).log("removed entries that are not whole");
    }

    private boolean isValueWhole(byte[] entryKey) throws RocksDBException {
        int namespace = ByteBuffer.wrap(entryKey).getInt();
        keyBuffer.clear().putInt(namespace).put(EntryRecord.POINTER).put(entryKey, Integer.BYTES, entryKey.length - 4);
        byte[] pointer = get(db.values);
        ByteBuffer expected = ByteBuffer.allocate(EntryRecord.POINTER_BYTES);
        EntryRecord.putPointer(expected, view.valueId, view.valueBytes);
        if (pointer == null || !ByteBuffer.wrap(pointer).equals(expected.flip())) {
            return false;
        }
        CRC32C crc = new CRC32C();
        for (int index = 0; index < EntryRecord.chunks(view.valueBytes); index++) {
            EntryRecord.putChunkKey(keyBuffer.clear(), namespace, view.valueId, index);
            byte[] chunk = get(db.values);
            if (chunk == null
                    || chunk.length != Math.min(Limits.CHUNK_BYTES, view.valueBytes - index * Limits.CHUNK_BYTES)) {
                return false;
            }
            crc.update(chunk);
        }
        return (int) crc.getValue() == view.crc32c;
    }

    private byte @org.jspecify.annotations.Nullable [] get(ColumnFamilyHandle family) throws RocksDBException {
        byte[] key = new byte[keyBuffer.position()];
        keyBuffer.flip().get(key);
        return db.rocks.get(family, db.scan, key);
    }

    /** Removes pointers and pieces that no entry has. Unfinished uploads are removed by the next opening anyway. */
    private void repairValues() throws RocksDBException {
        try (RocksIterator records = db.rocks.newIterator(db.values, db.scan)) {
            for (records.seekToFirst(); records.isValid(); records.next()) {
                byte[] key = records.key();
                boolean pointer = key.length > Integer.BYTES && key[Integer.BYTES] == EntryRecord.POINTER;
                ByteBuffer id = ByteBuffer.wrap(pointer ? records.value() : key);
                int at = pointer ? 1 : Integer.BYTES + 1;
                if (id.limit() < at + Long.BYTES || !valueIds.contains(id.getLong(at))) {
                    batch.delete(db.values, key);
                    writeIfFull();
                }
            }
            records.status();
        }
    }

    private void restartFeed() throws RocksDBException {
        MetaRecords.forEach(db, MetaRecords.SEGMENT, (first, record) -> {
            try {
                batch.delete(db.meta, MetaRecords.name(MetaRecords.SEGMENT + first));
            } catch (RocksDBException e) {
                throw new IllegalStateException("a batch in memory does not fail", e);
            }
        });
        batch.deleteRange(db.changes, FeedLog.versionKey(0), FeedLog.versionKey(Long.MAX_VALUE));
        batch.put(db.meta, MetaRecords.name(MetaRecords.TRIMMED), MetaRecords.number(highestVersion));
    }

    private void writeIfFull() throws RocksDBException {
        if (batch.count() >= BATCH_OPERATIONS) {
            write();
        }
    }

    private void write() throws RocksDBException {
        db.rocks.write(db.synced, batch);
        batch.close();
        batch = new WriteBatch();
    }
}
