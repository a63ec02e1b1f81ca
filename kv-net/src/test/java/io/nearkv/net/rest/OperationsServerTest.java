package io.nearkv.net.rest;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.Value;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class OperationsServerTest {
    private static final OperationsTimeouts SHORT = new OperationsTimeouts(
            Duration.ofMillis(300), Duration.ofMillis(300), Duration.ofMillis(300), Duration.ofMillis(300));

    private final HttpClient client = HttpClient.newHttpClient();
    private volatile Readiness readiness = Readiness.READY;
    private volatile MetricsText metrics =
            accept -> new MetricsText.Page("text/x-test", Value.of("accept " + accept + "\n"));
    private @Nullable OperationsServer server;

    @AfterEach
    void stop() {
        if (server != null) {
            server.close();
        }
    }

    private void start(OperationsTimeouts timeouts) {
        server = OperationsServer.start(loopback(0), () -> readiness, accept -> metrics.write(accept), timeouts);
    }

    private static InetSocketAddress loopback(int port) {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    }

    private InetSocketAddress address() {
        return requireNonNull(server).address();
    }

    private HttpResponse<String> ask(String method, String path, String... headers)
            throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(
                        URI.create("http://127.0.0.1:" + address().getPort() + path))
                .method(method, HttpRequest.BodyPublishers.noBody());
        if (headers.length > 0) {
            request.headers(headers);
        }
        return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    private HttpResponse<String> get(String path, String... headers) throws IOException, InterruptedException {
        return ask("GET", path, headers);
    }

    /** Sends bytes and reads until the server closes. */
    private String raw(String bytes) throws IOException {
        try (Socket socket = new Socket(address().getAddress(), address().getPort())) {
            socket.getOutputStream().write(bytes.getBytes(US_ASCII));
            return new String(socket.getInputStream().readAllBytes(), US_ASCII);
        }
    }

    // ---- answers ----

    @Test
    void a_process_that_answers_is_alive() throws IOException, InterruptedException {
        start(OperationsTimeouts.DEFAULT);
        readiness = Readiness.not("starting");

        HttpResponse<String> answer = get("/healthz");

        assertThat(answer.statusCode()).isEqualTo(200);
        assertThat(answer.body()).isEqualTo("alive\n");
        assertThat(answer.headers().firstValue("content-type")).contains("text/plain; charset=utf-8");
        assertThat(answer.headers().firstValue("cache-control")).contains("no-store");
    }

    @Test
    void readiness_is_200_or_503_with_the_reason() throws IOException, InterruptedException {
        start(OperationsTimeouts.DEFAULT);

        assertThat(get("/readyz").statusCode()).isEqualTo(200);
        assertThat(get("/readyz").body()).isEqualTo("ready\n");
        readiness = Readiness.not("no writes: disk\nfull");
        assertThat(get("/readyz?verbose").statusCode()).isEqualTo(503);
        assertThat(get("/readyz").body()).isEqualTo("not ready: no writes: disk full\n");
    }

    @Test
    void readiness_is_json_for_whoever_asks_for_it() throws IOException, InterruptedException {
        start(OperationsTimeouts.DEFAULT);
        String[] json = {"Accept", "application/json"};

        assertThat(get("/healthz", json).body()).isEqualTo("{\"status\":\"alive\"}\n");
        assertThat(get("/readyz", json).body()).isEqualTo("{\"status\":\"ready\"}\n");
        readiness = Readiness.not("folder 'a\"b\\c'");
        HttpResponse<String> answer = get("/readyz", json);
        assertThat(answer.statusCode()).isEqualTo(503);
        assertThat(answer.headers().firstValue("content-type")).contains("application/json");
        assertThat(answer.body()).isEqualTo("{\"status\":\"not ready\",\"reason\":\"folder 'a\\\"b\\\\c'\"}\n");
    }

    @Test
    void readiness_that_cannot_be_found_out_is_none() throws IOException, InterruptedException {
        server = OperationsServer.start(
                loopback(0),
                () -> {
                    throw new IllegalStateException("gone");
                },
                accept -> metrics.write(accept));

        assertThat(get("/readyz").statusCode()).isEqualTo(503);
        assertThat(get("/readyz").body()).contains("gone");
    }

    @Test
    void metrics_are_written_for_what_the_reader_accepts() throws IOException, InterruptedException {
        start(OperationsTimeouts.DEFAULT);

        HttpResponse<String> answer = get("/metrics", "Accept", "application/openmetrics-text;version=1.0.0");

        assertThat(answer.statusCode()).isEqualTo(200);
        assertThat(answer.headers().firstValue("content-type")).contains("text/x-test");
        assertThat(answer.body()).isEqualTo("accept application/openmetrics-text;version=1.0.0\n");
        assertThat(get("/metrics").body()).isEqualTo("accept null\n");
    }

    @Test
    void metrics_that_cannot_be_written_are_500_and_the_next_ones_are_tried_again()
            throws IOException, InterruptedException {
        start(OperationsTimeouts.DEFAULT);
        MetricsText good = metrics;
        metrics = accept -> {
            throw new KvException(ErrorCode.INTERNAL, "store is damaged");
        };
        assertThat(get("/metrics").statusCode()).isEqualTo(500);
        assertThat(get("/metrics").body()).isEqualTo("internal\n");
        metrics = good;
        assertThat(get("/metrics").statusCode()).isEqualTo(200);
    }

    @Test
    void health_is_answered_while_metrics_are_being_written() throws IOException, InterruptedException {
        start(OperationsTimeouts.DEFAULT);
        CountDownLatch writing = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        MetricsText good = metrics;
        metrics = accept -> {
            writing.countDown();
            try {
                assertThat(release.await(30, TimeUnit.SECONDS)).isTrue();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return good.write(accept);
        };
        var scrape = client.sendAsync(
                HttpRequest.newBuilder(
                                URI.create("http://127.0.0.1:" + address().getPort() + "/metrics"))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
        assertThat(writing.await(30, TimeUnit.SECONDS)).isTrue();

        assertThat(get("/healthz").statusCode()).isEqualTo(200);
        assertThat(get("/readyz").statusCode()).isEqualTo(200);

        assertThat(scrape).isNotDone();
        release.countDown();
        assertThat(scrape.join().statusCode()).isEqualTo(200);
    }

    @ParameterizedTest
    @ValueSource(strings = {"/healthz", "/readyz", "/metrics"})
    void head_is_get_without_the_body(String path) throws IOException {
        start(OperationsTimeouts.DEFAULT);
        String head = raw("HEAD " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        String get = raw("GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

        assertThat(head).startsWith("HTTP/1.1 200 OK\r\n").endsWith("\r\n\r\n");
        assertThat(get).startsWith(head).hasSizeGreaterThan(head.length());
    }

    @Test
    void requests_follow_each_other_on_one_connection_also_at_once() throws IOException {
        start(OperationsTimeouts.DEFAULT);
        String one = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
        try (Socket socket = new Socket(address().getAddress(), address().getPort())) {
            for (int i = 0; i < 3; i++) {
                socket.getOutputStream().write(one.getBytes(US_ASCII));
                assertThat(readUntil(socket.getInputStream(), "alive\n")).startsWith("HTTP/1.1 200 OK");
            }
        }
        assertThat(raw(one + one.replace("Host: x", "Host: x\r\nConnection: close")))
                .containsPattern("(?s)alive\n.*alive\n$");
    }

    private static String readUntil(InputStream in, String end) throws IOException {
        StringBuilder text = new StringBuilder();
        while (text.indexOf(end) < 0) {
            int next = in.read();
            if (next < 0) {
                break;
            }
            text.append((char) next);
        }
        return text.toString();
    }

    // ---- what is refused ----

    @ParameterizedTest
    @CsvSource({
        "POST, /healthz, 405",
        "DELETE, /metrics, 405",
        "OPTIONS, /readyz, 405",
        "GET, /, 404",
        "GET, /metrics/, 404",
        "POST, /nothing, 404"
    })
    void only_get_and_head_of_three_paths_are_answered(String method, String path, int status)
            throws IOException, InterruptedException {
        start(OperationsTimeouts.DEFAULT);

        HttpResponse<String> answer = ask(method, path);

        assertThat(answer.statusCode()).isEqualTo(status);
        assertThat(answer.headers().firstValue("allow").isPresent()).isEqualTo(status == 405);
    }

    @ParameterizedTest
    @CsvSource({
        "400, nonsense",
        "400, 'GET /healthz HTTP/1.1'",
        "400, 'GET /healthz HTTP/1.1|Host: a|Host: b'",
        "400, 'GET /healthz HTTP/1.1|Host: a|Content-Length: 5'",
        "400, 'GET /healthz HTTP/1.1|Host: a|Content-Length: -1'",
        "400, 'GET /healthz HTTP/1.1|Host: a|Content-Length: 0|Content-Length: 5'",
        "400, 'GET /healthz HTTP/1.1|Host: a|Transfer-Encoding: chunked'",
        "400, 'POST /healthz HTTP/1.1|Host: a|Content-Length: 5|Transfer-Encoding: chunked'",
        "400, 'GET /healthz HTTP/1.1|Host: a|no colon'",
        "505, 'GET /healthz HTTP/2.0|Host: a'"
    })
    void what_is_no_plain_request_is_refused_and_ends_the_connection(int status, String head) throws IOException {
        start(OperationsTimeouts.DEFAULT);

        String answer = raw(head.replace("|", "\r\n") + "\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");

        assertThat(answer).startsWith("HTTP/1.1 " + status + " ").containsIgnoringCase("connection: close");
        assertThat(answer).doesNotContain("alive").containsOnlyOnce("HTTP/1.1");
    }

    @Test
    void long_lines_and_heads_are_refused() throws IOException {
        start(OperationsTimeouts.DEFAULT);

        assertThat(raw("GET /" + "x".repeat(2000) + " HTTP/1.1\r\nHost: a\r\n\r\n"))
                .startsWith("HTTP/1.1 414 ");
        assertThat(raw("GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + "x".repeat(9000) + "\r\n\r\n"))
                .startsWith("HTTP/1.1 431 ");
        assertThat(raw("GET /healthz HTTP/1.1\r\nHost: a\r\n" + "X: 0123456789\r\n".repeat(1000) + "\r\n"))
                .startsWith("HTTP/1.1 431 ");
    }

    // ---- time and number ----

    @ParameterizedTest
    @ValueSource(strings = {"", "GET /hea", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /hea"})
    void a_request_that_is_not_complete_in_time_ends_the_connection_however_it_drips(String start) throws IOException {
        start(SHORT);
        try (Socket socket = new Socket(address().getAddress(), address().getPort())) {
            socket.getOutputStream().write(start.getBytes(US_ASCII));
            long startNanos = System.nanoTime();
            await().pollInterval(Duration.ofMillis(50))
                    .atMost(Duration.ofSeconds(10))
                    .until(() -> {
                        try {
                            socket.getOutputStream().write('x');
                            return false;
                        } catch (IOException e) {
                            return true; // the server has closed
                        }
                    });
            assertThat(System.nanoTime() - startNanos).isGreaterThan(TimeUnit.MILLISECONDS.toNanos(250));
        }
    }

    @Test
    void a_connection_without_a_next_request_is_closed() throws IOException {
        start(SHORT);

        assertThat(raw("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")).endsWith("alive\n");
    }

    @Test
    void an_answer_that_takes_too_long_ends_the_connection_and_nothing_else() throws IOException, InterruptedException {
        start(SHORT);
        CountDownLatch release = new CountDownLatch(1);
        MetricsText good = metrics;
        metrics = accept -> {
            try {
                assertThat(release.await(30, TimeUnit.SECONDS)).isTrue();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return good.write(accept);
        };

        assertThat(raw("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")).isEmpty();

        release.countDown();
        assertThat(get("/metrics").statusCode()).isEqualTo(200);
    }

    @Test
    void idle_connections_make_room_for_new_ones() throws IOException, InterruptedException {
        start(OperationsTimeouts.DEFAULT);
        List<Socket> sockets = new ArrayList<>();
        try {
            for (int i = 0; i < OperationsServer.MAX_CONNECTIONS; i++) {
                Socket socket = new Socket(address().getAddress(), address().getPort());
                sockets.add(socket);
                socket.getOutputStream().write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".getBytes(US_ASCII));
                assertThat(readUntil(socket.getInputStream(), "alive\n")).isNotEmpty();
            }

            assertThat(get("/healthz").statusCode()).isEqualTo(200);
            assertThat(sockets.get(0).getInputStream().read()).isEqualTo(-1);
        } finally {
            for (Socket socket : sockets) {
                socket.close();
            }
        }
    }

    @Test
    void more_connections_than_may_be_are_closed() throws IOException {
        start(OperationsTimeouts.DEFAULT);
        List<Socket> sockets = new ArrayList<>();
        try {
            for (int i = 0; i < OperationsServer.MAX_CONNECTIONS; i++) {
                sockets.add(new Socket(address().getAddress(), address().getPort()));
            }
            try (Socket more = new Socket(address().getAddress(), address().getPort())) {
                assertThat(more.getInputStream().read()).isEqualTo(-1);
            }
        } finally {
            for (Socket socket : sockets) {
                socket.close();
            }
        }
    }

    // ---- life ----

    @Test
    void an_address_in_use_is_named() {
        start(OperationsTimeouts.DEFAULT);

        assertThatThrownBy(() -> OperationsServer.start(address(), () -> readiness, metrics))
                .isInstanceOfSatisfying(
                        KvException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.UNAVAILABLE))
                .hasMessageContaining("127.0.0.1:" + address().getPort());
    }

    @Test
    void close_ends_connections_and_is_idempotent() throws IOException {
        start(OperationsTimeouts.DEFAULT);
        try (Socket socket = new Socket(address().getAddress(), address().getPort())) {
            socket.getOutputStream().write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".getBytes(US_ASCII));
            assertThat(readUntil(socket.getInputStream(), "alive\n")).isNotEmpty();

            requireNonNull(server).close();
            requireNonNull(server).close();

            assertThat(socket.getInputStream().read()).isEqualTo(-1);
        }
    }

    @Test
    void the_timeouts_are_those_of_the_documentation() {
        assertThat(OperationsTimeouts.DEFAULT)
                .isEqualTo(new OperationsTimeouts(
                        Duration.ofSeconds(5), Duration.ofSeconds(75), Duration.ofSeconds(15), Duration.ofSeconds(1)));
        assertThat(OperationsServer.MAX_CONNECTIONS).isEqualTo(32);
    }
}
