package io.nearkv.deploy.control;

import static java.util.Objects.requireNonNull;

import io.nearkv.deploy.model.Route;

/**
 * A route that was published, and who follows it. The control plane goes on pushing to those that do not. Immutable.
 *
 * @param route the forward route
 * @param hash the SHA-256 of its body in hex
 * @param coverage who follows it so far
 */
public record RouteChange(Route route, String hash, Coverage coverage) {
    /** Checks that nothing is missing. */
    public RouteChange {
        requireNonNull(route, "route");
        requireNonNull(hash, "hash");
        requireNonNull(coverage, "coverage");
    }
}
