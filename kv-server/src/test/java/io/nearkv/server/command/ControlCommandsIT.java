package io.nearkv.server.command;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.Value;
import io.nearkv.deploy.control.ControlQuotas;
import io.nearkv.deploy.control.DependencyGraph;
import io.nearkv.deploy.control.RefusedException;
import io.nearkv.server.config.DataFolder;
import io.nearkv.server.config.ListenAddress;
import io.nearkv.server.control.ControlProcess;
import io.nearkv.server.control.ControlSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands of release safety against a control plane in the same process, as far as they need no nodes. */
class ControlCommandsIT {
    private static final String DIGEST = "9c41e0".repeat(11).substring(0, 64);

    @TempDir
    private Path folder;

    private final CapturedConsole console = new CapturedConsole();
    private @Nullable ControlProcess control;

    @AfterEach
    void close() {
        if (control != null) {
            control.close();
        }
    }

    private Path data(String environment) {
        return folder.resolve(environment);
    }

    private void create(String environment) {
        run(
                0,
                "env",
                "create",
                environment,
                "--class",
                "production",
                "--operator",
                "alice,bob",
                "--data",
                data(environment).toString());
    }

    private void start(List<Value> strays) throws IOException, RefusedException {
        control = ControlProcess.start(
                new ControlSettings(
                        new DataFolder(data("production")),
                        data("production").resolve("deploy"),
                        new ListenAddress("127.0.0.1", 0),
                        List.of(),
                        Duration.ofSeconds(60),
                        null,
                        null,
                        DependencyGraph.NONE,
                        ControlQuotas.DEFAULT,
                        null,
                        null),
                InstantSource.system(),
                options -> options.strayManifests(() -> strays));
        console.with("NEARKV_DATA", data("production").toString());
    }

    private void run(int expected, String... args) {
        assertThat(console.run(args))
                .as("%s: %s%s", List.of(args), console.out(), console.err())
                .isEqualTo(expected);
    }

    private String publish(String environment, String... more) {
        String[] args = new String[12 + more.length];
        System.arraycopy(
                new String[] {
                    "build",
                    "publish",
                    "--environment",
                    environment,
                    "--digest",
                    DIGEST,
                    "--build-version",
                    "1.9.0",
                    "--endpoint",
                    "kv://127.0.0.1:1",
                    "--ttl",
                    "1h"
                },
                0,
                args,
                0,
                12);
        System.arraycopy(more, 0, args, 12, more.length);
        run(0, args);
        return console.out().substring("build ".length(), "build ".length() + 13);
    }

