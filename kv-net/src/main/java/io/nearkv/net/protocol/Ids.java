package io.nearkv.net.protocol;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.nio.ByteBuffer;

/** Ids of 128 bits as the 16 bytes of a message field. Stateless. */
final class Ids {
    private static final int ID_BYTES = 16;

    private Ids() {}

    static ByteString toWire(long high, long low) {
        return UnsafeByteOperations.unsafeWrap(
                ByteBuffer.allocate(ID_BYTES).putLong(high).putLong(low).array());
    }

    static long high(ByteString id) {
        return checked(id).getLong();
    }

    static long low(ByteString id) {
        return checked(id).getLong(Long.BYTES);
    }

    private static ByteBuffer checked(ByteString id) {
        if (id.size() != ID_BYTES) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST, "id of " + id.size() + " bytes (expected: " + ID_BYTES + ")");
        }
        return id.asReadOnlyByteBuffer();
    }
}
