package io.nearkv.deploy.control;

import io.nearkv.deploy.analysis.DetectorSettings;
import io.nearkv.deploy.analysis.ImpactDetector;
import io.nearkv.deploy.analysis.Sample;
import io.nearkv.deploy.model.BuildRef;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.model.RouteEntry;
import io.nearkv.deploy.report.BuildOutcome;
import io.nearkv.deploy.report.OutcomeReport;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Watches a build that has everything. There is nothing beside it to compare it with, so that many failures say only that something is wrong, and not with what: people are told. That it is the build is
 * believed only if known-good answers synthetic requests while this build does not, some times in a row. Not thread-safe.
 */
final class AbsoluteGuard {
    /*
     * Why so many requests, and in a row: where the store below fails for a twentieth of all requests, known-good answers a hundred of them with a chance of one in 170, and three times a hundred with one in five
     * million. An hour of such probes, one after the other, then takes a good build back once in a thousand times at most.
     */
    private static final Logger log = LoggerFactory.getLogger(AbsoluteGuard.class);
    private static final int PROBES = 100;
    private static final int TIMES_IN_A_ROW = 3;

    private static final double LATELY_SECONDS = 10;
    private static final double JUST_NOW_SECONDS = 1;
    private static final double MIN_FAILURES = 10;
    /** As long as a build that nobody can use may take to be usable again, in a rollout. */
    private static final double MAX_UNUSABLE_SECONDS = 3;

    private final BuildRef build;
    private final int quorum;
    private final TrafficProbe probe;
    private final Map<String, OutcomeReport> before = new HashMap<>();
    private final Recent lately = new Recent(LATELY_SECONDS);
    private final Recent justNow = new Recent(JUST_NOW_SECONDS);
    private double unusableSeconds;
    private @Nullable FutureTask<String> running;
    private @Nullable Thread thread;
    private int times;
    private String seen = "";

    /**
     * What is to be thought of the build.
     *
     * @param isFailing whether too many requests fail, whoever is to blame
     * @param isToBlame whether it is the build
     * @param text for people
     */
    record Verdict(boolean isFailing, boolean isToBlame, String text) {}

    /** Requests and failures, of which those of long ago count less. */
    private static final class Recent {
        private final double halfLifeSeconds;
        private double requests;
        private double failures;

        Recent(double halfLifeSeconds) {
            this.halfLifeSeconds = halfLifeSeconds;
        }

        void fade(double seconds) {
            double factor = Math.exp(-Math.log(2) * seconds / halfLifeSeconds);
            requests *= factor;
            failures *= factor;
        }

        double rate() {
            return requests == 0 ? 0 : failures / requests;
        }
    }

    /**
     * Creates the guard of one build.
     *
     * @param quorum so many nodes that cannot use the build at all are no accident
     */
    AbsoluteGuard(BuildRef build, int quorum, TrafficProbe probe) {
        this.build = build;
        this.quorum = quorum;
        this.probe = probe;
    }

    boolean isOf(BuildRef other) {
        return build.equals(other);
    }

    /** One round: takes in what the nodes tell, and has both builds probed while too many requests fail. */
    Verdict look(Route route, Coverage asked, double seconds) throws InterruptedException {
        lately.fade(seconds);
        justNow.fade(seconds);
        int unusable = 0;
        for (NodeReport node : asked.nodes()) {
            unusable += add(node) ? 0 : 1;
        }
        unusableSeconds = unusable >= quorum ? unusableSeconds + seconds : 0;
        String failing = failing(unusable);
        if (failing.isEmpty()) {
            times = 0;
            stop();
            return new Verdict(false, false, "");
        }
        RouteEntry other = route.knownGood().stream()
                .filter(entry -> !entry.build().equals(build))
                .findFirst()
                .orElse(null);
        if (other == null) {
            return new Verdict(true, false, failing + "; there is no other known-good build to go back to");
        }
        takeIn();
        if (times >= TIMES_IN_A_ROW) {
            return new Verdict(true, true, failing + "; " + seen + ", and known-good " + other.id() + " does");
        }
        if (running == null) {
            begin(route.baseline(), other);
        }
        return new Verdict(
                true,
                false,
                failing + "; " + (seen.isEmpty() ? "both builds are being probed" : seen)
                        + ". Nothing is beside it to compare it with");
    }

    /** Takes in what a node tells; returns whether the node can use the build. */
    private boolean add(NodeReport node) {
        OutcomeReport report = node.outcomes();
        BuildOutcome now = report == null ? null : report.find(build.id());
        if (report == null || now == null) {
            return true;
        }
        OutcomeReport last = before.put(node.endpoint(), report);
        BuildOutcome then = last == null || last.process() != report.process() ? null : last.find(build.id());
        for (int kind = 0; then != null && kind < ImpactDetector.KINDS; kind++) {
            Sample fresh = now.kind(kind).since(then.kind(kind));
            if (fresh.requests() < 0 || fresh.failures() < 0) {
                continue; // It counts backwards: no node of ours does.
            }
            for (Recent recent : List.of(lately, justNow)) {
                recent.requests += fresh.requests();
                recent.failures += fresh.failures();
            }
        }
        return now.usable();
    }

    /** Returns what is wrong, or nothing. */
    private String failing(int unusable) {
        if (unusableSeconds >= MAX_UNUSABLE_SECONDS) {
            return unusable + " nodes cannot use it, and known-good answers in its place";
        }
        double rate = Math.max(lately.rate(), justNow.rate());
        return rate >= DetectorSettings.DEFAULT.commonModeRate() && lately.failures >= MIN_FAILURES
                ? String.format(Locale.ROOT, "%.2f %% of all requests fail lately", rate * 100)
                : "";
    }

    private void begin(RouteEntry candidate, RouteEntry other) {
        FutureTask<String> task = new FutureTask<>(() -> compare(candidate, other));
        Thread started = new Thread(task, "nearkv-absolute-guard");
        started.setDaemon(true);
        running = task;
        thread = started;
        started.start();
    }

    /** Returns how the build has failed where known-good has not; nothing if that is not so. */
    private String compare(RouteEntry candidate, RouteEntry other) throws InterruptedException {
        TrafficProbe.Result ofCandidate = probe.run(candidate.build(), candidate.endpoints(), PROBES, Duration.ZERO);
        if (ofCandidate.failures().isEmpty()) {
            return "";
        }
        TrafficProbe.Result ofOther = probe.run(other.build(), other.endpoints(), PROBES, Duration.ZERO);
        return ofOther.failures().isEmpty() ? String.join("; ", ofCandidate.failures()) : "";
    }

    private void takeIn() throws InterruptedException {
        FutureTask<String> task = running;
        if (task == null || !task.isDone()) {
            return;
        }
        running = null;
        String found;
        try {
            found = task.get();
        } catch (ExecutionException e) {
            log.atWarn().addKeyValue("build", build.id()).setCause(e).log("a build that has everything was not probed");
            found = "";
        }
        times = found.isEmpty() ? 0 : times + 1;
        seen = found.isEmpty()
                ? "the probes do not tell it from known-good"
                : "it does not answer its probes (" + found + ")";
    }

    private void stop() {
        FutureTask<String> task = running;
        if (task != null) {
            boolean unused = task.cancel(true);
            running = null;
        }
        seen = "";
    }

    /** Stops what is under way; returns the thread that may still be about to end, or null. */
    @Nullable
    Thread close() {
        stop();
        return thread;
    }

    /** For tests: the thread of the probes that were begun last, or null. */
    @Nullable
    Thread probing() {
        return running == null ? null : thread;
    }
}
