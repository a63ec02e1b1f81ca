package io.nearkv.server.metrics;

import io.nearkv.core.ErrorCode;
import io.nearkv.net.server.ServerLimits;
import io.nearkv.net.server.ServerStats;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The metrics of the server: operations, connections, and every bound beside its use. Stateless. */
final class NetMetrics {
    /** Those that rates and alarms are made of exist from the start: a series that begins with its first event hides it. */
    private static final List<String> ALWAYS =
            List.of("ok", ErrorCode.UNAUTHORIZED.label(), ErrorCode.UNAVAILABLE.label());

    private NetMetrics() {}

    static void add(MetricPage page, ServerStats stats, ServerLimits limits) {
        operations(page, stats);
        connections(page, stats, limits);
        requests(page, stats, limits);
        hellos(page, stats, limits);
        page.counter("nearkv_net_received_bytes", "Bytes from clients.", stats.bytesRead());
        page.counter("nearkv_net_sent_bytes", "Bytes to clients.", stats.bytesWritten());
        page.gauge(
                "nearkv_net_buffer_bytes",
                "Direct memory that the network's buffer pools hold, in use or ready to be used again.",
                stats.bufferBytes());
        page.gauge(
                "nearkv_net_buffer_limit_bytes",
                "The most direct memory that they may hold.",
                stats.bufferLimitBytes());
    }

    private static void operations(MetricPage page, ServerStats stats) {
        Map<String, Map<String, Long>> byOperation = new TreeMap<>();
        for (String op : stats.latencies().keySet()) {
            Map<String, Long> byOutcome = new TreeMap<>();
            ALWAYS.forEach(outcome -> byOutcome.put(outcome, 0L));
            byOutcome.putAll(stats.operations().getOrDefault(op, Map.of()));
            byOperation.put(op, byOutcome);
        }
        page.counters(
                "nearkv_net_ops",
                "Operations, by kind and by how they ended: ok, missing, condition_failed, or the code of an error.",
                "op",
                "outcome",
                byOperation);
        page.histograms(
                "nearkv_net_op_duration_seconds",
                "Time from the request to its answer: for a large value to its last piece, for a watch to its end.",
                "op",
                new TreeMap<>(stats.latencies()));
    }

    private static void connections(MetricPage page, ServerStats stats, ServerLimits limits) {
        page.gauge("nearkv_net_connections", "Open connections.", stats.connections());
        page.gauge("nearkv_net_connections_limit", "Most connections in all.", limits.maxConnections());
        page.gauge(
                "nearkv_net_connections_per_peer_limit",
                "Most connections of one address.",
                limits.maxConnectionsPerPeer());
        page.counter("nearkv_net_connections_accepted", "Connections that were accepted.", stats.connectionsAccepted());
        page.counters(
                "nearkv_net_connections_refused",
                "Connections that were closed at once, by the bound that they met.",
                "bound",
                new TreeMap<>(Map.of(
                        "all", stats.connectionsRefused(),
                        "peer", stats.connectionsRefusedPerPeer())));
        page.counters(
                "nearkv_net_connections_cut",
                "Connections that the server ended, by reason.",
                "reason",
                new TreeMap<>(stats.connectionsCut()));
    }

    private static void requests(MetricPage page, ServerStats stats, ServerLimits limits) {
        page.gauge("nearkv_net_requests_in_flight", "Requests that wait for the store.", stats.requestsInFlight());
        page.gauge("nearkv_net_requests_in_flight_limit", "Most of them in all.", limits.maxRequestsInFlight());
        page.gauge(
                "nearkv_net_requests_in_flight_per_connection_limit",
                "Most of them on one connection.",
                limits.maxRequestsInFlightPerConnection());
        page.gauge("nearkv_net_in_flight_bytes", "Bytes that requests in flight hold.", stats.bytesInFlight());
        page.gauge("nearkv_net_in_flight_limit_bytes", "Most of these bytes in all.", limits.maxBytesInFlight());
        page.gauge(
                "nearkv_net_in_flight_per_connection_limit_bytes",
                "Most of these bytes on one connection.",
                limits.maxBytesInFlightPerConnection());
        page.counter("nearkv_net_requests_shed", "Requests refused because too much was in flight.", stats.shed());
        page.gauge("nearkv_net_watches", "Running watches.", stats.watches());
        page.gauge(
                "nearkv_net_watches_per_connection_limit",
                "Most watches on one connection.",
                limits.maxWatchesPerConnection());
        page.gauge("nearkv_net_streams", "Running uploads and downloads of large values.", stats.streams());
        page.gauge(
                "nearkv_net_stream_window_limit_bytes",
                "Most bytes of one upload that are on their way.",
                limits.streamWindowBytes());
        page.counter(
                "nearkv_net_streams_stalled",
                "Streams ended because their peer did not keep up.",
                stats.stalledStreams());
        page.gauge(
                "nearkv_net_write_buffer_limit_bytes",
                "Answers that wait for one peer, beyond which the server reads no more from it.",
                limits.writeBufferBytes());
    }

    private static void hellos(MetricPage page, ServerStats stats, ServerLimits limits) {
        page.counter("nearkv_net_hellos_failed", "Failed authentications.", stats.failedHellos());
        page.gauge(
                "nearkv_net_hellos_failed_per_minute_limit",
                "Failed authentications of one address in a minute, beyond which it is held off.",
                limits.maxFailedHellosPerMinute());
        page.counter(
                "nearkv_net_hellos_rate_limited",
                "HELLOs not looked at, because their address had failed too often.",
                stats.rateLimitedHellos());
    }
}
