package io.nearkv.server.program;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.Kv;
import io.nearkv.net.client.KvClient;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/** Release safety as an operator has it: by commands, against real processes, some of which are dead. */
@EnabledIfSystemProperty(named = "nearkv.test.long", matches = "true", disabledReason = "kv-server/campaign control")
class ControlIT {
    private static final int REFUSED = 21;

    @TempDir
    Path folder;

    private ControlFleet fleet;

    @BeforeEach
    void start() {
        fleet = new ControlFleet(folder);
    }

    @AfterEach
    void stop() {
        fleet.close();
    }

    private Kv connect(RunningServer node) {
        return KvClient.builder()
                .server(node.address())
                .token(fleet.adminToken())
                .timeout(Duration.ofSeconds(5))
                .build()
                .kv();
    }

    private Program.Result show(RunningServer node) {
        return fleet.productionDone("route", "show", "--node", node.address());
    }

    private void awaitFollowed(RunningServer node, String active) {
        await().atMost(Duration.ofSeconds(20))
                .untilAsserted(() -> assertThat(show(node).out()).contains("  " + active + "\n"));
    }

    @Test
    void a_rollout_by_command_and_the_way_back_with_everything_dead() throws Exception {
        fleet.startControl();
        ControlFleet.Build good = fleet.knownGood("1.8.2");
        RunningServer one = fleet.router("router-1");
        RunningServer two = fleet.router("router-2");
        fleet.restartControl();
        ControlFleet.Build next = fleet.build("1.9.0");

        Program.Result canary = fleet.productionDone("route", "set", next.id(), "--weight", "10%", "--lease", "1h");
        Program.Result list = fleet.productionDone("build", "list");
        Program.Result drill = fleet.productionDone(
                "drill",
                "rollback",
                "--folder",
                folder.resolve("router-1/route").toString());

        assertThat(canary.out())
                .contains(next.id() + " 10 %, " + good.id() + " 90 %")
                .contains("followed by 2/2");
        assertThat(list.out())
                .containsPattern(good.id() + "  1.8.2 +[0-9a-f]{12}…  1/1    active 90 %, known-good #1")
                .containsPattern(next.id() + "  1.9.0 +[0-9a-f]{12}…  1/1    active 10 %");
        assertThat(drill.out()).contains("ok    the way is open; nothing was changed");
        try (Kv kv = connect(one)) {
            for (int i = 0; i < 50; i++) {
                kv.namespace("default").put("k" + i, "v" + i);
            }
        }
        fleet.killControl();
        fleet.core.kill();

        Program.Result back = fleet.productionDone(
                "rollback", "--folder", folder.resolve("router-2/route").toString(), "--reason", "INC-7");

        assertThat(back.out()).containsPattern("pulled 2/2 in \\d+ ms, target " + good.id() + " 1.8.2 \\(ledger #1\\)");
        for (RunningServer router : List.of(one, two)) {
            assertThat(show(router).out()).contains(good.id() + "=10000");
        }
        Program.Result again = fleet.productionDone(
                "rollback", "--folder", folder.resolve("router-1/route").toString());
        assertThat(again.out()).contains("pulled 2/2");
        for (String audited : List.of("router-1", "router-2", "data")) {
            assertThat(fleet.done("audit", "verify", folder.resolve(audited).toString())
                            .out())
                    .contains(": intact, ");
        }
        // The control plane needs nothing of what it deploys: the core is dead all the while.
        fleet.startControl();
        awaitFollowed(one, good.id() + "=10000");
        await().atMost(Duration.ofSeconds(20))
                .untilAsserted(() ->
                        assertThat(fleet.productionDone("route", "show").out()).contains("confirms the way back"));
        fleet.productionDone("route", "set", next.id(), "--weight", "1%");
        assertThat(show(two).out()).contains(next.id() + "=100 " + good.id() + "=9900");
        fleet.productionDone(
                "rollback", "--folder", folder.resolve("router-1/route").toString());
        ControlFleet.Build unused = fleet.publish("2.0.0");
    }

    @Test
    void a_node_that_hangs_is_waited_for_and_follows_when_it_goes_on() throws Exception {
        fleet.startControl();
        ControlFleet.Build good = fleet.knownGood("1.8.2");
        RunningServer one = fleet.router("router-1");
        RunningServer two = fleet.router("router-2");
        fleet.restartControl();
        ControlFleet.Build next = fleet.build("1.9.0");
        fleet.productionDone("route", "set", next.id(), "--weight", "100%");
        fleet.killControl();
        signal("STOP", two);
        List<String> rollback = List.of(
                "rollback",
                "--environment",
                "production",
                "--folder",
                folder.resolve("router-1/route").toString());

        Program.Result early = fleet.program.call(
                Stream.concat(rollback.stream(), Stream.of("--timeout", "1s")).toArray(String[]::new));
        CompletableFuture<Program.Result> waiting =
                CompletableFuture.supplyAsync(() -> fleet.program.call(rollback.toArray(String[]::new)));
        await().atMost(Duration.ofSeconds(20))
                .untilAsserted(() -> assertThat(show(one).out()).contains(good.id() + "=10000"));
        signal("CONT", two);

        assertThat(early.exitCode()).as("%s", early).isEqualTo(6);
        assertThat(early.out()).contains("pulled 1/2").contains("missing " + two.address());
        assertThat(waiting.join().exitCode()).as("%s", waiting.join()).isZero();
        assertThat(show(two).out()).contains(good.id() + "=10000");
    }

