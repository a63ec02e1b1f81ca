package io.nearkv.deploy.control;

import static java.util.Objects.requireNonNull;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.deploy.analysis.DetectorSettings;
import io.nearkv.deploy.analysis.Impact;
import io.nearkv.deploy.analysis.ImpactDetector;
import io.nearkv.deploy.analysis.Sample;
import io.nearkv.deploy.model.LedgerEntry;
import io.nearkv.deploy.model.Manifest;
import io.nearkv.deploy.model.ModelLimits;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.report.BuildOutcome;
import io.nearkv.deploy.report.OutcomeReport;
import io.nearkv.deploy.rollout.Facts;
import io.nearkv.deploy.rollout.Hold;
import io.nearkv.deploy.rollout.PooledComparison;
import io.nearkv.deploy.rollout.Rollout;
import io.nearkv.deploy.rollout.RolloutMachine;
import io.nearkv.deploy.rollout.RolloutPlan;
import io.nearkv.deploy.rollout.RolloutState;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Walks a build to all of the traffic, or takes it back. In every round: what the nodes tell is compared, {@link RolloutMachine} says where the rollout is now, that is kept, and then the route is made
 * like it. So a crash at any point leaves either the state before or the state after, and the next round does what is left to do. Thread-safe.
 */
final class RolloutControl {
    /*
     * Whoever asks the network holds no lock here: checks, probes, publishing and going back take seconds, and an operator's command must not wait for them. A round therefore looks, lets go of the lock,
     * asks, and decides by the answer only if the rollout is still what it was; otherwise the next round looks again. Probes take longest, and have a thread of their own, which is interrupted when the
     * rollout is no longer there. What was decided is done without the lock; two may do so at once, and the one whose rollout has moved on meanwhile finds that out under the lock of the one who
     * publishes (Hands.setWeight), so that no share is given after an abort.
     */
    private static final Logger log = LoggerFactory.getLogger(RolloutControl.class);
    private static final Impact NOTHING =
            new Impact(Impact.Kind.NONE, 0, 0, Sample.NONE, Sample.NONE, 0, "nothing is known yet");
    private static final double RATE_HALF_LIFE_SECONDS = 10;
    private static final double BASE_RATE = 0.001;
    /** A connection may have to be made anew; a build that nobody can use for longer is no build for users. */
    private static final double MAX_UNUSABLE_SECONDS = 3;
    /** With everything there is nothing to compare with; what shows only then shows soon. */
    private static final Duration MAX_FULL_SHARE_TIME = Duration.ofSeconds(10);
    /** Later than this a build that has everything is not taken back by itself: what it was compared with is long gone, and people are told all the same. */
    private static final Duration RETURN_TIME = Duration.ofHours(1);
    /** Alarms of the same matter, one after the other, are one. */
    private static final double CALM_SECONDS = 30;

    /** What the control plane does for a rollout. */
    interface Hands {
        Snapshot snapshot();

        /** Checks that do not hold for this share. */
        List<Finding> findings(WeightRequest wish) throws InterruptedException;

        /**
         * Gives the build its share.
         *
         * @param wanted asked once more when nothing can come between any more; if it says no, nothing is published, and it is refused as BUSY
         */
        RouteChange setWeight(WeightRequest wish, BooleanSupplier wanted) throws RefusedException, InterruptedException;

        RouteChange rollback(String reason, String actor) throws RefusedException, InterruptedException;

        void addToLedger(String build, String why, String actor) throws RefusedException, InterruptedException;

        /** Publishes the route in force anew, and says that nodes which went back are to follow it again: somebody has looked at why. */
        void resumePulled(String actor) throws RefusedException, InterruptedException;

        /** Takes so many synthetic requests from the tenant's quota. */
        void takeProbes(long count);

        /** Publishes the route in force anew, so that every node verifies and keeps a fresh way back. */
        Coverage proveWayBack() throws RefusedException, InterruptedException;
    }

    /** Probes under way, or over: the task's answer is what does not hold, empty if everything does. */
    private record ProbeRun(String rollout, FutureTask<String> task, Thread thread) {}

    private final ReentrantLock lock = new ReentrantLock();
    private final ControlPlaneOptions options;
    private final ControlState state;
    private final ControlAudit audit;
    private final Alerts alerts;
    private final Hands hands;
    private final RolloutChecks checks;
    private final TrafficProbe probe;

