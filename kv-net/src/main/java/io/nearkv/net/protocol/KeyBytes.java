package io.nearkv.net.protocol;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.core.Metadata;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.Value;
import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** Moves keys, metadata and values between buffers and the types of the contract. Stateless. */
final class KeyBytes {
    private KeyBytes() {}

    static void write(ByteBuf out, Key key) {
        int length = key.length();
        out.ensureWritable(length);
        int index = out.writerIndex();
        key.putTo(out.internalNioBuffer(index, length));
        out.writerIndex(index + length);
    }

    static void write(ByteBuf out, Metadata metadata) {
        int length = metadata.length();
        out.ensureWritable(length);
        int index = out.writerIndex();
        metadata.putTo(out.internalNioBuffer(index, length));
        out.writerIndex(index + length);
    }

    static void write(ByteBuf out, Value value) {
        int length = value.length();
        out.ensureWritable(length);
        int index = out.writerIndex();
        value.putTo(out.internalNioBuffer(index, length));
        out.writerIndex(index + length);
    }

    static Key read(ByteBuf in, int offset, int length) {
        if (length > Limits.MAX_KEY_BYTES) {
            throw new KvException(
                    ErrorCode.TOO_LARGE,
                    "key of " + length + " bytes (expected: at most " + Limits.MAX_KEY_BYTES + ")");
        }
        return Key.ofUtf8(view(in, offset, length));
    }

    /** Returns the metadata of a request, checked; null if there are no bytes. */
    static @Nullable Metadata readMetadata(ByteBuf in, int offset, int length) {
        if (length == 0) {
            return null;
        }
        byte[] bytes = new byte[length];
        in.getBytes(offset, bytes);
        return Metadata.ofUtf8(bytes);
    }

    /** Returns the metadata of an answer, which the server has checked; null if there are no bytes. */
    static @Nullable Metadata readStoredMetadata(ByteBuf in, int offset, int length) {
        return length == 0 ? null : Metadata.ofStored(view(in, offset, length));
    }

    static byte[] read(ByteBuf in, int offset, int length, byte[] empty) {
        if (length == 0) {
            return empty;
        }
        byte[] bytes = new byte[length];
        in.getBytes(offset, bytes);
        return bytes;
    }

    static NamespaceId readNamespace(ByteBuf in, int offset) {
        return new NamespaceId(in.getLong(offset), in.getLong(offset + Long.BYTES));
    }

    /** Returns a view, valid until the buffer is used again. */
    private static ByteBuffer view(ByteBuf in, int offset, int length) {
        return in.internalNioBuffer(offset, length);
    }
}
