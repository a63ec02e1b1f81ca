package io.nearkv.cluster;

import io.nearkv.core.KvStore;

/** The other nodes, each as a store that answers for itself alone and hands nothing on. Thread-safe. */
public interface PeerStores extends AutoCloseable {
    /**
     * Returns what a member serves the others of a log, whether or not it can be reached at the moment. It belongs to this.
     *
     * @param log the number of the log: the one under which {@link ClusterNode#leaderStores()} has it there
     */
    KvStore store(ClusterMember member, int log);

    /** Closes all stores. */
    @Override
    void close();
}
