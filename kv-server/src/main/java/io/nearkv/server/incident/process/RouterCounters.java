package io.nearkv.server.incident.process;

import io.nearkv.core.KvException;
import io.nearkv.server.incident.cluster.Evidence;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** What the routers have counted. They are looked at again and again, by a thread, because whether a link is refused ends with the route that names the build. Thread-safe. */
final class RouterCounters implements AutoCloseable {
    private static final String FOREIGN = "reason=\"foreign_build\"";
    private static final long INTERVAL_MILLIS = 200;

    private final World world;
    private final List<String> operations;
    private final CountDownLatch closed = new CountDownLatch(1);
    private Evidence most = Evidence.NONE;

    /**
     * Creates it.
     *
     * @param operations where the routers answer for metrics
     */
    RouterCounters(World world, List<String> operations) {
        this.world = world;
        this.operations = operations;
    }

    /** Begins to look. */
    RouterCounters start() {
        Thread thread = new Thread(this::watch, "replay-counters");
        thread.setDaemon(true);
        thread.start();
        return this;
    }

    private void watch() {
        try {
            do {
                look();
            } while (!closed.await(INTERVAL_MILLIS, TimeUnit.MILLISECONDS));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static String build(String id) {
        return "build=\"" + id + "\"";
    }

    /** Looks at all routers. One that does not answer is passed over. */
    synchronized void look() throws InterruptedException {
        String id = build(world.foreign());
        double documents = 0;
        double links = 0;
        double requests = 0;
        double refusals = 0;
        double instead = 0;
        for (String each : operations) {
            try {
                MetricsPage page = MetricsPage.of(each);
                documents += page.sum("nearkv_route_rejections_total", FOREIGN);
                double given = page.sum("nearkv_route_requests_total", id);
                double refused = page.sum("nearkv_route_refusals_total", id);
                // Who has refused what he has not asked anything has done so by what it showed.
                links += Math.max(0, refused - given);
                requests += given;
                refusals += refused;
                instead += page.sum("nearkv_route_fallbacks_total", id) + page.sum("nearkv_route_diverted_total", id);
            } catch (KvException e) {
                return; // One that was killed would make the sums of the others look small.
            }
        }
        most = most.max(new Evidence(
                Math.round(documents),
                Math.round(links),
                Math.round(requests),
                Math.round(refusals),
                Math.round(instead)));
    }

    synchronized Evidence evidence() {
        return most;
    }

    @Override
    public void close() {
        closed.countDown();
    }
}
