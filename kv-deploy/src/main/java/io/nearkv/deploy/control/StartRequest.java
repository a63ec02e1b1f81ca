package io.nearkv.deploy.control;

import static java.util.Objects.requireNonNull;

import io.nearkv.deploy.rollout.RolloutPlan;

/**
 * That a build is to get everything, step by step. Immutable.
 *
 * @param build its id
 * @param plan how
 * @param minReady how many of its instances must prove themselves; 0 for all
 * @param reason why, for people
 * @param actor who asks
 */
public record StartRequest(String build, RolloutPlan plan, int minReady, String reason, String actor) {
    /** Checks the ranges. */
    public StartRequest {
        requireNonNull(build, "build");
        requireNonNull(plan, "plan");
        requireNonNull(actor, "actor");
        if (minReady < 0 || minReady > ControlLimits.MAX_ENDPOINTS) {
            throw new IllegalArgumentException(
                    "min-ready: " + minReady + " (expected: 0 to " + ControlLimits.MAX_ENDPOINTS + ")");
        }
        Endpoints.text("reason", reason);
    }
}
