package io.nearkv.server.metrics;

import io.nearkv.cluster.ClusterStatus;
import io.nearkv.core.rocksdb.RocksStoreStats;
import io.nearkv.edge.EdgeStats;
import io.nearkv.edge.MirrorStats;
import io.nearkv.net.server.ServerLimits;
import io.nearkv.net.server.ServerStats;
import org.jspecify.annotations.Nullable;

/** Where the numbers come from. Each method gives a snapshot of this moment, or null while the process does not have that part. Thread-safe. */
public interface MetricSources {
    /** Returns who the process is. */
    BuildInfo build();

    /** Returns whether it may be sent traffic. */
    boolean isReady();

    /** Returns what the server has done and holds. */
    @Nullable
    ServerStats server();

    /** Returns the bounds of the server. */
    ServerLimits limits();

    /** Returns what the engine does. */
    @Nullable
    RocksStoreStats engine();

    /** Returns what the mirror of the node does. */
    @Nullable
    MirrorStats mirror();

    /** Returns what the cache of the node does. */
    @Nullable
    EdgeStats cache();

    /** Returns what the node does in its cluster. */
    @Nullable
    ClusterStatus cluster();

    /** Returns what the route of the node is, and what its builds have done. */
    @Nullable
    RouteStats routes();
}
