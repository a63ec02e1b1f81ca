package io.nearkv.net.protocol;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.WriteOptions;
import io.netty.buffer.ByteBuf;
import java.time.Duration;

/** The body of a DELETE; section 4.3 of the specification. Offsets are those of the body. Stateless. */
public final class DeleteFrame {
    /** Bytes before the key. */
    public static final int FIXED_BYTES = 32;

    private static final int TIMEOUT = 16;
    private static final int CONDITION_VERSION = 20;
    private static final int CONDITION_KIND = 28;
    private static final int DURABILITY = 29;
    private static final int KEY_LENGTH = 30;

    private DeleteFrame() {}

    /** Appends a whole frame; borrows the buffer. */
    public static void write(
            ByteBuf out, int correlationId, NamespaceId namespace, Mutation.Delete delete, WriteOptions options) {
        Frames.writeHeader(
                out,
                FrameType.DELETE,
                0,
                correlationId,
                FIXED_BYTES + delete.key().length());
        out.writeLong(namespace.high());
        out.writeLong(namespace.low());
        out.writeInt(OptionsCodec.timeoutMillis(options.timeout()));
        out.writeLong(delete.condition().version());
        out.writeByte(WireNumbers.of(delete.condition().kind()));
        out.writeByte(WireNumbers.of(options.durability()));
        out.writeShort(delete.key().length());
        KeyBytes.write(out, delete.key());
    }

    /**
     * Checks that the lengths add up and the fixed fields are in range; call it before the methods below.
     *
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if not
     */
    public static void check(ByteBuf in, FrameReader frame) {
        int length = frame.bodyLength();
        int body = frame.bodyOffset();
        if (length < FIXED_BYTES || length != FIXED_BYTES + in.getUnsignedShort(body + KEY_LENGTH)) {
            throw Frames.malformed(frame.type(), "body of " + length + " bytes does not fit its key length");
        }
        OptionsCodec.checkTimeoutMillis(in.getInt(body + TIMEOUT));
        OptionsCodec.checkDurability(in.getUnsignedByte(body + DURABILITY));
    }

    /** Returns the first half of the namespace id. */
    public static long namespaceHigh(ByteBuf in, FrameReader frame) {
        return in.getLong(frame.bodyOffset());
    }

    /** Returns the second half of the namespace id. */
    public static long namespaceLow(ByteBuf in, FrameReader frame) {
        return in.getLong(frame.bodyOffset() + Long.BYTES);
    }

    /** Returns key and condition. Throws as {@link io.nearkv.core.Key#ofUtf8(byte[])}. */
    public static Mutation.Delete mutation(ByteBuf in, FrameReader frame) {
        int body = frame.bodyOffset();
        return new Mutation.Delete(
                KeyBytes.read(in, body + FIXED_BYTES, in.getUnsignedShort(body + KEY_LENGTH)),
                OptionsCodec.condition(
                        in.getUnsignedByte(body + CONDITION_KIND), in.getLong(body + CONDITION_VERSION)));
    }

    /** Returns durability and timeout; {@code defaultTimeout} where the frame gives none. */
    public static WriteOptions writeOptions(ByteBuf in, FrameReader frame, Duration defaultTimeout) {
        int body = frame.bodyOffset();
        return OptionsCodec.writeOptions(
                in.getUnsignedByte(body + DURABILITY), in.getInt(body + TIMEOUT), defaultTimeout);
    }
}
