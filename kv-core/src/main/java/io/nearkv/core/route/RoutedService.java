package io.nearkv.core.route;

import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import java.time.Duration;
import java.util.List;

/** A tier behind which the builds of a service stand, chosen for each request by the signed route in force. Thread-safe. */
public interface RoutedService extends AutoCloseable {
    /** Returns the tier. Each key in each namespace goes to one build at a time. */
    KvStore store();

    /**
     * Returns the tier for one of the application's own units, such as {@code user-42}: all its calls go to one build at a time, whatever the key. Closing it closes nothing.
     *
     * @param affinity what names the unit; not empty
     */
    KvStore store(String affinity);

    /** Returns the documents that it lives by. */
    DocumentExchange documents();

    /** Returns what it has done, by build: those of the route in force first, then others that were routed to, with weight 0. */
    List<BuildStats> builds();

    /** Returns what is wrong now, one line each, for logs and the health page; empty if all is well. */
    List<String> problems();

    /**
     * Waits until one build of the route, or a known-good one, can be reached.
     *
     * @throws KvException why none can
     * @throws InterruptedException if the thread is interrupted
     */
    void awaitReady(Duration timeout) throws InterruptedException;

    @Override
    void close();

    /**
     * What one build has done for this process.
     *
     * @param build its id
     * @param weight its share in basis points, 0 to 10,000
     * @param ready whether one of its instances is connected
     * @param ejected whether it was left because of what it has said
     * @param requests how many requests it was given
     * @param refusals how many of them it has refused as a build
     * @param fallbacks how many of these a known-good build has answered
     * @param diverted how many requests of its share a known-good build was given at once, because this one could not be used
     */
    record BuildStats(
            String build,
            int weight,
            boolean ready,
            boolean ejected,
            long requests,
            long refusals,
            long fallbacks,
            long diverted) {
        /** Returns the stats of a build that stands at two places of a route: the counters are of the build. */
        public BuildStats and(BuildStats other) {
            return new BuildStats(
                    build,
                    weight + other.weight,
                    ready || other.ready,
                    ejected && other.ejected,
                    requests,
                    refusals,
                    fallbacks,
                    diverted);
        }
    }
}
