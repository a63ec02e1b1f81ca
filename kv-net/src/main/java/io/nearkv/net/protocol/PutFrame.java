package io.nearkv.net.protocol;

import io.nearkv.core.Condition;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.core.Metadata;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.PutOptions;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import io.netty.buffer.ByteBuf;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * The body of a PUT, and of a PUT_STREAM, which is a PUT without the value; sections 4.2 and 5.2 of the specification. Offsets are those of the body. Stateless.
 */
public final class PutFrame {
    /** Bytes before the key. */
    public static final int FIXED_BYTES = 56;

    private static final int TIMEOUT = 16;
    private static final int EXPIRES_AT = 20;
    private static final int TTL_SECONDS = 28;
    private static final int CONDITION_VERSION = 36;
    private static final int CONDITION_KIND = 44;
    private static final int DURABILITY = 45;
    private static final int KEY_LENGTH = 46;
    private static final int METADATA_LENGTH = 48;
    private static final int RESERVED = 50;
    private static final int VALUE_LENGTH = 52;

    private static final byte[] NO_BYTES = {};

    private PutFrame() {}

    /**
     * Appends a whole PUT; borrows the buffer.
     *
     * @throws IllegalArgumentException if the value is over {@link Protocol#MAX_INLINE_BYTES}: it goes as a stream
     */
    public static void write(
            ByteBuf out, int correlationId, NamespaceId namespace, Mutation.Put put, WriteOptions options) {
        Value value = put.value();
        if (value.length() > Protocol.MAX_INLINE_BYTES) {
            throw new IllegalArgumentException(
                    "value: " + value.length() + " bytes (expected: at most " + Protocol.MAX_INLINE_BYTES + ")");
        }
        writeFront(
                out,
                FrameType.PUT,
                correlationId,
                namespace,
                put.key(),
                put.options(),
                options,
                value.length(),
                value.length());
        KeyBytes.write(out, value);
    }

    /** Appends a whole PUT_STREAM; borrows the buffer. {@code totalBytes} may be {@link Protocol#UNKNOWN_LENGTH}. */
    public static void writeStream(
            ByteBuf out,
            int correlationId,
            NamespaceId namespace,
            Key key,
            PutOptions put,
            WriteOptions options,
            long totalBytes) {
        writeFront(out, FrameType.PUT_STREAM, correlationId, namespace, key, put, options, totalBytes, 0);
    }

    private static void writeFront(
            ByteBuf out,
            int type,
            int correlationId,
            NamespaceId namespace,
            Key key,
            PutOptions put,
            WriteOptions options,
            long statedBytes,
            int bytesInFrame) {
        Metadata metadata = put.metadata();
        int metadataLength = metadata == null ? 0 : metadata.length();
        int bodyLength = FIXED_BYTES + key.length() + metadataLength + bytesInFrame;
        out.ensureWritable(Protocol.HEADER_BYTES + bodyLength);
        Frames.writeHeader(out, type, 0, correlationId, bodyLength);
        out.writeLong(namespace.high());
        out.writeLong(namespace.low());
        out.writeInt(OptionsCodec.timeoutMillis(options.timeout()));
        out.writeLong(put.expiresAt());
        out.writeLong(put.ttlSeconds());
        out.writeLong(put.condition().version());
        out.writeByte(WireNumbers.of(put.condition().kind()));
        out.writeByte(WireNumbers.of(options.durability()));
        out.writeShort(key.length());
        out.writeShort(metadataLength);
        out.writeShort(0);
        out.writeInt((int) statedBytes);
        KeyBytes.write(out, key);
        if (metadata != null) {
            KeyBytes.write(out, metadata);
        }
    }

