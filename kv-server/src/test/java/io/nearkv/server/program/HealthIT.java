package io.nearkv.server.program;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.nearkv.server.metrics.Exposition;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HealthIT {
    private final HttpClient client = HttpClient.newHttpClient();

    @TempDir
    private Path folder;

    private HttpResponse<String> get(RunningServer server, String path) {
        try {
            return client.send(
                    HttpRequest.newBuilder(URI.create("http://" + server.operations() + path))
                            .build(),
                    HttpResponse.BodyHandlers.ofString());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }

    private Exposition scrape(RunningServer server) {
        HttpResponse<String> answer = get(server, "/metrics");
        assertThat(answer.statusCode()).isEqualTo(200);
        return Exposition.parse(answer.body());
    }

    @Test
    void traffic_is_seen_in_the_metrics_of_a_server_that_is_alive_and_ready() {
        Program program = new Program(folder);
        try (RunningServer server = program.serve("--node", "n 1")) {
            assertThat(server.operations()).startsWith("127.0.0.1:");
            assertThat(get(server, "/healthz").statusCode()).isEqualTo(200);
            assertThat(get(server, "/readyz").body()).isEqualTo("ready\n");
            Exposition before = scrape(server);
            assertThat(before.value("nearkv_net_ops_total{op=\"get\",outcome=\"ok\"}"))
                    .isZero();
            assertThat(before.labelValues("nearkv_build_info", "node")).containsExactly("n 1");
            assertThat(before.labelValues("nearkv_build_info", "environment")).containsExactly("development");
            assertThat(before.labelValues("nearkv_build_info", "build")).containsExactly(server.build());

            assertThat(program.call("put", "default", "a", "1").exitCode()).isZero();
            assertThat(program.call("get", "default", "a").out()).isEqualTo("1");
            assertThat(program.call("get", "default", "b").exitCode()).isNotZero();

            Exposition after = scrape(server);
            assertThat(after.value("nearkv_net_ops_total{op=\"put\",outcome=\"ok\"}"))
                    .isOne();
            assertThat(after.value("nearkv_net_ops_total{op=\"get\",outcome=\"ok\"}"))
                    .isOne();
            assertThat(after.value("nearkv_net_ops_total{op=\"get\",outcome=\"missing\"}"))
                    .isOne();
            assertThat(after.value("nearkv_net_op_duration_seconds_count{op=\"get\"}"))
                    .isEqualTo(2);
            assertThat(after.value("nearkv_net_op_duration_seconds_bucket{op=\"get\",le=\"+Inf\"}"))
                    .isEqualTo(2);
            assertThat(after.value("nearkv_net_op_duration_seconds_sum{op=\"put\"}"))
                    .isPositive();
            assertThat(after.value("nearkv_core_fsyncs_total")).isGreaterThan(before.value("nearkv_core_fsyncs_total"));
            assertThat(after.value("nearkv_net_connections_accepted_total")).isEqualTo(3);
            assertThat(after.value("nearkv_core_last_version")).isEqualTo(before.value("nearkv_core_last_version") + 1);
            assertThat(after.value("nearkv_net_buffer_bytes")).isPositive();
            assertThat(server.stop()).isZero();
        }
    }

    @Test
    void a_server_that_drains_is_alive_and_not_ready() throws IOException {
        Program program = new Program(folder);
        try (RunningServer server = program.serve()) {
            CompletableFuture<Integer> end;
            try (Socket waiting = connect(server)) {
                assertThat(get(server, "/readyz").statusCode()).isEqualTo(200);

                // The drain waits a moment for the open connection.
                end = CompletableFuture.supplyAsync(server::stop);
                await().pollInterval(Duration.ofMillis(5))
                        .until(() -> get(server, "/readyz").statusCode() == 503);
                assertThat(get(server, "/readyz").body()).isEqualTo("not ready: draining\n");
                assertThat(get(server, "/healthz").statusCode()).isEqualTo(200);
                assertThat(waiting.isConnected()).isTrue();
            }
            assertThat(end.join()).isZero();
        }
    }

    private static Socket connect(RunningServer server) throws IOException {
        URI address = URI.create(server.address());
        return new Socket(address.getHost(), address.getPort());
    }

    @Test
    void a_node_of_a_refused_build_is_alive_and_says_why_it_is_not_ready() throws IOException {
        Program program = new Program(folder);
        try (RunningServer server = program.serve()) {
            assertThat(server.stop()).isZero();
        }
        Files.write(folder.resolve("wrong.token"), "not a token\n".getBytes(UTF_8));
        try (RunningServer refused = program.serve("--build-token", "wrong.token")) {
            assertThat(get(refused, "/healthz").statusCode()).isEqualTo(200);
            HttpResponse<String> answer = get(refused, "/readyz");
            assertThat(answer.statusCode()).isEqualTo(503);
            assertThat(answer.body())
                    .startsWith("not ready: build_not_authorized: ")
                    .endsWith("\n");
            assertThat(answer.body().lines()).hasSize(1);
            assertThat(program.call("get", "default", "a").exitCode()).isEqualTo(4);

            Exposition metrics = scrape(refused);
            assertThat(metrics.value("nearkv_node_ready")).isZero();
            assertThat(metrics.value("nearkv_net_ops_total{op=\"hello\",outcome=\"unauthorized\"}"))
                    .isPositive();
        }
        try (RunningServer foreign = program.serve("--environment", "staging")) {
            assertThat(get(foreign, "/healthz").statusCode()).isEqualTo(200);
            assertThat(get(foreign, "/readyz").body()).startsWith("not ready: environment_mismatch: ");
            assertThat(scrape(foreign).types()).doesNotContainKey("nearkv_core_open");
        }
    }

    @Test
    void a_port_in_use_is_named_with_the_way_out() throws IOException {
        Program program = new Program(folder);
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            String address = "127.0.0.1:" + taken.getLocalPort();

            Program.Result result = program.run("serve", "--listen", "127.0.0.1:0", "--http", "off", "--ops", address);

            assertThat(result.exitCode()).as("%s", result).isEqualTo(6);
            assertThat(result.out()).isEmpty();
            assertThat(result.err())
                    .contains("nearkv: unavailable: cannot listen on ")
                    .contains(address)
                    .contains("--ops HOST:PORT, or --ops off");
            assertThat(folder.resolve("data")).doesNotExist();
        }
    }

    @Test
    void a_server_without_them_has_no_field_in_its_ready_line() {
        try (RunningServer server = new Program(folder).serve("--http", "off", "--ops", "off")) {
            assertThat(server.out().get(0))
                    .doesNotContain("http=")
                    .doesNotContain("ops=")
                    .endsWith("build=" + server.build());
        }
    }
}
