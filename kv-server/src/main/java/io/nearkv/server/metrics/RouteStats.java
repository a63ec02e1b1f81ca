package io.nearkv.server.metrics;

import io.nearkv.core.route.RoutedService.BuildStats;
import java.util.List;
import java.util.Map;

/**
 * The route that a node follows, at one moment. Immutable.
 *
 * @param epoch of the route, 0 for none
 * @param seq of the route
 * @param frozen whether a break-glass is in force that was not reconciled
 * @param signatureVerifications signatures that were checked since the start
 * @param rejections documents that were rejected, by reason
 * @param problems how many things are wrong now
 * @param builds what the builds have done
 */
public record RouteStats(
        long epoch,
        long seq,
        boolean frozen,
        long signatureVerifications,
        Map<String, Long> rejections,
        int problems,
        List<BuildStats> builds) {
    /** Makes the collections read-only. */
    public RouteStats {
        rejections = Map.copyOf(rejections);
        builds = List.copyOf(builds);
    }
}
