package io.nearkv.deploy.control;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import io.nearkv.core.Value;
import io.nearkv.core.route.RouteTransport;
import io.nearkv.deploy.document.DocumentVerifier;
import io.nearkv.deploy.document.Documents;
import io.nearkv.deploy.document.SignedDocument;
import io.nearkv.deploy.model.Ledger;
import io.nearkv.deploy.model.LedgerEntry;
import io.nearkv.deploy.model.Manifest;
import io.nearkv.deploy.model.ModelLimits;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.model.RouteEntry;
import io.nearkv.deploy.model.RouteKind;
import io.nearkv.deploy.report.OutcomeReport;
import io.nearkv.deploy.rollout.Facts;
import io.nearkv.deploy.rollout.Rollout;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The control plane of one environment: keeps builds, routes and the ledger in its own embedded store, signs what nodes follow, and sees to it that they do. Traffic, rollback
 * and break-glass do not need it. Thread-safe.
 */
public final class ControlPlane implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(ControlPlane.class);
    private static final Duration ROLLOUT_INTERVAL = Duration.ofSeconds(1);

    /*
     * The store decides: whoever replaces the route that it was made from wins. The lock is there so that within this process nobody has to lose: it is held while a route is signed
     * and stored, some milliseconds, and never while nodes are asked. A change is checked before, which takes seconds; it then holds only if the generation is still the one that was
     * checked. So a rollback never waits for anybody, and what was being checked meanwhile is refused.
     */
    private final ReentrantLock writer = new ReentrantLock();

    private final Kv kv;
    private final ControlPlaneOptions options;
    private final ControlState state;
    private final ControlDocuments documents;
    private final ControlAudit audit;
    private final RouteTransport transport;
    private final RouteBook book;
    private final RoutePlanner planner;
    private final BuildRegistry builds;
    private final InstanceProbe probe;
    private final RouteChecks checks;
    private final Fleet fleet;
    private final DocumentVerifier listVerifier;
    private final Alerts alerts;
    private final Quota rolloutQuota;
    private final Quota probeQuota;
    private final Quota documentQuota;
    private final RolloutControl rollouts;
    private volatile @Nullable Thread watcher;
    private volatile boolean closed;

    /** When the lease that runs was last given, by the ticker. */
    private volatile long leasedNanos;

    /** When the last round began, by the ticker. Of the watching thread. */
    private long roundNanos;

    private ControlPlane(Kv kv, RouteTransport transport, ControlPlaneOptions options, ControlDocuments documents) {
        this.kv = kv;
        this.options = options;
        this.documents = documents;
        this.transport = transport;
        this.state = new ControlState(kv);
        this.audit = new ControlAudit(options.folder.resolve("audit.log"), options.clock);
        this.book = new RouteBook(options, state, documents, audit);
        this.planner = new RoutePlanner(options.service, options.nodes, options.random);
        this.builds = new BuildRegistry(options, state, documents);
        this.probe = new InstanceProbe(transport, documents.trust(), options);
        this.checks = new RouteChecks(options, documents, probe);
        this.fleet = new Fleet(
                options,
                state,
                new DocumentPush(transport, options.offerTimeout, options.retryInterval, options.nanoTime));
        this.listVerifier = new DocumentVerifier(options.clock);
        this.alerts = new Alerts(options.alertListener, options.random);
        this.rolloutQuota = new Quota("rollouts", options.quotas.rolloutsPerMinute(), options.nanoTime);
        this.probeQuota = new Quota("probes", options.quotas.probesPerMinute(), options.nanoTime);
        this.documentQuota = new Quota("documents", options.quotas.documentsPerMinute(), options.nanoTime);
        this.rollouts = new RolloutControl(
                options,
                state,
                audit,
                alerts,
                new Hands(),
                new RolloutChecks(options, state, documents, probe),
                new TrafficProbe(transport, options));
        this.roundNanos = options.nanoTime.getAsLong();
        // A lease that was given before the start may be about to end: it is renewed in the first round.
        this.leasedNanos = options.nanoTime.getAsLong() - ControlLimits.MAX_LEASE.toNanos();
    }

    /**
     * Opens the control plane over its store. Asks nobody: not the nodes, not the store that is deployed.
     *
     * @param kv its own embedded store; taken over. Never a namespace of what it deploys
     * @param transport how nodes are reached; stays the caller's
     * @throws RefusedException if it depends on what it deploys (P16)
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if keys, trust and identity do not belong together
     */
    public static ControlPlane open(Kv kv, RouteTransport transport, ControlPlaneOptions options)
            throws RefusedException {
        requireNonNull(transport, "transport");
        List<String> cycle = options.dependencies.cycle();
        if (cycle != null) {
            throw new RefusedException(
                    Finding.of(
                            Check.CYCLE,
                            "the control plane depends on what it deploys: " + String.join(" needs ", cycle),
                            "break this chain, or a bad deployment cannot be undone"),
                    "nothing started");
        }
        ControlDocuments documents = new ControlDocuments(options);
        try {
            Files.createDirectories(options.folder);
        } catch (IOException e) {
            throw new KvException(ErrorCode.INTERNAL, "'" + options.folder + "' cannot be made", e);
        }
        ControlPlane plane = new ControlPlane(kv, transport, options, documents);
        plane.recover();
        return plane;
    }

    /** Makes good what a crash has left behind: the audit has at least the hash of what is in force, and the bundle is written again. */
    private void recover() {
        Snapshot now = book.snapshot();
        Route route = now.route();
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("actor", ControlAudit.SELF);
        facts.put("service", options.service.toString());
        facts.put("epoch", route == null ? 0 : route.epoch());
        facts.put("seq", route == null ? 0 : route.seq());
        facts.put("after", now.hash());
        facts.put("entries", route == null ? "" : route.summary());
        audit.append("started", facts);
        book.writeBundle(now);
    }

    /** Begins to watch the nodes, to push to those that are behind and to renew leases, on a thread of its own, until {@link #close()}. */
    public synchronized void start() {
        if (watcher != null) {
            return;
        }
        Thread thread = new Thread(this::watch, "nearkv-control");
        thread.setDaemon(true);
        watcher = thread;
        thread.start();
    }

    private void watch() {
        while (!closed) {
            try {
                tick();
            } catch (InterruptedException e) {
                return;
            } catch (RuntimeException | RefusedException e) {
                // The next round may succeed; without it no lease would be renewed any more.
                if (!closed) {
                    log.atWarn().setCause(e).log("a round of the control plane has failed");
                }
            }
            try {
                // The nodes are asked for what a rollout needs at most once a second.
                Duration pause = rollouts.isActive() || rollouts.mayReturn() ? ROLLOUT_INTERVAL : options.watchInterval;
                Thread.sleep(Math.min(pause.toMillis(), options.watchInterval.toMillis()));
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    /** One round: asks the nodes, acts upon what they say, pushes to those that are behind, renews the lease. */
    void tick() throws InterruptedException, RefusedException {
        Coverage asked = fleet.ask(book.snapshot());
        // Looked at after the answers: what a node has from us is in the store by then.
        Snapshot now = book.snapshot();
        Fleet.Signals signals = fleet.bring(now, asked, documents.trustDocument());
        NodeReport ahead = signals.ahead();
        NodeReport pulled = signals.pulled();
        if (ahead != null) {
            freeze(ahead);
        } else if (now.frozen() == null && pulled != null) {
            confirm(now, pulled);
        } else if (now.frozen() == null) {
            keepUp(now);
        }
        long nanos = options.nanoTime.getAsLong();
        double seconds = (nanos - roundNanos) / 1e9;
        roundNanos = nanos;
        alone(signals.alone());
        rollouts.round(asked, signals.alone(), seconds);
    }

    /** What a rollout is walked with. */
    private final class Hands implements RolloutControl.Hands {
        @Override
        public Snapshot snapshot() {
            return book.snapshot();
        }

        @Override
        public List<Finding> findings(WeightRequest wish) throws InterruptedException {
            Snapshot seen = book.snapshot();
            List<BuildItem> items = builds.list(seen);
            BuildListing list = BuildListing.verify(options.service, documents.trust(), listVerifier, items);
            return options.layers.preChecks()
                    ? checks.findings(seen, wish, list, BuildRegistry.find(items, wish.build()))
                    : List.of();
        }

        @Override
        public RouteChange setWeight(WeightRequest wish, BooleanSupplier wanted)
                throws RefusedException, InterruptedException {
            return change(checkedAndPublished(wish, wanted));
        }

        @Override
        public RouteChange rollback(String reason, String actor) throws RefusedException, InterruptedException {
            return ControlPlane.this.rollback(reason, actor);
        }

        @Override
        public void addToLedger(String build, String why, String actor) throws RefusedException, InterruptedException {
            LedgerEntry unused = added(build, why, actor);
        }

        @Override
        public void takeProbes(long count) {
            probeQuota.take(count);
        }

        @Override
        public void resumePulled(String actor) throws RefusedException, InterruptedException {
            Snapshot published;
            writer.lock();
            try {
                Snapshot now = book.snapshot();
                Route route = requireNonNull(now.route(), "route");
                published = book.publish(
                        now,
                        planner.again(book.ground(now, builds), route.reason()).toBuilder()
                                .resumes(true)
                                .build(),
                        RouteBook.Cause.change("rollout_resumed", actor));
            } finally {
                writer.unlock();
            }
            Coverage unused = fleet.publish(published, documents.trustDocument());
        }

        @Override
        public Coverage proveWayBack() throws RefusedException, InterruptedException {
            Snapshot published = upkeep(book.snapshot(), "way_back_proven");
            return published == null
                    ? fleet.known(book.snapshot())
                    : fleet.publish(published, documents.trustDocument());
        }
    }

    private List<String> pulledAlone = List.of();

    /** Tells of nodes that went back by their own traffic, once. */
    private void alone(List<NodeReport> nodes) {
        List<String> endpoints = nodes.stream().map(NodeReport::endpoint).toList();
        if (!endpoints.equals(pulledAlone) && !endpoints.isEmpty()) {
            NodeReport first = nodes.get(0);
            OutcomeReport report = first.outcomes();
            alerts.raise(new Alert(
                    "",
                    options.clock.millis(),
                    "node_pulled",
                    options.service.toString(),
                    "",
                    "",
                    Fleet.harm(first),
                    endpoints + " went back by their own traffic: " + (report == null ? "" : report.evidence())));
        }
        pulledAlone = endpoints;
    }

    /**
     * Begins to walk a build to all of the traffic.
     *
     * @return what should be known before, though it stops nothing
     * @throws RefusedException if a check does not hold; nothing was changed then
     * @throws KvException {@link ErrorCode#RATE_LIMITED} if a quota is used up; nothing was changed then
     */
    public List<Finding> startRollout(StartRequest request) throws RefusedException, InterruptedException {
        rolloutQuota.take(1);
        try {
            return rollouts.start(request, fleet.ask(book.snapshot()));
        } catch (RefusedException e) {
            throw refused("rollout_refused", request.build(), request.actor(), e);
        }
    }

    /** Holds, resumes or aborts the rollout that is under way; returns where it is then. */
    public Rollout commandRollout(Facts.Command command, String actor) throws RefusedException, InterruptedException {
        return rollouts.command(command, actor);
    }

    /** For tests: waits until no probes are under way. */
    boolean awaitProbes(Duration atMost) throws InterruptedException {
        return rollouts.awaitProbes(atMost);
    }

    /** Returns the rollout that was begun last, or null if there was none. */
    public @Nullable RolloutStatus rolloutStatus() {
        return rollouts.status();
    }

    /** Returns all rollouts that are kept, the oldest first. */
    public List<Rollout> listRollouts() {
        return state.allRollouts();
    }

    /** Returns the latest alerts, the newest last. */
    public List<Alert> alerts() {
        return alerts.last();
    }

    /** Returns how many alerts of each kind there were since the start. */
    public Map<String, Long> alertCounts() {
        return alerts.counts();
    }

    /** Returns how much of the quotas is left. */
    public List<QuotaUse> quotas() {
        return List.of(rolloutQuota.use(), probeQuota.use(), documentQuota.use());
    }

    /** Returns the last events of the audit since the start, the newest last. */
    public List<Map<String, Object>> auditTail() {
        return audit.tail();
    }

    /** Notes that the break-glass keys were tried, so that nobody is warned for a while. */
    public void drilled(String actor) {
        state.drilled(options.clock.millis());
        audit.append("break_glass_drilled", Map.of("actor", actor));
    }

    private void freeze(NodeReport ahead) {
        ControlState.Frozen before = state.frozen();
        if (before != null && before.epoch() >= ahead.epoch()) {
            return;
        }
        state.freeze(new ControlState.Frozen(ahead.epoch(), ahead.seq(), ahead.hash(), ahead.endpoint()));
        log.atError()
                .addKeyValue("node", ahead.endpoint())
                .addKeyValue("epoch", ahead.epoch())
                .addKeyValue("seq", ahead.seq())
                .log("a node follows a route that was not published here; nothing is changed until 'nearkv reconcile'");
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("actor", ControlAudit.SELF);
        facts.put("epoch", ahead.epoch());
        facts.put("seq", ahead.seq());
        facts.put("after", ahead.hash());
        facts.put("node", ahead.endpoint());
        facts.put("entries", ahead.active());
        audit.append("frozen", facts);
    }

    /** A node has gone back by itself, or an operator had it go back: everybody goes back, under a new rollout, so that there is no hither and thither. */
    private void confirm(Snapshot seen, NodeReport pulled) throws RefusedException, InterruptedException {
        Snapshot published;
        writer.lock();
        try {
            Snapshot now = book.snapshot();
            Route route = now.route();
            if (now.generation() != seen.generation() || route == null || now.frozen() != null) {
                return;
            }
            log.atWarn()
                    .addKeyValue("node", pulled.endpoint())
                    .addKeyValue("rollout", route.rolloutId())
                    .log("a node has gone back to known-good; everybody follows it");
            OutcomeReport report = pulled.outcomes();
            String reason = "confirms the way back that " + pulled.endpoint() + " has taken"
                    + (report == null || report.pulled().isEmpty()
                            ? ""
                            : ": " + report.pulled() + ": " + report.evidence());
            published = goBack(now, route, reason, RouteBook.Cause.change("rolled_back", ControlAudit.SELF));
        } finally {
            writer.unlock();
        }
        Coverage unused = fleet.publish(published, documents.trustDocument());
    }

    private Snapshot goBack(Snapshot now, Route route, String reason, RouteBook.Cause cause) throws RefusedException {
        RouteEntry target = route.knownGood().get(0);
        return book.publish(now, planner.wholly(book.ground(now, builds), target, shortened(reason)), cause);
    }

    /** Renews the lease, and publishes anew where the ledger has grown, the trust is another, or the nodes are: a rollback goes to those that the route names. */
    private void keepUp(Snapshot seen) throws RefusedException, InterruptedException {
        ControlState.Current current = seen.current();
        Route route = seen.route();
        if (current == null || route == null) {
            return;
        }
        boolean leaseDue = !route.lease().isZero()
                && options.nanoTime.getAsLong() - leasedNanos >= route.lease().toNanos() / 3;
        boolean ledgerGrew = seen.lastLedgerNumber() > current.ledger();
        boolean otherTrust = documents.trust().serial() > current.trust();
        boolean otherNodes = !route.nodes().equals(options.nodes);
        if (leaseDue || ledgerGrew || otherTrust || otherNodes) {
            Snapshot published = upkeep(
                    seen,
                    leaseDue
                            ? "lease_renewed"
                            : ledgerGrew ? "known_good_renewed" : otherTrust ? "trust_renewed" : "nodes_renewed");
            if (published != null) {
                Coverage unused = fleet.publish(published, documents.trustDocument());
            }
        }
    }

    private @Nullable Snapshot upkeep(Snapshot seen, String what) throws RefusedException {
        writer.lock();
        try {
            Snapshot now = book.snapshot();
            if (now.generation() != seen.generation() || now.frozen() != null) {
                return null; // Somebody has changed it, and with it the lease.
            }
            Route route = requireNonNull(now.route(), "route");
            Snapshot published = book.publish(
                    now, planner.again(book.ground(now, builds), route.reason()), RouteBook.Cause.upkeep(what));
            leasedNanos = options.nanoTime.getAsLong();
            return published;
        } finally {
            writer.unlock();
        }
    }

    /** Returns how the environment stands, as far as is known without asking anybody. */
    public ControlStatus status() {
        Snapshot now = book.snapshot();
        List<String> problems = new ArrayList<>();
        ControlState.Frozen frozen = now.frozen();
        Finding finding = frozen == null ? null : RouteChecks.frozen(frozen);
        if (finding != null) {
            problems.add(finding.toString());
        }
        String keys = documents.problem();
        if (keys != null) {
            problems.add(keys);
        }
        if (!audit.problem().isEmpty()) {
            problems.add(audit.problem());
        }
        return new ControlStatus(
                options.service,
                documents.trust().environmentClass(),
                documents.trust().serial(),
                now.route(),
                now.hash(),
                fleet.known(now),
                now.ledger(),
                finding,
                problems);
    }

    /** Makes an artefact a build of this environment. It gets no traffic by that. */
    public PublishedBuild publishBuild(PublishRequest request, String actor) {
        documentQuota.take(1);
        PublishedBuild build = builds.publish(request, "");
        audit.append("build_published", facts(build.manifest(), actor));
        return build;
    }

    /**
     * Makes an artefact that was tested elsewhere a new build of this environment.
     *
     * @throws RefusedException if a build id is given in place of a digest, or the evidence is missing or of something else
     */
    public PublishedBuild promote(PromoteRequest request) throws RefusedException {
        documentQuota.take(1);
        try {
            PublishedBuild build = builds.promote(request, book.snapshot().unchanged());
            Map<String, Object> facts = facts(build.manifest(), request.actor());
            facts.put("evidence", build.manifest().stagingEvidence());
            facts.put("evidence_verified", options.stagingTrust != null);
            audit.append("build_promoted", facts);
            return build;
        } catch (RefusedException e) {
            throw refused("promotion_refused", request.digest(), request.actor(), e);
        }
    }

    private static Map<String, Object> facts(Manifest manifest, String actor) {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("actor", actor);
        facts.put("build", manifest.build().id());
        facts.put("digest", manifest.build().digestHex());
        facts.put("version", manifest.version());
        return facts;
    }

    private RefusedException refused(String event, String what, String actor, RefusedException refusal) {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("actor", actor);
        facts.put("what", what);
        facts.put("findings", refusal.findings().stream().map(Finding::toString).toList());
        audit.append(event, facts);
        return refusal;
    }

    /** Returns the builds of this environment. Callers verify each with {@link BuildListing}: they take nobody's word for it. */
    public List<BuildItem> listBuilds() {
        return builds.list(book.snapshot());
    }

    /** Returns how many of a build's instances run here and prove it; asks them, at most the given time. */
    public int readyInstances(Manifest manifest, Duration atMost) throws InterruptedException {
        probeQuota.take(manifest.endpoints().size());
        return probe.ask(manifest.build(), manifest.endpoints(), atMost).ready();
    }

    /** Returns a new build token, for instances whose token ends. */
    public String issueBuildToken(String build, Duration lifetime, String actor) throws RefusedException {
        documentQuota.take(1);
        String token = builds.token(build, lifetime, book.snapshot());
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("actor", actor);
        facts.put("build", build);
        facts.put("seconds", lifetime.toSeconds());
        audit.append("build_token_issued", facts);
        return token;
    }

    /**
     * Says of a build that its instances may be stopped: it can get no traffic any more.
     *
     * @throws RefusedException if it is in the route, or one of the two that were good last
     */
    public void retire(String build, String actor) throws RefusedException {
        writer.lock();
        try {
            builds.retire(build, book.snapshot());
            Map<String, Object> facts = new LinkedHashMap<>();
            facts.put("actor", actor);
            facts.put("build", build);
            audit.append("build_retired", facts);
        } catch (RefusedException e) {
            throw refused("retirement_refused", build, actor, e);
        } finally {
            writer.unlock();
        }
    }

    /**
     * Gives a build a share of the traffic: checks, signs, publishes, and waits a while until all nodes follow.
     *
     * @throws RefusedException if a check does not hold; nothing was changed then
     */
    public RouteChange setWeight(WeightRequest wish) throws RefusedException, InterruptedException {
        documentQuota.take(1);
        Snapshot published;
        try {
            if (rollouts.isActive()) {
                throw new RefusedException(
                        Finding.of(
                                Check.BUSY, "a rollout is under way", "wait for it, or end it: nearkv rollout abort"),
                        book.snapshot().unchanged());
            }
            // Asked again where nothing can come between: a rollout may have begun meanwhile, or go back from where it
            // was complete.
            published = checkedAndPublished(wish, () -> !rollouts.isActive());
        } catch (RefusedException e) {
            throw refused("route_refused", wish.build() + " to " + wish.weight(), wish.actor(), e);
        }
        return change(published);
    }

    private Snapshot checkedAndPublished(WeightRequest wish, BooleanSupplier wanted)
            throws RefusedException, InterruptedException {
        Snapshot seen = book.snapshot();
        List<BuildItem> items = builds.list(seen);
        BuildListing list = BuildListing.verify(options.service, documents.trust(), listVerifier, items);
        BuildItem found = BuildRegistry.find(items, wish.build());
        if (options.layers.preChecks()) {
            List<Finding> findings = checks.findings(seen, wish, list, found);
            if (!findings.isEmpty()) {
                throw new RefusedException(findings, seen.unchanged());
            }
        }
        if (found == null) {
            throw new KvException(ErrorCode.NOT_FOUND, "there is no build '" + wish.build() + "'");
        }
        Manifest manifest = ControlDocuments.parse(found.document(), "the manifest of " + wish.build())
                .manifest();
        writer.lock();
        try {
            Snapshot now = book.snapshot();
            // Both under the lock of who publishes: a rollback that was decided meanwhile is found here, or finds this.
            if (now.generation() != seen.generation() || !wanted.getAsBoolean()) {
                throw new RefusedException(
                        Finding.of(
                                Check.BUSY,
                                "the route, or its rollout, was changed while this change was being checked",
                                "look at it (nearkv route show), then try again"),
                        now.unchanged());
            }
            ControlState.Frozen frozen = now.frozen();
            if (frozen != null) {
                throw new RefusedException(RouteChecks.frozen(frozen), now.unchanged());
            }
            Route route = now.route();
            RouteEntry candidate = new RouteEntry(manifest.build(), 0, manifest.endpoints(), manifest.version(), 0);
            RouteBook.Cause cause = RouteBook.Cause.change("route_published", wish.actor());
            Snapshot published;
            if (route != null && wish.weight() == 0) {
                published = book.publish(
                        now, planner.wholly(book.ground(now, builds), route.baseline(), wish.reason()), cause);
            } else if (route != null && route.baseline().build().equals(candidate.build())) {
                published =
                        book.publish(now, planner.wholly(book.ground(now, builds), candidate, wish.reason()), cause);
            } else {
                Duration wished = wish.lease();
                Duration lease = wished == null ? options.lease : wished;
                published = book.publish(
                        now,
                        planner.withWeight(book.ground(now, builds), candidate, wish.weight(), lease, wish.reason()),
                        cause);
            }
            leasedNanos = options.nanoTime.getAsLong();
            return published;
        } finally {
            writer.unlock();
        }
    }

    /**
     * Goes back to the build that the route in force names first as known-good: no checks, no list, no question. Where everybody is there already, it pushes what is in force again.
     *
     * @throws RefusedException if nothing is in force, or a break-glass is
     */
    public RouteChange rollback(String reason, String actor) throws RefusedException, InterruptedException {
        Endpoints.text("reason", reason);
        Snapshot published;
        writer.lock();
        try {
            Snapshot now = book.snapshot();
            Route route = now.route();
            ControlState.Frozen frozen = now.frozen();
            if (route == null) {
                throw new RefusedException(
                        Finding.of(Check.NO_KNOWN_GOOD, "no route is in force", "there is nothing to go back from"),
                        now.unchanged());
            }
            if (frozen != null) {
                throw new RefusedException(RouteChecks.frozen(frozen), now.unchanged());
            }
            published = route.isWhollyKnownGood()
                    ? now
                    : goBack(now, route, reason, RouteBook.Cause.change("rolled_back", actor));
        } catch (RefusedException e) {
            throw refused("rollback_refused", "", actor, e);
        } finally {
            writer.unlock();
        }
        return change(published);
    }

    private RouteChange change(Snapshot published) throws InterruptedException {
        Coverage coverage = fleet.publish(published, documents.trustDocument());
        if (!coverage.complete()) {
            log.atWarn()
                    .addKeyValue(
                            "missing",
                            coverage.missing().stream()
                                    .map(NodeReport::endpoint)
                                    .toList())
                    .log("not all nodes follow the route yet");
        }
        return new RouteChange(requireNonNull(published.route(), "route"), published.hash(), coverage);
    }

    /**
     * Adds the build that has all the traffic to the ledger of known-good builds. Adding the newest entry again changes nothing.
     *
     * @throws RefusedException if the build has not all the traffic, or a break-glass is in force
     */
    public LedgerEntry addToLedger(String build, String why, String actor)
            throws RefusedException, InterruptedException {
        documentQuota.take(1);
        return added(build, why, actor);
    }

    private LedgerEntry added(String build, String why, String actor) throws RefusedException, InterruptedException {
        Endpoints.text("why", why);
        Snapshot extended;
        writer.lock();
        try {
            Snapshot now = book.snapshot();
            ControlState.Frozen frozen = now.frozen();
            if (frozen != null) {
                throw new RefusedException(RouteChecks.frozen(frozen), now.unchanged());
            }
            Route route = now.route();
            if (route == null || now.weightOf(build) != ModelLimits.TOTAL_WEIGHT) {
                throw new RefusedException(
                        Finding.of(
                                Check.NOT_AT_100,
                                "'" + Key.display(build) + "' has " + Snapshot.percent(now.weightOf(build))
                                        + " of the traffic",
                                "only what has everything, and did well, is known to be good"),
                        now.unchanged());
            }
            LedgerEntry last = now.ledger().last();
            if (last != null && last.build().build().equals(route.baseline().build())) {
                return last;
            }
            Ledger longer = now.ledger().plus(route.baseline(), book.nowSeconds(), why);
            extended = book.extend(now, longer, actor);
        } catch (RefusedException e) {
            throw refused("known_good_refused", build, actor, e);
        } finally {
            writer.unlock();
        }
        keepUp(extended);
        return requireNonNull(extended.ledger().last(), "last");
    }

    /** Returns the ledger's signed document, or null while nothing is known to be good. */
    public @Nullable Value ledgerDocument() {
        ControlState.StoredLedger stored = book.snapshot().storedLedger();
        return stored == null ? null : stored.document();
    }

    /** Returns trust, ledger and route in one file: what nodes and clients start with, and what a rollback needs. */
    public Value bundle() {
        return Value.wrap(Documents.bundle(book.snapshot().documents(documents.trustDocument())));
    }

    /**
     * Takes over what the nodes follow and this control plane has not published: after a break-glass its route goes on, under the control plane's own key; where the store was
     * restored from an old copy, the newer route is taken in. Rollouts are possible again afterwards.
     *
     * @throws RefusedException if there is nothing to take over, or the nodes do not agree on it
     */
    public RouteChange reconcile(String reason, String actor) throws RefusedException, InterruptedException {
        Endpoints.text("reason", reason);
        Snapshot published;
        try {
            Coverage asked = fleet.ask(book.snapshot());
            writer.lock();
            try {
                published = reconciled(book.snapshot(), asked, reason, actor);
            } finally {
                writer.unlock();
            }
        } catch (RefusedException e) {
            throw refused("reconciliation_refused", "", actor, e);
        }
        return change(published);
    }

    private Snapshot reconciled(Snapshot now, Coverage asked, String reason, String actor) throws RefusedException {
        List<NodeReport> newest = Reconciliation.newest(now, asked);
        SignedDocument found = Reconciliation.fetch(newest, transport, documents, options.offerTimeout, now);
        RouteBook.Cause cause = new RouteBook.Cause("reconciled", actor, true, true);
        Route route = found.route();
        if (route.kind() == RouteKind.FORWARD) {
            return book.adopt(now, found, cause);
        }
        Lineage lineage = now.lineage().plus(new Lineage.Step(route.epoch(), route.seq(), found.hash()));
        RoutePlanner.Ground ground = new RoutePlanner.Ground(
                route, lineage, now.ledger(), build -> !builds.isRetired(build), book.nowSeconds());
        Route forward = planner.wholly(ground, route.baseline(), reason);
        if (route.kind() == RouteKind.BREAK_GLASS) {
            forward = forward.toBuilder().reconciles(found.hash()).build();
        }
        return book.publish(now, lineage, forward, cause);
    }

    private static String shortened(String reason) {
        return reason.length() <= ModelLimits.MAX_TEXT_CHARS ? reason : reason.substring(0, ModelLimits.MAX_TEXT_CHARS);
    }

    /** Returns the file with trust, ledger and route that a control plane with this folder keeps up to date, for a rollback while it is dead. */
    public static Path bundleFile(Path folder) {
        return RouteBook.bundleFile(folder);
    }

    /** Stops watching and closes the store. A lease that runs is not renewed any more. Idempotent. */
    @Override
    public void close() {
        closed = true;
        Thread thread = watcher;
        if (thread != null) {
            thread.interrupt();
            try {
                thread.join(Duration.ofSeconds(5).toMillis());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        try {
            rollouts.close();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        fleet.close();
        audit.close();
        kv.close();
    }
}
