package io.nearkv.server.incident.process;

import io.nearkv.core.KvException;
import io.nearkv.server.incident.cluster.Evidence;
import java.util.List;

/** What the routers have counted: looked at now and then, because the counters of a build end with the route that names it. Used by one thread at a time. */
final class RouterCounters {
    private static final String FOREIGN = "reason=\"foreign_build\"";

    private final World world;
    private final List<String> operations;
    private Evidence most = Evidence.NONE;
    private double goodAtMark = -1;

    /** @param operations where the routers answer for metrics */
    RouterCounters(World world, List<String> operations) {
        this.world = world;
        this.operations = operations;
    }

    private static String build(String id) {
        return "build=\"" + id + "\"";
    }

    private double answeredByKnownGood(MetricsPage page) {
        return page.sum("nearkv_route_requests_total", build(world.known()))
                + page.sum("nearkv_route_requests_total", build(world.older()));
    }

    /** From now on all of production is routed to the build of staging, or was to be: what known-good builds answer from now on they answer instead. */
    void markWhollyForeign() throws InterruptedException {
        double sum = 0;
        for (String each : operations) {
            sum += answeredByKnownGood(MetricsPage.of(each));
        }
        goodAtMark = sum;
        look();
    }

    /** Looks at all routers. One that does not answer is passed over. */
    void look() throws InterruptedException {
        double documents = 0;
        double links = 0;
        double requests = 0;
        double refusals = 0;
        double good = 0;
        boolean foreign = false;
        String id = build(world.foreign());
        for (String each : operations) {
            try {
                MetricsPage page = MetricsPage.of(each);
                documents += page.sum("nearkv_route_rejections_total", FOREIGN);
                boolean weighted = page.sum("nearkv_route_weight", id) > 0;
                foreign |= weighted;
                links += weighted && page.sum("nearkv_route_usable", id) == 0 ? 1 : 0;
                requests += page.sum("nearkv_route_requests_total", id);
                refusals += page.sum("nearkv_route_refusals_total", id);
                good += answeredByKnownGood(page);
            } catch (KvException e) {
                assert e.getMessage() != null; // One that was killed counts nothing any more.
            }
        }
        double instead = foreign && goodAtMark >= 0 ? good - goodAtMark : 0;
        most = most.max(new Evidence(
                Math.round(documents),
                Math.round(links),
                Math.round(requests),
                Math.round(refusals),
                Math.max(0, Math.round(instead))));
    }

    Evidence evidence() {
        return most;
    }
}
