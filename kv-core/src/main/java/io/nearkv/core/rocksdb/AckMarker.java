package io.nearkv.core.rocksdb;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Objects;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * How far the store has acknowledged writes as durable: the file {@code store.ack}. RocksDB cannot tell a log that was cut short from one whose tail was never
 * written; this can. Two slots, 512 bytes apart, are written in turn, so that one is whole whatever happens during a write. Writing is a store to mapped memory, without
 * a system call: after the end of the process the kernel still has it; after a power cut it may be older than the log, never newer than what was synced.
 *
 * <p>A slot: magic "NKAK" (4 bytes), version of the last change (8), revision of the catalogue (8), CRC-32C of these 20 bytes (4); big-endian. Not thread-safe.
 */
final class AckMarker {
    static final String FILE = "store.ack";
    private static final int MAGIC = 0x4E4B414B;
    private static final int SLOT_DISTANCE = 512;
    private static final int FILE_BYTES = 2 * SLOT_DISTANCE;
    private static final int CHECKED_BYTES = 20;

    /**
     * A state of the store.
     *
     * @param version the version of the last change
     * @param revision counts the changes of the catalogue, which have no version
     */
    record Reached(long version, long revision) {
        static final Reached NOTHING = new Reached(0, 0);

        /** Returns whether a store in this state has all that one in the other state has. */
        boolean covers(Reached other) {
            return version >= other.version && revision >= other.revision;
        }

        @Override
        public String toString() {
            return "version " + version + " (catalogue " + revision + ")";
        }
    }

    private final MappedByteBuffer map;
    private final byte[] scratch = new byte[CHECKED_BYTES];
    private int nextSlot;

    private AckMarker(MappedByteBuffer map) {
        this.map = map;
    }

    static boolean exists(Path folder) {
        return Files.exists(folder.resolve(FILE));
    }

    /** Makes the file anew, with this state in both slots, and makes it durable. */
    static void create(Path folder, Reached reached) throws IOException {
        Path file = folder.resolve(FILE);
        ByteBuffer bytes = ByteBuffer.allocate(FILE_BYTES);
        byte[] scratch = new byte[CHECKED_BYTES];
        writeSlot(bytes, 0, reached.version(), reached.revision(), scratch);
        writeSlot(bytes, SLOT_DISTANCE, reached.version(), reached.revision(), scratch);
        try (FileChannel channel = FileChannel.open(
                file, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
            channel.force(true);
        }
        StoreStamp.syncFolder(folder);
    }

    /**
     * Opens the marker of a store.
     *
     * @throws KvException {@link ErrorCode#INTERNAL} if it is missing or both slots are damaged
     */
    static AckMarker open(Path folder) throws IOException {
        Path file = folder.resolve(FILE);
        if (!Files.exists(file)) {
            throw unusable(file, "is missing");
        }
        if (Files.size(file) != FILE_BYTES) {
            throw unusable(file, "has " + Files.size(file) + " bytes in place of " + FILE_BYTES);
        }
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            AckMarker marker = new AckMarker(channel.map(FileChannel.MapMode.READ_WRITE, 0, FILE_BYTES));
            Reached first = marker.slot(0);
            Reached second = marker.slot(SLOT_DISTANCE);
            if (first == null && second == null) {
                throw unusable(file, "is damaged in both slots");
            }
            marker.nextSlot = first == null || (second != null && second.covers(first)) ? 0 : SLOT_DISTANCE;
            return marker;
        }
    }

    private static KvException unusable(Path file, String how) {
        return new KvException(
                ErrorCode.INTERNAL,
                file + " " + how
                        + ", so that nobody knows whether acknowledged writes are missing (expected: restore the folder"
                        + " from a backup, or accept a possible loss with 'nearkv check --accept-loss')");
    }

    /** Returns what a slot says, or null if it is damaged. */
    private @Nullable Reached slot(int at) {
        map.get(at, scratch);
        ByteBuffer slot = ByteBuffer.wrap(scratch);
        return slot.getInt() == MAGIC && checksum(scratch) == map.getInt(at + CHECKED_BYTES)
                ? new Reached(slot.getLong(), slot.getLong())
                : null;
    }

    /** Returns the state up to which writes have been acknowledged as durable. */
    Reached reached() {
        Reached first = slot(0);
        Reached second = slot(SLOT_DISTANCE);
        return first == null || (second != null && second.covers(first))
                ? Objects.requireNonNullElse(second, Reached.NOTHING)
                : first;
    }

    /** Notes that everything up to this state is durable; the note is there before this returns. */
    void advance(long version, long revision) {
        writeSlot(map, nextSlot, version, revision, scratch);
        nextSlot = SLOT_DISTANCE - nextSlot;
    }

    private static void writeSlot(ByteBuffer target, int at, long version, long revision, byte[] scratch) {
        ByteBuffer.wrap(scratch).putInt(MAGIC).putLong(version).putLong(revision);
        target.put(at, scratch);
        target.putInt(at + CHECKED_BYTES, checksum(scratch));
    }

    private static int checksum(byte[] bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, 0, CHECKED_BYTES);
        return (int) crc.getValue();
    }

    /** Makes the marker durable; only for an orderly end. */
    void force() {
        map.force();
    }
}
