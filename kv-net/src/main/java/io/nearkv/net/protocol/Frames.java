package io.nearkv.net.protocol;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.GetResult;
import io.nearkv.core.KvException;
import io.nearkv.core.Origin;
import io.nearkv.net.wire.Wire;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import java.io.IOException;
import java.io.UncheckedIOException;

/**
 * Writes the header of a frame and the frames with small or protobuf bodies. All methods append to a buffer that they borrow, and write a frame whole.
 * Stateless.
 */
public final class Frames {
    /** No message of ours nests deeper than 4; what does is hostile. */
    static final int MAX_NESTING = 16;

    private Frames() {}

    /** Appends a header without an extension; the caller appends a body of exactly that length. */
    public static void writeHeader(ByteBuf out, int type, int flags, int correlationId, int bodyLength) {
        out.writeInt(Protocol.MIN_LENGTH + bodyLength);
        // Type, flags and the length of no extension, in one write.
        out.writeInt(type << 24 | flags << 16);
        out.writeInt(correlationId);
    }

    /** Appends a header and an extension. */
    static void writeHeader(
            ByteBuf out, int type, int flags, int correlationId, MessageLite extension, int bodyLength) {
        int extensionLength = extension.getSerializedSize();
        if (extensionLength > 0xffff) {
            throw new KvException(
                    ErrorCode.TOO_LARGE, "extension of " + extensionLength + " bytes (expected: at most 65535)");
        }
        out.writeInt(Protocol.MIN_LENGTH + extensionLength + bodyLength);
        out.writeInt(type << 24 | flags << 16 | extensionLength);
        out.writeInt(correlationId);
        writeMessage(out, extension, extensionLength);
    }

    /** Appends the header of an answer to a read, with an extension where it says more than that the owner of the data has it. */
    static void writeAnswerHeader(ByteBuf out, int type, int correlationId, Origin origin, long asOf, int bodyLength) {
        Wire.Extension extension = OptionsCodec.extension(origin, asOf);
        if (extension == null) {
            writeHeader(out, type, 0, correlationId, bodyLength);
        } else {
            writeHeader(out, type, 0, correlationId, extension, bodyLength);
        }
    }

    /** Appends a MISSING. */
    public static void writeMissing(ByteBuf out, int correlationId, GetResult.Missing missing) {
        writeAnswerHeader(out, FrameType.MISSING, correlationId, missing.origin(), missing.asOf(), 0);
    }

    /** Returns what a MISSING says. */
    public static GetResult.Missing readMissing(ByteBuf in, FrameReader frame) {
        if (frame.extensionLength() == 0) {
            return GetResult.Missing.INSTANCE;
        }
        Wire.Extension extension = parseExtension(in, frame);
        return GetResult.Missing.of(Math.max(0, extension.getAsOf()), OptionsCodec.origin(extension));
    }

    /** Appends a frame without a body: MISSING, CANCEL. */
    public static void writeEmpty(ByteBuf out, int type, int correlationId) {
        writeHeader(out, type, 0, correlationId, 0);
    }

    /** Appends a frame with a body of 4 bytes: CREDIT. */
    public static void writeInt(ByteBuf out, int type, int correlationId, int body) {
        writeHeader(out, type, 0, correlationId, Integer.BYTES);
        out.writeInt(body);
    }

    /** Appends a frame with a body of 8 bytes: WRITTEN, CONDITION_FAILED, PING, PONG. */
    public static void writeLong(ByteBuf out, int type, int correlationId, long body) {
        writeHeader(out, type, 0, correlationId, Long.BYTES);
        out.writeLong(body);
    }

    /** Appends a frame whose body is one message: HELLO_OK, WATCH, EVENTS, GOAWAY, ERROR. */
    public static void writeMessage(ByteBuf out, int type, int flags, int correlationId, MessageLite body) {
        int length = body.getSerializedSize();
        writeHeader(out, type, flags, correlationId, length);
        writeMessage(out, body, length);
    }

