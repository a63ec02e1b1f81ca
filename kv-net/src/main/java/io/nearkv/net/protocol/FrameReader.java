package io.nearkv.net.protocol;

import io.netty.buffer.ByteBuf;

/**
 * Walks over the frames in a buffer, in place: one instance per connection, which shows one frame after the other, so that reading a frame makes no object.
 * What it shows is valid until the next call of {@link #next}. Not thread-safe: confined to the event loop of its connection.
 */
public final class FrameReader {
    private int maxFrameBytes;
    private int type;
    private int flags;
    private int correlationId;
    private int extensionOffset;
    private int bodyOffset;
    private int bodyLength;

    /** Creates a reader that refuses frames over this size, the length field included. */
    public FrameReader(int maxFrameBytes) {
        this.maxFrameBytes = maxFrameBytes;
    }

    /** Sets the size over which frames are refused from now on. */
    public void setMaxFrameBytes(int maxFrameBytes) {
        this.maxFrameBytes = maxFrameBytes;
    }

    /**
     * Moves to the next frame, and the reader index of the buffer behind it. Borrows the buffer.
     *
     * @return false if the frame is not complete yet; the reader index is left alone
     * @throws ProtocolException if no frame can begin with these bytes; thrown as soon as that is known, before the frame is complete
     */
    public boolean next(ByteBuf in) {
        int start = in.readerIndex();
        int available = in.writerIndex() - start;
        if (available < Protocol.LENGTH_BYTES) {
            return false;
        }
        int length = in.getInt(start);
        if (length < Protocol.MIN_LENGTH || length > maxFrameBytes - Protocol.LENGTH_BYTES) {
            throw new ProtocolException("frame of " + Integer.toUnsignedString(length) + " bytes (expected: "
                    + Protocol.MIN_LENGTH + " to " + (maxFrameBytes - Protocol.LENGTH_BYTES) + ")");
        }
        if (available < Protocol.HEADER_BYTES) {
            return false;
        }
        int extension = in.getUnsignedShort(start + 6);
        if (extension > length - Protocol.MIN_LENGTH) {
            throw new ProtocolException(
                    "extension of " + extension + " bytes in a frame of " + length + " (expected: inside the frame)");
        }
        if (available - Protocol.LENGTH_BYTES < length) {
            return false;
        }
        type = in.getUnsignedByte(start + 4);
        flags = in.getUnsignedByte(start + 5);
        correlationId = in.getInt(start + 8);
        extensionOffset = start + Protocol.HEADER_BYTES;
        bodyOffset = extensionOffset + extension;
        bodyLength = length - Protocol.MIN_LENGTH - extension;
        in.readerIndex(start + Protocol.LENGTH_BYTES + length);
        return true;
    }

    /** Returns how many bytes the frame at the reader index has in all, or 0 if that is not known yet. Call after {@link #next} has returned false. */
    public static int expectedBytes(ByteBuf in) {
        return in.readableBytes() < Protocol.LENGTH_BYTES ? 0 : in.getInt(in.readerIndex()) + Protocol.LENGTH_BYTES;
    }

    /** Returns the type, 0 to 255. */
    public int type() {
        return type;
    }

    /** Returns the flags, 0 to 255. */
    public int flags() {
        return flags;
    }

    /** Returns whether this flag is set. */
    public boolean has(int flag) {
        return (flags & flag) != 0;
    }

    /** Returns the correlation id, unsigned. */
    public int correlationId() {
        return correlationId;
    }

    /** Returns where in the buffer the extension begins. */
    public int extensionOffset() {
        return extensionOffset;
    }

    /** Returns the number of bytes of the extension. */
    public int extensionLength() {
        return bodyOffset - extensionOffset;
    }

    /** Returns where in the buffer the body begins. */
    public int bodyOffset() {
        return bodyOffset;
    }

    /** Returns the number of bytes of the body. */
    public int bodyLength() {
        return bodyLength;
    }

    /** Returns the number of bytes of the whole frame, the length field included. */
    public int frameBytes() {
        return Protocol.HEADER_BYTES + extensionLength() + bodyLength;
    }
}
