package io.nearkv.server.program;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.Kv;
import io.nearkv.core.KvNamespace;
import io.nearkv.core.route.DocumentVerdict;
import io.nearkv.core.route.DocumentVerdict.Outcome;
import io.nearkv.core.route.RoutedService.BuildStats;
import io.nearkv.deploy.model.RouteEntry;
import io.nearkv.deploy.store.AuditLog;
import io.nearkv.deploy.store.RouteStore;
import io.nearkv.net.client.KvClient;
import io.nearkv.net.client.KvTransport;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/** Routes with real processes: what callers see when a build is wrong, loses its permission, dies, or is taken back. */
class RouteIT {
    private static final Duration PATIENCE = Duration.ofSeconds(5);

    @TempDir
    Path folder;

    private Fleet fleet;
    private Fleet.Build old;
    private Fleet.Build older;

    @BeforeEach
    void start() {
        fleet = new Fleet(folder);
        old = fleet.build("1.8");
        older = fleet.build("1.7");
    }

    @AfterEach
    void stop() {
        fleet.close();
    }

    private List<RouteEntry> knownGood() {
        return List.of(old.entry(), older.entry());
    }

    private byte[] route(RouteEntry candidate, int weight) {
        return fleet.route(List.of(candidate.withWeight(weight), old.entry().withWeight(10_000 - weight)), knownGood());
    }

    private byte[] known() {
        return fleet.route(List.of(old.entry().withWeight(10_000)), knownGood());
    }

    private Kv connect(RunningServer node) {
        return KvClient.builder()
                .server(node.address())
                .token(fleet.adminToken())
                .timeout(PATIENCE)
                .build()
                .kv();
    }

    /** Callers that read and write for as long as it is open, and keep what went wrong. */
    private static final class Callers implements AutoCloseable {
        private final AtomicBoolean over = new AtomicBoolean();
        private final ExecutorService threads = Executors.newFixedThreadPool(4);
        private final List<Future<Integer>> running = new ArrayList<>();

        Callers(KvNamespace namespace, boolean writes) {
            for (int t = 0; t < 4; t++) {
                int thread = t;
                running.add(threads.submit(() -> {
                    int calls = 0;
                    while (!over.get()) {
                        String key = "k-" + thread + "-" + calls % 500;
                        if (writes && calls % 10 == 0) {
                            assertThat(namespace.put(key, "v").orThrow()).isPositive();
                        } else {
                            assertThat(namespace.getString(key)).isNotNull();
                        }
                        calls++;
                    }
                    return calls;
                }));
            }
        }

        /** Ends them; fails if one has seen a failure, else returns how many calls there were. */
        int finish() throws Exception {
            over.set(true);
            int calls = 0;
            for (Future<Integer> each : running) {
                calls += each.get();
            }
            return calls;
        }

        @Override
        public void close() {
            over.set(true);
            threads.shutdown();
        }
    }

    @Test
    void an_application_sees_nothing_of_a_build_of_another_environment() throws Exception {
        Program elsewhere = new Program(Files.createDirectories(folder.resolve("elsewhere")));
        try (RunningServer staging = elsewhere.serve("--environment", "staging")) {
            // The route says that a production build listens there. It is a staging build that does.
            Fleet.Build candidate = fleet.build("1.9");
            RouteEntry wrong = new RouteEntry(candidate.ref(), 0, List.of(staging.address()), "1.9", 0);
            Path bundle = fleet.bundle("route.bundle", route(wrong, 10_000));
            try (KvClient client = KvClient.builder()
                    .serviceRoute(bundle.toString())
                    .token(fleet.adminToken())
                    .timeout(PATIENCE)
                    .build()) {
                client.awaitReady(PATIENCE);
                try (Callers callers = new Callers(client.kv().namespace("default"), true)) {
                    await().atMost(PATIENCE)
                            .untilAsserted(
                                    () -> assertThat(requests(client, old)).isGreaterThan(500));
                    assertThat(callers.finish()).isPositive();
                }
                BuildStats left = stats(client, wrong);
                assertThat(left.ready()).isFalse();
                assertThat(left.requests()).isZero();
                // It is refused at its greeting again and again: the application takes the whole way back.
                await().atMost(PATIENCE)
                        .untilAsserted(() -> assertThat(
                                        Objects.requireNonNull(client.routes()).problems())
                                .anySatisfy(problem -> assertThat(problem).contains("is rolled back: build_refused")));
            }
            // A router that runs refuses the document: it tries new instances before it takes them.
            RunningServer router = fleet.router("router-1", fleet.bundle("known.bundle", known()));
            try (KvTransport transport = fleet.transport()) {
                DocumentVerdict verdict = transport.offer(router.address(), route(wrong, 100), PATIENCE);
                assertThat(verdict.reason()).isEqualTo("endpoint_refused");
                assertThat(verdict.detail()).contains("staging");
            }
        }
    }