    @Test
    void an_environment_has_keys_for_its_owner_alone_and_a_trust_that_tells_what_is_in_it() throws IOException {
        create("production");

        assertThat(console.out())
                .contains("default/kv/production  class production  trust serial 1")
                .contains("give it to alice");
        Path keys = data("production").resolve("deploy");
        for (String key : List.of("route.pem", "root/root-1.pem", "root/root-3.pem", "break-glass/bob.pem")) {
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(keys.resolve(key))))
                    .isEqualTo("rw-------");
        }
        run(
                0,
                "env",
                "show",
                "--environment",
                "production",
                "--trust",
                keys.resolve("trust.signed").toString());
        assertThat(console.out()).contains("2 of alice, bob").contains("3, of which 2 sign the next trust");
        run(
                2,
                "env",
                "show",
                "--environment",
                "staging",
                "--trust",
                keys.resolve("trust.signed").toString());
        run(
                2,
                "env",
                "create",
                "production",
                "--operator",
                "alice,bob",
                "--data",
                data("production").toString());
        assertThat(console.err()).contains("exists already");
    }

    @Test
    void the_next_trust_takes_two_roots_and_may_name_another_route_key() throws IOException {
        create("production");
        Path keys = data("production").resolve("deploy");
        String folderOption = data("production").toString();
        String one = keys.resolve("root/root-1.pem").toString();
        String two = keys.resolve("root/root-2.pem").toString();
        Path newKey = folder.resolve("route-2.pem");

        run(2, "env", "trust", "--data", folderOption, "--root", one);
        run(2, "env", "trust", "--data", folderOption, "--root", one, "--root", one);
        run(
                2,
                "env",
                "trust",
                "--data",
                folderOption,
                "--root",
                one,
                "--root",
                keys.resolve("route.pem").toString());
        run(0, "key", "rotate", "--role", "build", "--data", folderOption);
        String buildKey = console.out().strip();
        run(
                0,
                "env",
                "trust",
                "--data",
                folderOption,
                "--root",
                one,
                "--root",
                two,
                "--new-route-key",
                newKey.toString(),
                "--overlap",
                "0");
        assertThat(console.out()).contains("trust serial 2");
        run(
                0,
                "env",
                "show",
                "--environment",
                "production",
                "--trust",
                keys.resolve("trust.signed").toString());
        assertThat(console.out()).contains(buildKey).contains("trust serial 2");
        assertThat(newKey).exists();
    }

    @Test
    void builds_are_published_listed_given_tokens_and_retired() throws Exception {
        create("production");
        start(List.of());
        Path token = folder.resolve("build.token");
        Path manifest = folder.resolve("manifest");

        String build = publish("production", "--token-out", token.toString(), "--out", manifest.toString());
        assertThat(console.out()).doesNotContain("build token (kept nowhere)");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(token)))
                .isEqualTo("rw-------");
        run(
                0,
                "build",
                "list",
                "--environment",
                "production",
                "--no-ready",
                "--trust",
                data("production").resolve("deploy/trust.signed").toString());
        assertThat(console.out())
                .isEqualTo("BUILD          VERSION  DIGEST         READY  STATE\n" + build
                        + "  1.9.0    9c41e09c41e0…  ?/1    published\n");
        run(0, "build", "list", "--environment", "production", "--json");
        assertThat(console.out()).contains("\"ready\":0").contains("\"digest\":\"" + DIGEST + "\"");
        run(0, "build", "token", build, "--environment", "production", "--ttl", "1h");
        assertThat(console.out()).containsPattern("^[\\w-]+\\.[\\w-]+\\.[\\w-]+\n$");
        run(0, "build", "retire", build, "--environment", "production");
        run(0, "build", "list", "--environment", "production");
        assertThat(console.out()).doesNotContain(build);
        run(21, "build", "token", build, "--environment", "production");
        run(21, "build", "retire", "s9tq4fs2tq4fs", "--environment", "production", "--json");
        assertThat(console.out()).contains("\"code\":\"ENV_MISMATCH\"");
        assertThat(Files.readAllBytes(manifest)).isNotEmpty();
    }

    @Test
    void a_list_with_builds_of_another_environment_is_told_and_ends_with_21() throws Exception {
        create("production");
        create("staging");
        Path manifest = folder.resolve("staging.manifest");
        control = ControlProcess.start(
                new ControlSettings(
                        new DataFolder(data("staging")),
                        data("staging").resolve("deploy"),
                        new ListenAddress("127.0.0.1", 0),
                        List.of(),
                        Duration.ofSeconds(60),
                        null,
                        null,
                        DependencyGraph.NONE,
                        ControlQuotas.DEFAULT,
                        null,
                        null),
                InstantSource.system());
        console.with("NEARKV_DATA", data("staging").toString());
        String stray = publish("staging", "--out", manifest.toString());
        requireNonNull(control).close();
        start(List.of(Value.wrap(Files.readAllBytes(manifest))));
        String own = publish("production");

        run(21, "build", "list", "--environment", "production");

        assertThat(console.out()).contains(own).doesNotContain(stray);
        assertThat(console.err())
                .startsWith("ALARM: P15 LIST_POLLUTED  the list has build " + stray + " (1.9.0) of default/kv/staging")
                .contains("nearkv: refused: LIST_POLLUTED: 1 items of another environment");
        run(21, "route", "set", stray, "--weight", "100%", "--environment", "production");
        assertThat(console.out())
                .contains("REFUSED  P1 ENV_MISMATCH  " + stray
                        + " belongs to default/kv/staging, target is default/kv/production")
                .contains("P2 BUILD_KEY_ENV")
                .contains("P4 NOT_RUNNING_IN_ENV")
                .contains("P15 LIST_POLLUTED")
                .contains("nothing changed; no route is in force");
        run(
                21,
                "build",
                "promote",
                stray,
                "--evidence",
                manifest.toString(),
                "--endpoint",
                "kv://127.0.0.1:2",
                "--environment",
                "production");
        assertThat(console.out()).contains("ENV_MISMATCH  " + stray + " belongs to default/kv/staging");
        run(
                0,
                "build",
                "promote",
                "--evidence",
                manifest.toString(),
                "--endpoint",
                "kv://127.0.0.1:2",
                "--environment",
                "production");
        assertThat(console.out()).startsWith("build ").doesNotContain(stray);
    }

    @Test
    void what_is_not_there_yet_is_told_as_such() throws Exception {
        create("production");
        start(List.of());

        run(0, "route", "show", "--environment", "production");
        assertThat(console.out()).isEqualTo("default/kv/production  no route yet\n");
        run(0, "env", "list");
        assertThat(console.out()).contains("default/kv/production  production  -");
        run(0, "ledger", "show", "--environment", "production");
        run(3, "ledger", "verify", "--environment", "production");
        run(21, "reconcile", "--environment", "production");
        run(3, "rollback", "--environment", "production");
        assertThat(console.err()).contains("run this on a node with --folder, or give a bundle with --bundle");
        run(0, "audit", "verify", data("production").toString());
        assertThat(console.out()).contains(": intact, ");
    }

    @Test
    void a_control_plane_that_is_dead_is_unavailable_and_not_in_the_way() {
        create("production");

        run(
                6,
                "route",
                "show",
                "--environment",
                "production",
                "--data",
                data("production").toString());
        assertThat(console.err()).contains("no control plane is running").contains("nearkv control serve");
        run(
                6,
                "route",
                "show",
                "--environment",
                "production",
                "--data",
                data("production").toString(),
                "--control",
                "http://127.0.0.1:1");
        assertThat(console.err()).contains("nodes, rollback and break-glass do not need it");
    }

    @Test
    void an_audit_log_with_one_word_changed_is_not_intact() throws Exception {
        create("production");
        start(List.of());
        String first = publish("production");
        String second = publish("production"); // Nothing vouches for the last record but the head, noted elsewhere.
        assertThat(second).isNotEqualTo(first);
        requireNonNull(control).close();
        Path log = data("production").resolve("control/audit.log");
        Files.writeString(log, Files.readString(log).replace(first, second));

        run(1, "audit", "verify", log.toString());

        assertThat(console.out()).contains("NOT INTACT");
    }
}