    @GuardedBy("lock")
    private @Nullable PooledComparison comparison;

    @GuardedBy("lock")
    private String compared = "";

    @GuardedBy("lock")
    private Impact impact = NOTHING;

    @GuardedBy("lock")
    private Impact atStep = NOTHING;

    @GuardedBy("lock")
    private String timed = "";

    @GuardedBy("lock")
    private long stepNanos;

    @GuardedBy("lock")
    private long followedNanos;

    @GuardedBy("lock")
    private boolean probed;

    @GuardedBy("lock")
    private @Nullable ProbeRun probeRun;

    @GuardedBy("lock")
    private double unusableSeconds;

    /** Of the build that has everything. */
    @GuardedBy("lock")
    private @Nullable AbsoluteGuard guard;

    /** What was told of it since it was calm: 0 nothing, 1 that too much fails, 2 that it is to blame. */
    @GuardedBy("lock")
    private int alarmed;

    @GuardedBy("lock")
    private double calmSeconds;

    @GuardedBy("lock")
    private final Map<String, OutcomeReport> lastReports = new LinkedHashMap<>();

    @GuardedBy("lock")
    private double requestsPerSecond;

    @GuardedBy("lock")
    private Coverage coverage = new Coverage(List.of(), Duration.ZERO);

    private volatile @Nullable RolloutStatus status;

    RolloutControl(
            ControlPlaneOptions options,
            ControlState state,
            ControlAudit audit,
            Alerts alerts,
            Hands hands,
            RolloutChecks checks,
            TrafficProbe probe) {
        this.options = options;
        this.state = state;
        this.audit = audit;
        this.alerts = alerts;
        this.hands = hands;
        this.checks = checks;
        this.probe = probe;
        this.followedNanos = options.nanoTime.getAsLong();
    }

    /** Returns whether a rollout is under way. */
    boolean isActive() {
        ControlState.StoredRollout stored = state.rollout();
        return stored != null && !stored.rollout().state().isTerminal();
    }

    /** Returns whether the rollout that was begun last is complete, and would still be taken back if its build were found to be to blame. */
    boolean mayReturn() {
        ControlState.StoredRollout stored = state.rollout();
        return stored != null && stored.rollout().state() == RolloutState.COMPLETE && mayReturn(stored.rollout());
    }

    private boolean mayReturn(Rollout complete) {
        List<Rollout.Event> events = complete.events();
        return options.clock.millis() - events.get(events.size() - 1).millis() < RETURN_TIME.toMillis();
    }

    /** Returns the rollout that was begun last, or null. */
    @Nullable
    RolloutStatus status() {
        ControlState.StoredRollout stored = state.rollout();
        if (stored == null) {
            return null;
        }
        RolloutStatus last = status;
        Rollout rollout = stored.rollout();
        return last != null && last.rollout().id().equals(rollout.id())
                ? new RolloutStatus(
                        rollout,
                        last.weight(),
                        last.followed(),
                        last.inStep(),
                        last.units(),
                        last.impact(),
                        last.requestsPerSecond(),
                        last.detectable(),
                        last.probes(),
                        last.coverage())
                : new RolloutStatus(rollout, 0, false, Duration.ZERO, 0, NOTHING, 0, List.of(), 0, "");
    }

