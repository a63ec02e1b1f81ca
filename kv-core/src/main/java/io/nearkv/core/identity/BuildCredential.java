package io.nearkv.core.identity;

import static java.util.Objects.requireNonNull;

/**
 * What a verified build token says. Immutable.
 *
 * @param tokenId the token's id, which a revocation names
 * @param buildId the build that may serve
 * @param environment the environment that it may serve
 * @param expiresAtEpochSecond the first second at which it may no longer
 */
public record BuildCredential(String tokenId, String buildId, String environment, long expiresAtEpochSecond) {
    /** Checks that nothing is missing. */
    public BuildCredential {
        requireNonNull(tokenId, "tokenId");
        requireNonNull(buildId, "buildId");
        requireNonNull(environment, "environment");
    }
}
