package io.nearkv.core.rocksdb;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.core.Metadata;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * The records of the column families {@code entries}, {@code values} and {@code expiry}; {@code docs/formats/store.md} describes them. All numbers are big-endian. Reading
 * checks every length against the bytes at hand: a record that does not add up is {@link ErrorCode#INTERNAL}.
 */
final class EntryRecord {
    static final byte FORMAT = 1;

    private static final int FLAG_EXPIRES = 1;
    private static final int FLAG_METADATA = 2;
    private static final int FLAG_EXTERNAL = 4;
    /** Format, flags, version. */
    private static final int FIXED_BYTES = 2 + Long.BYTES;
    /** Value id, length, checksum. */
    private static final int EXTERNAL_BYTES = Long.BYTES + 2 * Integer.BYTES;
    /** The most bytes before an inline value. */
    static final int MAX_HEADER_BYTES = FIXED_BYTES + Long.BYTES + 2 + Limits.MAX_METADATA_BYTES + EXTERNAL_BYTES;

    /** The longest value that any store may keep beside its key, whatever its options say now. */
    static final int MAX_INLINE_BYTES = 16 * 1024;

    static final int MAX_RECORD_BYTES = MAX_HEADER_BYTES + MAX_INLINE_BYTES;

    /** In {@code values}: what tells the pointer of a key from the pieces of values. */
    static final byte POINTER = 0;

    static final byte CHUNK = 1;
    static final int POINTER_BYTES = 1 + Long.BYTES + Integer.BYTES;
    static final int CHUNK_KEY_BYTES = Integer.BYTES + 1 + Long.BYTES + Integer.BYTES;

    private EntryRecord() {}

    /** Writes the head of an entry record; an inline value follows. */
    static void putHead(
            ByteBuffer target, long version, long expiresAt, @Nullable Metadata metadata, boolean external) {
        int flags = (expiresAt != 0 ? FLAG_EXPIRES : 0)
                | (metadata != null ? FLAG_METADATA : 0)
                | (external ? FLAG_EXTERNAL : 0);
        target.put(FORMAT).put((byte) flags).putLong(version);
        if (expiresAt != 0) {
            target.putLong(expiresAt);
        }
        if (metadata != null) {
            target.putShort((short) metadata.length());
            metadata.putTo(target);
        }
    }

    /** Writes what stands in place of a value that is in {@code values}. */
    static void putExternal(ByteBuffer target, long valueId, int length, int crc32c) {
        target.putLong(valueId).putInt(length).putInt(crc32c);
    }

    static void putEntryKey(ByteBuffer target, int namespace, Key key) {
        target.putInt(namespace);
        key.putTo(target);
    }

    static void putPointerKey(ByteBuffer target, int namespace, Key key) {
        target.putInt(namespace).put(POINTER);
        key.putTo(target);
    }

    static void putPointer(ByteBuffer target, long valueId, int length) {
        target.put(FORMAT).putLong(valueId).putInt(length);
    }

    static void putChunkKey(ByteBuffer target, int namespace, long valueId, int index) {
        target.putInt(namespace).put(CHUNK).putLong(valueId).putInt(index);
    }

    static void putExpiryKey(ByteBuffer target, long expiresAt, int namespace, Key key) {
        target.putLong(expiresAt).putInt(namespace);
        key.putTo(target);
    }

    /** Returns the number of pieces of a value of this length. */
    static int chunks(int length) {
        return (length + Limits.CHUNK_BYTES - 1) / Limits.CHUNK_BYTES;
    }

    static KvException damaged(String what) {
        return new KvException(
                ErrorCode.INTERNAL,
                "the store is damaged: " + what + " (expected: 'nearkv check', or restore from a backup)");
    }

    /** A view of the record in a buffer; one is used again and again. Not thread-safe. */
    static final class View {
        long version;
        long expiresAt;
        int metadataAt;
        /** 0 if there is no metadata. */
        int metadataBytes;

        boolean external;
        long valueId;
        /** The length of the value, wherever it is. */
        int valueBytes;

        int crc32c;
        /** Where an inline value begins. */
        int valueAt;

        /**
         * Reads the record that begins at position 0 of a buffer and has {@code size} bytes, of which only the first {@link #MAX_HEADER_BYTES} need be there.
         *
         * @throws KvException {@link ErrorCode#INTERNAL} if it does not add up
         */
        void read(ByteBuffer record, int size) {
            if (size < FIXED_BYTES || record.get(0) != FORMAT) {
                throw damaged("an entry has " + size + " bytes" + (size > 0 ? " and format " + record.get(0) : "")
                        + " where format " + FORMAT + " is known");
            }
            int flags = record.get(1);
            version = record.getLong(2);
            int at = FIXED_BYTES;
            int needed = at + ((flags & FLAG_EXPIRES) != 0 ? Long.BYTES : 0) + ((flags & FLAG_METADATA) != 0 ? 2 : 0);
            if (size < needed) {
                throw damaged("an entry of " + size + " bytes is cut short");
            }
            expiresAt = 0;
            if ((flags & FLAG_EXPIRES) != 0) {
                expiresAt = record.getLong(at);
                at += Long.BYTES;
            }
            metadataBytes = 0;
            if ((flags & FLAG_METADATA) != 0) {
                metadataBytes = record.getShort(at) & 0xFFFF;
                at += 2;
                metadataAt = at;
                at += metadataBytes;
                if (metadataBytes == 0 || metadataBytes > Limits.MAX_METADATA_BYTES) {
                    throw damaged("an entry has metadata of " + metadataBytes + " bytes");
                }
            }
            external = (flags & FLAG_EXTERNAL) != 0;
            if (external ? size != at + EXTERNAL_BYTES : size < at) {
                throw damaged("an entry of " + size + " bytes does not add up");
            }
            valueAt = at;
            if (external) {
                valueId = record.getLong(at);
                valueBytes = record.getInt(at + Long.BYTES);
                crc32c = record.getInt(at + Long.BYTES + Integer.BYTES);
                if (valueBytes < 1 || valueBytes > Limits.MAX_VALUE_BYTES) {
                    throw damaged("an entry has a value of " + valueBytes + " bytes");
                }
            } else {
                valueBytes = size - at;
            }
        }

        /** Returns whether the entry has expired; asks for the time only if it can. */
        boolean isExpired(StoreCore core) {
            return expiresAt != 0 && core.nowMillis() >= expiresAt * 1000;
        }

        /** Returns a copy of the metadata of the record last read from this buffer. */
        @Nullable
        Metadata metadata(ByteBuffer record) {
            return metadataBytes == 0 ? null : Metadata.ofStored(record.slice(metadataAt, metadataBytes));
        }
    }
}
