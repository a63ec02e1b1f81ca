package io.nearkv.net.protocol;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.ReadOptions.Consistency;
import io.nearkv.net.wire.Wire;
import io.netty.buffer.ByteBuf;
import java.time.Duration;

/** The body of a GET; section 4.1 of the specification. Offsets are those of the body. Stateless. */
public final class GetFrame {
    /** Bytes before the key. */
    public static final int FIXED_BYTES = 24;

    private static final int TIMEOUT = 16;
    private static final int CONSISTENCY = 20;
    private static final int KEY_LENGTH = 22;

    private GetFrame() {}

    /** Appends a whole frame; borrows the buffer. */
    public static void write(ByteBuf out, int correlationId, NamespaceId namespace, Key key, ReadOptions options) {
        int bodyLength = FIXED_BYTES + key.length();
        Consistency consistency = options.consistency();
        if (consistency == Consistency.BOUNDED
                || consistency == Consistency.SESSION
                || options.cacheTtl() != null
                || options.staleIfError() != null) {
            Frames.writeHeader(out, FrameType.GET, 0, correlationId, OptionsCodec.extension(options), bodyLength);
        } else {
            Frames.writeHeader(out, FrameType.GET, 0, correlationId, bodyLength);
        }
        out.writeLong(namespace.high());
        out.writeLong(namespace.low());
        out.writeInt(OptionsCodec.timeoutMillis(options.timeout()));
        out.writeByte(WireNumbers.of(consistency));
        out.writeByte(0);
        out.writeShort(key.length());
        KeyBytes.write(out, key);
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
        if (in.getByte(body + CONSISTENCY + 1) != 0 || in.getUnsignedByte(body + CONSISTENCY) > 3) {
            throw Frames.malformed(frame.type(), "unknown consistency");
        }
        OptionsCodec.checkTimeoutMillis(in.getInt(body + TIMEOUT));
    }

    /** Returns the first half of the namespace id. */
    public static long namespaceHigh(ByteBuf in, FrameReader frame) {
        return in.getLong(frame.bodyOffset());
    }

    /** Returns the second half of the namespace id. */
    public static long namespaceLow(ByteBuf in, FrameReader frame) {
        return in.getLong(frame.bodyOffset() + Long.BYTES);
    }

    /** Returns whether any copy will do that the cache has, if there is one: nothing in the options that would have to be looked at. */
    public static boolean isEventual(ByteBuf in, FrameReader frame) {
        return in.getByte(frame.bodyOffset() + CONSISTENCY) == 0 && frame.extensionLength() == 0;
    }

    /** Returns where in the buffer the key begins. */
    public static int keyOffset(FrameReader frame) {
        return frame.bodyOffset() + FIXED_BYTES;
    }

    /** Returns the number of bytes of the key; not more than the frame has, but otherwise unchecked. */
    public static int keyLength(FrameReader frame) {
        return frame.bodyLength() - FIXED_BYTES;
    }

    /** Returns the key. Throws as {@link Key#ofUtf8(byte[])}. */
    public static Key key(ByteBuf in, FrameReader frame) {
        return KeyBytes.read(in, keyOffset(frame), keyLength(frame));
    }

    /**
     * Returns the options; {@code defaultTimeout} where the frame gives none.
     *
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if the extension lacks what the consistency needs
     */
    public static ReadOptions options(ByteBuf in, FrameReader frame, Duration defaultTimeout) {
        Duration timeout = OptionsCodec.timeout(in.getInt(frame.bodyOffset() + TIMEOUT), defaultTimeout);
        int consistency = in.getUnsignedByte(frame.bodyOffset() + CONSISTENCY);
        if (consistency == WireNumbers.EVENTUAL && frame.extensionLength() == 0) {
            return timeout.equals(Limits.DEFAULT_TIMEOUT)
                    ? ReadOptions.DEFAULT
                    : ReadOptions.DEFAULT.withTimeout(timeout);
        }
        Wire.Extension extension = Frames.parseExtension(in, frame);
        return OptionsCodec.readOptions(
                consistency,
                extension.getMaxStalenessNanos(),
                extension.hasAfter() ? extension.getAfter() : null,
                timeout,
                extension.hasCacheTtlMillis() ? OptionsCodec.age(extension.getCacheTtlMillis()) : null,
                extension.hasStaleIfErrorMillis() ? OptionsCodec.age(extension.getStaleIfErrorMillis()) : null);
    }
}
