package io.nearkv.server.incident.run;

import static java.util.Objects.requireNonNull;

import io.nearkv.server.incident.cluster.AuditedFile;
import io.nearkv.server.incident.cluster.ClusterFactory;
import io.nearkv.server.incident.cluster.ClusterPlan;
import io.nearkv.server.incident.cluster.Evidence;
import io.nearkv.server.incident.cluster.ReplayCluster;
import io.nearkv.server.incident.cluster.StepResult;
import io.nearkv.server.incident.measure.Check;
import io.nearkv.server.incident.measure.ClassResult;
import io.nearkv.server.incident.measure.ProductResult;
import io.nearkv.server.incident.measure.Recorder;
import io.nearkv.server.incident.model.Layer;
import io.nearkv.server.incident.model.Mode;
import io.nearkv.server.incident.model.ReplayClock;
import io.nearkv.server.incident.model.Timeline;
import io.nearkv.server.incident.product.Product;
import io.nearkv.server.incident.product.Products;
import io.nearkv.server.incident.product.Surroundings;
import java.io.IOException;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** Replays the incident, in one mode or several, one after the other. */
public final class Replay {
    private static final long ROLLBACK_MILLIS = 1000;
    /** What the candidate has when everything dies. */
    private static final int DRILL_SHARE = 1000;

    private final ClusterFactory clusters;
    private final Settings settings;
    private final Consumer<String> progress;
    private final InstantSource clock;
    private final LongSupplier nanoTime;

    /**
     * What is replayed.
     *
     * @param minuteMillis how long a minute of the report takes
     * @param settleMillis what a new route may take to be everywhere
     * @param load how much the users ask for: 1 for about 2,000 requests a second, 0.1 to 20
     * @param seed what chance is drawn from
     * @param program what replays, for the report
     */
    public record Settings(int minuteMillis, int settleMillis, double load, long seed, String program) {
        /** Checks that nothing is missing. */
        public Settings {
            requireNonNull(program, "program");
            if (!(load >= 0.1 && load <= 20)) {
                throw new IllegalArgumentException("load: " + load + " (expected: 0.1 to 20)");
            }
        }

        Timeline timeline(int minutes) {
            return new Timeline(minuteMillis, minutes, settleMillis);
        }
    }

    /** Creates one; {@code progress} gets a line now and then, for people. */
    public Replay(
            ClusterFactory clusters,
            Settings settings,
            Consumer<String> progress,
            InstantSource clock,
            LongSupplier nanoTime) {
        this.clusters = requireNonNull(clusters, "clusters");
        this.settings = requireNonNull(settings, "settings");
        this.progress = requireNonNull(progress, "progress");
        this.clock = requireNonNull(clock, "clock");
        this.nanoTime = requireNonNull(nanoTime, "nanoTime");
    }

    /** Replays these modes in their order. */
    public ReplayResult run(Set<Mode> modes) throws IOException, InterruptedException {
        List<RunResult> runs = new ArrayList<>();
        List<Check> drills = new ArrayList<>();
        var begun = clock.instant();
        for (Mode mode : Mode.values()) {
            if (!modes.contains(mode)) {
                continue;
            }
            switch (mode) {
                case LEGACY -> runs.add(run(mode, null, ClusterPlan.legacy()));
                case PROTECTED -> runs.add(run(mode, null, ClusterPlan.guarded()));
                case EACH_LAYER -> {
                    for (Layer layer : Layer.values()) {
                        runs.add(run(mode, layer, ClusterPlan.from(layer)));
                    }
                    drill(drills);
                }
            }
        }
        return new ReplayResult(begun, settings.program(), runs, drills);
    }

    private RunResult run(Mode mode, @Nullable Layer layer, ClusterPlan plan) throws IOException, InterruptedException {
        String name = layer == null
                ? mode.label()
                : mode.label() + "-" + layer.label().replace(' ', '-');
        progress.accept(name + ": starting the processes");
        Timeline timeline = settings.timeline(layer == null ? Timeline.REPORT_MINUTES : OperatorScript.SHORT_MINUTES);
        ReplayClock time = new ReplayClock(timeline, nanoTime);
        Recorder recorder = new Recorder(time);
        try (ReplayCluster cluster = clusters.start(name, plan)) {
            List<Product> products = Products.all(new Surroundings(cluster, recorder, settings.seed()));
            List<ScriptEvent> events;
            try (Users users = new Users(products, recorder, settings.load(), nanoTime)) {
                users.start();
                time.start();
                OperatorScript script =
                        new OperatorScript(cluster, recorder, event -> progress.accept(line(timeline, event)));
                try {
                    events = layer == null ? script.playReport() : script.playShort();
                } catch (InterruptedException e) {
                    users.check(); // Says why it was stopped, if a product is broken.
                    throw e;
                }
                users.stop();
            }
            return judge(mode, layer, cluster, recorder, products, events);
        }
    }

