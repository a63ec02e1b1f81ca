package io.nearkv.core.json;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.Codec;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.Metadata;
import io.nearkv.core.Value;
import java.lang.reflect.Type;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.core.TokenStreamLocation;
import tools.jackson.databind.JavaType;
import tools.jackson.databind.json.JsonMapper;

/**
 * Objects as JSON text in UTF-8. Records map by themselves; unknown members are skipped, so that a newer writer does not break an older reader. {@code null} is no object,
 * and no value.
 *
 * <p>Decoding what is not JSON of this type fails with {@link ErrorCode#INVALID_REQUEST}; the message says where, and never shows the value.
 *
 * @param <T> the type of the objects
 */
public final class JsonCodec<T> implements Codec<T> {
    private static final JsonMapper MAPPER = JsonMapper.shared();

    private final JavaType type;

    private JsonCodec(JavaType type) {
        this.type = type;
    }

    /** Returns the codec for a class or record. */
    public static <T> JsonCodec<T> of(Class<T> type) {
        return new JsonCodec<>(MAPPER.constructType(requireNonNull(type, "type")));
    }

    /** Returns the codec for any type, such as that of a field or of a type token's argument. The caller vouches that {@code T} is that type. */
    public static <T> JsonCodec<T> of(Type type) {
        return new JsonCodec<>(MAPPER.constructType(requireNonNull(type, "type")));
    }

    /** Returns the codec for lists. */
    public static <E> JsonCodec<List<E>> listOf(Class<E> element) {
        return new JsonCodec<>(MAPPER.getTypeFactory().constructCollectionType(List.class, element));
    }

    /** Returns the codec for maps from text. */
    public static <E> JsonCodec<Map<String, E>> mapOf(Class<E> element) {
        return new JsonCodec<>(MAPPER.getTypeFactory().constructMapType(Map.class, String.class, element));
    }

    /**
     * Returns an object as metadata, which is the same JSON.
     *
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if it cannot be written as JSON, {@link ErrorCode#TOO_LARGE} if it is too long
     */
    public static Metadata metadata(Object object) {
        return Metadata.ofUtf8(write(MAPPER.constructType(object.getClass()), object));
    }

    @Override
    public Value encode(T object) {
        byte[] json = write(type, requireNonNull(object, "object"));
        Value.checkLength(json.length);
        return Value.wrap(json);
    }

    @Override
    public T decode(Value value) {
        return read(value.toByteArray());
    }

    /** Returns the object that this metadata is the JSON of; fails as {@link #decode(Value)}. */
    public T decode(Metadata metadata) {
        byte[] json = new byte[metadata.length()];
        metadata.asByteBuffer().get(json);
        return read(json);
    }

    private static byte[] write(JavaType type, Object object) {
        try {
            return MAPPER.writerFor(type).writeValueAsBytes(object);
        } catch (JacksonException e) {
            throw new KvException(ErrorCode.INVALID_REQUEST, type.toCanonical() + " cannot be written as JSON", e);
        }
    }

    private T read(byte[] json) {
        T object;
        try {
            object = MAPPER.readValue(json, type);
        } catch (JacksonException e) {
            // Not its message and not as the cause: both quote the value.
            TokenStreamLocation location = e.getLocation();
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "value is not JSON of " + type.toCanonical()
                            + (location == null
                                    ? ""
                                    : " (at line " + location.getLineNr() + ", column " + location.getColumnNr()
                                            + ")"));
        }
        if (object == null) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST, "value is null (expected: JSON of " + type.toCanonical() + ")");
        }
        return object;
    }
}
