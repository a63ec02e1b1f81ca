package io.nearkv.server.program;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.Kv;
import io.nearkv.core.KvNamespace;
import io.nearkv.net.client.KvClient;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rollouts as an operator has them: by commands, against real processes, with users on them all the time. */
class RolloutIT {
    private static final int ROLLED_BACK = 30;
    private static final int REFUSED = 21;
    private static final String PLAN = "{\"steps\":[{\"weight\":1000,\"seconds\":2,\"units\":20},"
            + "{\"weight\":5000,\"seconds\":2,\"units\":50}],\"bake\":{\"seconds\":2,\"units\":3},\"probes\":20,\"warm_up_seconds\":2}";

    @TempDir
    Path folder;

    private ControlFleet fleet;
    private final AtomicBoolean over = new AtomicBoolean();
    private final ExecutorService users = Executors.newSingleThreadExecutor();

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

    /** Some hundred requests a second, none of which may fail; returns how many there were. */
    private Future<Integer> users(RunningServer router) {
        return users.submit(() -> {
            int calls = 0;
            try (Kv kv = KvClient.builder()
                    .server(router.address())
                    .token(fleet.adminToken())
                    .timeout(Duration.ofSeconds(5))
                    .build()
                    .kv()) {
                KvNamespace namespace = kv.namespace("default");
                while (!over.get()) {
                    String key = "k" + calls % 2_000;
                    if (calls % 20 == 0) {
                        assertThat(namespace.put(key, "v").orThrow()).isPositive();
                    } else {
                        assertThat(namespace.getString(key)).isNotNull();
                    }
                    calls++;
                    LockSupport.parkNanos(1_500_000); // A pace, and no wait for anything.
                }
            }
            return calls;
        });
    }

    private String state() {
        return fleet.productionDone("rollout", "status", "--json").out();
    }

    private static String get(String url) throws Exception {
        return HttpClient.newHttpClient()
                .send(HttpRequest.newBuilder(URI.create(url)).build(), HttpResponse.BodyHandlers.ofString())
                .body();
    }

    @Test
    void a_healthy_build_gets_everything_though_the_control_plane_is_killed_and_one_that_hurts_is_taken_back()
            throws Exception {
        Path plan = fleet.write("plan.json", PLAN.getBytes(UTF_8));
        fleet.startControl();
        ControlFleet.Build old = fleet.knownGood("1.8.2");
        RunningServer router = fleet.router("router-1");
        fleet.restartControl();
        ControlFleet.Build next = fleet.build("1.9.0");
        ControlFleet.Build nowhere = fleet.publish("1.9.1");
        Future<Integer> calls = users(router);

        Program.Result refused = fleet.production("rollout", "start", "--build", nowhere.id());
        assertThat(refused.exitCode()).isEqualTo(REFUSED);
        assertThat(refused.out()).startsWith("REFUSED  P4 NOT_RUNNING_IN_ENV").contains("nothing changed");

        Program.Result started =
                fleet.productionDone("rollout", "start", "--build", next.id(), "--plan", plan.toString(), "--detach");
        assertThat(started.out())
                .contains("all checks hold")
                .contains("step 1  10 %")
                .contains("can detect");
        await().atMost(Duration.ofSeconds(40)).until(() -> state().contains("\"state\":\"step\""));
        fleet.killControl();
        fleet.startControl();
        assertThat(fleet.production("route", "set", next.id(), "--weight", "100%")
                        .exitCode())
                .as("a rollout is under way")
                .isEqualTo(REFUSED);
        await().atMost(Duration.ofSeconds(60)).until(() -> state().contains("\"over\":true"));
        Program.Result followed = fleet.productionDone("rollout", "status", "--follow");
        assertThat(followed.out()).contains("COMPLETE  " + next.id());
        assertThat(fleet.productionDone("ledger", "show").out())
                .contains(next.id())
                .contains(old.id());
        assertThat(fleet.productionDone("route", "show", "--node", router.address())
                        .out())
                .contains(next.id() + "=10000");

        ControlFleet.Build bad = fleet.build("1.10.0");
        fleet.productionDone("rollout", "start", "--build", bad.id(), "--plan", plan.toString(), "--detach");
        await().atMost(Duration.ofSeconds(40)).until(() -> state().contains("\"state\":\"step\""));
        revoke("build-1.10.0");
        await().atMost(Duration.ofSeconds(40)).until(() -> state().contains("\"over\":true"));
        Program.Result back = fleet.production("rollout", "status", "--follow");
        assertThat(back.exitCode()).as("%s", back).isEqualTo(ROLLED_BACK);
        assertThat(fleet.productionDone("route", "show", "--node", router.address())
                        .out())
                .contains(next.id() + "=10000");
        assertThat(fleet.productionDone("rollout", "list").out())
                .containsPattern(next.id() + " .*complete")
                .containsPattern(bad.id() + " .*rolled_back");

        over.set(true);
        assertThat(calls.get(30, TimeUnit.SECONDS))
                .as("no user has seen a failure")
                .isGreaterThan(500);
        String control = controlUrl();
        assertThat(get(control + "/ui")).contains("<title>nearkv operations</title>");
        assertThat(get(control + "/v1/view"))
                .contains("\"state\":\"rolled_back\"")
                .contains("\"alerts\":[{");
        assertThat(get(control + "/metrics"))
                .contains(
                        "nearkv_control_rollout_active{tenant=\"default\",service=\"kv\",environment=\"production\"} 0\n")
                .contains("nearkv_control_alerts_total{");
        assertThat(get(control + "/v1/services/default/kv/production/rollout")).contains("unauthorized");
    }

    /** The build is not allowed to serve any more: its environment has said so. */
    private void revoke(String name) throws Exception {
        Path identity = folder.resolve(name).resolve("identity");
        fleet.done(
                "token",
                "revoke",
                Files.readString(identity.resolve("build.token")).strip());
        Path arriving = identity.resolve("arriving");
        Files.copy(folder.resolve("data/identity/revocations.jwt"), arriving);
        Files.move(arriving, identity.resolve("revocations.jwt"), StandardCopyOption.REPLACE_EXISTING);
    }

    private String controlUrl() {
        return Fleet.read(folder.resolve("data/control/control.address")).strip();
    }
}
