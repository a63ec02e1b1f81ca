package io.nearkv.server.incident.cluster;

import static java.util.Objects.requireNonNull;

import java.util.List;

/**
 * What came of asking for the builds of production.
 *
 * @param builds as the server listed them, before whoever asked has looked at them
 * @param alarm why the list is not to be trusted, or empty if nobody has noticed anything
 */
public record Listing(List<ListedBuild> builds, String alarm) {
    /** Checks that nothing is missing. */
    public Listing {
        builds = List.copyOf(builds);
        requireNonNull(alarm, "alarm");
    }
}
