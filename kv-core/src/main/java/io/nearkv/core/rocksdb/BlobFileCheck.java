package io.nearkv.core.rocksdb;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * Verifies the checksums of one of RocksDB's blob files. RocksDB itself verifies a record when it reads it, and has no call for a whole file.
 *
 * <p>The format, little-endian, of {@code db/blob/blob_log_format.h} in RocksDB: a header of 30 bytes (magic, version, …; it has no checksum, and nothing that a
 * reader needs); records of key
 * length (8), value length (8), expiration (8), CRC of these 24 bytes (4), CRC of key and value (4), key, value; and a footer of 32 bytes (magic, number of records (8), … , CRC of
 * the 28 bytes before it). CRCs are masked.
 */
final class BlobFileCheck {
    private static final int MAGIC = 0x00248f37;
    private static final int VERSION = 1;
    private static final int HEADER_BYTES = 30;
    private static final int RECORD_HEADER_BYTES = 32;
    private static final int FOOTER_BYTES = 32;
    private static final int MASK_DELTA = 0xa282ead8;

    private BlobFileCheck() {}

    /** Returns what is wrong with the file, or null. */
    static @Nullable String problem(Path file) throws IOException {
        long left = Files.size(file);
        try (InputStream raw = Files.newInputStream(file);
                DataInputStream in = new DataInputStream(new BufferedInputStream(raw, 1 << 20))) {
            byte[] header = in.readNBytes(HEADER_BYTES);
            if (header.length < HEADER_BYTES || int32(header, 0) != MAGIC || int32(header, 4) != VERSION) {
                return "its header is damaged";
            }
            left -= HEADER_BYTES;
            byte[] head = new byte[RECORD_HEADER_BYTES];
            byte[] body = new byte[1 << 16];
            long records = 0;
            // A file that was being written when the process ended has no footer; its manifest does not name it either.
            while (left > FOOTER_BYTES) {
                in.readFully(head);
                long bodyBytes = int64(head, 0) + int64(head, 8);
                if (masked(head, 0, 24) != int32(head, 24)
                        || bodyBytes < 0
                        || bodyBytes > left - RECORD_HEADER_BYTES - FOOTER_BYTES) {
                    return "the head of record " + records + " is damaged";
                }
                CRC32C crc = new CRC32C();
                for (long rest = bodyBytes; rest > 0; ) {
                    int count = (int) Math.min(rest, body.length);
                    in.readFully(body, 0, count);
                    crc.update(body, 0, count);
                    rest -= count;
                }
                if (mask((int) crc.getValue()) != int32(head, 28)) {
                    return "record " + records + " is damaged";
                }
                left -= RECORD_HEADER_BYTES + bodyBytes;
                records++;
            }
            byte[] footer = in.readNBytes(FOOTER_BYTES);
            if (footer.length < FOOTER_BYTES
                    || int32(footer, 0) != MAGIC
                    || int64(footer, 4) != records
                    || masked(footer, 0, FOOTER_BYTES - 4) != int32(footer, FOOTER_BYTES - 4)) {
                return "its footer is damaged, or records are missing";
            }
            return null;
        } catch (EOFException e) {
            return "it is cut short";
        }
    }

    private static int masked(byte[] bytes, int from, int length) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, from, length);
        return mask((int) crc.getValue());
    }

    /** RocksDB stores checksums of what may hold checksums itself rotated, and moved by a constant. */
    private static int mask(int crc) {
        return ((crc >>> 15) | (crc << 17)) + MASK_DELTA;
    }

    private static int int32(byte[] bytes, int at) {
        return (bytes[at] & 0xFF)
                | (bytes[at + 1] & 0xFF) << 8
                | (bytes[at + 2] & 0xFF) << 16
                | (bytes[at + 3] & 0xFF) << 24;
    }

    private static long int64(byte[] bytes, int at) {
        return (int32(bytes, at) & 0xFFFF_FFFFL) | (long) int32(bytes, at + 4) << 32;
    }
}