    /**
     * Begins a rollout, if every check holds.
     *
     * @param asked what the nodes have said just now
     * @return what should be known all the same
     * @throws RefusedException if a check does not hold; nothing has changed then
     */
    List<Finding> start(StartRequest request, Coverage asked) throws RefusedException, InterruptedException {
        Snapshot now = hands.snapshot();
        ControlState.StoredRollout before = state.rollout();
        List<Finding> findings = new ArrayList<>();
        if (before != null && !before.rollout().state().isTerminal()) {
            findings.add(Finding.of(
                    Check.BUSY,
                    "a rollout of " + before.rollout().build() + " is under way",
                    "wait for it, or end it: nearkv rollout abort"));
        }
        if (now.route() == null) {
            findings.add(Finding.of(
                    Check.NO_KNOWN_GOOD,
                    "there is no route yet",
                    "give the first build everything (nearkv route set --weight 100%) and add it to the ledger"));
        }
        findings.addAll(allFindings(request.build(), request.minReady(), request.plan(), 0, asked));
        if (!findings.isEmpty()) {
            throw new RefusedException(findings, now.unchanged());
        }
        Manifest manifest = checks.required(request.build(), now);
        hands.takeProbes((long) request.plan().probes() * manifest.endpoints().size());
        byte[] id = new byte[5];
        options.random.nextBytes(id);
        Rollout rollout = Rollout.of(
                HexFormat.of().formatHex(id),
                request.build(),
                manifest.version(),
                request.plan(),
                request.minReady(),
                request.actor(),
                request.reason(),
                options.clock.millis());
        if (!state.replaceRollout(before, rollout)) {
            throw new RefusedException(
                    Finding.of(Check.BUSY, "somebody else has begun a rollout meanwhile", "look, then try again"),
                    now.unchanged());
        }
        lock.lock();
        try {
            impact = NOTHING;
            comparison = null;
            probed = false;
            timed = "";
            unusableSeconds = 0;
            noteStatus(rollout, now);
            audit.append("rollout_started", facts(rollout));
            return checks.warnings(asked, detectable(request.plan()), state.lastDrillMillis());
        } finally {
            lock.unlock();
        }
    }

    private List<Finding> allFindings(String build, int minReady, RolloutPlan plan, int step, Coverage asked)
            throws InterruptedException {
        List<Finding> findings = new ArrayList<>(hands.findings(
                new WeightRequest(build, plan.all().get(step).weight(), null, minReady, "", ControlAudit.SELF)));
        findings.addAll(checks.findings(hands.snapshot(), build, asked));
        return findings;
    }

    /**
     * One round.
     *
     * @param seconds since the last one
     * @param alone nodes that went back by their own traffic
     */
    void round(Coverage asked, List<NodeReport> alone, double seconds) throws InterruptedException {
        ControlState.StoredRollout seen;
        Facts facts;
        int step;
        lock.lock();
        try {
            coverage = asked;
            measure(asked, seconds);
            seen = state.rollout();
            if (seen == null || seen.rollout().state() != RolloutState.PROBE) {
                stopProbes();
            }
            if (seen != null) {
                watch(seen.rollout(), asked, seconds);
            }
            boolean isWatched = guard != null;
            if (seen == null || (seen.rollout().state().isTerminal() && !isWatched)) {
                return;
            }
            compare(seen.rollout(), asked, seconds);
            facts = facts(seen.rollout(), Facts.Command.NONE, alone.size());
            boolean asks = !facts.frozen() && facts.ours();
            if (asks
                    && seen.rollout().state() == RolloutState.PROBE
                    && !probed
                    && seen.rollout().hold() == Hold.NONE) {
                facts = probe(seen.rollout(), facts);
            }
            step = asks ? stepToCheck(seen.rollout(), facts) : -1;
        } finally {
            lock.unlock();
        }
        if (step >= 0) {
            Rollout rollout = seen.rollout();
            facts = facts.withChecks(
                    RolloutChecks.text(allFindings(rollout.build(), rollout.minReady(), rollout.plan(), step, asked)));
        }
        Rollout next;
        lock.lock();
        try {
            if (!seen.equals(state.rollout())) {
                return; // An operator was faster; the next round looks anew.
            }
            next = decide(seen, facts);
        } finally {
            lock.unlock();
        }
        makeReal(next);
    }

    /** Begins the probes, or takes in what has come of them. */
    @GuardedBy("lock")
    private Facts probe(Rollout rollout, Facts facts) throws InterruptedException {
        ProbeRun run = probeRun;
        if (run != null && !run.rollout().equals(rollout.id())) {
            stopProbes();
            run = null;
        }
        if (run == null) {
            FutureTask<String> task = new FutureTask<>(() -> probes(rollout));
            Thread thread = new Thread(task, "nearkv-rollout-probes");
            thread.setDaemon(true);
            probeRun = new ProbeRun(rollout.id(), task, thread);
            thread.start();
            return facts;
        }
        if (!run.task().isDone()) {
            return facts;
        }
        probeRun = null;
        try {
            String problems = run.task().get();
            probed = problems.isEmpty();
            return facts(rollout, facts.command(), facts.pulledNodes()).withChecks(problems);
        } catch (ExecutionException e) {
            throw KvException.from(e); // The next round begins them again.
        }
    }

