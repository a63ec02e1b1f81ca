package io.nearkv.net.rest;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.Limits;
import io.nearkv.net.server.GatedStore;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Connections of HTTP/1.1: kept, pipelined, half closed, drained. Each request gets one answer, in order. */
@SuppressWarnings("try") // some connections are closed in the middle of a test, on purpose
class RestConnectionTest extends WithRest {
    @Test
    void a_connection_is_kept_until_the_client_says_close() throws IOException {
        start();
        store("k", "v");
        try (HttpSocket socket = rig().connect()) {
            for (int i = 0; i < 10; i++) {
                Answer answer = socket.send(request("GET", value("k"))).read();
                assertThat(answer.text()).isEqualTo("v");
                assertThat(answer.header("connection")).isNull();
            }
            Answer last =
                    socket.send(request("GET", value("k"), "Connection: close")).read();
            assertThat(last.text()).isEqualTo("v");
            assertThat(last.closes()).isTrue();
            socket.expectEnd();
        }
        assertThat(rig().stats().connectionsAccepted()).isEqualTo(1);
    }

    @Test
    void http_1_0_closes_unless_asked_to_keep() throws IOException {
        start();
        store("k", "v");
        for (int i = 0; i < 1000; i++) {
            store("key" + i + "x".repeat(100), "v");
        }
        String get = "GET " + value("k") + " HTTP/1.0\r\n" + bearer() + "\r\n";
        try (HttpSocket socket = rig().connect()) {
            Answer kept = socket.send(get + "Connection: keep-alive\r\n\r\n").read();
            assertThat(kept.text()).isEqualTo("v");
            assertThat(kept.header("connection")).isEqualTo("keep-alive");
            Answer closed = socket.send(get + "\r\n").read();
            assertThat(closed.text()).isEqualTo("v");
            assertThat(closed.closes()).isTrue();
            socket.expectEnd();
        }
        try (HttpSocket socket = rig().connect()) {
            // Nothing is chunked or compressed for it.
            Answer list = socket.send(
                            "GET " + ns("/keys") + " HTTP/1.0\r\n" + bearer() + "\r\nAccept-Encoding: gzip\r\n\r\n")
                    .read();
            assertThat(list.result().size()).isEqualTo(1000);
            assertThat(list.header("transfer-encoding")).isNull();
            assertThat(list.header("content-encoding")).isNull();
            socket.expectEnd();
        }
        try (HttpSocket socket = rig().connect()) {
            long before = rig().stats().bytesWritten();
            socket.send("GET " + ns("/watch?from=oldest") + " HTTP/1.0\r\n" + bearer() + "\r\n\r\n");
            eventually().until(() -> rig().stats().bytesWritten() > before + 1000);
            CompletableFuture<Boolean> drained =
                    CompletableFuture.supplyAsync(() -> rig().rest.drain(Duration.ofSeconds(10)));
            Answer events = socket.read();
            assertThat(events.header("transfer-encoding")).isNull();
            assertThat(events.text()).contains("event: put\n");
            socket.close();
            assertThat(drained.join()).isTrue();
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"AT_ONCE", "LATER"})
    void a_burst_of_five_hundred_mixed_requests_is_answered_in_order(GatedStore.Mode mode) throws IOException {
        for (boolean direct : new boolean[] {true, false}) {
            use(direct ? setup().start() : setup().withoutDirectReads().start())
                    .store
                    .mode(mode);
            store("big", 100_000);
            ByteArrayOutputStream burst = new ByteArrayOutputStream();
            int count = 500;
            int[] kinds = new Random(7).ints(count, 0, 9).toArray();
            for (int i = 0; i < count; i++) {
                burst.writeBytes(pipelined(kinds[i], i));
            }
            try (HttpSocket socket = rig().connect()) {
                CompletableFuture<Void> sender = CompletableFuture.runAsync(() -> {
                    try {
                        socket.send(burst.toByteArray());
                    } catch (IOException e) {
                        throw new java.io.UncheckedIOException(e);
                    }
                });
                for (int i = 0; i < count; i++) {
                    expectPipelined(kinds[i], i, socket);
                }
                sender.join();
                assertThat(socket.hasMore()).isFalse();
            }
            end();
            folder = folder.resolve("again");
        }
    }

    private static final String NOWHERE = "/client/v4/nowhere";