    private RunResult judge(
            Mode mode,
            @Nullable Layer layer,
            ReplayCluster cluster,
            Recorder recorder,
            List<Product> products,
            List<ScriptEvent> events) {
        Timeline timeline = recorder.clock().timeline();
        Windows windows = Windows.of(events, timeline.minutes());
        List<ProductResult> results = new ArrayList<>();
        List<ClassResult> everybody = new ArrayList<>();
        for (Product product : products) {
            List<ClassResult> classes = recorder.classes(product.id());
            List<Check> checks = new ArrayList<>();
            classes.forEach(each -> checks.add(Judge.ofUsers(mode, windows, each)));
            checks.addAll(product.checks(mode, windows.impact()));
            results.add(new ProductResult(
                    product.id(),
                    product.name(),
                    product.dependsOn(),
                    product.report(),
                    classes,
                    recorder.series(product.id()),
                    checks));
            everybody.addAll(classes);
        }
        Findings findings = new Findings(timeline, events, recorder.classes("D1"), everybody);
        Judge judge = new Judge(timeline, events, windows, findings);
        Evidence evidence = cluster.evidence();
        List<Check> checks = new ArrayList<>(
                switch (mode) {
                    case LEGACY -> judge.legacy();
                    case PROTECTED -> judge.guarded();
                    case EACH_LAYER -> judge.layer(requireNonNull(layer, "layer"), evidence);
                });
        List<AuditedFile> audit = cluster.verifyAudit();
        checks.add(Judge.audit(audit));
        return new RunResult(
                mode,
                layer,
                timeline,
                windows.impact(),
                cluster.processes(),
                events,
                layer == null ? findings.phases() : List.of(),
                results,
                checks,
                evidence,
                audit);
    }

    private static String line(Timeline timeline, ScriptEvent event) {
        StepResult result = event.result();
        return timeline.utc(event.minute()) + " " + event.id() + " " + event.action() + ": "
                + (result.accepted() ? "" : result.code() + ": ") + result.detail();
    }

    /** A build of another environment at the store's own door; and a rollback when nothing is left that could help. */
    private void drill(List<Check> drills) throws IOException, InterruptedException {
        progress.accept("drills: starting the processes");
        try (ReplayCluster cluster = clusters.start("drills", ClusterPlan.guarded())) {
            StepResult joined = cluster.joinForeignBuild();
            drills.add(new Check(
                    "A8",
                    "a build of staging before the store of production",
                    "refused at the link, never ready",
                    joined.code() + ": " + joined.detail(),
                    !joined.accepted()));
            StepResult started = cluster.startRollout(DRILL_SHARE);
            drills.add(new Check("B18", "a good build gets 10 %", "done", started.detail(), started.accepted()));
            progress.accept("drills: killing store, access service and control plane");
            cluster.loseStoreAccessAndControl();
            StepResult secret = cluster.ciSecret();
            drills.add(new Check(
                    "B18",
                    "the CI's secret meanwhile",
                    "out of reach",
                    secret.code() + ": " + secret.detail(),
                    !secret.accepted()));
            StepResult rolledBack = cluster.rollbackByCommand();
            drills.add(new Check(
                    "B18",
                    "rollback by the command, with store, access service and control plane dead",
                    "all routers in at most " + ROLLBACK_MILLIS + " ms",
                    rolledBack.detail() + " (" + rolledBack.reached() + "/" + rolledBack.routers() + " routers, "
                            + rolledBack.millis() + " ms)",
                    rolledBack.accepted()
                            && rolledBack.routers() > 0
                            && rolledBack.reached() == rolledBack.routers()
                            && rolledBack.millis() <= ROLLBACK_MILLIS));
            drills.add(Judge.audit(cluster.verifyAudit()));
        }
    }
}
