package io.nearkv.net.rest;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import io.nearkv.net.server.GatedStore;
import java.io.EOFException;
import java.io.IOException;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * HTTP as it should not be. What two readers could understand differently gets 400 and the end, and nothing of it is ever taken for a request: behind each stands a {@code PUT} that must not happen.
 */
class RestHostileTest extends WithRest {
    private static final String PUT = "PUT @/values/k HTTP/1.1\r\nHost: h\r\n$\r\n";
    private static final String GET = "GET @/values/k HTTP/1.1\r\nHost: h\r\n$\r\n";

    private static Arguments row(String name, String request) {
        return Arguments.of(Named.of(name, request));
    }

    /** Requests that are refused: {@code @} stands for the path of the namespace, {@code $} for the token. Each has its end where some reader might see it. */
    static Stream<Arguments> ambiguous() {
        return Stream.of(
                row(
                        "Content-Length and Transfer-Encoding",
                        PUT + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
                row(
                        "Transfer-Encoding and Content-Length",
                        PUT + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
                row("two equal Content-Lengths", PUT + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
                row("two different Content-Lengths", PUT + "Content-Length: 3\r\nContent-Length: 0\r\n\r\nabc"),
                row("a list of Content-Lengths", PUT + "Content-Length: 3, 3\r\n\r\nabc"),
                row("a list of different Content-Lengths", PUT + "Content-Length: 3, 0\r\n\r\nabc"),
                row("a negative Content-Length", PUT + "Content-Length: -3\r\n\r\nabc"),
                row("a Content-Length with a sign", PUT + "Content-Length: +3\r\n\r\nabc"),
                row("a Content-Length in hex", PUT + "Content-Length: 0x3\r\n\r\nabc"),
                row("a Content-Length beyond all numbers", PUT + "Content-Length: 99999999999999999999\r\n\r\nabc"),
                row("an empty Content-Length", PUT + "Content-Length:\r\n\r\nabc"),
                row("a Content-Length of other digits", PUT + "Content-Length: \u00b2\r\n\r\nabc"),
                row("Transfer-Encoding: gzip", PUT + "Transfer-Encoding: gzip\r\n\r\nabc"),
                row("Transfer-Encoding: identity", PUT + "Transfer-Encoding: identity\r\n\r\nabc"),
                row("Transfer-Encoding: xchunked", PUT + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
                row(
                        "Transfer-Encoding: chunked, identity",
                        PUT + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
                row("Transfer-Encoding: gzip, chunked", PUT + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
                row("Transfer-Encoding: chunked twice", PUT + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
                row(
                        "two Transfer-Encodings",
                        PUT + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"),
                row("Transfer-Encoding: \"chunked\"", PUT + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"),
                row("Transfer-Encoding with a vertical tab", PUT + "Transfer-Encoding: \u000bchunked\r\n\r\n0\r\n\r\n"),
                row("Transfer-Encoding with a parameter", PUT + "Transfer-Encoding: chunked;x=y\r\n\r\n0\r\n\r\n"),
                row(
                        "Transfer-Encoding in HTTP/1.0",
                        "PUT @/values/k HTTP/1.0\r\nHost: h\r\n$\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
                row("a space before the colon", PUT + "Content-Length : 3\r\n\r\nabc"),
                row("a tab before the colon", PUT + "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n"),
                row(
                        "a space before the name of the first header",
                        "GET @/values/k HTTP/1.1\r\n Host: h\r\nHost: h\r\n$\r\n\r\n"),
                row("a header without a colon", GET + "Oops\r\n\r\n"),
                row("a header without a name", GET + ": x\r\n\r\n"),
                row("a NUL in a value", GET + "X: a\u0000b\r\n\r\n"),
                row("a NUL in a name", GET + "X\u0000Y: a\r\n\r\n"),
                row("a control character in a value", GET + "X: a\u0001b\r\n\r\n"),
                row("a control character in a name", GET + "X\u0007: a\r\n\r\n"),
                row("a bare CR in a value", GET + "X: a\rContent-Length: 3\r\n\r\n"),
                row("a bare CR as line end", "GET @/values/k HTTP/1.1\rHost: h\r$\r\r"),
                row("bare LFs as line ends", "GET @/values/k HTTP/1.1\nHost: h\n$\n\n"),
                row("a bare LF behind a header", GET + "X: a\nY: b\r\n\r\n"),
                row("a bare LF as the empty line", GET + "X: a\r\n\n"),
                row("no Host", "GET @/values/k HTTP/1.1\r\n$\r\n\r\n"),
                row("two Hosts", GET + "Host: other\r\n\r\n"),
                row("no version", "GET @/values/k\r\nHost: h\r\n$\r\n\r\n"),
                row("a malformed version", "GET @/values/k HTTP/1.1.1\r\nHost: h\r\n$\r\n\r\n"),
                row("another protocol", "GET @/values/k HTCPCP/1.1\r\nHost: h\r\n$\r\n\r\n"),
                row("a space in the target", "GET @/values/k x HTTP/1.1\r\nHost: h\r\n$\r\n\r\n"),
                row("a method that is no token", "G@T @/values/k HTTP/1.1\r\nHost: h\r\n$\r\n\r\n"),
                row("a chunk of a negative size", PUT + "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n"),
                row("a chunk of a size with a sign", PUT + "Transfer-Encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n"),
                row("a chunk of a huge size", PUT + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\na"),
                row(
                        "a chunk of a size beyond all numbers",
                        PUT + "Transfer-Encoding: chunked\r\n\r\n10000000000000001\r\na\r\n"),
                row("a chunk of a size that is none", PUT + "Transfer-Encoding: chunked\r\n\r\nxyz\r\na\r\n0\r\n\r\n"),
                row("a chunk without a size", PUT + "Transfer-Encoding: chunked\r\n\r\n\r\na\r\n0\r\n\r\n"),
                row("a chunk in hex notation", PUT + "Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n"),
                row("a chunk that goes on", PUT + "Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n"),
                row("a chunk that ends with a bare LF", PUT + "Transfer-Encoding: chunked\r\n\r\n1\na\n0\n\n"),
                row(
                        "an endless chunk extension",
                        PUT + "Transfer-Encoding: chunked\r\n\r\n1;" + "x=y;".repeat(5000) + "\r\na\r\n0\r\n\r\n"));
    }

    private String filled(String request) {
        return request.replace("@", ns("")).replace("$", bearer());
    }

    private byte[] smuggled() {
        return request("PUT", value("smuggled"), HttpSocket.latin1("x"));
    }

    @ParameterizedTest
    @MethodSource("ambiguous")
    void what_is_ambiguous_is_400_and_the_end(String request) throws IOException {
        start();
        for (GatedStore.Mode mode : List.of(GatedStore.Mode.AT_ONCE, GatedStore.Mode.LATER)) {
            rig().store.mode(mode);
            // Alone, behind a good request of the same packet, behind one that was answered before, and byte by byte.
            for (int way = 0; way < 4; way++) {
                try (HttpSocket socket = rig().connect()) {
                    byte[] bad = HttpSocket.concat(HttpSocket.latin1(filled(request)), smuggled());
                    if (way == 0) {
                        sendAll(socket, bad);
                    } else if (way == 3) {
                        int drops = Math.min(bad.length, 700);
                        for (int i = 0; i < drops; i++) {
                            sendAll(socket, new byte[] {bad[i]});
                        }
                        sendAll(socket, Arrays.copyOfRange(bad, drops, bad.length));
                    } else {
                        byte[] good = request(way == 1 ? "HEAD" : "GET", namespaces());
                        if (way == 1) {
                            sendAll(socket, HttpSocket.concat(good, bad));
                            assertThat(socket.read("HEAD").status()).isEqualTo(405);
                        } else {
                            sendAll(socket, good);
                            assertThat(socket.read().status()).isEqualTo(200);
                            sendAll(socket, bad);
                        }
                    }
                    Answer refused = socket.read();
                    assertThat(refused.status()).as(refused.toString()).isEqualTo(400);
                    assertThat(refused.code()).isEqualTo(10001);
                    assertThat(refused.closes()).isTrue();
                    socket.expectEnd();
                }
            }
        }
        assertThat(stored("smuggled")).isNull();
        assertThat(stored("k")).isNull();
        assertThat(rig().stats().connectionsCut().get("protocol_error")).isEqualTo(8);
    }

    /** Sends until the server has had enough; returns whether it took all. */
    @CanIgnoreReturnValue
    private static boolean sendAll(HttpSocket socket, byte[] bytes) {
        try {
            socket.send(bytes);
            return true;
        } catch (IOException closed) {
            return false;
        }
    }

    @Test
    void a_folded_header_is_one_header_and_hides_nothing() throws IOException {
        start();
        try (HttpSocket socket = rig().connect()) {
            socket.send(filled("PUT @/values/k HTTP/1.1\r\nHost: h\r\n$\r\nX: a\r\n Content-Length: 3\r\n\r\n"));
            socket.send(request("GET", value("k")));
            assertThat(socket.read().status()).isIn(200, 400);
        }
        try (HttpSocket socket = rig().connect()) {
            socket.send(filled(PUT + "Transfer-Encoding:\r\n chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"));
            int status = socket.read().status();
            assertThat(status).isIn(200, 400);
            assertThat(stored("k")).isEqualTo(status == 200 ? "a" : "");
        }
    }

    @Test
    void an_absolute_target_is_a_target() throws IOException {
        start();
        store("k", "v");
        try (HttpSocket socket = rig().connect()) {
            assertThat(socket.send(request("GET", "http://any:80" + value("k")))
                            .read()
                            .text())
                    .isEqualTo("v");
            assertThat(socket.send(request("GET", "HTTPS://any" + value("k")))
                            .read()
                            .text())
                    .isEqualTo("v");
            assertThat(socket.send(request("GET", "http://any")).read().status())
                    .isEqualTo(404);
        }
    }

    @Test
    void a_target_that_is_no_path_is_400() throws IOException {
        start();
        for (String target : List.of("values/k", "ftp://h" + value("k"), "*", "h:80", "://x", "http:/x")) {
            assertThat(call("GET", target).refusal()).as(target).isEqualTo("400 10001");
        }
    }

    @Test
    void other_versions_and_protocols_are_refused_and_closed() throws IOException {
        start();
        byte[] tls = {0x16, 3, 1, 0, (byte) 0xa5, 1, 0, 0, (byte) 0xa1, 3, 3};
        for (byte[] bytes : List.of(
                HttpSocket.latin1("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
                HttpSocket.latin1(filled("GET @/values/k HTTP/1.2\r\nHost: h\r\n$\r\n\r\n")),
                HttpSocket.latin1(filled("GET @/values/k HTTP/3.0\r\nHost: h\r\n$\r\n\r\n")))) {
            try (HttpSocket socket = rig().connect()) {
                sendAll(socket, HttpSocket.concat(bytes, smuggled()));
                Answer refused = socket.read();
                assertThat(refused.status()).isIn(400, 505);
                socket.expectEnd();
            }
        }
        try (HttpSocket socket = rig().connect()) {
            sendAll(socket, HttpSocket.concat(tls, random(300), new byte[] {'\r', '\n', '\r', '\n'}));
            expectRefusalOrEnd(socket);
        }
        assertThat(stored("smuggled")).isNull();
    }

    private static void expectRefusalOrEnd(HttpSocket socket) throws IOException {
        try {
            Answer refused = socket.read();
            assertThat(refused.status()).as(refused.toString()).isIn(400, 414, 505);
            socket.expectEnd();
        } catch (EOFException | SocketException cut) {
            assertThat(cut).isNotNull();
        }
    }

    @Test
    void garbage_is_refused_or_cut_in_bounded_time() throws IOException {
        use(setup().limits(limits -> limits.helloTimeout(Duration.ofMillis(500)).frameTimeout(Duration.ofMillis(300)))
                .start());
        Random random = new Random(11);
        for (int i = 0; i < 60; i++) {
            byte[] garbage = new byte[1 + random.nextInt(20_000)];
            random.nextBytes(garbage);
            if (i % 3 == 0) {
                for (int at = 0; at < garbage.length; at++) {
                    garbage[at] = (byte) "GET /:\r\n chunked0".charAt((garbage[at] & 0xff) % 17);
                }
            }
            try (HttpSocket socket = rig().connect()) {
                sendAll(socket, garbage);
                expectRefusalOrEnd(socket);
            }
        }
    }

    @Test
    void floods_of_head_are_refused_at_their_limit() throws IOException {
        start();
        try (HttpSocket socket = rig().connect()) {
            sendAll(socket, HttpSocket.latin1("GET /" + "x".repeat(20_000) + " HTTP/1.1\r\nHost: h\r\n\r\n"));
            Answer refused = socket.read();
            assertThat(refused.refusal()).isEqualTo("414 10414");
            socket.expectEnd();
        }
        String count = "a:\r\n".repeat(10_000);
        String bytes = "X: " + "y".repeat(40_000) + "\r\n";
        String folds = "X: y\r\n" + " z\r\n".repeat(10_000);
        for (String flood : List.of(count, bytes, folds)) {
            try (HttpSocket socket = rig().connect()) {
                sendAll(socket, HttpSocket.latin1(filled(GET) + flood + "\r\n"));
                assertThat(socket.read().refusal()).isEqualTo("400 10001");
                socket.expectEnd();
            }
            try (HttpSocket socket = rig().connect()) {
                // As trailers.
                sendAll(
                        socket,
                        HttpSocket.latin1(filled(PUT) + "Transfer-Encoding: chunked\r\n\r\n0\r\n" + flood + "\r\n"));
                assertThat(socket.read().refusal()).isEqualTo("400 10001");
                socket.expectEnd();
            }
        }
        assertThat(stored("k")).isNull();
        // Just under the limits.
        try (HttpSocket socket = rig().connect()) {
            socket.send(filled(GET) + "X: " + "y".repeat(8_000) + "\r\n\r\n");
            assertThat(socket.read().status()).isEqualTo(404);
        }
    }

    @Test
    void a_request_line_without_an_end_is_refused_while_it_comes() throws IOException {
        start();
        try (HttpSocket socket = rig().connect()) {
            CompletableFuture<Void> sender = CompletableFuture.runAsync(() -> {
                byte[] more = HttpSocket.latin1("x".repeat(1000));
                sendAll(socket, HttpSocket.latin1("GET /"));
                for (int i = 0;
                        i < 10_000 && rig().stats().connectionsCut().getOrDefault("protocol_error", 0L) == 0;
                        i++) {
                    sendAll(socket, more);
                }
            });
            assertThat(socket.read().status()).isEqualTo(414);
            sender.join();
        }
        assertThat(rig().stats().bytesRead()).isLessThan(5L * MIB);
    }

    @Test
    void a_head_or_body_that_drips_is_cut_however_it_drips() throws Exception {
        use(setup().limits(limits -> limits.helloTimeout(Duration.ofMillis(600))
                        .frameTimeout(Duration.ofMillis(400))
                        .stallTimeout(Duration.ofMillis(400)))
                .start());
        String get = filled(GET) + "X: " + "y".repeat(5000);
        String put = filled(PUT) + "Content-Length: 100000\r\n\r\n" + "y".repeat(5000);
        String chunks = filled(PUT) + "Transfer-Encoding: chunked\r\n\r\n" + "1\r\ny\r\n".repeat(2000);
        String trailers = filled(PUT) + "Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + "y".repeat(5000);
        String unwanted = filled(PUT).replace("Bearer", "Nobody") + "Content-Length: 100000\r\n\r\n" + "y".repeat(5000);
        List<CompletableFuture<Void>> drips = new ArrayList<>();
        for (String text : List.of(get, put, chunks, trailers, unwanted)) {
            HttpSocket socket = rig().connect();
            drips.add(CompletableFuture.runAsync(() -> drip(socket, text)));
        }
        eventually()
                .until(() -> rig().stats().connectionsAccepted() == 5
                        && rig().stats().connections() == 0);
        for (CompletableFuture<Void> each : drips) {
            each.join();
        }
        assertThat(stored("k")).isNull();
    }

    /** Sends a head at once and what follows byte by byte, until the server has had enough. */
    private static void drip(HttpSocket socket, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
        int head = Math.max(0, bytes.length - 4000);
        try (socket) {
            socket.send(Arrays.copyOf(bytes, head));
            socket.socket.setSoTimeout(10);
            for (int i = head; i < bytes.length; i++) {
                socket.send(new byte[] {bytes[i]});
                try {
                    if (socket.socket.getInputStream().read() < 0) {
                        return;
                    }
                } catch (java.net.SocketTimeoutException nothingYet) {
                    // Which is also what makes it drip.
                    assertThat(nothingYet).isNotNull();
                }
            }
        } catch (IOException cut) {
            assertThat(cut).isNotNull();
        }
    }

    @Test
    void a_client_that_never_reads_its_answer_is_cut() throws IOException {
        for (boolean engine : new boolean[] {false, true}) {
            RestRig.Setup setup = setup().limits(limits ->
                    limits.slowReaderTimeout(Duration.ofMillis(300)).stallTimeout(Duration.ofMillis(300)));
            use(engine ? setup.overEngine().start() : setup.start());
            store("big", 25 * MIB);
            store("small", 60_000);
            try (HttpSocket one = rig().connect();
                    HttpSocket many = rig().connect()) {
                one.send(request("GET", value("big")));
                CompletableFuture<Void> sender = CompletableFuture.runAsync(() -> {
                    for (int i = 0; i < 3000; i++) {
                        sendAll(many, request("GET", value("small")));
                    }
                });
                eventually().until(() -> rig().stats().connections() == 0);
                sender.join();
            }
            end();
            folder = folder.resolve("again");
        }
    }

    @Test
    void a_body_longer_than_it_says_is_a_malformed_next_request() throws IOException {
        start();
        try (HttpSocket socket = rig().connect()) {
            socket.send(filled(PUT) + "Content-Length: 3\r\n\r\nabcdefg\r\n\r\n");
            assertThat(socket.read().status()).isEqualTo(200);
            assertThat(socket.read().status()).isEqualTo(400);
            socket.expectEnd();
        }
        assertThat(stored("k")).isEqualTo("abc");
    }

    @Test
    void a_value_in_chunks_of_one_byte_is_that_value() throws IOException {
        start();
        byte[] value = random(100_000); // a whole mebibyte is in RestMemoryIT, where nobody tracks each of them
        byte[] chunks = HttpSocket.chunksOfOne(value);
        for (GatedStore.Mode mode : List.of(GatedStore.Mode.AT_ONCE, GatedStore.Mode.LATER)) {
            rig().store.mode(mode);
            try (HttpSocket socket = rig().connect()) {
                // Behind a request that takes its time, so that the first of them wait.
                socket.send(
                        request("GET", namespaces()),
                        request("PUT", value("k" + mode), "Transfer-Encoding: chunked"),
                        chunks);
                assertThat(socket.read().status()).isEqualTo(200);
                assertThat(socket.read().status()).isEqualTo(200);
            }
            assertThat(storedBytes("k" + mode)).isEqualTo(value);
        }
    }

    @Test
    void a_huge_declared_length_is_refused_before_a_byte_of_it_is_held() throws IOException {
        start();
        for (String path : List.of(value("k"), ns("/bulk"), ns("/bulk/get"), namespaces())) {
            String method = path.endsWith("get") || path.equals(namespaces()) ? "POST" : "PUT";
            try (HttpSocket socket = rig().connect()) {
                socket.send(request(method, path, "Content-Length: 9223372036854775807"));
                if (path.equals(namespaces())) {
                    sendAll(socket, HttpSocket.latin1("{\"title\":\"" + "x".repeat(100_000)));
                }
                Answer refused = socket.read();
                assertThat(refused.status()).isIn(400, 413);
                assertThat(refused.closes()).isTrue();
                socket.expectEnd();
            }
        }
    }

    @Test
    void a_body_that_nobody_wants_is_read_to_its_end_or_costs_the_connection() throws IOException {
        start();
        try (HttpSocket socket = rig().connect()) {
            socket.send(
                    request("PUT", value("k"), random(5 * MIB), "Authorization: Bearer x"), request("GET", value("k")));
            assertThat(socket.read().status()).isEqualTo(401);
            assertThat(socket.read().status()).isEqualTo(404);
        }
        try (HttpSocket socket = rig().connect()) {
            CompletableFuture<Void> sender = CompletableFuture.runAsync(() -> {
                sendAll(socket, request("PUT", value("k"), "Authorization: Bearer x", "Transfer-Encoding: chunked"));
                byte[] chunk =
                        HttpSocket.concat(HttpSocket.latin1("100000\r\n"), new byte[MIB], HttpSocket.latin1("\r\n"));
                boolean open = true;
                while (open) {
                    open = sendAll(socket, chunk);
                }
            });
            assertThat(socket.read().status()).isEqualTo(401);
            socket.expectEnd();
            sender.join();
        }
    }

    @Test
    void connections_come_and_go_at_every_point_of_a_request() throws IOException {
        start().store.mode(GatedStore.Mode.LATER);
        byte[] put = request("PUT", value("k"), random(150_000));
        for (int i = 0; i < 100; i++) {
            try (HttpSocket socket = rig().connect()) {
                sendAll(socket, Arrays.copyOf(put, (int) ((long) put.length * i / 100)));
            }
        }
        eventually().until(() -> rig().stats().connections() == 0);
        assertThat(stored("k")).isNull();
    }
}