    private byte[] pipelined(int kind, int i) {
        return switch (kind) {
            case 0 -> request("PUT", value("k" + i), ("v" + i).getBytes(StandardCharsets.UTF_8));
            case 1 -> request("GET", value("absent" + i));
            case 2 -> request("GET", value("big"));
            case 3 -> request("GET", NOWHERE + i);
            case 4 -> request("GET", namespaces() + "/" + "0".repeat(26) + "%06d".formatted(i) + "/values/k");
            case 5 -> request("HEAD", value("big"));
            case 6 -> request("GET", namespaces() + "?per_page=1&page=" + (i + 1));
            case 7 ->
                HttpSocket.concat(
                        request("PUT", value("c" + i), "Transfer-Encoding: chunked"),
                        HttpSocket.latin1("1\r\nx\r\n2\r\nyz\r\n0\r\n\r\n"));
            default -> request("PUT", value("big" + i), random(70_000));
        };
    }

    private void expectPipelined(int kind, int i, HttpSocket socket) throws IOException {
        Answer answer = socket.read(kind == 5 ? "HEAD" : "GET");
        String what = "request " + i + " of kind " + kind + ": " + answer;
        switch (kind) {
            case 0, 7, 8 -> assertThat(answer.status()).as(what).isEqualTo(200);
            case 1 -> assertThat(answer.refusal()).as(what).isEqualTo("404 10009");
            case 2 -> assertThat(answer.body()).as(what).isEqualTo(random(100_000));
            case 3 -> assertThat(answer.text()).as(what).contains(NOWHERE + i + ",");
            case 4 -> assertThat(answer.refusal()).as(what).isEqualTo("404 10013");
            case 5 -> assertThat(answer.header("content-length")).as(what).isEqualTo("100000");
            default ->
                assertThat(answer.json().path("result_info").path("page").asInt())
                        .as(what)
                        .isEqualTo(i + 1);
        }
    }

    @Test
    void what_was_pipelined_behind_a_refusal_is_answered_though_nothing_more_comes() throws IOException {
        // Each pattern once made the last request wait for bytes that never came.
        start().store.mode(GatedStore.Mode.LATER);
        byte[] unknown = request("GET", namespaces() + "/" + "0".repeat(32) + "/values/k");
        byte[] list = request("GET", namespaces());
        byte[] refused = request("GET", NOWHERE);
        for (byte[] first : List.of(unknown, list, refused)) {
            for (byte[] second : List.of(unknown, list, refused)) {
                for (byte[] third : List.of(unknown, list, refused)) {
                    try (HttpSocket socket = rig().connect()) {
                        socket.send(first, second, third, list);
                        for (int i = 0; i < 3; i++) {
                            assertThat(socket.read().status()).isIn(200, 404);
                        }
                        assertThat(socket.read().status()).isEqualTo(200);
                    }
                }
            }
        }
    }

    @Test
    void a_client_that_pipelines_and_does_not_read_is_not_read_from_either() throws IOException {
        start();
        byte[] value = store("k", 60_000);
        byte[] one = request("GET", value("k"));
        int count = 2000;
        try (HttpSocket socket = rig().connect()) {
            CompletableFuture<Void> sender = CompletableFuture.runAsync(() -> {
                try {
                    for (int i = 0; i < count; i++) {
                        socket.send(one);
                    }
                } catch (IOException e) {
                    throw new java.io.UncheckedIOException(e);
                }
            });
            long[] last = {-1};
            eventually().pollInterval(Duration.ofMillis(300)).until(() -> {
                long now = rig().stats().count("get", "ok");
                boolean still = now == last[0];
                last[0] = now;
                return still;
            });
            // What the system's buffers take and two watermarks: far from 120 MB.
            assertThat(last[0] * value.length).isLessThan(12L * MIB);
            for (int i = 0; i < count; i++) {
                assertThat(socket.read().body()).hasSize(value.length);
            }
            sender.join();
        }
    }

    // ---- Expect: 100-continue

    @Test
    void a_client_that_waits_for_a_word_gets_it_and_then_the_answer() throws IOException {
        start();
        for (GatedStore.Mode mode : List.of(GatedStore.Mode.AT_ONCE, GatedStore.Mode.LATER)) {
            rig().store.mode(mode);
            try (HttpSocket socket = rig().connect()) {
                for (int i = 0; i < 3; i++) {
                    socket.send(request("PUT", value("k"), "Expect: 100-continue", "Content-Length: 100000"));
                    assertThat(socket.read().status()).isEqualTo(100);
                    socket.send(random(100_000));
                    assertThat(socket.read().status()).isEqualTo(200);
                }
                // Who does not wait gets it, too, and it does no harm.
                socket.send(
                        request("PUT", value("k2"), random(10), "Expect: 100-Continue"), request("GET", value("k")));
                Answer next = socket.read();
                if (next.status() == 100) {
                    next = socket.read();
                }
                assertThat(next.status()).isEqualTo(200);
                assertThat(socket.read().body()).hasSize(100_000);
            }
        }
    }

