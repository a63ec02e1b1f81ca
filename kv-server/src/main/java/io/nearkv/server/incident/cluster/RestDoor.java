package io.nearkv.server.incident.cluster;

import static java.util.Objects.requireNonNull;

import java.net.URI;

/**
 * Where a tenant's programs reach the HTTP API.
 *
 * @param namespaces the address of the tenant's namespaces, without a slash at its end
 * @param token what they show
 */
public record RestDoor(URI namespaces, String token) {
    /** Checks that nothing is missing. */
    public RestDoor {
        requireNonNull(namespaces, "namespaces");
        requireNonNull(token, "token");
    }
}