    private static BuildStats stats(KvClient client, RouteEntry entry) {
        return Objects.requireNonNull(client.routes()).builds().stream()
                .filter(build -> build.build().equals(entry.id()))
                .findFirst()
                .orElseThrow();
    }

    private static long requests(KvClient client, Fleet.Build build) {
        return stats(client, build.entry()).requests();
    }

    @Test
    void a_build_that_loses_its_permission_is_left_within_the_call_over_both_surfaces() throws Exception {
        Fleet.Build candidate = fleet.build("1.9");
        RunningServer router = fleet.router("router-1", fleet.bundle("route.bundle", route(candidate.entry(), 5_000)));
        try (Kv kv = connect(router)) {
            KvNamespace namespace = kv.namespace("default");
            String rest = "http://" + router.field("http") + "/client/v4/accounts/" + router.account()
                    + "/storage/kv/namespaces/" + namespace.info().id() + "/values/";
            assertThat(namespace.put("k", "1").orThrow()).isPositive();
            assertThat(overridden(rest + "k", candidate.ref().id())).isEqualTo(200);
            assertThat(overridden(rest + "k", "p7k3mq2vd9xab")).isEqualTo(404);
            assertThat(Fleet.read(folder.resolve("router-1/route/audit.log"))).contains("\"build_override\"");
            try (Callers callers = new Callers(namespace, true)) {
                await().untilAsserted(() ->
                        assertThat(metric(router, "requests", candidate)).isGreaterThan(200));
                revokeBuildToken(candidate);
                await().atMost(Duration.ofSeconds(20))
                        .untilAsserted(() -> assertThat(metric(router, "refusals", candidate))
                                .isPositive());
                for (int i = 0; i < 50; i++) {
                    assertThat(http(rest + "k").body()).isEqualTo("1");
                }
                assertThat(callers.finish()).isGreaterThan(200);
            }
            assertThat(metric(router, "fallbacks", candidate)).isEqualTo(metric(router, "refusals", candidate));
            assertThat(metric(router, "usable", candidate)).isZero();
        }
    }

    private void revokeBuildToken(Fleet.Build build) throws Exception {
        String token = Fleet.read(build.data().resolve("identity/build.token")).strip();
        Program.Result revoked = fleet.program.call("token", "revoke", token);
        assertThat(revoked.exitCode()).as("%s", revoked).isZero();
        Path arriving = build.data().resolve("identity/arriving");
        Files.copy(folder.resolve("data/identity/revocations.jwt"), arriving);
        Files.move(arriving, build.data().resolve("identity/revocations.jwt"), StandardCopyOption.REPLACE_EXISTING);
    }

