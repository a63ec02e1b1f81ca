package io.nearkv.server.incident.cluster;

/**
 * What the machines themselves have counted since they were started.
 *
 * @param foreignDocumentsRefused signed routes that routers have refused because of a build of another environment
 * @param linksRefused connections that routers have given up because of what the other end had to show
 * @param buildRefusals requests that a build has refused as a build
 * @param fallbacks how many of them a known-good build has answered
 * @param ejections how often a router has left a build
 */
public record Evidence(
        long foreignDocumentsRefused, long linksRefused, long buildRefusals, long fallbacks, long ejections) {
    /** Nothing yet. */
    public static final Evidence NONE = new Evidence(0, 0, 0, 0, 0);
}
