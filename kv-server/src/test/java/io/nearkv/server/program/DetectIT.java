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
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/** How long it takes, with processes and users, until a build that hurts is left. {@code kv-server/campaign detect SECONDS}: how long each row waits at most. */
@EnabledIfSystemProperty(named = "nearkv.test.long", matches = "true", disabledReason = "kv-server/campaign detect")
class DetectIT {
    private static final int LIMIT_SECONDS = Integer.getInteger("nearkv.test.rounds", 30);
    private static final int USERS = 12;
    private static final long PACE_NANOS = 4_000_000;
    private static final int KEYS = 20_000;
    private static final String WAY_BACK = "the way back is taken";
    /** Of the α of 1 in 1,000, the half that is the nodes': there is one. */
    private static final double ALPHA = 5e-4;

    @TempDir
    Path folder;

    private final LongAdder calls = new LongAdder();
    private final LongAdder failures = new LongAdder();
    private final AtomicBoolean over = new AtomicBoolean();

    /** A fault: which share of the gets fails, by which factor the slowest tenth is slower, after how many seconds in the step it begins. */
    private record Fault(String name, double failing, double slowness, int after) {}

    private static final List<Fault> FAULTS = List.of(
            new Fault("every request fails", 1, 1, 5),
            new Fault("+5 points", 0.05, 1, 5),
            new Fault("+1 point", 0.01, 1, 5),
            new Fault("p99 20 % slower", 0, 1.2, 5),
            new Fault("+5 points, late", 0.05, 1, LIMIT_SECONDS));

    @Test
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
                hold(3);
                table.add(String.format(
                        Locale.ROOT,
                        "%-22s %6s %10s %14s %8s %8s",
                        "fault",
                        "share",
                        "requests/s",
                        "way back",
                        "failed",
                        "why"));
                for (Fault fault : FAULTS) {
                    for (int percent : List.of(1, 10, 50)) {
                        table.add(row(fleet, router, candidate, next, fault, percent));
                        System.out.println(table.get(table.size() - 1));
                    }
                }
                over.set(true);
            }
        } finally {
            over.set(true);
            users.shutdownNow();
            builds.forEach(Process::destroyForcibly);
        }
        table.forEach(System.out::println);
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
        tell(candidate, 0, 1);
        long begun = calls.sum();
        long since = System.nanoTime();
        hold(2);
        double rate = (calls.sum() - begun) * 1e9 / (System.nanoTime() - since);
        double requests = rate * (LIMIT_SECONDS + fault.after());
        double share = percent / 100.0;
        double detectable = ImpactDetector.detectable(requests * share, requests * (1 - share), 0.001, ALPHA);
        if (fault.failing() > 0 && fault.failing() < detectable) {
            return line(
                    fault,
                    percent,
                    rate,
                    "not detectable",
                    "-",
                    String.format(Locale.ROOT, "from %.1f points on in %d s", detectable * 100, LIMIT_SECONDS));
        }
        fleet.productionDone("route", "set", next.id(), "--weight", percent + "%");
        hold(fault.after());
        long pulls = pulls(router);
        long failed = failures.sum();
        begun = calls.sum();
        long start = System.nanoTime();
        tell(candidate, fault.failing(), fault.slowness());
        while (pulls(router) == pulls && System.nanoTime() - start < LIMIT_SECONDS * 1_000_000_000L) {
            LockSupport.parkNanos(2_000_000);
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        rate = (calls.sum() - begun) / seconds;
        boolean found = pulls(router) > pulls;
        String why = found
                ? router.err().stream()
                        .filter(line -> line.contains(WAY_BACK))
                        .reduce((a, b) -> b)
                        .orElse("")
                : "";
        tell(candidate, 0, 1);
        hold(1); // What was under way ends, so that it counts for this row.
        long hurt = failures.sum() - failed;
        if (!found) {
            fleet.productionDone("rollback");
        }
        await().atMost(Duration.ofSeconds(20))
                .until(() -> !fleet.productionDone("route", "show", "--node", router.address())
                        .out()
                        .contains(next.id() + "=" + percent * 100));
        hold(4); // The control plane confirms the way back.
        return line(
                fault,
                percent,
                rate,
                found ? String.format(Locale.ROOT, "%.2f s", seconds) : "not in " + LIMIT_SECONDS + " s",
                Long.toString(hurt),
                why.replaceAll(".*(impact_[a-z]+|build_refused).*", "$1"));
    }

    private static String line(Fault fault, int percent, double rate, String time, String failed, String why) {
        return String.format(
                Locale.ROOT, "%-22s %4d %% %10.0f %14s %8s %s", fault.name(), percent, rate, time, failed, why);
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
