package io.nearkv.core.rocksdb;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HexFormat;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.WriteBatch;

/**
 * How much of the change feed is kept. Changes are counted in segments, each a sixteenth of what is to be kept; whole segments are trimmed, by one range
 * deletion. The counts of finished segments are kept in {@code meta}, so that opening reads at most one segment. Confined to the writer thread, except {@link #trimmed()}.
 */
final class FeedLog {
    private static final int SEGMENTS = 16;
    private static final long MIN_SEGMENT_BYTES = 4096;

    /** End and bytes are 0 while it grows. */
    private record Segment(long first, long startMillis, long endMillis, long bytes) {}

    private final long retainBytes;
    private final long retainMillis;
    private final Deque<Segment> closed = new ArrayDeque<>();
    private long closedBytes;
    /** The segment that grows; there is none while {@code openBytes} is 0. */
    private long openFirst;

    private long openMillis;
    private long openBytes;
    private long lastVersion;
    private long lastMillis;
    private volatile long trimmed;
    private volatile long keptBytes;
    /** When the changes that are trimmed next were over. */
    private volatile long oldestMillis = Long.MAX_VALUE;

    FeedLog(RocksStoreOptions options) {
        this.retainBytes = options.feedRetainBytes;
        this.retainMillis = options.feedRetainTime.toMillis();
    }

    /** Reads what is there; returns the version of the last change of the store. */
    long load(Database db) throws RocksDBException {
        closed.clear();
        closedBytes = 0;
        openBytes = 0;
        byte[] trimmedRecord = db.rocks.get(db.meta, MetaRecords.name(MetaRecords.TRIMMED));
        trimmed = trimmedRecord == null ? 0 : MetaRecords.number(MetaRecords.TRIMMED, trimmedRecord);
        lastVersion = trimmed;
        Deque<Segment> open = new ArrayDeque<>();
        MetaRecords.forEach(db, MetaRecords.SEGMENT, (first, record) -> {
            ByteBuffer in = ByteBuffer.wrap(record);
            if (record.length != 1 + 3 * Long.BYTES || in.get() != MetaRecords.FORMAT) {
                throw EntryRecord.damaged("meta record of feed segment " + first);
            }
            Segment segment =
                    new Segment(HexFormat.fromHexDigitsToLong(first), in.getLong(), in.getLong(), in.getLong());
            (segment.endMillis() == 0 ? open : closed).add(segment);
        });
        closed.forEach(segment -> closedBytes += segment.bytes());
        if (!open.isEmpty()) {
            openFirst = open.getLast().first();
            openMillis = open.getLast().startMillis();
        }
        try (RocksIterator records = db.rocks.newIterator(db.changes, db.scan)) {
            for (records.seekToLast(); records.isValid(); records.prev()) {
                ByteBuffer key = ByteBuffer.wrap(records.key());
                byte[] value = records.value();
                long first = key.getLong();
                if (lastVersion == trimmed) {
                    lastVersion = ChangeGroup.lastVersion(first, ByteBuffer.wrap(value));
                    lastMillis = ByteBuffer.wrap(value).getLong(1);
                }
                if (open.isEmpty() || first < openFirst) {
                    break;
                }
                openBytes += key.capacity() + value.length;
            }
            records.status();
        }
        publish();
        return lastVersion;
    }

    /** Adds a record of changes to a batch. */
    void append(Database db, WriteBatch batch, ByteBuffer key, ByteBuffer record, long first, long last, long nowMillis)
            throws RocksDBException {
        if (openBytes >= Math.max(MIN_SEGMENT_BYTES, retainBytes / SEGMENTS)
                || (openBytes > 0 && nowMillis - openMillis >= retainMillis / SEGMENTS)) {
            Segment full = new Segment(openFirst, openMillis, lastMillis, openBytes);
            putSegment(db, batch, full);
            closed.add(full);
            closedBytes += openBytes;
            openBytes = 0;
        }
        if (openBytes == 0) {
            openFirst = first;
            openMillis = nowMillis;
            putSegment(db, batch, new Segment(first, nowMillis, 0, 0));
        }
        openBytes += key.remaining() + record.remaining();
        lastVersion = last;
        lastMillis = nowMillis;
        batch.put(db.changes, key, record);
    }

    private static void putSegment(Database db, WriteBatch batch, Segment segment) throws RocksDBException {
        byte[] record = ByteBuffer.allocate(1 + 3 * Long.BYTES)
                .put(MetaRecords.FORMAT)
                .putLong(segment.startMillis())
                .putLong(segment.endMillis())
                .putLong(segment.bytes())
                .array();
        batch.put(db.meta, MetaRecords.name(MetaRecords.segmentName(segment.first())), record);
    }

    /** Adds the removal of what need not be kept to a batch; returns the new {@link #trimmed()}, which {@link #trimmedTo} makes known after the commit. */
    long trim(Database db, WriteBatch batch, long nowMillis) throws RocksDBException {
        long to = trimmed;
        while (!closed.isEmpty()) {
            Segment oldest = closed.getFirst();
            boolean tooMuch = closedBytes + openBytes - oldest.bytes() >= retainBytes;
            boolean tooOld = oldest.endMillis() < nowMillis - retainMillis;
            if (!tooMuch && !tooOld) {
                break;
            }
            closed.removeFirst();
            closedBytes -= oldest.bytes();
            // There is always a younger one: a segment is closed when the next one begins, and that one is trimmed
            // last.
            to = (closed.isEmpty() ? openFirst : closed.getFirst().first()) - 1;
            batch.delete(db.meta, MetaRecords.name(MetaRecords.segmentName(oldest.first())));
        }
        if (closed.isEmpty() && openBytes > 0 && lastMillis < nowMillis - retainMillis) {
            to = lastVersion;
            openBytes = 0;
            batch.delete(db.meta, MetaRecords.name(MetaRecords.segmentName(openFirst)));
        }
        if (to > trimmed) {
            batch.deleteRange(db.changes, versionKey(trimmed + 1), versionKey(to + 1));
            batch.put(db.meta, MetaRecords.name(MetaRecords.TRIMMED), MetaRecords.number(to));
        }
        return to;
    }

    void trimmedTo(long version) {
        trimmed = version;
        publish();
    }

    static byte[] versionKey(long version) {
        return ByteBuffer.allocate(Long.BYTES).putLong(version).array();
    }

    /** Returns the version up to which changes may be gone. Thread-safe. */
    long trimmed() {
        return trimmed;
    }

    /** Returns whether the oldest changes have been kept for long enough, at the last look of the writer. Thread-safe. */
    boolean isDue(long nowMillis) {
        return oldestMillis < nowMillis - retainMillis;
    }

    /** Returns the bytes that are kept, at the last look of the writer. Thread-safe. */
    long bytes() {
        return keptBytes;
    }

    private void publish() {
        keptBytes = closedBytes + openBytes;
        oldestMillis = !closed.isEmpty() ? closed.getFirst().endMillis() : openBytes > 0 ? lastMillis : Long.MAX_VALUE;
    }
}
