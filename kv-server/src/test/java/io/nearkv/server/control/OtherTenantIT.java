package io.nearkv.server.control;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.AccountId;
import io.nearkv.core.identity.IdentityDirectory;
import io.nearkv.core.identity.Permissions;
import io.nearkv.core.identity.TokenRequest;
import io.nearkv.deploy.control.ControlQuotas;
import io.nearkv.deploy.control.DependencyGraph;
import io.nearkv.server.command.TestCommands;
import io.nearkv.server.config.DataFolder;
import io.nearkv.server.config.ListenAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two tenants, each with a control plane: every endpoint of the one, as the program itself lists them, is asked by the other. */
class OtherTenantIT {
    private static final String DIGEST = "9c41e0".repeat(11).substring(0, 64);

    @TempDir
    private Path folder;

    private final HttpClient http = HttpClient.newHttpClient();
    private final List<Tenant> tenants = new ArrayList<>();
    private Tenant acme;
    private Tenant zebra;

    /** One tenant's control plane with a build in it. */
    private record Tenant(String name, IdentityDirectory identity, ControlProcess process, String build) {
        String token(AccountId account, Permissions permissions) {
            return identity.issueToken(new TokenRequest("operator", account, permissions, Duration.ofHours(1)));
        }

        String admin() {
            return token(identity.account(), Permissions.administrator());
        }
    }

    @BeforeEach
    void start() throws Exception {
        acme = start("acme");
        zebra = start("zebra");
    }

    @AfterEach
    void stop() {
        tenants.forEach(tenant -> tenant.process().close());
    }

