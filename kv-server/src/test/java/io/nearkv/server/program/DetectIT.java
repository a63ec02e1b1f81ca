package io.nearkv.server.program;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import io.nearkv.core.KvNamespace;
import io.nearkv.deploy.analysis.ImpactDetector;
import io.nearkv.net.client.KvClient;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/** How long it takes, with processes and users, until a build that hurts is left. {@code kv-server/campaign detect SECONDS}: how long each row waits at most. */
@EnabledIfSystemProperty(named = "nearkv.test.long", matches = "true", disabledReason = "kv-server/campaign detect")
class DetectIT {
    private static final int LIMIT_SECONDS = Integer.getInteger("nearkv.test.rounds", 70);
    /** The whole is over by then: rows that there is no time left for say so. */
    private static final int BUDGET_SECONDS = 340;

    private static final int LATE_SECONDS = 15;
    private static final int USERS = 20;
    private static final long PACE_NANOS = 4_000_000;
    private static final int KEYS = 20_000;
    private static final String WAY_BACK = "the way back is taken";
    /** Of the α of 1 in 1,000, the half that is the nodes': there is one. */
    private static final double ALPHA = 5e-4;
    /** Response times are compared for four kinds of answers and three percentiles, one request in four is timed, and of every hundred answers of known-good one is beyond its 99th percentile. */
    private static final double LATENCY_ALPHA = ALPHA / 12;

    private static final double TIMED = 0.25;
    private static final double BEYOND_P99 = 0.01;
    /** The share of the answers that is beyond it where the slowest tenth takes a fifth longer, as {@link TestBuild} spreads them: 0.01^(1/1.2). */
    private static final double BEYOND_P99_IF_SLOW = Math.pow(BEYOND_P99, 1 / 1.2);

    @TempDir
    Path folder;

    private final LongAdder calls = new LongAdder();
    private final LongAdder failures = new LongAdder();
    private final AtomicBoolean over = new AtomicBoolean();

    private final long started = System.nanoTime();

    /** A fault: which share of the reads fails, by which factor the slowest tenth is slower, after how many seconds in the step it begins. */
    private record Fault(String name, double failing, double slowness, int after) {}

    private static final List<Fault> FAULTS = List.of(
            new Fault("every request fails", 1, 1, 3),
            new Fault("+5 points", 0.05, 1, 3),
            new Fault("+1 point", 0.01, 1, 3),
            new Fault("p99 20 % slower", 0, 1.2, 3),
            new Fault("+5 points, late", 0.05, 1, LATE_SECONDS));

    @Test
    @Timeout(480)
    void a_build_that_hurts_is_left_within_a_bounded_time() throws Exception {
        ExecutorService users = Executors.newFixedThreadPool(USERS);
        List<String> table = new ArrayList<>();
        List<Process> builds = new ArrayList<>();
        try (ControlFleet fleet = new ControlFleet(folder)) {
            fleet.startControl();
            ControlFleet.Build old = fleet.publish("1.8.2");
            builds.add(run(fleet, old, "old"));
            fleet.productionDone("route", "set", old.id(), "--weight", "100%");
            fleet.productionDone("ledger", "add", old.id(), "--why", "did well");
            RunningServer router = fleet.router("router-1");
            fleet.restartControl();
            ControlFleet.Build next = fleet.publish("1.9.0");
            Process candidate = run(fleet, next, "next");
            builds.add(candidate);
            try (KvClient client = KvClient.builder()
                    .server(router.address())
                    .token(fleet.adminToken())
                    .timeout(Duration.ofSeconds(5))
                    .build()) {
                Kv kv = client.kv();
                for (int i = 0; i < USERS; i++) {
                    var unused = users.submit(() -> use(kv.namespace("default")));
                }
                hold(5);
                System.out.println("fault                   share  requests/s       way back   failed why");
                for (Fault fault : FAULTS) {
                    for (int percent : List.of(1, 10, 50)) {
                        String row = row(fleet, router, candidate, next, fault, percent);
                        table.add(row);
                        System.out.println(row);
                    }
                }
                over.set(true);
            }
        } finally {
            over.set(true);
            users.shutdownNow();
            builds.forEach(Process::destroyForcibly);
        }
        assertThat(table.stream().filter(row -> row.startsWith("every request fails")))
                .allMatch(row -> row.contains("impact_errors"));
    }