    @Test
    void a_refused_upload_is_told_so_instead_and_the_connection_closes() throws IOException {
        start();
        for (String[] headers : new String[][] {
            {"Content-Length: " + (Limits.MAX_VALUE_BYTES + 1)},
            {"Content-Length: 10", "Authorization: Bearer x"},
            {"Content-Length: 10", "If-Match: x"}
        }) {
            try (HttpSocket socket = rig().connect()) {
                HttpSocket.Request put =
                        HttpSocket.Request.of("PUT", value("k")).header("Expect: 100-continue");
                for (String header : headers) {
                    put.header(header);
                }
                if (headers.length == 1 || !headers[1].startsWith("Auth")) {
                    put.header(bearer());
                }
                Answer refused = socket.send(put.bytes()).read();
                assertThat(refused.status()).isIn(400, 401, 413);
                assertThat(refused.closes()).isTrue();
                socket.expectEnd();
            }
        }
        try (HttpSocket socket = rig().connect()) {
            socket.send(request("PUT", value("k"), "Expect: a-miracle", "Content-Length: 10"));
            assertThat(socket.read().status()).isEqualTo(417);
        }
        assertThat(stored("k")).isNull();
    }

    // ---- half closed

    @ParameterizedTest
    @EnumSource(names = {"AT_ONCE", "LATER"})
    void a_client_that_closes_its_direction_gets_its_answers_and_then_the_end(GatedStore.Mode mode) throws IOException {
        start().store.mode(mode);
        store("big", 3 * MIB);
        try (HttpSocket socket = rig().connect()) {
            socket.send(
                    request("GET", value("big")),
                    request("PUT", value("k"), random(200_000)),
                    request("GET", value("k")));
            socket.socket.shutdownOutput();
            assertThat(socket.read().body()).hasSize(3 * MIB);
            assertThat(socket.read().status()).isEqualTo(200);
            assertThat(socket.read().body()).hasSize(200_000);
            socket.expectEnd();
        }
        try (HttpSocket socket = rig().connect()) {
            socket.send(request("GET", value("k")));
            assertThat(socket.read().status()).isEqualTo(200);
            socket.socket.shutdownOutput();
            socket.expectEnd();
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"AT_ONCE", "LATER"})
    void an_upload_that_is_cut_off_is_over_at_once_and_writes_nothing(GatedStore.Mode mode) throws IOException {
        start().store.mode(mode);
        for (int sent : new int[] {0, 10, 70_000, 200_000}) {
            try (HttpSocket socket = rig().connect()) {
                socket.send(request("PUT", value("k"), "Content-Length: 300000"), new byte[sent]);
                eventually().until(() -> rig().stats().requestsInFlight() == 1);
                socket.socket.shutdownOutput();
                socket.expectEnd();
            }
        }
        eventually().until(() -> rig().store.openWriters.get() == 0);
        assertThat(stored("k")).isNull();
    }

    @Test
    void a_client_that_goes_while_the_store_works_leaves_nothing_behind() throws IOException {
        start().store.mode(GatedStore.Mode.HELD);
        store("big", 300_000);
        for (byte[] request : List.of(
                request("GET", value("big")),
                request("PUT", value("a"), random(10)),
                request("PUT", value("b"), random(300_000)),
                request("DELETE", value("c")),
                request("GET", ns("/keys")),
                request("GET", ns("/metadata/big")),
                request("PUT", ns("/bulk"), HttpSocket.latin1("[{\"key\":\"x\",\"value\":\"y\"}]")),
                request("GET", namespaces()))) {
            for (int answers = 0; answers < 4; answers++) {
                int before = rig().store.heldCount();
                try (HttpSocket socket = rig().connect()) {
                    socket.send(request);
                    eventually().until(() -> rig().store.heldCount() > before);
                    for (int i = 0; i < answers; i++) {
                        rig().store.release();
                    }
                }
                eventually().untilAsserted(() -> {
                    rig().store.release();
                    assertThat(rig().stats().connections()).isZero();
                    assertThat(rig().stats().requestsInFlight()).isZero();
                    assertThat(rig().store.openReaders).hasValue(0);
                    assertThat(rig().store.openWriters).hasValue(0);
                });
            }
        }
    }

    // ---- drain

