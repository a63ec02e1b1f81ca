package io.nearkv.server.incident.product;

import static java.util.Objects.requireNonNull;

import io.nearkv.server.incident.cluster.ReplayCluster;
import io.nearkv.server.incident.measure.Recorder;

/**
 * What a product lives in.
 *
 * @param cluster what it reads from and writes to
 * @param recorder where its users are counted
 * @param seed what its chance is drawn from
 */
public record Surroundings(ReplayCluster cluster, Recorder recorder, long seed) {
    /** Checks that nothing is missing. */
    public Surroundings {
        requireNonNull(cluster, "cluster");
        requireNonNull(recorder, "recorder");
    }
}
