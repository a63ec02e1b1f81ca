package io.nearkv.core;

import static java.util.Objects.requireNonNull;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The entries of a namespace as objects of one type. Reads fail with {@link ErrorCode#INVALID_REQUEST} on an entry that the codec cannot decode, naming its key; everything else
 * is as in {@link KvNamespace}. Thread-safe.
 *
 * @param <T> the type of the objects
 */
public final class KvMap<T> {
    private final KvNamespace namespace;
    private final Codec<T> codec;

    KvMap(KvNamespace namespace, Codec<T> codec) {
        this.namespace = namespace;
        this.codec = requireNonNull(codec, "codec");
    }

    /**
     * An entry with its object.
     *
     * @param value the object
     * @param metadata the metadata, or null if there is none
     * @param version the number of the commit that wrote the entry
     * @param expiresAt seconds since the epoch at which the entry expires, or 0 if it does not
     */
    public record Entry<T>(T value, @Nullable Metadata metadata, long version, long expiresAt) {
        /** Checks that the object is given. */
        public Entry {
            requireNonNull(value, "value");
        }
    }

    /** Returns the namespace that this is a view of. */
    public KvNamespace namespace() {
        return namespace;
    }

    /** Returns the object of a key, if it is there. */
    public Optional<T> get(String key) {
        return namespace.get(key) instanceof GetResult.Found found ? Optional.of(decode(key, found)) : Optional.empty();
    }

    /** Returns the object of a key with its version, metadata and expiration, if it is there. */
    public Optional<Entry<T>> getEntry(String key) {
        return namespace.get(key) instanceof GetResult.Found found
                ? Optional.of(new Entry<>(decode(key, found), found.metadata(), found.version(), found.expiresAt()))
                : Optional.empty();
    }

    /** Returns the objects of many keys, those that are there, in the order asked; see {@link KvNamespace#getAll}. */
    public Map<String, T> getAll(Collection<String> keys) {
        Map<String, T> objects = new LinkedHashMap<>();
        namespace.getAll(keys).forEach((key, found) -> objects.put(key, decode(key, found)));
        return objects;
    }

    /** Sets a key to an object. */
    public WriteResult put(String key, T object) {
        return put(key, object, PutOptions.DEFAULT);
    }

    /** Sets a key to an object, with metadata and expiration, if the condition holds. */
    public WriteResult put(String key, T object, PutOptions options) {
        return namespace.put(key, codec.encode(object), options);
    }

    /** Sets many keys, each for itself; see {@link KvNamespace#putAll(Map)}. */
    public void putAll(Map<String, T> objects) {
        Map<String, Value> values = new LinkedHashMap<>();
        objects.forEach((key, object) -> values.put(key, codec.encode(object)));
        namespace.putAll(values);
    }

    /** Removes a key. */
    public WriteResult delete(String key) {
        return namespace.delete(key);
    }

    /** Removes a key, if the condition holds. */
    public WriteResult delete(String key, Condition condition) {
        return namespace.delete(key, condition);
    }

    /** Returns the keys below a prefix; see {@link KvNamespace#list(String)}. */
    public Iterable<KeyInfo> list(String prefix) {
        return namespace.list(prefix);
    }

    private T decode(String key, GetResult.Found found) {
        try {
            return codec.decode(found.value());
        } catch (KvException e) {
            throw new KvException(e.code(), "key '" + Key.display(key) + "': " + e.getMessage(), e.getCause());
        }
    }
}