    private String row(
            ControlFleet fleet,
            RunningServer router,
            Process candidate,
            ControlFleet.Build next,
            Fault fault,
            int percent)
            throws Exception {
        double rate = rate(2);
        double left = BUDGET_SECONDS - fault.after() - (System.nanoTime() - started) / 1e9;
        double limit = Math.min(LIMIT_SECONDS, left);
        if (limit < LIMIT_SECONDS / 3.0) {
            return line(fault, percent, rate, "not tried", 0, "no time left");
        }
        double needed = secondsNeeded(fault, rate, percent / 100.0);
        if (needed > limit) {
            return line(
                    fault,
                    percent,
                    rate,
                    "not detectable",
                    0,
                    String.format(Locale.ROOT, "in %.0f s at this rate: needs about %.0f s", limit, needed));
        }
        long pulls = pulls(router);
        fleet.productionDone("route", "set", next.id(), "--weight", percent + "%");
        hold(fault.after());
        boolean early = pulls(router) > pulls;
        long failed = failures.sum();
        long start = System.nanoTime();
        tell(candidate, fault.failing(), fault.slowness());
        while (pulls(router) == pulls && System.nanoTime() - start < limit * 1e9) {
            LockSupport.parkNanos(2_000_000);
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        boolean found = pulls(router) > pulls;
        String why = found
                ? router.err().stream()
                        .filter(line -> line.contains(WAY_BACK))
                        .reduce("", (before, later) -> later)
                        .replaceAll(".*(impact_[a-z]+|build_refused|lease[a-z_]*).*", "$1")
                : "";
        hold(1); // What was under way ends, so that it counts for this row.
        tell(candidate, 0, 1);
        long hurt = failures.sum() - failed;
        if (!found) {
            fleet.productionDone("rollback");
        }
        await().atMost(Duration.ofSeconds(20))
                .until(() -> !fleet.productionDone("route", "show", "--node", router.address())
                        .out()
                        .contains(next.id() + "=" + percent * 100));
        hold(2); // The control plane confirms the way back.
        return line(
                fault,
                percent,
                rate,
                early
                        ? "before it began"
                        : found
                                ? String.format(Locale.ROOT, "%.2f s", seconds)
                                : String.format(Locale.ROOT, "not in %.0f s", limit),
                hurt,
                why);
    }

    /** Returns in how many seconds a fault is found at this rate, most of the time; infinite if never. */
    private static double secondsNeeded(Fault fault, double rate, double share) {
        boolean slow = fault.failing() == 0;
        double effect = slow ? BEYOND_P99_IF_SLOW - BEYOND_P99 : fault.failing();
        double compared = slow ? rate * TIMED : rate;
        for (double seconds = 1; seconds < 10_000; seconds *= 1.1) {
            double requests = compared * seconds;
            if (ImpactDetector.detectable(
                            requests * share,
                            requests * (1 - share),
                            slow ? BEYOND_P99 : 0.001,
                            slow ? LATENCY_ALPHA : ALPHA)
                    <= effect) {
                return seconds;
            }
        }
        return Double.POSITIVE_INFINITY;
    }

    private double rate(int seconds) {
        long begun = calls.sum();
        long since = System.nanoTime();
        hold(seconds);
        return (calls.sum() - begun) * 1e9 / (System.nanoTime() - since);
    }

    private static String line(Fault fault, int percent, double rate, String time, long failed, String why) {
        return String.format(
                Locale.ROOT, "%-22s %4d %% %11.0f %15s %8d %s", fault.name(), percent, rate, time, failed, why);
    }

    private static long pulls(RunningServer router) {
        return router.err().stream().filter(line -> line.contains(WAY_BACK)).count();
    }

    /** Time goes by: a fault begins so long after the step, whatever happens. */
    private void hold(int seconds) {
        long end = System.nanoTime() + seconds * 1_000_000_000L;
        while (System.nanoTime() - end < 0) {
            LockSupport.parkNanos(10_000_000);
        }
    }

    private void use(KvNamespace namespace) {
        while (!over.get()) {
            long start = System.nanoTime();
            try {
                var unused =
                        namespace.getString("k" + ThreadLocalRandom.current().nextInt(KEYS));
            } catch (KvException e) {
                failures.increment();
            }
            calls.increment();
            LockSupport.parkNanos(PACE_NANOS - (System.nanoTime() - start));
        }
    }

    private static void tell(Process build, double failing, double slowness) throws IOException {
        build.getOutputStream().write((failing + " " + slowness + "\n").getBytes(UTF_8));
        build.getOutputStream().flush();
    }

    private Process run(ControlFleet fleet, ControlFleet.Build build, String name) throws IOException {
        Path join = fleet.write(
                name + ".join",
                fleet.done("join", "create", name, "--for-build", build.id()).outBytes());
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-XX:+UseSerialGC",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        Program.classPath(),
                        TestBuild.class.getName(),
                        join.toString(),
                        folder.resolve(name).toString(),
                        fleet.core.address(),
                        build.endpoint().substring(build.endpoint().lastIndexOf(':') + 1))
                .start();
        var unused = RunningServer.awaitReady(process);
        return process;
    }
}
