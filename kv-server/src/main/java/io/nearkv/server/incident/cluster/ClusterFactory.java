package io.nearkv.server.incident.cluster;

import java.io.IOException;

/** Makes clusters for replays, one after the other. */
public interface ClusterFactory {
    /**
     * Starts a cluster; all of it is ready when this returns.
     *
     * @param name what the run is called, for folders and messages
     */
    ReplayCluster start(String name, ClusterPlan plan) throws IOException, InterruptedException;
}