    private static void signal(String name, RunningServer server) throws Exception {
        assertThat(new ProcessBuilder("kill", "-" + name, Long.toString(server.pid()))
                        .start()
                        .waitFor())
                .isZero();
    }

    @Test
    void what_is_not_of_this_environment_is_refused_and_nothing_changes() {
        fleet.startControl();
        ControlFleet.Build good = fleet.knownGood("1.8.2");
        RunningServer router = fleet.router("router-1");
        ControlFleet.Build dead = fleet.publish("1.9.0");
        Path other = folder.resolve("staging");
        fleet.done("env", "create", "staging", "--operator", "carol", "--data", other.toString());

        Program.Result foreign = fleet.production("route", "set", "s9tq4fs2tq4fs", "--weight", "1%");
        Program.Result notRunning = fleet.production("route", "set", dead.id(), "--weight", "1%");
        Program.Result promotion = fleet.production(
                "build",
                "promote",
                good.id(),
                "--evidence",
                folder.resolve("manifest-1.9.0").toString(),
                "--endpoint",
                "kv://127.0.0.1:1");
        Program.Result retired = fleet.production("build", "retire", good.id());
        Program.Result ledger = fleet.production("ledger", "add", dead.id());
        Program.Result wrongToken = fleet.production(
                "route", "show", "--token-file", other.resolve("admin.token").toString());
        Program.Result wrongEnvironment = fleet.program.call("route", "show", "--environment", "staging");
        Program.Result wrongFolder = fleet.program.call(
                "rollback",
                "--environment",
                "staging",
                "--folder",
                folder.resolve("router-1/route").toString());

        assertThat(foreign.exitCode()).isEqualTo(REFUSED);
        assertThat(foreign.out())
                .contains("REFUSED  P1 ENV_MISMATCH  s9tq4fs2tq4fs is no build of default/kv/production")
                .contains("P4 NOT_RUNNING_IN_ENV  0 ready instances in production")
                .contains("nothing changed; active route epoch 1 seq ");
        assertThat(foreign.err()).startsWith("nearkv: refused: ENV_MISMATCH, NOT_RUNNING_IN_ENV; nothing changed");
        assertThat(notRunning.exitCode()).isEqualTo(REFUSED);
        assertThat(notRunning.out()).contains("P4 NOT_RUNNING_IN_ENV").doesNotContain("P1");
        assertThat(promotion.exitCode()).isEqualTo(REFUSED);
        assertThat(promotion.out()).contains("NO_STAGING_EVIDENCE");
        assertThat(retired.exitCode()).isEqualTo(REFUSED);
        assertThat(retired.out()).contains("IN_USE");
        assertThat(ledger.exitCode()).isEqualTo(REFUSED);
        assertThat(ledger.out()).contains("NOT_AT_100");
        assertThat(wrongToken.exitCode()).as("%s", wrongToken).isEqualTo(4);
        assertThat(wrongEnvironment.exitCode()).as("%s", wrongEnvironment).isEqualTo(3);
        assertThat(wrongFolder.exitCode()).as("%s", wrongFolder).isEqualTo(2);
        assertThat(show(router).out()).contains(good.id() + "=10000");
    }

    @Test
    void a_break_glass_freezes_rollouts_until_it_is_reconciled() {
        fleet.startControl();
        ControlFleet.Build old = fleet.knownGood("1.7.0");
        ControlFleet.Build good = fleet.knownGood("1.8.2");
        RunningServer one = fleet.router("router-1");
        RunningServer two = fleet.router("router-2");
        fleet.restartControl();
        String keys = folder.resolve("data/deploy/break-glass").toString();
        String local = folder.resolve("router-1/route").toString();

        Program.Result drill = fleet.productionDone(
                "drill", "breakglass", "--folder", local, "--key", keys + "/alice.pem", "--key", keys + "/bob.pem");
        Program.Result alone = fleet.production(
                "breakglass",
                "route",
                "--to",
                "ledger:1",
                "--key",
                keys + "/alice.pem",
                "--reason",
                "INC-7",
                "--folder",
                local);
        Program.Result unknown = fleet.production(
                "breakglass",
                "route",
                "--to",
                "ledger:9",
                "--key",
                keys + "/alice.pem",
                "--key",
                keys + "/bob.pem",
                "--reason",
                "INC-7",
                "--folder",
                local);
        assertThat(show(one).out()).contains(good.id() + "=10000");
        Program.Result broken = fleet.productionDone(
                "breakglass",
                "route",
                "--to",
                "ledger:1",
                "--key",
                keys + "/alice.pem",
                "--key",
                keys + "/bob.pem",
                "--reason",
                "INC-7",
                "--folder",
                local);

        assertThat(drill.out()).contains("ok    2 keys sign it").contains("nothing was changed");
        assertThat(alone.exitCode()).isEqualTo(2);
        assertThat(unknown.exitCode()).isEqualTo(3);
        assertThat(broken.out()).contains("epoch 2 seq 0 accepted 2/2").contains("rollouts FROZEN");
        assertThat(show(two).out()).contains(old.id() + "=10000");
        await().atMost(Duration.ofSeconds(20)).untilAsserted(() -> {
            Program.Result frozen = fleet.production("route", "set", good.id(), "--weight", "100%");
            assertThat(frozen.exitCode()).isEqualTo(REFUSED);
            assertThat(frozen.out()).contains("P10 FROZEN");
        });
        Program.Result reconciled = fleet.productionDone("reconcile", "--reason", "INC-7 is over");
        assertThat(reconciled.out())
                .contains("epoch 2 seq 2")
                .contains(old.id() + " 100 %")
                .contains("followed by 2/2");
        fleet.productionDone("route", "set", good.id(), "--weight", "100%");
        assertThat(show(one).out()).contains(good.id() + "=10000");
        assertThat(fleet.done("audit", "verify", folder.resolve("router-2").toString())
                        .out())
                .contains("intact");
    }

