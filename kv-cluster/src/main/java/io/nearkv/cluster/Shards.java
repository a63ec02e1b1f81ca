package io.nearkv.cluster;

import io.nearkv.core.KvStore;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.NamespaceInfo;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * What a {@link ShardedStore} stands on: one store that knows which accounts and namespaces there are, and the partitions, which hold the keys. Each is a store of one partition, and the
 * partitions share a lineage. Thread-safe.
 */
interface Shards {
    /** Returns the store whose catalogue counts; it holds no keys. */
    KvStore meta();

    /** Returns the partitions, always the same ones. */
    List<KvStore> partitions();

    /** Returns a namespace as it is now, whatever a replica of the catalogue has heard of it. */
    default CompletableFuture<NamespaceInfo> find(NamespaceId namespace) {
        return meta().admin().namespace(namespace);
    }

    /**
     * Makes a namespace of {@link #meta} known to a partition; idempotent. Afterwards the partition takes what is asked of this namespace.
     *
     * @param partition which, counted from 0
     */
    CompletableFuture<Void> adopt(int partition, NamespaceId namespace);
}
