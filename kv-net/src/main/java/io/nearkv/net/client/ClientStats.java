package io.nearkv.net.client;

import java.util.ArrayList;
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
 * @param deadPeers connections that were closed because the peer owed an answer, had fallen silent and did not answer a ping
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

    /** What a client without any connection has done: nothing. */
    static final ClientStats NONE =
            new ClientStats(Map.of(), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, List.of());

    /** Returns both together. */
    ClientStats plus(ClientStats other) {
        Map<String, Map<String, Long>> sums = new LinkedHashMap<>();
        for (ClientStats each : List.of(this, other)) {
            each.calls.forEach((operation, outcomes) -> {
                Map<String, Long> sum = sums.computeIfAbsent(operation, name -> new LinkedHashMap<>());
                outcomes.forEach((outcome, count) -> sum.merge(outcome, count, Long::sum));
            });
        }
        List<Connection> all = new ArrayList<>(connections);
        all.addAll(other.connections);
        return new ClientStats(
                sums,
                retries + other.retries,
                retriesRefused + other.retriesRefused,
                refusedFull + other.refusedFull,
                requestsInFlight + other.requestsInFlight,
                maxRequestsInFlight + other.maxRequestsInFlight,
                pendingBytes + other.pendingBytes,
                maxPendingBytes + other.maxPendingBytes,
                connected + other.connected,
                reconnects + other.reconnects,
                connectionsLost + other.connectionsLost,
                failedRounds + other.failedRounds,
                goAways + other.goAways,
                pings + other.pings,
                deadPeers + other.deadPeers,
                lateAnswers + other.lateAnswers,
                strayFrames + other.strayFrames,
                feedsResumed + other.feedsResumed,
                all);
    }

    /** Returns what was counted, without what is only so while there are connections. */
    ClientStats withoutConnections() {
        return new ClientStats(
                calls,
                retries,
                retriesRefused,
                refusedFull,
                0,
                0,
                0,
                0,
                connected,
                reconnects,
                connectionsLost,
                failedRounds,
                goAways,
                pings,
                deadPeers,
                lateAnswers,
                strayFrames,
                feedsResumed,
                List.of());
    }

    /** Returns how many calls of an operation ended with an outcome. */
    public long count(String operation, String outcome) {
        return calls.getOrDefault(operation, Map.of()).getOrDefault(outcome, 0L);
    }
}
