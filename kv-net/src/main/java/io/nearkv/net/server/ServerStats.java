package io.nearkv.net.server;

import java.util.Map;

/**
 * What a server has done and what it holds, at about one moment. Immutable.
 *
 * @param operations how many operations ended how: by operation ({@code get}, {@code put}, …), then by outcome ({@code ok}, {@code missing},
 *     {@code condition_failed}, or the label of an error). Holds those that have happened
 * @param connections gauge: open connections
 * @param connectionsAccepted all that were ever accepted
 * @param connectionsRefused closed at once, because there were too many
 * @param connectionsRefusedPerPeer closed at once, because there were too many of one peer
 * @param connectionsCut those that the server ended for a reason, by reason: {@code hello_timeout}, {@code frame_timeout}, {@code idle}, {@code slow_reader},
 *     {@code protocol_error}
 * @param requestsInFlight gauge: requests that wait for the store
 * @param bytesInFlight gauge: the bytes that they hold
 * @param watches gauge: running watches
 * @param streams gauge: running uploads and downloads of large values
 * @param failedHellos failed authentications
 * @param rateLimitedHellos HELLOs that were not looked at, because their peer had failed too often
 * @param shed requests that were refused because too much was in flight
 * @param stalledStreams streams that were ended because their peer did not keep up
 * @param bytesRead bytes from clients
 * @param bytesWritten bytes to clients
 */
public record ServerStats(
        Map<String, Map<String, Long>> operations,
        long connections,
        long connectionsAccepted,
        long connectionsRefused,
        long connectionsRefusedPerPeer,
        Map<String, Long> connectionsCut,
        long requestsInFlight,
        long bytesInFlight,
        long watches,
        long streams,
        long failedHellos,
        long rateLimitedHellos,
        long shed,
        long stalledStreams,
        long bytesRead,
        long bytesWritten) {
    /** Makes the maps read-only. */
    public ServerStats {
        operations = Map.copyOf(operations);
        connectionsCut = Map.copyOf(connectionsCut);
    }

    /** Returns how often an operation ended like this. */
    public long count(String operation, String outcome) {
        return operations.getOrDefault(operation, Map.of()).getOrDefault(outcome, 0L);
    }
}