    /**
     * Checks that the lengths add up and the fixed fields are in range; call it before the methods below.
     *
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if not, {@link ErrorCode#TOO_LARGE} if a part is over its limit
     */
    public static void check(ByteBuf in, FrameReader frame) {
        int length = frame.bodyLength();
        int body = frame.bodyOffset();
        if (length < FIXED_BYTES) {
            throw Frames.malformed(
                    frame.type(), "body of " + length + " bytes (expected: " + FIXED_BYTES + " or more)");
        }
        boolean stream = frame.type() == FrameType.PUT_STREAM;
        long valueLength = in.getUnsignedInt(body + VALUE_LENGTH);
        int metadataLength = in.getUnsignedShort(body + METADATA_LENGTH);
        long expected = (long) FIXED_BYTES
                + in.getUnsignedShort(body + KEY_LENGTH)
                + metadataLength
                + (stream ? 0 : valueLength);
        if (length != expected) {
            throw Frames.malformed(frame.type(), "body of " + length + " bytes, its lengths make " + expected);
        }
        if (metadataLength > Limits.MAX_METADATA_BYTES) {
            throw tooLarge("metadata", metadataLength, Limits.MAX_METADATA_BYTES);
        }
        if (stream) {
            if (valueLength != Protocol.UNKNOWN_LENGTH) {
                Value.checkLength(valueLength);
            }
        } else if (valueLength > Protocol.MAX_INLINE_BYTES) {
            throw tooLarge("value in one frame", valueLength, Protocol.MAX_INLINE_BYTES);
        }
        if (in.getShort(body + RESERVED) != 0) {
            throw Frames.malformed(frame.type(), "reserved field is not 0");
        }
        OptionsCodec.checkTimeoutMillis(in.getInt(body + TIMEOUT));
        OptionsCodec.checkDurability(in.getUnsignedByte(body + DURABILITY));
    }

    private static KvException tooLarge(String what, long length, int limit) {
        return new KvException(
                ErrorCode.TOO_LARGE, what + " of " + length + " bytes (expected: at most " + limit + ")");
    }

    /** Returns the namespace. */
    public static NamespaceId namespace(ByteBuf in, FrameReader frame) {
        return KeyBytes.readNamespace(in, frame.bodyOffset());
    }

    /** Returns the first half of the namespace id. */
    public static long namespaceHigh(ByteBuf in, FrameReader frame) {
        return in.getLong(frame.bodyOffset());
    }

    /** Returns the second half of the namespace id. */
    public static long namespaceLow(ByteBuf in, FrameReader frame) {
        return in.getLong(frame.bodyOffset() + Long.BYTES);
    }

    /** Returns the key. Throws as {@link Key#ofUtf8(byte[])}. */
    public static Key key(ByteBuf in, FrameReader frame) {
        return KeyBytes.read(
                in, frame.bodyOffset() + FIXED_BYTES, in.getUnsignedShort(frame.bodyOffset() + KEY_LENGTH));
    }

    /** Returns metadata, expiration and condition. Throws as {@link PutOptions} and {@link Metadata#ofUtf8}. */
    public static PutOptions putOptions(ByteBuf in, FrameReader frame) {
        int body = frame.bodyOffset();
        Metadata metadata = KeyBytes.readMetadata(
                in,
                body + FIXED_BYTES + in.getUnsignedShort(body + KEY_LENGTH),
                in.getUnsignedShort(body + METADATA_LENGTH));
        long expiresAt = in.getLong(body + EXPIRES_AT);
        long ttlSeconds = in.getLong(body + TTL_SECONDS);
        Condition condition =
                OptionsCodec.condition(in.getUnsignedByte(body + CONDITION_KIND), in.getLong(body + CONDITION_VERSION));
        return metadata == null && expiresAt == 0 && ttlSeconds == 0 && condition.equals(Condition.NONE)
                ? PutOptions.DEFAULT
                : new PutOptions(metadata, expiresAt, ttlSeconds, condition);
    }

    /** Returns durability and timeout; {@code defaultTimeout} where the frame gives none. */
    public static WriteOptions writeOptions(ByteBuf in, FrameReader frame, Duration defaultTimeout) {
        int body = frame.bodyOffset();
        return OptionsCodec.writeOptions(
                in.getUnsignedByte(body + DURABILITY), in.getInt(body + TIMEOUT), defaultTimeout);
    }

    /** Returns a copy of the value of a PUT. */
    public static Value value(ByteBuf in, FrameReader frame) {
        int body = frame.bodyOffset();
        int valueLength = in.getInt(body + VALUE_LENGTH);
        return Value.wrap(KeyBytes.read(in, body + frame.bodyLength() - valueLength, valueLength, NO_BYTES));
    }

    /** Returns the total of a PUT_STREAM, or null if it is not known yet. */
    public static @Nullable Integer totalBytes(ByteBuf in, FrameReader frame) {
        long total = in.getUnsignedInt(frame.bodyOffset() + VALUE_LENGTH);
        return total == Protocol.UNKNOWN_LENGTH ? null : (int) total;
    }
}
