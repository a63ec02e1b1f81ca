package io.nearkv.deploy.routing;

import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.route.RouteLink;
import io.nearkv.core.route.RoutedService.BuildStats;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** One build that the route names, and the way to its instances. Outlives a change of the route that leaves it where it is. Thread-safe. */
final class Target {
    final String build;
    final List<String> endpoints;

    private final RouteLink link;
    private final KvStore store;
    private final Tally tally;
    private final AtomicLong refusals = new AtomicLong();

    /** Why the build was left; null while it was not. */
    private volatile @Nullable KvException ejection;

    /** The link's refusal that was seen last; only the thread that looks at links uses it. */
    private @Nullable KvException seenRefusal;

    Target(String build, List<String> endpoints, RouteLink link, Tally tally) {
        this.build = build;
        this.endpoints = List.copyOf(endpoints);
        this.link = link;
        this.store = link.store();
        this.tally = tally;
    }

    KvStore store() {
        return store;
    }

    RouteLink link() {
        return link;
    }

    /** Returns why the last attempt to connect has failed, if it has, and has not been asked about before; else null. For one thread. */
    @Nullable
    KvException newLinkRefusal() {
        KvException refusal = link.refusal();
        if (refusal == seenRefusal) {
            return null;
        }
        seenRefusal = refusal;
        return refusal;
    }

    /** Returns whether requests may be given to it now. */
    boolean isUsable() {
        return ejection == null && link.isReady();
    }

    boolean isEjected() {
        return ejection != null;
    }

    @Nullable
    KvException ejection() {
        return ejection;
    }

    /** Leaves the build; returns whether this call was the one that did. */
    synchronized boolean eject(KvException why) {
        if (ejection != null) {
            return false;
        }
        ejection = why;
        return true;
    }

    Outcomes outcomes() {
        return tally.outcomes;
    }

    void counted() {
        tally.requests.increment();
    }

    /** Counts a refusal as a build; returns how many there were since a document has named it here. */
    long refused() {
        tally.refusals.increment();
        return refusals.incrementAndGet();
    }

    void fellBack() {
        tally.fallbacks.increment();
    }

    void diverted() {
        tally.diverted.increment();
    }

    BuildStats stats(int weight) {
        return tally.stats(weight, link.isReady(), isEjected());
    }

    void close() {
        link.close();
    }

    @Override
    public String toString() {
        return build;
    }
}
