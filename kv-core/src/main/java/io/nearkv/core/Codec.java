package io.nearkv.core;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/**
 * Turns objects of one type into the bytes of an entry and back. Implementations are thread-safe, and {@code decode(encode(x))} equals {@code x}.
 *
 * @param <T> the type of the objects
 */
public interface Codec<T> {
    /** Arrays of bytes, as they are; both directions copy. */
    Codec<byte[]> BYTES = new Codec<>() {
        @Override
        public Value encode(byte[] object) {
            return Value.of(object);
        }

        @Override
        public byte[] decode(Value value) {
            return value.toByteArray();
        }
    };

    /** Text as UTF-8. Decoding bytes that are not well-formed UTF-8 fails with {@link ErrorCode#INVALID_REQUEST}. */
    Codec<String> TEXT = new Codec<>() {
        @Override
        public Value encode(String object) {
            return Value.of(object);
        }

        @Override
        public String decode(Value value) {
            ByteBuffer bytes = value.asByteBuffer();
            try {
                return StandardCharsets.UTF_8
                        .newDecoder()
                        .onMalformedInput(CodingErrorAction.REPORT)
                        .decode(bytes)
                        .toString();
            } catch (CharacterCodingException e) {
                throw new KvException(
                        ErrorCode.INVALID_REQUEST, "value is not UTF-8 text (at byte " + bytes.position() + ")");
            }
        }
    };

    /**
     * Returns the bytes of an object.
     *
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if this codec cannot write it, {@link ErrorCode#TOO_LARGE} if it is too large for a value
     */
    Value encode(T object);

    /**
     * Returns the object with these bytes.
     *
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if they are not what this codec writes: somebody else wrote the entry. The message says where, never what
     */
    T decode(Value value);
}
