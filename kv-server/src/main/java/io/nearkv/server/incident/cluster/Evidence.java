package io.nearkv.server.incident.cluster;

/**
 * What the machines themselves have counted since they were started.
 *
 * @param foreignDocumentsRefused signed routes that routers have refused because of a build of another environment
 * @param linksRefused times that routers have refused the build before any request, because of what it had to show
 * @param buildRequests requests that routers have given to the build from the list
 * @param buildRefusals how many of them it has refused as a build
 * @param answeredInstead requests that a known-good build has answered although the route gave them to that one
 */
public record Evidence(
        long foreignDocumentsRefused, long linksRefused, long buildRequests, long buildRefusals, long answeredInstead) {
    /** Nothing yet. */
    public static final Evidence NONE = new Evidence(0, 0, 0, 0, 0);

    /** Returns the higher of each of two: a router that begins anew counts from nothing. */
    public Evidence max(Evidence other) {
        return new Evidence(
                Math.max(foreignDocumentsRefused, other.foreignDocumentsRefused),
                Math.max(linksRefused, other.linksRefused),
                Math.max(buildRequests, other.buildRequests),
                Math.max(buildRefusals, other.buildRefusals),
                Math.max(answeredInstead, other.answeredInstead));
    }
}
