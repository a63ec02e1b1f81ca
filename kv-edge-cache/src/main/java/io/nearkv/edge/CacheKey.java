package io.nearkv.edge;

import io.nearkv.core.Key;
import io.nearkv.core.NamespaceId;
import org.jspecify.annotations.Nullable;

/** A key in its namespace, with its hash. Immutable. */
final class CacheKey {
    final NamespaceId namespace;
    final Key key;
    private final int hash;

    CacheKey(NamespaceId namespace, Key key) {
        this.namespace = namespace;
        this.key = key;
        this.hash = hash(namespace, key.hashCode());
    }

    /** Returns the hash of a key, given the hash of its bytes. */
    static int hash(NamespaceId namespace, int ofKey) {
        long mixed = (namespace.low() ^ ofKey) * 0x9E3779B97F4A7C15L;
        return (int) (mixed ^ (mixed >>> 32));
    }

    /** Returns the bytes by which a disk knows it: those of the namespace, then those of the key. */
    byte[] toBytes() {
        byte[] bytes = new byte[2 * Long.BYTES + key.length()];
        putNamespace(namespace, bytes);
        key.copyTo(bytes, 2 * Long.BYTES);
        return bytes;
    }

    /** Returns what the bytes of all keys of a namespace begin with. */
    static byte[] prefix(NamespaceId namespace) {
        byte[] bytes = new byte[2 * Long.BYTES];
        putNamespace(namespace, bytes);
        return bytes;
    }

    private static void putNamespace(NamespaceId namespace, byte[] bytes) {
        java.nio.ByteBuffer.wrap(bytes).putLong(namespace.high()).putLong(namespace.low());
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof CacheKey that
                && hash == that.hash
                && namespace.equals(that.namespace)
                && key.equals(that.key);
    }

    @Override
    public int hashCode() {
        return hash;
    }

    @Override
    public String toString() {
        return namespace + "/" + key.toDisplayString();
    }
}