    /** Watches a build that has everything, also when its rollout is over, as long as its route is in force. */
    @GuardedBy("lock")
    private void watch(Rollout rollout, Coverage asked, double seconds) throws InterruptedException {
        Snapshot now = hands.snapshot();
        Route route = now.route();
        boolean isFull = rollout.state() == RolloutState.FINISH || rollout.state() == RolloutState.COMPLETE;
        if (!isFull
                || route == null
                || !route.rolloutId().equals(rollout.route())
                || now.frozen() != null
                || now.weightOf(rollout.build()) != ModelLimits.TOTAL_WEIGHT) {
            Thread unused = stopGuard();
            return;
        }
        AbsoluteGuard current = guard;
        if (current != null && !current.isOf(route.baseline().build())) {
            Thread unused = stopGuard();
            current = null;
        }
        if (current == null) {
            current = new AbsoluteGuard(route.baseline().build(), Fleet.quorum(options), probe);
            guard = current;
        }
        AbsoluteGuard.Verdict verdict = current.look(route, asked, seconds);
        boolean isComplete = rollout.state() == RolloutState.COMPLETE;
        boolean goesBack = verdict.isToBlame() && (!isComplete || mayReturn(rollout));
        if (verdict.isFailing()) {
            impact = impact.as(goesBack ? Impact.Kind.ERRORS : Impact.Kind.ABSOLUTE, verdict.text());
        } else if (impact.kind() != Impact.Kind.NONE) {
            impact = impact.as(Impact.Kind.NONE, "nothing against it");
        }
        calmSeconds = verdict.isFailing() ? 0 : calmSeconds + seconds;
        alarmed = calmSeconds >= CALM_SECONDS ? 0 : alarmed;
        int alarm = verdict.isToBlame() ? 2 : verdict.isFailing() ? 1 : 0;
        if (isComplete && !goesBack && alarm > alarmed) {
            alarmed = alarm;
            alerts.raise(new Alert(
                    "",
                    options.clock.millis(),
                    Impact.Kind.ABSOLUTE.label(),
                    options.service.toString(),
                    rollout.build(),
                    rollout.state().label(),
                    Impact.Kind.ABSOLUTE.label(),
                    verdict.text()));
        }
    }

    @GuardedBy("lock")
    private @Nullable Thread stopGuard() {
        AbsoluteGuard current = guard;
        guard = null;
        alarmed = 0;
        calmSeconds = 0;
        return current == null ? null : current.close();
    }

    @GuardedBy("lock")
    private void stopProbes() {
        ProbeRun run = probeRun;
        if (run != null) {
            boolean unused = run.task().cancel(true);
            probeRun = null;
        }
    }

    /** For tests: waits until no probes are under way, at most so long; returns whether that is so. */
    boolean awaitProbes(Duration atMost) throws InterruptedException {
        Thread thread;
        lock.lock();
        try {
            AbsoluteGuard watching = guard;
            ProbeRun run = probeRun;
            thread = run != null ? run.thread() : watching != null ? watching.probing() : null;
        } finally {
            lock.unlock();
        }
        if (thread == null) {
            return true;
        }
        thread.join(atMost.toMillis());
        return !thread.isAlive();
    }

    /** Stops what is under way, and waits for it a few seconds at most. */
    void close() throws InterruptedException {
        ProbeRun run;
        Thread guarding;
        lock.lock();
        try {
            run = probeRun;
            stopProbes();
            guarding = stopGuard();
        } finally {
            lock.unlock();
        }
        if (run != null) {
            run.thread().join(Duration.ofSeconds(5).toMillis());
        }
        if (guarding != null) {
            guarding.join(Duration.ofSeconds(5).toMillis());
        }
    }

    /** Does what an operator wants; returns where the rollout is then. */
    Rollout command(Facts.Command command, String actor) throws RefusedException, InterruptedException {
        Rollout next;
        boolean resumesPulled;
        lock.lock();
        try {
            ControlState.StoredRollout stored = state.rollout();
            if (stored == null || stored.rollout().state().isTerminal()) {
                throw new RefusedException(
                        Finding.of(Check.PLAN_INVALID, "no rollout is under way", "see: nearkv rollout list"),
                        hands.snapshot().unchanged());
            }
            Map<String, Object> facts = facts(stored.rollout());
            facts.put("actor", actor);
            audit.append("rollout_" + command.name().toLowerCase(java.util.Locale.ROOT), facts);
            if (command == Facts.Command.RESUME && stored.rollout().hold() == Hold.NONE) {
                return stored.rollout(); // It goes on; and no command leads forward, for none waits for checks.
            }
            resumesPulled = command == Facts.Command.RESUME && stored.rollout().hold() == Hold.NODE_PULLED;
            next = decide(stored, facts(stored.rollout(), command, 0));
            if (next.state() != RolloutState.PROBE) {
                stopProbes();
            }
        } finally {
            lock.unlock();
        }
        if (resumesPulled) {
            hands.resumePulled(actor);
        }
        return makeReal(next);
    }

