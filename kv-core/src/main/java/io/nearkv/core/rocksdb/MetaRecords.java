package io.nearkv.core.rocksdb;

import io.nearkv.core.AccountId;
import io.nearkv.core.AccountInfo;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.NamespaceInfo;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.WriteBatch;

/** The records of the column family {@code meta}; {@code docs/formats/store.md} describes them. Names are text, values begin with a format byte. */
final class MetaRecords {
    static final byte FORMAT = 1;
    static final String STAMP = "stamp";
    static final String EPOCH = "epoch";
    static final String CATALOGUE = "catalogue";
    static final String ACCOUNT = "account/";
    static final String NAMESPACE = "namespace/";
    static final String STAGING = "staging/";
    static final String TRIMMED = "feed-trimmed";
    static final String SEGMENT = "feed-segment/";
    /** Of a replica: how far the log outside is applied. */
    static final String APPLIED = "applied";
    /** Of a replica: pieces of values that no entry refers to yet. */
    static final String PIECES = "pieces/";

    private MetaRecords() {}

    static byte[] name(String name) {
        return name.getBytes(StandardCharsets.US_ASCII);
    }

    static byte[] number(long number) {
        return ByteBuffer.allocate(1 + Long.BYTES).put(FORMAT).putLong(number).array();
    }

    static long number(String name, byte[] record) {
        return reader(name, record, 1 + Long.BYTES).getLong();
    }

    /** Checks the format byte and the least length. */
    static ByteBuffer reader(String name, byte[] record, int minBytes) {
        if (record.length < minBytes || record[0] != FORMAT) {
            throw EntryRecord.damaged("meta record '" + name + "' of " + record.length + " bytes is unreadable");
        }
        return ByteBuffer.wrap(record, 1, record.length - 1);
    }

    static byte[] stamp(StoreStamp stamp) {
        byte[] environment = stamp.environment().getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(1 + Integer.BYTES + 2 * Long.BYTES + environment.length)
                .put(FORMAT)
                .putInt(stamp.formatVersion())
                .putLong(stamp.lineage())
                .putLong(stamp.created().toEpochMilli())
                .put(environment)
                .array();
    }

    static StoreStamp stamp(byte[] record) {
        ByteBuffer in = reader(STAMP, record, 1 + Integer.BYTES + 2 * Long.BYTES);
        int format = in.getInt();
        long lineage = in.getLong();
        Instant created = Instant.ofEpochMilli(in.getLong());
        return new StoreStamp(format, StandardCharsets.UTF_8.decode(in).toString(), lineage, created);
    }

    static String stagingName(long valueId) {
        return STAGING + HexFormat.of().toHexDigits(valueId);
    }

    static String piecesName(long valueId) {
        return PIECES + HexFormat.of().toHexDigits(valueId);
    }

    static String segmentName(long firstVersion) {
        return SEGMENT + HexFormat.of().toHexDigits(firstVersion);
    }

    static void putAccount(Database db, WriteBatch batch, AccountInfo account) throws RocksDBException {
        byte[] name = account.name().getBytes(StandardCharsets.UTF_8);
        batch.put(
                db.meta,
                name(ACCOUNT + account.id()),
                ByteBuffer.allocate(1 + name.length).put(FORMAT).put(name).array());
    }

    static void putNamespace(Database db, WriteBatch batch, Catalogue.Namespace namespace) throws RocksDBException {
        byte[] title = namespace.info().title().getBytes(StandardCharsets.UTF_8);
        AccountId account = namespace.info().account();
        byte[] record = ByteBuffer.allocate(1 + Integer.BYTES + 2 * Long.BYTES + title.length)
                .put(FORMAT)
                .putInt(namespace.number())
                .putLong(account.high())
                .putLong(account.low())
                .put(title)
                .array();
        batch.put(db.meta, name(NAMESPACE + namespace.id()), record);
    }

    /** Reads accounts and namespaces. */
    static Catalogue readCatalogue(Database db) throws RocksDBException {
        return readCatalogue(db.rocks, db.meta, db.anywhere);
    }

    /** Reads accounts and namespaces of a database however it was opened. */
    static Catalogue readCatalogue(RocksDB rocks, ColumnFamilyHandle meta, ReadOptions options)
            throws RocksDBException {
        Map<AccountId, AccountInfo> accounts = new HashMap<>();
        Map<NamespaceId, Catalogue.Namespace> namespaces = new HashMap<>();
        forEach(rocks, meta, options, ACCOUNT, (id, record) -> {
            ByteBuffer in = reader(ACCOUNT + id, record, 2);
            AccountId account = AccountId.parse(id);
            accounts.put(
                    account,
                    new AccountInfo(account, StandardCharsets.UTF_8.decode(in).toString()));
        });
        forEach(rocks, meta, options, NAMESPACE, (id, record) -> {
            ByteBuffer in = reader(NAMESPACE + id, record, 2 + Integer.BYTES + 2 * Long.BYTES);
            int number = in.getInt();
            AccountId account = new AccountId(in.getLong(), in.getLong());
            NamespaceId namespace = NamespaceId.parse(id);
            String title = StandardCharsets.UTF_8.decode(in).toString();
            namespaces.put(namespace, new Catalogue.Namespace(number, new NamespaceInfo(namespace, account, title)));
        });
        byte[] record = rocks.get(meta, name(CATALOGUE));
        if (record == null) {
            throw EntryRecord.damaged("meta record '" + CATALOGUE + "' is missing");
        }
        ByteBuffer in = reader(CATALOGUE, record, 1 + Integer.BYTES + Long.BYTES);
        return new Catalogue(accounts, namespaces, in.getInt(), in.getLong());
    }

    /** Adds what a catalogue says beyond its accounts and namespaces; with each change of it. */
    static void putCatalogue(Database db, WriteBatch batch, Catalogue catalogue) throws RocksDBException {
        byte[] record = ByteBuffer.allocate(1 + Integer.BYTES + Long.BYTES)
                .put(FORMAT)
                .putInt(catalogue.nextNumber())
                .putLong(catalogue.revision())
                .array();
        batch.put(db.meta, name(CATALOGUE), record);
    }

    /** Takes one record. */
    interface RecordReader {
        /** Takes the name without the prefix that was asked for. */
        void read(String rest, byte[] record);
    }

    /** Reads all records whose names begin with a prefix, in order. */
    static void forEach(Database db, String prefix, RecordReader reader) throws RocksDBException {
        forEach(db.rocks, db.meta, db.anywhere, prefix, reader);
    }

    /** Reads records of a database however it was opened. */
    static void forEach(RocksDB rocks, ColumnFamilyHandle meta, ReadOptions options, String prefix, RecordReader reader)
            throws RocksDBException {
        try (RocksIterator records = rocks.newIterator(meta, options)) {
            for (records.seek(name(prefix)); records.isValid(); records.next()) {
                String name = new String(records.key(), StandardCharsets.US_ASCII);
                if (!name.startsWith(prefix)) {
                    break;
                }
                try {
                    reader.read(name.substring(prefix.length()), records.value());
                } catch (BufferUnderflowException | IllegalArgumentException e) {
                    throw EntryRecord.damaged("meta record '" + name + "': " + e);
                }
            }
            records.status();
        }
    }
}
