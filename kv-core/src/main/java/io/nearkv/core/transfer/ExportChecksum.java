package io.nearkv.core.transfer;

import io.nearkv.core.Key;
import io.nearkv.core.Metadata;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * The checksum of an export: over what the entries say, not over how their lines are written, so that a file may be reformatted. {@code docs/formats/export.md} defines it. Not
 * thread-safe.
 */
final class ExportChecksum {
    private final CRC32C all = new CRC32C();
    private final CRC32C value = new CRC32C();
    private final ByteBuffer numbers = ByteBuffer.allocate(3 * Long.BYTES + Integer.BYTES);
    private long valueBytes;

    /** Adds a piece of the value of the entry that {@link #endEntry} ends. */
    void addValue(byte[] bytes, int offset, int length) {
        value.update(bytes, offset, length);
        valueBytes += length;
    }

    /** Adds the rest of an entry. */
    void endEntry(Key key, @Nullable Metadata metadata, long expiration) {
        // Lengths first: without them, two different entries could give the same bytes.
        numbers.clear();
        numbers.putLong(key.length());
        numbers.putLong(valueBytes);
        numbers.putLong(expiration);
        numbers.putInt((int) value.getValue());
        all.update(numbers.flip());
        all.update(key.asByteBuffer());
        if (metadata != null) {
            all.update(JsonText.oneLine(metadata).getBytes(StandardCharsets.UTF_8));
        }
        value.reset();
        valueBytes = 0;
    }

    /** Returns the 8 hex digits of the checksum of all entries so far. */
    @Override
    public String toString() {
        return HexFormat.of().toHexDigits((int) all.getValue());
    }
}
