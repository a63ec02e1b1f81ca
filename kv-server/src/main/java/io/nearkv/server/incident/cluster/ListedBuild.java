package io.nearkv.server.incident.cluster;

import static java.util.Objects.requireNonNull;

/**
 * A build as the build list shows it.
 *
 * @param id its id
 * @param environment the environment that it belongs to
 * @param version its version
 */
public record ListedBuild(String id, String environment, String version) {
    /** Checks that nothing is missing. */
    public ListedBuild {
        requireNonNull(id, "id");
        requireNonNull(environment, "environment");
        requireNonNull(version, "version");
    }
}