    /** Looks at how much traffic there is, also while nothing is rolled out: what a step can find depends on it. */
    @GuardedBy("lock")
    private void measure(Coverage asked, double seconds) {
        long requests = 0;
        for (NodeReport node : asked.nodes()) {
            OutcomeReport report = node.outcomes();
            if (report == null) {
                continue;
            }
            OutcomeReport last = lastReports.put(node.endpoint(), report);
            if (last != null && last.process() == report.process()) {
                for (BuildOutcome build : report.builds()) {
                    BuildOutcome before = last.find(build.build());
                    for (int kind = 0; before != null && kind < ImpactDetector.KINDS; kind++) {
                        requests += Math.max(
                                0,
                                build.kind(kind).requests() - before.kind(kind).requests());
                    }
                }
            }
        }
        if (seconds > 0) {
            double factor = Math.exp(-Math.log(2) * seconds / RATE_HALF_LIFE_SECONDS);
            double rate = requests / seconds;
            requestsPerSecond = requestsPerSecond == 0 ? rate : requestsPerSecond * factor + rate * (1 - factor);
        }
    }

    @GuardedBy("lock")
    private void compare(Rollout rollout, Coverage asked, double seconds) {
        Route route = hands.snapshot().route();
        if (route == null || !rollout.state().isMoving()) {
            return;
        }
        String base = route.baseline().id();
        if (base.equals(rollout.build())) {
            return; // It has everything; there is nothing beside it.
        }
        PooledComparison current = comparison;
        if (current == null || !current.isOf(rollout.build(), base) || !compared.equals(rollout.id())) {
            current = new PooledComparison(rollout.build(), base);
            comparison = current;
            compared = rollout.id();
        }
        long now = options.clock.millis();
        for (NodeReport node : asked.nodes()) {
            OutcomeReport report = node.outcomes();
            if (report != null) {
                current.add(node.endpoint(), report, now);
            }
        }
        impact = current.judge(seconds);
        unusableSeconds = unusable(rollout.build(), asked) >= Fleet.quorum(options) ? unusableSeconds + seconds : 0;
        if (unusableSeconds >= MAX_UNUSABLE_SECONDS) {
            impact = new Impact(
                    Impact.Kind.ERRORS,
                    impact.logErrors(),
                    impact.logLatency(),
                    impact.candidate(),
                    impact.base(),
                    impact.units(),
                    unusable(rollout.build(), asked) + " nodes cannot use it, and known-good answers in its place");
        }
    }

    /** Returns how many nodes were given the build and cannot use it: it does not run, or has refused as a build. */
    private static int unusable(String build, Coverage asked) {
        int nodes = 0;
        for (NodeReport node : asked.nodes()) {
            BuildOutcome outcome =
                    node.outcomes() == null ? null : node.outcomes().find(build);
            nodes += outcome != null && !outcome.usable() ? 1 : 0;
        }
        return nodes;
    }

    /** Says where the rollout is now, and keeps that. */
    @GuardedBy("lock")
    private Rollout decide(ControlState.StoredRollout stored, Facts facts) {
        Rollout before = stored.rollout();
        Rollout next = RolloutMachine.next(adopted(before, hands.snapshot()), facts);
        if (!next.equals(before)) {
            if (!state.replaceRollout(stored, next)) {
                throw new KvException(
                        ErrorCode.UNAVAILABLE, "the rollout was changed by another control plane of this folder");
            }
            if (next.state() != before.state() || next.hold() != before.hold() || next.step() != before.step()) {
                tell(before, next);
            }
        }
        noteStatus(next, hands.snapshot());
        return next;
    }

