package io.nearkv.net.protocol;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.GetResult;
import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.core.Metadata;
import io.nearkv.core.Origin;
import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** The body of a FOUND; section 4.4 of the specification. Offsets are those of the body. Stateless. */
public final class FoundFrame {
    /** Bytes before the metadata. */
    public static final int FIXED_BYTES = 18;

    private static final int EXPIRES_AT = 8;
    private static final int METADATA_LENGTH = 16;

    private static final byte[] NO_BYTES = {};

    private FoundFrame() {}

    /** Appends a whole frame with what the owner of the data has; borrows all buffers. */
    public static void write(
            ByteBuf out,
            int correlationId,
            ByteBuffer value,
            @Nullable ByteBuffer metadata,
            long version,
            long expiresAt) {
        write(out, correlationId, value, metadata, version, expiresAt, Origin.OWNER);
    }

    /** Appends a whole frame; borrows all buffers. Whether {@code value} and {@code metadata} advance is not defined. */
    public static void write(
            ByteBuf out,
            int correlationId,
            ByteBuffer value,
            @Nullable ByteBuffer metadata,
            long version,
            long expiresAt,
            Origin origin) {
        int metadataLength = metadata == null ? 0 : metadata.remaining();
        int bodyLength = FIXED_BYTES + metadataLength + value.remaining();
        out.ensureWritable(Protocol.HEADER_BYTES + bodyLength);
        Frames.writeAnswerHeader(out, FrameType.FOUND, correlationId, origin, 0, bodyLength);
        out.writeLong(version);
        out.writeLong(expiresAt);
        out.writeShort(metadataLength);
        if (metadata != null) {
            out.writeBytes(metadata);
        }
        out.writeBytes(value);
    }

    /** Appends a whole frame for an entry that is in the heap; borrows the buffer. */
    public static void write(ByteBuf out, int correlationId, GetResult.Found found) {
        Metadata metadata = found.metadata();
        int metadataLength = metadata == null ? 0 : metadata.length();
        int bodyLength = FIXED_BYTES + metadataLength + found.length();
        out.ensureWritable(Protocol.HEADER_BYTES + bodyLength);
        Frames.writeAnswerHeader(out, FrameType.FOUND, correlationId, found.origin(), 0, bodyLength);
        out.writeLong(found.version());
        out.writeLong(found.expiresAt());
        out.writeShort(metadataLength);
        if (metadata != null) {
            KeyBytes.write(out, metadata);
        }
        out.writeBytes(found.borrowArray());
    }

    /**
     * Returns the result, with copies of the bytes; returns owned.
     *
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if the lengths do not fit
     */
    public static GetResult.Found read(ByteBuf in, FrameReader frame) {
        int length = frame.bodyLength();
        int body = frame.bodyOffset();
        int metadataLength = length < FIXED_BYTES ? 0 : in.getUnsignedShort(body + METADATA_LENGTH);
        if (length < FIXED_BYTES + metadataLength || metadataLength > Limits.MAX_METADATA_BYTES) {
            throw Frames.malformed(frame.type(), "body of " + length + " bytes does not fit its metadata");
        }
        long version = in.getLong(body);
        if (version < 1) {
            throw Frames.malformed(frame.type(), "version " + version);
        }
        Metadata metadata = KeyBytes.readStoredMetadata(in, body + FIXED_BYTES, metadataLength);
        byte[] value =
                KeyBytes.read(in, body + FIXED_BYTES + metadataLength, length - FIXED_BYTES - metadataLength, NO_BYTES);
        GetResult.Found found = GetResult.Found.wrap(value, metadata, version, in.getLong(body + EXPIRES_AT));
        return frame.extensionLength() == 0
                ? found
                : found.withOrigin(OptionsCodec.origin(Frames.parseExtension(in, frame)));
    }
}
