package io.nearkv.core.rocksdb;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * Verifies the checksums of one of RocksDB's write-ahead logs. A log that ends in the middle of a record is what a crash leaves, and no damage; one with something
 * readable behind something unreadable is damaged.
 *
 * <p>The format, little-endian, of {@code db/log_format.h} in RocksDB: blocks of 32 KiB, in each of them records of masked CRC-32C (4), length (2), type (1), for the recyclable and
 * the predecessor types a log number (4) more, and data. The CRC is of everything after the length. Less than a header at the end of a block is filled with zeros.
 */
final class LogFileCheck {
    private static final int BLOCK_BYTES = 32 * 1024;
    private static final int HEADER_BYTES = 7;
    private static final int RECYCLABLE_HEADER_BYTES = 11;
    /** Types from here on to {@link #LAST_RECYCLABLE} carry a log number. */
    private static final int FIRST_RECYCLABLE = 5;

    private static final int LAST_RECYCLABLE = 8;
    private static final int RECYCLABLE_USER_DEFINED_TIMESTAMP = 11;
    private static final int RECYCLABLE_PREDECESSOR = 131;
    private static final int MASK_DELTA = 0xa282ead8;

    private LogFileCheck() {}

    /** Returns what is wrong with the file, or null. */
    static @Nullable String problem(Path file) throws IOException {
        long damagedAt = damagedAt(file);
        return damagedAt < 0 ? null : "it is damaged at byte " + damagedAt;
    }

    /** Returns where the first unsound record begins that has a sound one behind it, or -1. */
    private static long damagedAt(Path file) throws IOException {
        byte[] block = new byte[BLOCK_BYTES];
        long firstBadAt = -1;
        try (RandomAccessFile in = new RandomAccessFile(file.toFile(), "r")) {
            long length = in.length();
            for (long blockAt = 0; blockAt < length; blockAt += BLOCK_BYTES) {
                int count = (int) Math.min(BLOCK_BYTES, length - blockAt);
                in.seek(blockAt);
                in.readFully(block, 0, count);
                int at = 0;
                while (at + HEADER_BYTES <= count) {
                    int size = recordBytes(block, at, count);
                    if (size == 0) {
                        break; // Zeros: the rest of the block was never written.
                    }
                    if (size > 0) {
                        if (firstBadAt >= 0) {
                            return firstBadAt;
                        }
                        at += size;
                    } else {
                        firstBadAt = firstBadAt >= 0 ? firstBadAt : blockAt + at;
                        int claimed = HEADER_BYTES + claimedBytes(block, at);
                        if (at + claimed >= count) {
                            break;
                        }
                        at += claimed;
                    }
                }
            }
        }
        return -1;
    }

    /**
     * Fails if a log of a database ends in a way on which RocksDB 11.8.1 never returns from opening: 7 to 10 bytes that look like the beginning of a record of a
     * recyclable log, whose header would have 11. nearkv's logs are not recyclable, so no crash leaves that, but damage may.
     *
     * @throws KvException {@link ErrorCode#INTERNAL}, naming the file
     */
    static void refuseEndlessTail(Path databaseFolder) throws IOException {
        if (Files.notExists(databaseFolder)) {
            return;
        }
        try (DirectoryStream<Path> logs = Files.newDirectoryStream(databaseFolder, "*.log")) {
            for (Path log : logs) {
                if (hasEndlessTail(log)) {
                    throw new KvException(
                            ErrorCode.INTERNAL,
                            log + " is damaged at its end (expected: restore the folder from a backup, or accept a"
                                    + " possible loss with 'nearkv check --accept-loss')");
                }
            }
        }
    }

    /** Cuts every log of a database off where its damage begins. What comes after it is lost. */
    static void cutAtDamage(Path databaseFolder) throws IOException {
        try (DirectoryStream<Path> logs = Files.newDirectoryStream(databaseFolder, "*.log")) {
            for (Path log : logs) {
                long damagedAt = damagedAt(log);
                if (damagedAt >= 0 || hasEndlessTail(log)) {
                    try (RandomAccessFile file = new RandomAccessFile(log.toFile(), "rw")) {
                        file.setLength(damagedAt >= 0 ? damagedAt : endOfRecords(file, new byte[BLOCK_BYTES]));
                        file.getFD().sync();
                    }
                }
            }
        }
    }

    private static boolean hasEndlessTail(Path log) throws IOException {
        byte[] block = new byte[BLOCK_BYTES];
        try (RandomAccessFile in = new RandomAccessFile(log.toFile(), "r")) {
            int at = (int) (endOfRecords(in, block) % BLOCK_BYTES);
            long left = in.length() - endOfRecords(in, block);
            return left >= HEADER_BYTES
                    && left < RECYCLABLE_HEADER_BYTES
                    && isRecyclable(block[at + HEADER_BYTES - 1] & 0xFF);
        }
    }

    /** Returns where the sound records of the last block end; leaves that block in the buffer. */
    private static long endOfRecords(RandomAccessFile in, byte[] block) throws IOException {
        long length = in.length();
        long blockAt = length == 0 ? 0 : (length - 1) / BLOCK_BYTES * BLOCK_BYTES;
        int count = (int) (length - blockAt);
        in.seek(blockAt);
        in.readFully(block, 0, count);
        int at = 0;
        while (at + HEADER_BYTES <= count) {
            int size = recordBytes(block, at, count);
            if (size <= 0) {
                break;
            }
            at += size;
        }
        return blockAt + at;
    }

    private static boolean isRecyclable(int type) {
        return (type >= FIRST_RECYCLABLE && type <= LAST_RECYCLABLE)
                || type == RECYCLABLE_USER_DEFINED_TIMESTAMP
                || type == RECYCLABLE_PREDECESSOR;
    }

    private static int claimedBytes(byte[] block, int at) {
        return (block[at + 4] & 0xFF) | (block[at + 5] & 0xFF) << 8;
    }

    /** Returns the size of the sound record at a place, 0 if nothing was ever written there, -1 if there is no sound one. */
    private static int recordBytes(byte[] block, int at, int count) {
        int length = claimedBytes(block, at);
        int type = block[at + 6] & 0xFF;
        if (type == 0 && length == 0) {
            return 0;
        }
        int header = isRecyclable(type) ? RECYCLABLE_HEADER_BYTES : HEADER_BYTES;
        if (at + header + length > count) {
            return -1;
        }
        CRC32C crc = new CRC32C();
        crc.update(block, at + 6, header - 6 + length);
        int value = (int) crc.getValue();
        int masked = ((value >>> 15) | (value << 17)) + MASK_DELTA;
        int stored = (block[at] & 0xFF)
                | (block[at + 1] & 0xFF) << 8
                | (block[at + 2] & 0xFF) << 16
                | (block[at + 3] & 0xFF) << 24;
        return masked == stored ? header + length : -1;
    }
}