    /** Makes the route like the state that was kept; holds no lock. */
    private Rollout makeReal(Rollout rollout) throws InterruptedException {
        try {
            act(rollout);
        } catch (RefusedException e) {
            refused(rollout, e);
        }
        noteStatus(rollout, hands.snapshot());
        return rollout;
    }

    /** Whether the rollout is still where it was when somebody set out to act for it. */
    private boolean isStill(Rollout rollout) {
        ControlState.StoredRollout stored = state.rollout();
        return stored != null
                && stored.rollout().id().equals(rollout.id())
                && stored.rollout().state() == rollout.state()
                && stored.rollout().step() == rollout.step()
                && stored.rollout().hold() == rollout.hold();
    }

    /** After a crash between the route and the note of it: the route tells which rollout it is of. */
    private static Rollout adopted(Rollout rollout, Snapshot now) {
        Route route = now.route();
        return rollout.route().isEmpty() && route != null && now.weightOf(rollout.build()) > 0
                ? rollout.withRoute(route.rolloutId())
                : rollout;
    }

    @GuardedBy("lock")
    private Facts facts(Rollout stored, Facts.Command command, int pulled) {
        Snapshot now = hands.snapshot();
        Rollout rollout = adopted(stored, now);
        Route route = now.route();
        long nanos = options.nanoTime.getAsLong();
        boolean followed = isFollowed(now);
        followedNanos = followed ? nanos : followedNanos;
        int weight = now.weightOf(rollout.build());
        boolean there =
                followed && weight == rollout.weight() && rollout.state().isMoving();
        String step = rollout.id() + "/" + rollout.state() + "/" + rollout.step();
        if (there && !timed.equals(step)) {
            timed = step;
            stepNanos = nanos;
            atStep = impact;
        }
        boolean isTimed = timed.equals(step);
        Duration inStep = isTimed ? Duration.ofNanos(nanos - stepNanos) : Duration.ZERO;
        double units = isTimed ? units(atStep, impact) : 0;
        boolean ours =
                rollout.route().isEmpty() || (route != null && route.rolloutId().equals(rollout.route()));
        return new Facts(
                options.clock.millis(),
                inStep,
                units,
                now.frozen() != null,
                ours,
                route == null ? "" : route.reason(),
                followed,
                followed ? Duration.ZERO : Duration.ofNanos(nanos - followedNanos),
                weight,
                isInLedger(now, rollout.build())
                        && (rollout.state() != RolloutState.ROLLING_BACK || isKnownGood(now, route)),
                probed,
                "",
                impact,
                pulled,
                command);
    }

    /** A node that went back by its own traffic is another matter than one that cannot be reached. */
    @GuardedBy("lock")
    private boolean isFollowed(Snapshot now) {
        return coverage.nodes().stream()
                .allMatch(node ->
                        Fleet.isByImpact(node) || node.comparedWith(now.hash()).settled());
    }

    private static boolean isInLedger(Snapshot now, String build) {
        LedgerEntry last = now.ledger().last();
        return last != null && last.build().id().equals(build);
    }

    /** Returns whether what has the rest of the traffic was good before. */
    private static boolean isKnownGood(Snapshot now, @Nullable Route route) {
        return route != null && now.ledgerNumberOf(route.baseline().id()) > 0;
    }

    private static double units(Impact from, Impact to) {
        double nc = to.candidate().requests() - from.candidate().requests();
        double nb = to.base().requests() - from.base().requests();
        return nc <= 0 || nb <= 0 ? 0 : nc * nb / (nc + nb);
    }

    /** Returns for which step of the plan the checks are to be made, because something depends on them now; -1 for none. */
    private int stepToCheck(Rollout rollout, Facts facts) {
        switch (rollout.state()) {
            case PRECHECK -> {
                return 0;
            }
            case STEP, BAKE -> {
                if (facts.weight() != rollout.weight()) {
                    // A check had changed its mind between the question and the deed: it is asked again.
                    return rollout.step();
                }
                RolloutPlan.Step step = rollout.plan().all().get(rollout.step());
                boolean due = facts.inStep().compareTo(step.time()) >= 0 && facts.units() >= step.units();
                return due ? Math.min(rollout.step() + 1, rollout.plan().steps().size()) : -1;
            }
            default -> {
                return -1;
            }
        }
    }

