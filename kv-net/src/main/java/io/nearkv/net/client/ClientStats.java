package io.nearkv.net.client;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a client has done since it was made, and how it is now. Counters only grow. Immutable; the parts are read one after the other, not at one moment.
 *
 * @param calls how many calls ended, by operation ({@code get}, {@code put}, …) and outcome ({@code ok}, {@code cancelled}, or the label of an error code)
 * @param retries attempts after the first
 * @param retriesRefused retries that would have been safe and that the budget did not allow
 * @param refusedFull calls that failed at once because a bound of requests or bytes was reached
 * @param requestsInFlight calls and streams that wait for their last frame, or for a connection
 * @param maxRequestsInFlight the bound of {@code requestsInFlight}
 * @param pendingBytes bytes of values that calls in flight hold for sending
 * @param maxPendingBytes the bound of {@code pendingBytes}
 * @param connected connections that were made and passed the checks
 * @param reconnects how many of them replaced another
 * @param connectionsLost connections that ended without the server's announcing it
 * @param failedRounds rounds through all servers that found none
 * @param goAways connections whose end the server announced
 * @param pings pings sent
 * @param deadPeers connections that were closed because the peer did not answer a ping
 * @param lateAnswers answers that came after their call had timed out or was cancelled, and were dropped
 * @param strayFrames frames that belong to nothing
 * @param feedsResumed how often a change feed went on after its connection had ended
 * @param connections the places of the pool
 */
public record ClientStats(
        Map<String, Map<String, Long>> calls,
        long retries,
        long retriesRefused,
        long refusedFull,
        int requestsInFlight,
        int maxRequestsInFlight,
        long pendingBytes,
        long maxPendingBytes,
        long connected,
        long reconnects,
        long connectionsLost,
        long failedRounds,
        long goAways,
        long pings,
        long deadPeers,
        long lateAnswers,
        long strayFrames,
        long feedsResumed,
        List<Connection> connections) {
    /** Makes the collections read-only. */
    public ClientStats {
        Map<String, Map<String, Long>> copy = new LinkedHashMap<>();
        calls.forEach((operation, outcomes) ->
                copy.put(operation, java.util.Collections.unmodifiableMap(new LinkedHashMap<>(outcomes))));
        calls = java.util.Collections.unmodifiableMap(copy);
        connections = List.copyOf(connections);
    }

    /**
     * One place of the pool.
     *
     * @param state what is going on
     * @param server the server that it is connected to, such as {@code kv://127.0.0.1:7400}, or null
     * @param requestsInFlight calls and streams on it
     */
    public record Connection(State state, @Nullable String server, int requestsInFlight) {}

    /** The states of a place of the pool. */
    public enum State {
        /** A round through the servers is under way; calls wait for it. */
        CONNECTING,
        /** Connected to a server that passed the checks. */
        READY,
        /** The last round found no server; calls fail at once until the next one. */
        BACKOFF,
        /** The client is closed. */
        CLOSED
    }

    /** Returns how many calls of an operation ended with an outcome. */
    public long count(String operation, String outcome) {
        return calls.getOrDefault(operation, Map.of()).getOrDefault(outcome, 0L);
    }
}
