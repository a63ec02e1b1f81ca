package io.nearkv.net.protocol;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.core.Metadata;
import io.nearkv.core.Origin;
import io.nearkv.core.ValueReader;
import io.netty.buffer.ByteBuf;
import org.jspecify.annotations.Nullable;

/**
 * The body of a FOUND_STREAM; section 5.1 of the specification. Immutable.
 *
 * @param version the version
 * @param expiresAt seconds since the epoch, or 0
 * @param valueBytes the number of bytes of the value that follows in DATA
 * @param metadata the metadata, or null if there is none
 * @param origin where the entry comes from
 */
public record FoundStreamFrame(
        long version,
        long expiresAt,
        int valueBytes,
        @Nullable Metadata metadata,
        Origin origin) {
    private static final int FIXED_BYTES = 22;
    private static final int EXPIRES_AT = 8;
    private static final int VALUE_LENGTH = 16;
    private static final int METADATA_LENGTH = 20;

    /** Appends a whole frame for this value; borrows the buffer. */
    public static void write(ByteBuf out, int correlationId, ValueReader reader) {
        Metadata metadata = reader.metadata();
        int metadataLength = metadata == null ? 0 : metadata.length();
        Frames.writeAnswerHeader(
                out, FrameType.FOUND_STREAM, correlationId, reader.origin(), 0, FIXED_BYTES + metadataLength);
        out.writeLong(reader.version());
        out.writeLong(reader.expiresAt());
        out.writeInt(reader.length());
        out.writeShort(metadataLength);
        if (metadata != null) {
            KeyBytes.write(out, metadata);
        }
    }

    /**
     * Returns what the frame says.
     *
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if the lengths do not fit
     */
    public static FoundStreamFrame read(ByteBuf in, FrameReader frame) {
        int length = frame.bodyLength();
        int body = frame.bodyOffset();
        if (length < FIXED_BYTES || length != FIXED_BYTES + in.getUnsignedShort(body + METADATA_LENGTH)) {
            throw Frames.malformed(frame.type(), "body of " + length + " bytes does not fit its metadata");
        }
        long valueLength = in.getUnsignedInt(body + VALUE_LENGTH);
        long version = in.getLong(body);
        if (valueLength > Limits.MAX_VALUE_BYTES || version < 1) {
            throw Frames.malformed(frame.type(), "value of " + valueLength + " bytes, version " + version);
        }
        return new FoundStreamFrame(
                version,
                in.getLong(body + EXPIRES_AT),
                (int) valueLength,
                KeyBytes.readStoredMetadata(in, body + FIXED_BYTES, length - FIXED_BYTES),
                OptionsCodec.origin(Frames.parseExtension(in, frame)));
    }
}
