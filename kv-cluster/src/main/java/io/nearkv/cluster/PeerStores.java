package io.nearkv.cluster;

import io.nearkv.core.KvStore;

/** The other nodes, each as a store that answers for itself alone and hands nothing on. Thread-safe. */
public interface PeerStores extends AutoCloseable {
    /** Returns the store of a member, whether or not it can be reached at the moment. It belongs to this. */
    KvStore store(ClusterMember member);

    /** Closes all stores. */
    @Override
    void close();
}
