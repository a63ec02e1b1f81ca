package io.nearkv.deploy.control;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.Value;

/**
 * One item of a list of builds, as it came: {@link BuildListing} says whether it belongs there. Immutable.
 *
 * @param document the signed manifest
 * @param state {@code published} or {@code retired}
 * @param ledgerNumber its number in the ledger, 0 for none
 * @param weight its share in the route in force, in basis points
 */
public record BuildItem(Value document, String state, long ledgerNumber, int weight) {
    /** The state of a build that can get traffic. */
    public static final String PUBLISHED = "published";

    /** The state of a build that can get none any more. */
    public static final String RETIRED = "retired";

    /** Checks that nothing is missing. */
    public BuildItem {
        requireNonNull(document, "document");
        requireNonNull(state, "state");
    }
}