    /** P9 and P19: every node takes a way back, and every instance answers; returns what does not hold. */
    private String probes(Rollout rollout) throws InterruptedException {
        try {
            Coverage proven = hands.proveWayBack();
            if (!proven.complete()) {
                return Finding.of(
                                Check.PARACHUTE_NOT_EVERYWHERE,
                                "the way back is on " + proven.summary(),
                                "start these nodes, or take them out of the control plane's --node")
                        .toString();
            }
            Manifest manifest = checks.required(rollout.build(), hands.snapshot());
            TrafficProbe.Result result = probe.run(
                    manifest.build(),
                    manifest.endpoints(),
                    rollout.plan().probes(),
                    rollout.plan().warmUp());
            if (!result.failures().isEmpty()) {
                return Finding.of(
                                Check.PROBE_FAILED,
                                String.join("; ", result.failures()),
                                "look at the instance's log; nothing has moved")
                        .toString();
            }
            return "";
        } catch (RefusedException e) {
            return RolloutChecks.text(e.findings());
        }
    }

    /** Makes the world like the state that was kept. */
    private void act(Rollout rollout) throws RefusedException, InterruptedException {
        switch (rollout.state()) {
            case STEP, BAKE, FINISH -> {
                if (hands.snapshot().weightOf(rollout.build()) != rollout.weight() && rollout.hold() == Hold.NONE) {
                    RouteChange change = hands.setWeight(
                            new WeightRequest(
                                    rollout.build(),
                                    rollout.weight(),
                                    null,
                                    rollout.minReady(),
                                    shortened("rollout " + rollout.id() + " " + rollout.text()),
                                    rollout.actor()),
                            () -> isStill(rollout));
                    keepRoute(rollout, change.route().rolloutId());
                } else if (rollout.state() == RolloutState.FINISH
                        && rollout.hold() == Hold.NONE
                        && isGivenEverything(rollout)) {
                    hands.addToLedger(rollout.build(), "rollout " + rollout.id(), ControlAudit.SELF);
                }
            }
            case ROLLING_BACK -> {
                Snapshot now = hands.snapshot();
                Route route = now.route();
                if (route != null && !route.isWhollyKnownGood()) {
                    RouteChange change = hands.rollback(shortened(rollout.text()), ControlAudit.SELF);
                    log.atWarn()
                            .addKeyValue("build", rollout.build())
                            .addKeyValue("coverage", change.coverage().summary())
                            .log("rolled back");
                } else if (route != null
                        && now.weightOf(rollout.build()) == 0
                        && isInLedger(now, rollout.build())
                        && isKnownGood(now, route)) {
                    // It was in the ledger already. What everybody has gone back to is newer knowledge than that.
                    hands.addToLedger(
                            route.baseline().id(), shortened("instead of " + rollout.build()), ControlAudit.SELF);
                }
            }
            default -> {}
        }
    }

    private boolean isGivenEverything(Rollout rollout) {
        Snapshot now = hands.snapshot();
        lock.lock();
        try {
            Duration bake = rollout.plan().bake().time();
            Duration watched = bake.compareTo(MAX_FULL_SHARE_TIME) < 0 ? bake : MAX_FULL_SHARE_TIME;
            return now.weightOf(rollout.build()) == ModelLimits.TOTAL_WEIGHT
                    && isFollowed(now)
                    && timed.equals(rollout.id() + "/" + rollout.state() + "/" + rollout.step())
                    && options.nanoTime.getAsLong() - stepNanos >= watched.toNanos();
        } finally {
            lock.unlock();
        }
    }

    private static String shortened(String text) {
        return text.length() <= ModelLimits.MAX_TEXT_CHARS ? text : text.substring(0, ModelLimits.MAX_TEXT_CHARS);
    }

    private void keepRoute(Rollout rollout, String route) {
        lock.lock();
        try {
            ControlState.StoredRollout stored = state.rollout();
            if (stored != null
                    && stored.rollout().id().equals(rollout.id())
                    && !stored.rollout().route().equals(route)) {
                boolean unused = state.replaceRollout(stored, stored.rollout().withRoute(route));
            }
        } finally {
            lock.unlock();
        }
    }

