package io.nearkv.deploy.control;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.Value;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * That an artefact which was tested elsewhere is to become a build here. Immutable.
 *
 * @param digest the SHA-256 of the artefact in hex: never the id of a build, which is nothing outside its environment
 * @param evidence the manifest of the build that was tested, or null for none
 * @param endpoints where its instances here will listen; 1 to {@link ControlLimits#MAX_ENDPOINTS}
 * @param tokenLifetime how long the build token is good
 * @param actor who asks, for the audit
 */
public record PromoteRequest(
        String digest, @Nullable Value evidence, List<String> endpoints, Duration tokenLifetime, String actor) {
    /** Checks the ranges; what the digest is, is a matter of the checks. */
    public PromoteRequest {
        requireNonNull(digest, "digest");
        requireNonNull(tokenLifetime, "tokenLifetime");
        requireNonNull(actor, "actor");
        endpoints = Endpoints.checked("endpoints", endpoints, ControlLimits.MAX_ENDPOINTS);
        if (endpoints.isEmpty()) {
            throw new IllegalArgumentException("endpoints: none (expected: at least one)");
        }
    }
}