    @Test
    void a_drain_finishes_what_is_under_way_and_takes_nothing_new() throws IOException {
        start();
        store("big", 25 * MIB);
        store("k", "v");
        try (HttpSocket idle = rig().connect();
                HttpSocket reader = rig().connect();
                HttpSocket writer = rig().connect()) {
            assertThat(idle.send(request("GET", value("k"))).read().status()).isEqualTo(200);
            reader.send(request("GET", value("big")));
            writer.send(request("PUT", value("new"), "Content-Length: 200000"), new byte[100_000]);
            eventually().until(() -> rig().stats().streams() == 2);
            CompletableFuture<Boolean> drained =
                    CompletableFuture.supplyAsync(() -> rig().rest.drain(Duration.ofSeconds(10)));
            idle.expectEnd();
            writer.send(new byte[100_000], request("GET", value("k")));
            Answer written = writer.read();
            assertThat(written.status()).isEqualTo(200);
            assertThat(written.closes()).isTrue();
            writer.expectEnd();
            assertThat(reader.read().body()).hasSize(25 * MIB);
            reader.expectEnd();
            writer.close();
            reader.close();
            assertThat(drained.join()).isTrue();
        }
        assertThat(storedBytes("new")).hasSize(200_000);
    }

    @Test
    void a_request_that_comes_during_a_drain_is_503_with_a_time_to_come_back_or_finds_the_door_closed()
            throws IOException {
        start().store.mode(GatedStore.Mode.HELD);
        try (HttpSocket socket = rig().connect()) {
            // The head of the second request is there before the drain, and waits for the first.
            socket.send(request("GET", namespaces()), request("PUT", value("k"), random(10)));
            eventually().until(() -> rig().store.heldCount() == 1);
            CompletableFuture<Boolean> drained =
                    CompletableFuture.supplyAsync(() -> rig().rest.drain(Duration.ofSeconds(10)));
            eventually().until(() -> {
                try (HttpSocket late = rig().connect()) {
                    late.expectEnd();
                    return true;
                } catch (java.net.ConnectException e) {
                    return true;
                }
            });
            rig().store.mode(GatedStore.Mode.AT_ONCE).release();
            Answer first = socket.read();
            assertThat(first.status()).isEqualTo(200);
            assertThat(first.closes()).isTrue();
            socket.expectEnd();
            socket.close();
            assertThat(drained.join()).isTrue();
        }
        assertThat(stored("k")).isNull();
    }

    @Test
    void a_drain_that_takes_too_long_says_so_and_close_cuts_the_rest() throws IOException {
        start().store.mode(GatedStore.Mode.HELD);
        try (HttpSocket socket = rig().connect()) {
            socket.send(request("GET", namespaces()));
            eventually().until(() -> rig().store.heldCount() == 1);
            assertThat(rig().rest.drain(Duration.ofMillis(50))).isFalse();
            rig().rest.close();
            socket.expectEnd();
        }
    }

    // ---- clocks

    @Test
    void silence_and_slowness_are_cut() throws IOException {
        use(setup().limits(limits -> limits.helloTimeout(Duration.ofMillis(200))
                        .idleTimeout(Duration.ofMillis(300))
                        .frameTimeout(Duration.ofMillis(50))
                        .stallTimeout(Duration.ofMillis(200)))
                .start());
        store("k", "v");
        try (HttpSocket silent = rig().connect();
                HttpSocket idle = rig().connect();
                HttpSocket head = rig().connect();
                HttpSocket body = rig().connect();
                HttpSocket unwanted = rig().connect();
                HttpSocket passedOver = rig().connect()) {
            idle.send(request("GET", value("k")));
            assertThat(idle.read().status()).isEqualTo(200);
            head.send("GET /x HTTP/1.1\r\nHost:");
            body.send(request("PUT", value("x"), "Content-Length: 1000"), new byte[10]);
            unwanted.send(request("PUT", value("x"), "Content-Length: 1000", "Authorization: Bearer x"));
            passedOver.send(request("GET", value("k"), "Content-Length: 1000"));
            assertThat(unwanted.read().status()).isEqualTo(401);
            assertThat(passedOver.read().status()).isEqualTo(200);
            for (HttpSocket each : List.of(silent, idle, head, unwanted, passedOver)) {
                each.expectEnd();
            }
            assertThat(body.read().status()).isEqualTo(504);
        }
        assertThat(rig().stats().connectionsCut())
                .containsEntry("hello_timeout", 1L)
                .containsEntry("idle", 1L)
                .containsEntry("frame_timeout", 3L);
        assertThat(rig().stats().stalledStreams()).isEqualTo(1);
    }
}
