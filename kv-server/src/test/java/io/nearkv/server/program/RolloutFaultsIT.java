package io.nearkv.server.program;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import io.nearkv.core.KvNamespace;
import io.nearkv.net.client.KvClient;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/** Rollouts, as an operator has them, while something else than the build goes wrong, or the build when it has everything already. */
@EnabledIfSystemProperty(named = "nearkv.test.long", matches = "true", disabledReason = "kv-server/campaign control")
class RolloutFaultsIT {
    private static final int USERS = 4;
    private static final Duration LONG = Duration.ofSeconds(90);
    /** Its first step lasts until somebody ends it: the tests need time in it. */
    private static final String SLOW =
            "{\"steps\":[{\"weight\":1000,\"seconds\":%d,\"units\":20},{\"weight\":5000,\"seconds\":2,\"units\":50}],"
                    + "\"bake\":{\"seconds\":2,\"units\":3},\"probes\":20,\"warm_up_seconds\":2}";

    @TempDir
    Path folder;

    private ControlFleet fleet;
    private final AtomicBoolean over = new AtomicBoolean();
    private final ExecutorService users = Executors.newCachedThreadPool();

    @BeforeEach
    void start() {
        fleet = new ControlFleet(folder);
    }

    @AfterEach
    void stop() {
        over.set(true);
        users.shutdownNow();
        fleet.close();
    }

    /** Some hundred requests a second, whatever becomes of them. */
    private void users(RunningServer router) {
        for (int user = 0; user < USERS; user++) {
            int first = user;
            users.execute(() -> ask(router, first));
        }
    }

    private void ask(RunningServer router, int first) {
        try (Kv kv = KvClient.builder()
                .server(router.address())
                .token(fleet.adminToken())
                .build()
                .kv()) {
            KvNamespace namespace = kv.namespace("default").withTimeout(Duration.ofMillis(300));
            for (int call = first; !over.get(); call += USERS) {
                try {
                    var unused = namespace.getString("k" + call % 2_000);
                } catch (KvException e) {
                    assertThat(e.code()).isNotNull(); // What is away may fail.
                }
                LockSupport.parkNanos(6_000_000); // A pace, and no wait for anything.
            }
        }
    }

    private String state() {
        return fleet.productionDone("rollout", "status", "--json").out();
    }

    private void awaitState(String... parts) {
        await().atMost(LONG).untilAsserted(() -> assertThat(state()).contains(parts));
    }

    /** Returns which route a node follows: its builds and shares. */
    private String route(RunningServer node) {
        return fleet.productionDone("route", "show", "--node", node.address())
                .out()
                .lines()
                .filter(line -> line.contains("="))
                .map(line -> line.substring(line.indexOf("epoch")))
                .findFirst()
                .orElseThrow();
    }

    private void startRollout(ControlFleet.Build build, int seconds) {
        Path plan = fleet.write("plan.json", SLOW.formatted(seconds).getBytes(UTF_8));
        fleet.productionDone("rollout", "start", "--build", build.id(), "--plan", plan.toString(), "--detach");
    }

    private static void signal(String name, RunningServer server) throws IOException, InterruptedException {
        assertThat(new ProcessBuilder("kill", "-" + name, Long.toString(server.pid()))
                        .start()
                        .waitFor())
                .isZero();
    }

    @Test
    void a_build_that_dies_after_it_was_complete_is_taken_back() {
        fleet.startControl();
        ControlFleet.Build old = fleet.knownGood("1.8.2");
        RunningServer router = fleet.router("router-1");
        fleet.restartControl();
        ControlFleet.Build next = fleet.publish("1.9.0");
        RunningServer instance = fleet.run(next, "build-1.9.0");
        users(router);
        startRollout(next, 2);
        awaitState("\"state\":\"complete\"");

        instance.kill();

        awaitState("\"state\":\"rolled_back\"", "does not answer its probes");
        assertThat(fleet.productionDone("route", "show", "--node", router.address())
                        .out())
                .contains(old.id() + "=10000");
        assertThat(fleet.productionDone("ledger", "show").out())
                .as("it is what others go back to again")
                .contains("instead of " + next.id());
    }

    @Test
    void a_store_that_dies_holds_the_rollout_and_blames_no_build() {
        fleet.startControl();
        ControlFleet.Build old = fleet.knownGood("1.8.2");
        RunningServer router = fleet.router("router-1");
        fleet.restartControl();
        ControlFleet.Build next = fleet.build("1.9.0");
        users(router);
        startRollout(next, 20);
        awaitState("\"state\":\"step\"");

        String store = fleet.core.address();
        fleet.core.kill();

        awaitState("\"hold\":\"common_mode\"");
        assertThat(fleet.productionDone("route", "show", "--node", router.address())
                        .out())
                .contains(next.id() + "=1000")
                .contains(old.id() + "=9000");

        RunningServer again =
                fleet.program.serve("--environment", "production", "--listen", store.substring("kv://".length()));
        try {
            awaitState("goes on after common_mode");
        } finally {
            over.set(true);
            again.close();
        }
    }

    @Test
    void a_router_that_is_paused_holds_the_rollout_and_follows_when_it_goes_on() throws Exception {
        fleet.startControl();
        ControlFleet.Build unused = fleet.knownGood("1.8.2");
        RunningServer first = fleet.router("router-1");
        RunningServer second = fleet.router("router-2");
        fleet.restartControl();
        ControlFleet.Build next = fleet.build("1.9.0");
        users(first);
        users(second);
        startRollout(next, 6);
        awaitState("\"state\":\"step\"");

        signal("STOP", second);
        try {
            awaitState("\"hold\":\"not_followed\"");
            assertThat(fleet.productionDone("route", "show", "--node", first.address())
                            .out())
                    .as("no step forward, and none back")
                    .contains(next.id() + "=");
        } finally {
            signal("CONT", second);
        }

        awaitState("goes on after not_followed");
        await().atMost(LONG).untilAsserted(() -> assertThat(route(second)).isEqualTo(route(first)));
    }
}
