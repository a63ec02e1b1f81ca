package io.nearkv.server.metrics;

import static java.util.Objects.requireNonNull;

/**
 * Who the process is; what every process exports. Immutable.
 *
 * @param environment the environment that it serves
 * @param build the id of its build
 * @param node what the node calls itself
 * @param version the version of the program
 */
public record BuildInfo(String environment, String build, String node, String version) {
    /** Checks that nothing is missing. */
    public BuildInfo {
        requireNonNull(environment, "environment");
        requireNonNull(build, "build");
        requireNonNull(node, "node");
        requireNonNull(version, "version");
    }
}