    @Test
    void a_candidate_goes_back_by_itself_when_the_control_plane_dies() {
        fleet.startControl();
        ControlFleet.Build good = fleet.knownGood("1.8.2");
        RunningServer router = fleet.router("router-1");
        fleet.restartControl("--lease", "4s");
        ControlFleet.Build next = fleet.build("1.9.0");
        fleet.productionDone("route", "set", next.id(), "--weight", "1%");
        String canary = next.id() + "=100 " + good.id() + "=9900";
        // Renewed for as long as it lives.
        await().during(Duration.ofSeconds(6))
                .atMost(Duration.ofSeconds(12))
                .untilAsserted(() -> assertThat(show(router).out()).contains(canary));

        fleet.killControl();

        awaitFollowed(router, good.id() + "=10000");
    }

    @Test
    void a_control_plane_that_is_killed_again_and_again_goes_on_from_what_it_has_decided() {
        fleet.startControl();
        ControlFleet.Build good = fleet.knownGood("1.8.2");
        RunningServer router = fleet.router("router-1");
        fleet.restartControl();
        ControlFleet.Build next = fleet.build("1.9.0");
        for (int round = 0; round < 4; round++) {
            int killAfterMillis = 40 * round * round;
            Thread killer = new Thread(() -> {
                await().pollDelay(Duration.ofMillis(killAfterMillis)).until(() -> true);
                fleet.killControl();
            });
            killer.start();
            Program.Result unused =
                    fleet.production("route", "set", next.id(), "--weight", (round + 1) + "%", "--lease", "1h");
            try {
                killer.join();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
            fleet.startControl();
            await().atMost(Duration.ofSeconds(20))
                    .untilAsserted(() -> assertThat(
                                    fleet.productionDone("route", "show").out())
                            .contains("followed by 1/1"));
        }

        fleet.productionDone("route", "set", next.id(), "--weight", "50%");

        assertThat(show(router).out()).contains(next.id() + "=5000 " + good.id() + "=5000");
        assertThat(fleet.done("audit", "verify", folder.resolve("data/control").toString())
                        .out())
                .contains("intact");
    }

    @Test
    void the_rest_api_names_the_environment_in_every_path_and_asks_for_a_token() throws Exception {
        fleet.startControl();
        String url = Fleet.read(folder.resolve("data/control/control.address")).strip();

        assertThat(get(url + "/healthz", null)).startsWith("200 ");
        assertThat(get(url + "/v1/builds", fleet.adminToken()))
                .startsWith("400 ")
                .contains("names no environment");
        assertThat(get(url + "/v1/services/default/kv", fleet.adminToken())).startsWith("400 ");
        assertThat(get(url + "/v1/services/default/kv/staging", fleet.adminToken()))
                .startsWith("404 ");
        assertThat(get(url + "/v1/services/other/kv/production/builds", fleet.adminToken()))
                .startsWith("404 ");
        assertThat(get(url + "/v1/services/default/kv/production", null)).startsWith("401 ");
        assertThat(get(url + "/v1/services/default/kv/production", "e30.e30.e30"))
                .startsWith("401 ");
        assertThat(get(
                        url + "/v1/services/default/kv/production",
                        fleet.done("token", "create", "--allow", "read,write")
                                .out()
                                .strip()))
                .startsWith("403 ");
        assertThat(get(
                        url + "/v1/services/default/kv/production",
                        fleet.done("token", "create", "--allow", "admin", "--account", "0".repeat(32))
                                .out()
                                .strip()))
                .startsWith("404 ");
        assertThat(get(url + "/v1/services/default/kv/production", fleet.adminToken()))
                .startsWith("200 ");
    }

    private static String get(String url, @Nullable String token) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url));
        if (token != null) {
            request.header("Authorization", "Bearer " + token);
        }
        HttpResponse<String> answer =
                HttpClient.newHttpClient().send(request.build(), HttpResponse.BodyHandlers.ofString(UTF_8));
        return answer.statusCode() + " " + answer.body();
    }
}