    /** Appends a HELLO. */
    public static void writeHello(ByteBuf out, int correlationId, Wire.Hello hello) {
        int length = hello.getSerializedSize();
        writeHeader(out, FrameType.HELLO, 0, correlationId, Integer.BYTES + length);
        out.writeInt(Protocol.MAGIC);
        writeMessage(out, hello, length);
    }

    /** Returns the body of a frame with 4 bytes. Throws as {@link #parse}. */
    public static int readInt(ByteBuf in, FrameReader frame) {
        requireBodyLength(frame, Integer.BYTES);
        return in.getInt(frame.bodyOffset());
    }

    /** Returns the body of a frame with 8 bytes. Throws as {@link #parse}. */
    public static long readLong(ByteBuf in, FrameReader frame) {
        requireBodyLength(frame, Long.BYTES);
        return in.getLong(frame.bodyOffset());
    }

    /**
     * Returns the message that is the body of the frame.
     *
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if it is malformed
     */
    public static <T> T parse(Parser<T> parser, ByteBuf in, FrameReader frame) {
        return parse(parser, in, frame.bodyOffset(), frame.bodyLength());
    }

    /**
     * Returns the message in the body of a HELLO.
     *
     * @throws ProtocolException if the body does not begin with the magic bytes: the peer does not speak this protocol
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if the message is malformed
     */
    public static Wire.Hello parseHello(ByteBuf in, FrameReader frame) {
        if (frame.bodyLength() < Integer.BYTES || in.getInt(frame.bodyOffset()) != Protocol.MAGIC) {
            throw new ProtocolException("HELLO does not begin with NKV1");
        }
        return parse(Wire.Hello.parser(), in, frame.bodyOffset() + Integer.BYTES, frame.bodyLength() - Integer.BYTES);
    }

    /** Returns the extension of the frame; the default instance if there is none. Throws as {@link #parse}. */
    public static Wire.Extension parseExtension(ByteBuf in, FrameReader frame) {
        return frame.extensionLength() == 0
                ? Wire.Extension.getDefaultInstance()
                : parse(Wire.Extension.parser(), in, frame.extensionOffset(), frame.extensionLength());
    }

    /** Returns the message in a part of the buffer. Throws as {@link #parse(Parser, ByteBuf, FrameReader)}. */
    static <T> T parse(Parser<T> parser, ByteBuf in, int offset, int length) {
        // Through an array: protobuf reads a direct buffer byte by byte, which costs more than the copy.
        return parse(parser, ByteBufUtil.getBytes(in, offset, length, true), 0, length);
    }

    static <T> T parse(Parser<T> parser, byte[] bytes, int offset, int length) {
        try {
            CodedInputStream input = CodedInputStream.newInstance(bytes, offset, length);
            input.setRecursionLimit(MAX_NESTING);
            T message = parser.parseFrom(input);
            input.checkLastTagWas(0);
            return message;
        } catch (InvalidProtocolBufferException e) {
            throw new KvException(ErrorCode.INVALID_REQUEST, "message is malformed (expected: docs/protocol.md)", e);
        }
    }

    static void requireBodyLength(FrameReader frame, int expected) {
        if (frame.bodyLength() != expected) {
            throw malformed(frame.type(), "body of " + frame.bodyLength() + " bytes (expected: " + expected + ")");
        }
    }

    static KvException malformed(int type, String what) {
        return new KvException(ErrorCode.INVALID_REQUEST, FrameType.name(type) + " is malformed: " + what);
    }

    private static void writeMessage(ByteBuf out, MessageLite message, int length) {
        out.ensureWritable(length);
        CodedOutputStream output = CodedOutputStream.newInstance(out.internalNioBuffer(out.writerIndex(), length));
        try {
            message.writeTo(output);
            output.flush();
        } catch (IOException e) {
            throw new UncheckedIOException("a message grew while it was written", e);
        }
        out.writerIndex(out.writerIndex() + length);
    }
}
