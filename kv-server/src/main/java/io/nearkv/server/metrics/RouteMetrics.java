package io.nearkv.server.metrics;

import io.nearkv.core.route.RoutedService.BuildStats;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;

/** The metrics of the route. Stateless. */
final class RouteMetrics {
    private static final double FULL = 10_000;

    private RouteMetrics() {}

    static void add(MetricPage page, RouteStats stats) {
        page.gauge("nearkv_route_epoch", "Epoch of the route in force, 0 for none.", stats.epoch());
        page.gauge("nearkv_route_seq", "Its number within the epoch.", stats.seq());
        page.gauge(
                "nearkv_route_frozen",
                "Whether a break-glass is in force that was not reconciled.",
                stats.frozen() ? 1 : 0);
        page.gauge(
                "nearkv_route_problems", "Things that are wrong with the route or its builds now.", stats.problems());
        page.counter(
                "nearkv_route_signature_verifications",
                "Signatures of documents that were checked; requests check none.",
                stats.signatureVerifications());
        page.counters(
                "nearkv_route_rejections",
                "Documents that were rejected and changed nothing.",
                "reason",
                new TreeMap<>(stats.rejections()));
        Map<String, Long> requests = new LinkedHashMap<>();
        Map<String, Long> refusals = new LinkedHashMap<>();
        Map<String, Long> fallbacks = new LinkedHashMap<>();
        Map<String, Long> diverted = new LinkedHashMap<>();
        Map<String, Double> weights = new LinkedHashMap<>();
        Map<String, Double> usable = new LinkedHashMap<>();
        for (BuildStats build : stats.builds()) {
            requests.put(build.build(), build.requests());
            refusals.put(build.build(), build.refusals());
            fallbacks.put(build.build(), build.fallbacks());
            diverted.put(build.build(), build.diverted());
            weights.put(build.build(), build.weight() / FULL);
            usable.put(build.build(), build.ready() && !build.ejected() ? 1.0 : 0.0);
        }
        page.counters("nearkv_route_requests", "Requests given to a build.", "build", requests);
        page.counters("nearkv_route_refusals", "Of these, refused by the build as a build.", "build", refusals);
        page.counters(
                "nearkv_route_fallbacks", "Of these, answered by a known-good build instead.", "build", fallbacks);
        page.counters(
                "nearkv_route_diverted",
                "Requests of a build's share that were given to a known-good build at once, because it could not be used.",
                "build",
                diverted);
        page.gauges("nearkv_route_weight", "Share of a build, 0 to 1.", "build", weights);
        page.gauges("nearkv_route_usable", "Whether a build is connected and was not left.", "build", usable);
    }
}
