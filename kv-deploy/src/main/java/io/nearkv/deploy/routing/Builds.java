package io.nearkv.deploy.routing;

import io.nearkv.core.DenialReason;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.route.BuildTokenCheck;
import io.nearkv.core.route.DocumentExchange;
import io.nearkv.core.route.LinkRequest;
import io.nearkv.core.route.RouteTransport;
import io.nearkv.core.route.RoutedService.BuildStats;
import io.nearkv.deploy.analysis.Impact;
import io.nearkv.deploy.analysis.ImpactDetector;
import io.nearkv.deploy.analysis.Sample;
import io.nearkv.deploy.model.Bytes;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.model.RouteEntry;
import io.nearkv.deploy.model.SafetyLayers;
import io.nearkv.deploy.report.BuildOutcome;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The builds of the route in force, and what becomes of one that refuses. Thread-safe.
 *
 * <p>A refusal is of the build, and not of the call, when the build says that it may not serve or serves another environment, or when nobody answers at its endpoints. It is certain then that nothing
 * has happened, so the same call goes to a known-good build. A build that has said so itself is left until a newer document names it again; a known-good one is tried again after a while, because there
 * may be nothing else.
 */
final class Builds implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Builds.class);

    /** So many refusals, each by a build itself, and the process takes the whole way back, which survives a restart. */
    static final int EVIDENCE_FOR_PULL = 3;

    /** Calls in flight at the moment at which a build turns out to be wrong are all given to another one; later ones count as a share of all. */
    private static final long RETRY_RESERVE = 2_000;

    private static final int CALLS_PER_RETRY = 10;
    private static final Duration KNOWN_GOOD_AGAIN_AFTER = Duration.ofSeconds(2);
    /** Why the way back is taken where the candidate has failed more often than known-good, or was slower; which of them follows. */
    static final String IMPACT = "impact_";

    private static final Duration GUARD_INTERVAL = Duration.ofMillis(200);
    /** Builds whose counters are kept, those of the route among them: the ones that were named last. */
    private static final int MAX_TALLIES = 64;

    private final DocumentExchange documents;
    private final WayBack wayBack;
    private final RouteTransport transport;
    private final SafetyLayers layers;
    private final String environment;
    private final BuildTokenCheck buildTokens;
    private final Guard guard;
    /** Closes what the route no longer names, and takes the way back: both may wait. */
    private final ScheduledExecutorService background;

    /** By build, the one that was named longest ago first. Guarded by itself. */
    private final Map<String, Tally> tallies = new LinkedHashMap<>(16, 0.75f, true);

    private final AtomicLong retries = new AtomicLong();
    private final AtomicLong fallbacks = new AtomicLong();
    private volatile @Nullable RouteTable table;
    private volatile @Nullable Route route;
    private volatile boolean closed;

    /** Takes the whole process back to known-good; may wait for the disk. */
    @FunctionalInterface
    interface WayBack {
        /**
         * Takes it.
         *
         * @param reason a reason code
         * @param evidence one line that says what was seen
         */
        void take(String reason, String evidence);
    }

    /**
     * Creates the builds of a service; {@link #apply} gives them their first route.
     *
     * @param documents what travels along with the connections
     * @param wayBack is taken where a build has refused so often that it is no accident
     * @param buildTokens judges the build token that an instance shows
     */
    Builds(
            DocumentExchange documents,
            WayBack wayBack,
            RouteTransport transport,
            SafetyLayers layers,
            String environment,
            BuildTokenCheck buildTokens) {
        this.documents = documents;
        this.wayBack = wayBack;
        this.transport = transport;
        this.layers = layers;
        this.environment = environment;
        this.buildTokens = buildTokens;
        this.guard = new Guard(this::outcomes);
        this.background = Executors.newSingleThreadScheduledExecutor(task -> {
            Thread thread = new Thread(task, "nearkv-routes");
            thread.setDaemon(true);
            return thread;
        });
    }

    /** Begins to watch how the candidate does, if there is one. Once. */
    void watch() {
        inBackground(this::look, GUARD_INTERVAL);
    }

    private void look() {
        inBackground(this::look, GUARD_INTERVAL);
        long now = System.nanoTime();
        synchronized (tallies) {
            tallies.values().forEach(tally -> tally.outcomes.at(now));
        }
        Route current = route;
        if (current == null) {
            return;
        }
        if (!layers.fallback()) {
            return;
        }
        lookAtLinks();
        Impact impact = guard.look(current, GUARD_INTERVAL.toMillis() / 1_000.0);
        if (impact != null && impact.isAgainstCandidate()) {
            wayBack.take(
                    IMPACT + impact.kind().label(), current.entries().get(0).id() + ": " + impact.text());
        }
    }

    /** A build that is refused before any request, because of what it says or shows at its greeting, is left like one that refuses requests, and each attempt is evidence as a refusal is. */
    private void lookAtLinks() {
        RouteTable current = table;
        if (current == null) {
            return;
        }
        for (Target target : current.all()) {
            KvException refusal = target.newLinkRefusal();
            // A known-good one is not given up for that: it is asked again for as long as it takes.
            if (refusal != null && isOfBuild(refusal) && !current.isKnownGood(target)) {
                refusedAsBuild(current, target, refusal);
            }
        }
    }

    private @Nullable Outcomes outcomes(String build) {
        synchronized (tallies) {
            Tally tally = tallies.get(build);
            return tally == null ? null : tally.outcomes;
        }
    }

    // ---- the route

    /** Puts a route in place of the one before: requests see the one or the other, never half of each. */
    void apply(Route route) {
        // A newer document that names a build again is a new beginning for it.
        apply(route, target -> true);
    }

    private synchronized void apply(Route route, Predicate<Target> anew) {
        if (closed) {
            return;
        }
        RouteTable before = table;
        Set<Target> old = before == null ? Set.of() : before.all();
        List<Target> made = new ArrayList<>(old);
        made.removeIf(target -> target.isEjected() && anew.test(target));
        List<Target> weighted = new ArrayList<>();
        int[] ends = new int[route.entries().size()];
        int end = 0;
        for (int i = 0; i < ends.length; i++) {
            RouteEntry entry = route.entries().get(i);
            weighted.add(target(entry, made));
            end += entry.weight();
            ends[i] = end;
        }
        List<Target> knownGood = new ArrayList<>();
        for (RouteEntry entry : route.knownGood()) {
            knownGood.add(target(entry, made));
        }
        RouteTable after =
                new RouteTable(new Slots(route.salt().toArray()), weighted, ends, knownGood, layers.fallback());
        table = after;
        this.route = route;
        log.atInfo()
                .addKeyValue("epoch", route.epoch())
                .addKeyValue("seq", route.seq())
                .addKeyValue("builds", after.toString())
                .log("route applied");
        Set<Target> gone = new HashSet<>(old);
        gone.removeAll(after.all());
        // What is in flight on them finishes.
        gone.forEach(target -> inBackground(target::close, Duration.ZERO));
    }

    /** Returns the target of an entry: the one that there is, if it is the same build at the same place. */
    private Target target(RouteEntry entry, List<Target> made) {
        String id = entry.build().id();
        for (Target known : made) {
            if (known.build.equals(id) && known.endpoints.equals(entry.endpoints())) {
                return known;
            }
        }
        Target target = new Target(
                id,
                entry.endpoints(),
                transport.connect(new LinkRequest(
                        id, environment, entry.endpoints(), buildTokens, layers.handshake(), documents)),
                tally(id));
        made.add(target);
        return target;
    }

    private Tally tally(String build) {
        synchronized (tallies) {
            Tally tally = tallies.computeIfAbsent(build, Tally::new);
            if (tallies.size() > MAX_TALLIES) {
                tallies.remove(tallies.keySet().iterator().next());
            }
            return tally;
        }
    }

    /**
     * Returns the table in force.
     *
     * @throws KvException {@link ErrorCode#UNAVAILABLE} if there is no route yet
     * @throws IllegalStateException if the service is closed
     */
    RouteTable table() {
        RouteTable current = table;
        checkOpen();
        if (current == null) {
            throw new KvException(ErrorCode.UNAVAILABLE, "no route is known yet");
        }
        return current;
    }

    /** Throws {@link IllegalStateException} if the service is closed. */
    void checkOpen() {
        if (closed) {
            throw new IllegalStateException("the routed service is closed");
        }
    }

    // ---- refusals

    /**
     * Judges the failure of a call; returns who may answer it instead, or null if it is final. Runs where the answer came in: it neither waits nor verifies anything.
     */
    @Nullable
    Target instead(Target refusing, KvException why) {
        RouteTable current = table;
        if (closed || current == null || !layers.fallback() || why.code().applied() != ErrorCode.Applied.NO) {
            return null;
        }
        boolean ofBuild = isOfBuild(why);
        boolean away = why.code() == ErrorCode.UNAVAILABLE && !refusing.link().isReady();
        if (!ofBuild && !away && why.code() != ErrorCode.UNAUTHORIZED) {
            return null;
        }
        if (ofBuild) {
            refusedAsBuild(current, refusing, why);
        }
        Target next = current.instead(refusing);
        return next == null || !mayRetry(current) ? null : next;
    }

    private static boolean isOfBuild(KvException why) {
        KvException.Denial denial = why.denial();
        // The token of this process is for the environment of the route; that was made sure of at the start. So a
        // mismatch is the other side's.
        return denial != null
                && (denial.reason() == DenialReason.BUILD_NOT_AUTHORIZED
                        || denial.reason() == DenialReason.ENVIRONMENT_MISMATCH);
    }

    private void refusedAsBuild(RouteTable current, Target refusing, KvException why) {
        long evidence = refusing.refused();
        leave(current, refusing, why);
        if (evidence == EVIDENCE_FOR_PULL && !current.isKnownGood(refusing)) {
            inBackground(() -> wayBack.take("build_refused", refusing.build + ": " + why.getMessage()), Duration.ZERO);
        }
    }

    private void leave(RouteTable current, Target refusing, KvException why) {
        if (!refusing.eject(why)) {
            return;
        }
        KvException.Denial denial = why.denial();
        log.atError()
                .addKeyValue("build", refusing.build)
                .addKeyValue("environment", environment)
                .addKeyValue(
                        "reason",
                        denial == null ? why.code().label() : denial.reason().label())
                .addKeyValue("why", why.getMessage())
                .log("left a build that refuses; its calls go to known-good");
        if (current.isKnownGood(refusing)) {
            inBackground(this::tryKnownGoodAgain, KNOWN_GOOD_AGAIN_AFTER);
        }
    }

    private void tryKnownGoodAgain() {
        Route current = route;
        if (current != null) {
            RouteTable before = table;
            apply(current, target -> before != null && before.isKnownGood(target));
        }
    }

    private boolean mayRetry(RouteTable current) {
        long calls = 0;
        for (Target target : current.all()) {
            calls += target.stats(0).requests();
        }
        return retries.incrementAndGet() <= RETRY_RESERVE + calls / CALLS_PER_RETRY;
    }

    /** Counts a call that a known-good build has answered after this one had refused it. */
    void answeredElsewhere(Target refusing, KvException why) {
        refusing.fellBack();
        fallbacks.incrementAndGet();
        KvException.Denial denial = why.denial();
        RouteTable current = table;
        // A token that known-good takes, and this build says nobody has signed: the build has not the keys of its
        // environment. (Revoked and expired are left out: the news of these reach one node before the other.)
        if (current != null
                && denial != null
                && denial.reason() == DenialReason.TOKEN_UNKNOWN
                && refusing.refused() >= EVIDENCE_FOR_PULL) {
            leave(current, refusing, why);
        }
    }

    /** Returns how many calls were answered by another build than the one that they were given to first. */
    long fallbacks() {
        return fallbacks.get();
    }

    // ---- looking

    /** Returns what the builds of the route have done, for whoever compares them. */
    List<BuildOutcome> outcomes() {
        RouteTable current = table;
        List<BuildOutcome> all = new ArrayList<>();
        if (current != null) {
            for (Target target : current.weighted()) {
                BuildStats stats = target.stats(0);
                Outcomes outcomes = target.outcomes();
                List<Sample> kinds = new ArrayList<>();
                for (int kind = 0; kind < ImpactDetector.KINDS; kind++) {
                    kinds.add(outcomes.total(kind));
                }
                all.add(new BuildOutcome(
                        target.build,
                        kinds,
                        Bytes.of(outcomes.failedSlots()),
                        stats.refusals(),
                        stats.diverted(),
                        target.isUsable()));
            }
        }
        return all;
    }

    List<BuildStats> stats() {
        RouteTable current = table;
        Map<String, BuildStats> all = new LinkedHashMap<>();
        if (current != null) {
            for (Target target : current.all()) {
                // Known-good may be the same build at other endpoints: its counters are the same.
                all.merge(target.build, target.stats(current.weightOf(target)), BuildStats::and);
            }
        }
        synchronized (tallies) {
            for (Tally tally : tallies.values()) {
                all.putIfAbsent(tally.build, tally.stats(0, false, false));
            }
        }
        return List.copyOf(all.values());
    }

    List<String> problems() {
        RouteTable current = table;
        List<String> found = new ArrayList<>();
        if (current != null) {
            for (Target target : current.all()) {
                KvException ejection = target.ejection();
                KvException away = target.link().refusal();
                if (ejection != null) {
                    found.add("build " + target + " was left: " + ejection.getMessage());
                } else if (away != null) {
                    found.add("build " + target + " cannot be reached: " + away.getMessage());
                }
            }
        }
        return found;
    }

    /** Waits until some target can be used. */
    void awaitReady(Duration timeout) throws InterruptedException {
        long deadline = System.nanoTime() + timeout.toNanos();
        KvException last = null;
        do {
            for (Target target : table().all()) {
                if (target.isUsable()) {
                    return;
                }
                KvException refusal = target.link().refusal();
                last = refusal == null ? last : refusal;
            }
            TimeUnit.MILLISECONDS.sleep(2);
        } while (System.nanoTime() - deadline < 0);
        throw last != null
                ? last
                : new KvException(ErrorCode.UNAVAILABLE, "no build of the route could be reached within " + timeout);
    }

    private void inBackground(Runnable task, Duration delay) {
        try {
            var unused = background.schedule(
                    () -> {
                        try {
                            task.run();
                        } catch (RuntimeException e) {
                            log.atError().setCause(e).log("work on the route failed");
                        }
                    },
                    delay.toNanos(),
                    TimeUnit.NANOSECONDS);
        } catch (RejectedExecutionException e) {
            assert closed;
        }
    }

    @Override
    public void close() {
        RouteTable last;
        synchronized (this) {
            closed = true;
            last = table;
        }
        background.shutdown();
        if (last != null) {
            last.all().forEach(Target::close);
        }
        background.shutdownNow();
    }
}
