package io.nearkv.cluster;

import io.nearkv.core.NamespaceId;
import io.nearkv.core.Sharding;
import java.nio.ByteBuffer;

/** Chooses the partition of a key: {@link Sharding}, for all that keeps anything. Thread-safe, and the same for ever. */
interface Placement {
    /**
     * Returns the partition of a key, counted from 0.
     *
     * @param key the remaining bytes are the key; borrowed, position left alone
     */
    int partitionOf(NamespaceId namespace, ByteBuffer key);
}
