package io.nearkv.server.incident.process;

import static java.util.Objects.requireNonNull;

import io.nearkv.server.incident.cluster.ClusterFactory;
import io.nearkv.server.incident.cluster.ClusterPlan;
import io.nearkv.server.incident.cluster.ReplayCluster;
import java.io.IOException;
import java.nio.file.Path;
import java.time.InstantSource;

/** Makes clusters of real processes, each in a folder of its own. */
public final class ProcessClusters implements ClusterFactory {
    private final ChildJvm jvm;
    private final Path folder;
    private final long seed;
    private final InstantSource clock;

    /**
     * Creates a factory.
     *
     * @param folder where the clusters' folders are made
     * @param seed what ports are drawn from
     */
    public ProcessClusters(ChildJvm jvm, Path folder, long seed, InstantSource clock) {
        this.jvm = requireNonNull(jvm, "jvm");
        this.folder = requireNonNull(folder, "folder");
        this.seed = seed;
        this.clock = requireNonNull(clock, "clock");
    }

    @Override
    public ReplayCluster start(String name, ClusterPlan plan) throws IOException, InterruptedException {
        return new ClusterSetup(jvm, folder.resolve(name).toAbsolutePath(), plan, seed, clock).start();
    }
}
