package io.nearkv.deploy.control;

import io.nearkv.deploy.analysis.Impact;
import io.nearkv.deploy.rollout.Rollout;
import java.time.Duration;
import java.util.List;

/**
 * How a rollout stands. Immutable.
 *
 * @param rollout as it is kept
 * @param weight the share that the build has by the route in force, in basis points
 * @param followed whether all nodes follow that
 * @param inStep how long the build has had the share of this step everywhere
 * @param units what the comparison is worth since then
 * @param impact what is thought of the build
 * @param requestsPerSecond the traffic of all nodes, lately; 0 if nobody knows
 * @param detectable for each step, the bake last, by which share of the requests more the build must fail to be found within the step; 1 for never
 * @param probes synthetic requests that were made
 * @param coverage such as {@code 5/5 in 44 ms}
 */
public record RolloutStatus(
        Rollout rollout,
        int weight,
        boolean followed,
        Duration inStep,
        double units,
        Impact impact,
        double requestsPerSecond,
        List<Double> detectable,
        long probes,
        String coverage) {
    /** Makes a copy. */
    public RolloutStatus {
        detectable = List.copyOf(detectable);
    }
}