    private int overridden(String uri, String build) throws Exception {
        return HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(URI.create(uri))
                                .header("Authorization", "Bearer " + fleet.adminToken())
                                .header("KV-Build-Override", build)
                                .build(),
                        HttpResponse.BodyHandlers.ofString())
                .statusCode();
    }

    private HttpResponse<String> http(String uri) throws Exception {
        return HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(URI.create(uri))
                                .header("Authorization", "Bearer " + fleet.adminToken())
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
    }

    private static double metric(RunningServer node, String name, Fleet.Build build) throws Exception {
        String page = HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(URI.create("http://" + node.operations() + "/metrics"))
                                .build(),
                        HttpResponse.BodyHandlers.ofString())
                .body();
        return page.lines()
                .filter(line -> line.startsWith("nearkv_route_" + name)
                        && line.contains(build.ref().id()))
                .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
                .sum();
    }

    @Test
    void a_build_that_is_killed_under_readers_is_left_without_a_failure() throws Exception {
        Fleet.Build candidate = fleet.build("1.9");
        RunningServer router = fleet.router("router-1", fleet.bundle("route.bundle", route(candidate.entry(), 5_000)));
        try (Kv kv = connect(router);
                Callers callers = new Callers(kv.namespace("default"), false)) {
            await().untilAsserted(() ->
                    assertThat(metric(router, "requests", candidate)).isGreaterThan(200));
            candidate.server().kill();
            double before = metric(router, "requests", old);
            await().untilAsserted(
                            () -> assertThat(metric(router, "requests", old)).isGreaterThan(before + 500));
            assertThat(callers.finish()).isPositive();
        }
    }

    @Test
    void a_document_that_one_node_takes_reaches_all_and_the_way_back_needs_nobody() throws Exception {
        Fleet.Build candidate = fleet.build("1.9");
        Path bundle = fleet.bundle("known.bundle", known(), fleet.ledger(knownGood()));
        List<RunningServer> routers = List.of(
                fleet.router("router-1", bundle), fleet.router("router-2", bundle), fleet.router("router-3", bundle));
        byte[] forward = route(candidate.entry(), 1_000);
        try (KvTransport transport = fleet.transport()) {
            for (RunningServer router : routers) {
                assertThat(transport.offer(router.address(), forward, PATIENCE).outcome())
                        .isIn(Outcome.ACCEPTED, Outcome.KNOWN);
            }
            // Store and control plane are gone; what is left are the routers and the builds.
            fleet.core.kill();
            byte[] parachute = parachuteOf("router-1");
            long before = System.nanoTime();
            for (RunningServer router : routers) {
                DocumentVerdict verdict = transport.offer(router.address(), parachute, PATIENCE);
                assertThat(verdict.holds()).as("%s", verdict).isTrue();
                assertThat(verdict.active()).isEqualTo(old.ref().id() + "=10000");
            }
            assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(Duration.ofSeconds(3));
            // The forward document does not come back: its rollout was pulled.
            assertThat(transport
                            .offer(routers.get(0).address(), forward, PATIENCE)
                            .outcome())
                    .isEqualTo(Outcome.REJECTED);
        }
        for (int i = 1; i <= 3; i++) {
            assertThat(AuditLog.verify(folder.resolve("router-" + i + "/route/audit.log"))
                            .intact())
                    .isTrue();
        }
        // With nothing else alive, a router that is killed comes back with what is on its disk.
        routers.get(0).kill();
        old.server().kill();
        older.server().kill();
        candidate.server().kill();
        RunningServer again = fleet.router("router-1", bundle);
        assertThat(again.field("route")).isEqualTo("1.5");
    }

    private byte[] parachuteOf(String node) {
        var active = RouteStore.peek(folder.resolve(node + "/route")).active();
        var parachute = Objects.requireNonNull(active).parachute();
        return Objects.requireNonNull(parachute).toArray();
    }

    @Test
    @EnabledIfSystemProperty(named = "nearkv.test.long", matches = "true")
    void a_candidate_goes_back_by_itself_when_its_lease_runs_out() throws Exception {
        Fleet.Build candidate = fleet.build("1.9");
        Path bundle = fleet.bundle(
                "leased.bundle",
                fleet.route(
                        List.of(candidate.entry().withWeight(1_000), old.entry().withWeight(9_000)),
                        knownGood(),
                        Duration.ofSeconds(2)));
        RunningServer router = fleet.router("router-1", bundle);
        try (KvTransport transport = fleet.transport()) {
            await().atMost(Duration.ofSeconds(20))
                    .untilAsserted(() -> assertThat(transport
                                    .offer(router.address(), new byte[0], PATIENCE)
                                    .active())
                            .isEqualTo(old.ref().id() + "=10000"));
        }
    }

    @Test
    void a_file_that_is_dropped_into_the_folder_is_taken_and_handed_on() throws Exception {
        Fleet.Build candidate = fleet.build("1.9");
        Path bundle = fleet.bundle("known.bundle", known());
        RunningServer first = fleet.router("router-1", bundle);
        Path routesFolder = folder.resolve("router-1/route/routes.d");
        Files.createDirectories(routesFolder);
        Files.write(routesFolder.resolve("next.route"), route(candidate.entry(), 100));
        try (KvTransport transport = fleet.transport()) {
            await().untilAsserted(() -> assertThat(transport
                            .offer(first.address(), new byte[0], PATIENCE)
                            .seq())
                    .isEqualTo(4));
        }
    }
}