    /** A check has changed its mind between the question and the deed. */
    private void refused(Rollout rollout, RefusedException refusal) {
        lock.lock();
        try {
            ControlState.StoredRollout stored = state.rollout();
            if (stored == null || !rollout.state().isMoving() || !isStill(rollout)) {
                log.atWarn().addKeyValue("why", refusal.getMessage()).log("a step of the rollout is refused for now");
                return;
            }
            if (stored.rollout().hold() != Hold.CHECK_FAILED) {
                Rollout held = stored.rollout()
                        .held(Hold.CHECK_FAILED, RolloutChecks.text(refusal.findings()), options.clock.millis());
                if (state.replaceRollout(stored, held)) {
                    tell(stored.rollout(), held);
                }
            }
        } finally {
            lock.unlock();
        }
    }

    private void tell(Rollout before, Rollout next) {
        log.atInfo()
                .addKeyValue("rollout", next.id())
                .addKeyValue("build", next.build())
                .addKeyValue("state", next.state().label())
                .addKeyValue("step", next.step() + 1)
                .addKeyValue("hold", next.hold().label())
                .addKeyValue("why", next.text())
                .log("rollout");
        audit.append("rollout_moved", facts(next));
        boolean bad = next.state() == RolloutState.ROLLING_BACK
                || next.state() == RolloutState.REJECTED
                || next.state() == RolloutState.FROZEN
                || (next.state() == RolloutState.ROLLED_BACK && before.state() != RolloutState.ROLLING_BACK);
        boolean held = next.hold() != Hold.NONE && next.hold() != Hold.OPERATOR;
        if (bad || held) {
            alerts.raise(new Alert(
                    "",
                    options.clock.millis(),
                    bad ? next.state().label() : "hold",
                    options.service.toString(),
                    next.build(),
                    before.state().label() + " " + (before.step() + 1),
                    held ? next.hold().label() : reason(next),
                    next.text()));
        }
    }

    private String reason(Rollout next) {
        if (next.state() == RolloutState.ROLLING_BACK && impactNow().isAgainstCandidate()) {
            return impactNow().kind().label();
        }
        // Where so many nodes went back by their own traffic that all follow them, it was their evidence.
        List<NodeReport> pulled = nodesBack();
        return next.state() == RolloutState.ROLLED_BACK && pulled.size() >= Fleet.quorum(options)
                ? Fleet.harm(pulled.get(0))
                : next.state().label();
    }

    private List<NodeReport> nodesBack() {
        lock.lock();
        try {
            return coverage.nodes().stream().filter(Fleet::isByImpact).toList();
        } finally {
            lock.unlock();
        }
    }

    private Impact impactNow() {
        lock.lock();
        try {
            return impact;
        } finally {
            lock.unlock();
        }
    }

    private static Map<String, Object> facts(Rollout rollout) {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("actor", rollout.actor());
        facts.put("rollout", rollout.id());
        facts.put("build", rollout.build());
        facts.put("version", rollout.version());
        facts.put("plan", rollout.plan().name());
        facts.put("state", rollout.state().label());
        facts.put("step", rollout.step() + 1);
        facts.put("hold", rollout.hold().label());
        facts.put("reason", rollout.text());
        return facts;
    }

    /** By how much more often the build must fail in each step to be found, most of the time. */
    @GuardedBy("lock")
    private List<Double> detectable(RolloutPlan plan) {
        List<Double> all = new ArrayList<>();
        double alpha = DetectorSettings.DEFAULT.withShareOfAlpha(0.5).errorAlpha();
        for (RolloutPlan.Step step : plan.all()) {
            double requests = requestsPerSecond * step.time().toMillis() / 1_000.0;
            double share = (double) step.weight() / ModelLimits.TOTAL_WEIGHT;
            all.add(ImpactDetector.detectable(requests * share, requests * (1 - share), BASE_RATE, alpha));
        }
        return all;
    }

    private void noteStatus(Rollout rollout, Snapshot now) {
        lock.lock();
        try {
            boolean isTimed = timed.equals(rollout.id() + "/" + rollout.state() + "/" + rollout.step());
            status = new RolloutStatus(
                    rollout,
                    now.weightOf(rollout.build()),
                    isFollowed(now),
                    isTimed ? Duration.ofNanos(options.nanoTime.getAsLong() - stepNanos) : Duration.ZERO,
                    isTimed ? units(atStep, impact) : 0,
                    requireNonNull(impact, "impact"),
                    requestsPerSecond,
                    detectable(rollout.plan()),
                    probe.made(),
                    coverage.holding() + "/" + coverage.total());
        } finally {
            lock.unlock();
        }
    }
}
