package io.nearkv.deploy.control;

import static java.util.Objects.requireNonNull;

import io.nearkv.deploy.model.ModelLimits;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * That a build is to get a share of the traffic. Immutable.
 *
 * @param build its id
 * @param weight in basis points, 0 (withdraw it) to 10,000 (everything)
 * @param lease how long it keeps a share of less than everything when the control plane is gone; null for the control plane's own
 * @param minReady how many of its instances must prove themselves; 0 for all
 * @param reason why, for people
 * @param actor who asks, for the audit
 */
public record WeightRequest(
        String build, int weight, @Nullable Duration lease, int minReady, String reason, String actor) {
    /** Checks the ranges. */
    public WeightRequest {
        requireNonNull(build, "build");
        requireNonNull(actor, "actor");
        if (weight < 0 || weight > ModelLimits.TOTAL_WEIGHT) {
            throw new IllegalArgumentException("weight: " + weight + " (expected: 0 to 10000 basis points)");
        }
        if (lease != null) {
            ControlPlaneOptions.Builder.checkLease(lease);
        }
        if (minReady < 0 || minReady > ControlLimits.MAX_ENDPOINTS) {
            throw new IllegalArgumentException(
                    "min-ready: " + minReady + " (expected: 0 to " + ControlLimits.MAX_ENDPOINTS + ")");
        }
        Endpoints.text("reason", reason);
    }
}
