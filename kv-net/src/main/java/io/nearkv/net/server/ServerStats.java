package io.nearkv.net.server;

import java.util.Map;

/**
 * What a server has done and what it holds, at about one moment. Immutable.
 *
 * @param operations how many operations ended how: by operation ({@code get}, {@code put}, …), then by outcome ({@code ok}, {@code missing},
 *     {@code condition_failed}, or the label of an error). Holds those that have happened
 * @param latencies how long they took, by operation; holds all operations. A watch takes as long as it runs, and the get of a large value until its last piece is sent
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
 * @param bufferBytes gauge: direct memory in the buffer pools of all servers and clients of the process
 * @param bufferLimitBytes the most direct memory that these may take
 */
public record ServerStats(
        Map<String, Map<String, Long>> operations,
        Map<String, Latency> latencies,
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
        long bytesWritten,
        long bufferBytes,
        long bufferLimitBytes) {
    /** Makes the maps read-only. */
    public ServerStats {
        operations = Map.copyOf(operations);
        latencies = Map.copyOf(latencies);
        connectionsCut = Map.copyOf(connectionsCut);
    }

    /** Returns how often an operation ended like this. */
    public long count(String operation, String outcome) {
        return operations.getOrDefault(operation, Map.of()).getOrDefault(outcome, 0L);
    }
}
