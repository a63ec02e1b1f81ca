package io.nearkv.core.rocksdb;

import io.nearkv.core.FeedEvent;
import io.nearkv.core.Key;
import io.nearkv.core.NamespaceId;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Some changes with consecutive versions that were committed together: one record of the column family {@code changes}, whose key is the version of the first. The record:
 * format (1), commit time in milliseconds (8), number of changes (4), then for each change: flags (1: kind in the lowest two bits, 4 = ends its
 * commit, 8 = namespace as before), namespace id (16, unless as before), and, unless the namespace was deleted, length (2) and bytes of the key.
 *
 * <p>Immutable.
 */
final class ChangeGroup {
    static final byte FORMAT = 1;
    /** A record is closed when it is this long, so that a reader never holds much more. */
    static final int FULL_BYTES = 32 * 1024;

    private static final FeedEvent.Kind[] KINDS = FeedEvent.Kind.values();
    private static final int HEADER_BYTES = 1 + Long.BYTES + Integer.BYTES;
    private static final int COUNT_AT = 1 + Long.BYTES;
    private static final int FLAG_ENDS = 4;
    private static final int FLAG_SAME_NAMESPACE = 8;

    /** One change. */
    record Item(NamespaceId namespace, @Nullable Key key, FeedEvent.Kind kind, boolean endsCommit) {}

    private final long firstVersion;
    private final long commitMillis;
    private final List<Item> items;
    private final int bytes;

    ChangeGroup(long firstVersion, long commitMillis, List<Item> items, int bytes) {
        this.firstVersion = firstVersion;
        this.commitMillis = commitMillis;
        this.items = items;
        this.bytes = bytes;
    }

    long firstVersion() {
        return firstVersion;
    }

    long lastVersion() {
        return firstVersion + items.size() - 1;
    }

    long commitMillis() {
        return commitMillis;
    }

    /** Returns the change with this version, which must be one of the group. */
    Item item(long version) {
        return items.get((int) (version - firstVersion));
    }

    /** Returns the size of the record, roughly what the group costs in memory. */
    int bytes() {
        return bytes;
    }

    /** Reads the head of a record alone: the version of the last change. */
    static long lastVersion(long firstVersion, ByteBuffer record) {
        if (record.remaining() < HEADER_BYTES || record.get(record.position()) != FORMAT) {
            throw EntryRecord.damaged("the change record of version " + firstVersion + " is unreadable");
        }
        return firstVersion + record.getInt(record.position() + COUNT_AT) - 1;
    }

    static ChangeGroup decode(long firstVersion, byte[] bytes) {
        ByteBuffer record = ByteBuffer.wrap(bytes);
        int count = (int) (lastVersion(firstVersion, record) - firstVersion + 1);
        if (count < 1 || count > bytes.length) {
            throw EntryRecord.damaged("the change record of version " + firstVersion + " has " + count + " changes");
        }
        try {
            long millis = record.getLong(1);
            record.position(HEADER_BYTES);
            List<Item> items = new ArrayList<>(count);
            NamespaceId namespace = null;
            for (int i = 0; i < count; i++) {
                int flags = record.get();
                if ((flags & FLAG_SAME_NAMESPACE) == 0 || namespace == null) {
                    namespace = new NamespaceId(record.getLong(), record.getLong());
                }
                FeedEvent.Kind kind = KINDS[flags & 3];
                Key key = null;
                if (kind != FeedEvent.Kind.NAMESPACE_DELETED) {
                    int length = record.getShort() & 0xFFFF;
                    key = Key.ofUtf8(record.slice(record.position(), length));
                    record.position(record.position() + length);
                }
                items.add(new Item(namespace, key, kind, (flags & FLAG_ENDS) != 0));
            }
            return new ChangeGroup(firstVersion, millis, items, bytes.length);
        } catch (BufferUnderflowException | IndexOutOfBoundsException | io.nearkv.core.KvException e) {
            throw EntryRecord.damaged("the change record of version " + firstVersion + " does not add up: " + e);
        }
    }

    /** Builds records one after the other in one buffer. Not thread-safe. */
    static final class Encoder {
        private ByteBuffer record = ByteBuffer.allocateDirect(FULL_BYTES + 2 * 1024);
        private long firstVersion;
        private int count;
        private @Nullable NamespaceId namespace;

        void begin(long version, long commitMillis) {
            firstVersion = version;
            count = 0;
            namespace = null;
            record.clear().put(FORMAT).putLong(commitMillis).putInt(0);
        }

        @SuppressWarnings("EnumOrdinal") // Frozen, because they are on disk: FeedEvent.Kind says so.
        void add(NamespaceId ofNamespace, @Nullable Key key, FeedEvent.Kind kind, boolean endsCommit) {
            boolean same = ofNamespace.equals(namespace);
            int flags = kind.ordinal() | (endsCommit ? FLAG_ENDS : 0) | (same ? FLAG_SAME_NAMESPACE : 0);
            record.put((byte) flags);
            if (!same) {
                record.putLong(ofNamespace.high()).putLong(ofNamespace.low());
                namespace = ofNamespace;
            }
            if (key != null) {
                record.putShort((short) key.length());
                key.putTo(record);
            }
            count++;
        }

        boolean isFull() {
            return record.position() >= FULL_BYTES;
        }

        int count() {
            return count;
        }

        long firstVersion() {
            return firstVersion;
        }

        /** Returns the finished record; a view, valid until the next begin. */
        ByteBuffer finish() {
            record.putInt(COUNT_AT, count);
            return record.flip();
        }
    }
}
