package io.nearkv.deploy.model;

import static java.util.Objects.requireNonNull;

import java.util.List;

/**
 * One build of a route. Immutable.
 *
 * @param build the build
 * @param weight its share in basis points, 0 to 10,000; 0 among the known-good ones
 * @param endpoints where its instances listen, {@code kv://HOST:PORT} or {@code kvs://HOST:PORT}; at most 64
 * @param version for people, such as {@code 1.9.0}
 * @param ledgerNumber its number in the ledger, 0 for none
 */
public record RouteEntry(BuildRef build, int weight, List<String> endpoints, String version, long ledgerNumber) {
    /** Checks the ranges, with {@link IllegalArgumentException}; the weight alone is judged by whoever takes the route. */
    public RouteEntry {
        requireNonNull(build, "build");
        endpoints = ModelLimits.endpoints("endpoints", endpoints, ModelLimits.MAX_ENDPOINTS);
        ModelLimits.text("version", version);
        ModelLimits.number("ledger number", ledgerNumber, 0);
    }

    /** Returns the same build with another weight. */
    public RouteEntry withWeight(int newWeight) {
        return new RouteEntry(build, newWeight, endpoints, version, ledgerNumber);
    }

    /** Returns the id of the build. */
    public String id() {
        return build.id();
    }
}
