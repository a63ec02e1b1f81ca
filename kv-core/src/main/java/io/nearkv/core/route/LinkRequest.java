package io.nearkv.core.route;

import static java.util.Objects.requireNonNull;

import java.util.List;

/**
 * Which instances of which build are to be reached, and what they must prove before anything is sent to them. Immutable.
 *
 * @param buildId the id that they must state
 * @param environment the environment that they must state
 * @param endpoints where they are, {@code kv://HOST:PORT}; at least one
 * @param check judges the build token that they show: null if it is good, else the refusal
 * @param enforced false where a statement that does not fit is let pass: for the replay of the incident alone
 * @param documents what travels along: what is put in force here is offered to them, what they put in force is offered here
 */
public record LinkRequest(
        String buildId,
        String environment,
        List<String> endpoints,
        BuildTokenCheck check,
        boolean enforced,
        DocumentExchange documents) {
    /** Checks that nothing is missing. */
    public LinkRequest {
        requireNonNull(buildId, "buildId");
        requireNonNull(environment, "environment");
        requireNonNull(check, "check");
        requireNonNull(documents, "documents");
        endpoints = List.copyOf(endpoints);
        if (endpoints.isEmpty()) {
            throw new IllegalArgumentException("endpoints: none (expected: at least one)");
        }
    }
}
