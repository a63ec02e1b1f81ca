package io.nearkv.deploy.routing;

import io.nearkv.core.route.RoutedService.BuildStats;
import java.util.concurrent.atomic.LongAdder;

/** What one build has done for this process, over all the routes that have named it: a counter must not vanish with the route that is taken back. Thread-safe. */
final class Tally {
    final String build;
    final Outcomes outcomes = new Outcomes();
    final LongAdder requests = new LongAdder();
    final LongAdder refusals = new LongAdder();
    final LongAdder fallbacks = new LongAdder();
    final LongAdder diverted = new LongAdder();

    Tally(String build) {
        this.build = build;
    }

    BuildStats stats(int weight, boolean ready, boolean ejected) {
        return new BuildStats(
                build, weight, ready, ejected, requests.sum(), refusals.sum(), fallbacks.sum(), diverted.sum());
    }
}