    private Tenant start(String name) throws Exception {
        Path data = folder.resolve(name);
        TestCommands.run(
                "env",
                "create",
                "production",
                "--class",
                "production",
                "--tenant",
                name,
                "--service",
                name + "-kv",
                "--operator",
                "alice,bob",
                "--data",
                data.toString());
        ControlProcess process = ControlProcess.start(
                new ControlSettings(
                        new DataFolder(data),
                        data.resolve("deploy"),
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
        IdentityDirectory identity = IdentityDirectory.open(data, InstantSource.system());
        Tenant made = new Tenant(name, identity, process, "");
        tenants.add(made);
        HttpResponse<String> published = ask(
                made,
                "POST",
                "/v1/services/" + process.service() + "/builds",
                made.admin(),
                new String(
                        ControlJson.write(Map.of(
                                "digest",
                                DIGEST,
                                "version",
                                name + "-1.0",
                                "endpoints",
                                List.of("kv://127.0.0.1:9"),
                                "token_seconds",
                                60)),
                        UTF_8));
        assertThat(published.statusCode()).as(published.body()).isEqualTo(200);
        String build = ControlAnswer.parse(published.body()).text("build");
        return new Tenant(name, identity, process, build);
    }

    private HttpResponse<String> ask(Tenant whom, String method, String path, @Nullable String token, String body)
            throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(
                        URI.create(whom.process().url() + path))
                .timeout(Duration.ofSeconds(20))
                .method(method, HttpRequest.BodyPublishers.ofString(body));
        if (token != null) {
            request.header("Authorization", "Bearer " + token);
        }
        return http.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    private static String path(ControlApi.Endpoint endpoint, Tenant named) {
        return endpoint.path()
                .replace(
                        "{tenant}/{service}/{environment}",
                        named.process().service().toString())
                .replace("{build}", named.build());
    }

    /** All that is known of a tenant, but what changes by itself. */
    private String state(Tenant tenant) throws Exception {
        return ask(tenant, "GET", "/v1/view", tenant.admin(), "").body();
    }

    private static void tellsNothing(Tenant of, HttpResponse<String> answer, ControlApi.Endpoint asked) {
        assertThat(answer.body() + answer.headers().map())
                .as("%s", asked)
                .doesNotContain(of.build(), of.name(), of.identity().account().toString(), DIGEST);
    }

    private List<ControlApi.Endpoint> endpoints() {
        return zebra.process().endpoints();
    }

    @Test
    void a_token_of_another_tenant_proves_nothing_at_any_endpoint() throws Exception {
        String before = state(zebra);
        for (ControlApi.Endpoint endpoint : endpoints()) {
            for (String method : List.of("GET", "POST")) {
                HttpResponse<String> answer = ask(zebra, method, path(endpoint, zebra), acme.admin(), "{}");
                boolean open = endpoint.access() == ControlApi.Access.OPEN && method.equals("GET");
                assertThat(answer.statusCode()).as("%s %s", method, endpoint).isEqualTo(open ? 200 : 401);
                tellsNothing(zebra, answer, endpoint);
            }
        }
        assertThat(state(zebra)).isEqualTo(before);
    }

    @Test
    void to_another_account_of_the_same_environment_there_is_nothing_at_any_endpoint() throws Exception {
        String before = state(zebra);
        String customer = zebra.token(AccountId.parse("0".repeat(32)), Permissions.administrator());
        for (ControlApi.Endpoint endpoint : endpoints()) {
            HttpResponse<String> answer = ask(zebra, endpoint.method(), path(endpoint, zebra), customer, "{}");
            assertThat(answer.statusCode())
                    .as("%s", endpoint)
                    .isEqualTo(endpoint.access() == ControlApi.Access.OPEN ? 200 : 404);
            tellsNothing(zebra, answer, endpoint);
        }
        assertThat(state(zebra)).isEqualTo(before);
    }

    @Test
    void ones_own_control_plane_knows_nothing_of_another_tenant() throws Exception {
        String before = state(acme);
        for (ControlApi.Endpoint endpoint : endpoints()) {
            if (endpoint.isOfService()) {
                HttpResponse<String> answer = ask(acme, endpoint.method(), path(endpoint, zebra), acme.admin(), "{}");
                assertThat(answer.statusCode()).as("%s", endpoint).isEqualTo(404);
            }
        }
        for (String what : List.of("retire", "token")) {
            // Another tenant's build under one's own path.
            HttpResponse<String> answer = ask(
                    acme,
                    "POST",
                    "/v1/services/" + acme.process().service() + "/builds/" + zebra.build() + "/" + what,
                    acme.admin(),
                    what.equals("token") ? "{\"token_seconds\":60}" : "{}");
            assertThat(answer.statusCode()).isIn(404, 409);
            assertThat(answer.body()).doesNotContain(zebra.name() + "-1.0", DIGEST);
        }
        assertThat(ControlAnswer.parse(state(acme)).list("builds")).hasSize(1);
        assertThat(ControlAnswer.parse(before).list("builds")).hasSize(1);
    }

    @Test
    void without_a_token_only_what_is_open_is_answered_and_looked_at_from_this_machine() throws Exception {
        for (ControlApi.Endpoint endpoint : endpoints()) {
            HttpResponse<String> answer = ask(zebra, endpoint.method(), path(endpoint, zebra), null, "{}");
            assertThat(answer.statusCode())
                    .as("%s", endpoint)
                    .isEqualTo(endpoint.access() == ControlApi.Access.ADMINISTRATOR ? 401 : 200);
            if (endpoint.access() != ControlApi.Access.LOOK) {
                tellsNothing(zebra, answer, endpoint);
            }
            // Through a proxy on this machine the caller is anybody.
            HttpRequest proxied = HttpRequest.newBuilder(
                            URI.create(zebra.process().url() + path(endpoint, zebra)))
                    .header("X-Forwarded-For", "198.51.100.7")
                    .method(endpoint.method(), HttpRequest.BodyPublishers.ofString("{}"))
                    .build();
            HttpResponse<String> far = http.send(proxied, HttpResponse.BodyHandlers.ofString());
            assertThat(far.statusCode())
                    .as("%s", endpoint)
                    .isEqualTo(endpoint.access() == ControlApi.Access.OPEN ? 200 : 401);
            tellsNothing(zebra, far, endpoint);
        }
    }

    @Test
    void every_endpoint_knows_its_own_tenant() throws Exception {
        assertThat(endpoints()).hasSizeGreaterThan(20);
        for (ControlApi.Endpoint endpoint : endpoints()) {
            HttpResponse<String> answer = ask(zebra, endpoint.method(), path(endpoint, zebra), zebra.admin(), "{}");
            assertThat(answer.statusCode()).as("%s %s", endpoint, answer.body()).isNotIn(401, 403, 500);
        }
    }
}
