package io.nearkv.net.rest;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Compression and CORS: only where they are asked for, and never where they are not. */
class RestNegotiationTest extends WithRest {
    private static final String PAGE = "https://app.example";

    private void storeMany() {
        for (int i = 0; i < 1000; i++) {
            store("key-number-" + i, "v");
        }
    }

    private static String gunzip(Answer answer) throws IOException {
        return new String(
                new GZIPInputStream(new ByteArrayInputStream(answer.body())).readAllBytes(), StandardCharsets.UTF_8);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "gzip",
                "x-gzip",
                "*",
                "br, gzip;q=0.5",
                "deflate,  GZIP ; q=1.0",
                "identity;q=0.5, *;q=0.1",
                "*;q=0, gzip"
            })
    void json_is_compressed_where_the_client_takes_it(String accepted) throws IOException {
        start();
        storeMany();
        String plain = call("GET", ns("/keys")).text();
        Answer compressed = call("GET", ns("/keys"), "Accept-Encoding: " + accepted);
        assertThat(compressed.header("content-encoding")).isEqualTo("gzip");
        assertThat(compressed.header("vary")).isEqualTo("accept-encoding");
        assertThat(compressed.body().length).isLessThan(plain.length() / 2);
        assertThat(gunzip(compressed)).isEqualTo(plain);
        assertThat(call("GET", ns("/keys")).text()).isEqualTo(plain);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "identity", "br", "gzip;q=0", "gzip; q=0.000", "gzip;Q=0", "*;q=0", "gzip;q=0, *", "gzipped"
            })
    void and_nowhere_else(String accepted) throws IOException {
        start();
        storeMany();
        Answer plain = call("GET", ns("/keys"), "Accept-Encoding: " + accepted);
        assertThat(plain.header("content-encoding")).isNull();
        assertThat(plain.result().size()).isEqualTo(1000);
    }

    @Test
    void values_and_small_answers_are_sent_as_they_are() throws IOException {
        start();
        byte[] value = "a".repeat(200_000).getBytes(StandardCharsets.UTF_8);
        store("k", "a".repeat(200_000));
        store("small", "v");
        Answer got = call("GET", value("k"), "Accept-Encoding: gzip");
        assertThat(got.header("content-encoding")).isNull();
        assertThat(got.body()).isEqualTo(value);
        assertThat(call("GET", value("small"), "Accept-Encoding: gzip").text()).isEqualTo("v");
        assertThat(call("GET", ns(""), "Accept-Encoding: gzip").header("content-encoding"))
                .isNull();
    }

    @Test
    void a_large_answer_is_compressed_piece_by_piece() throws IOException {
        start();
        String value = "x".repeat(3 * MIB);
        store("a", value);
        Answer answer = callWith("{\"keys\":[\"a\"]}", "POST", ns("/bulk/get"), "Accept-Encoding: gzip");
        assertThat(gunzip(answer)).contains(value);
        assertThat(answer.body().length).isLessThan(100_000);
    }

    // ---- CORS

    private static final List<String> CORS_HEADERS = List.of(
            "access-control-allow-origin",
            "access-control-allow-methods",
            "access-control-allow-headers",
            "access-control-expose-headers",
            "access-control-max-age");

    @Test
    void by_default_no_page_may_call() throws IOException {
        start();
        store("k", "v");
        Answer preflight = call("OPTIONS", value("k"), "Origin: " + PAGE, "Access-Control-Request-Method: PUT");
        assertThat(preflight.status()).isEqualTo(405);
        Answer simple = call("GET", value("k"), "Origin: " + PAGE);
        assertThat(simple.text()).isEqualTo("v");
        for (String header : CORS_HEADERS) {
            assertThat(preflight.header(header)).as(header).isNull();
            assertThat(simple.header(header)).as(header).isNull();
        }
    }

    @Test
    void pages_of_the_origins_that_are_named_may_call() throws IOException {
        use(setup().options(options -> options.withCorsOrigins(List.of(PAGE, "https://other.example")))
                .start());
        store("k", "v");
        // A browser sends no token with it.
        Answer preflight = call(
                "OPTIONS",
                value("k"),
                "Origin: " + PAGE,
                "Access-Control-Request-Method: PUT",
                "Access-Control-Request-Headers: authorization",
                "X-No-authorization: x");
        assertThat(preflight.status()).isEqualTo(204);
        assertThat(preflight.header("access-control-allow-origin")).isEqualTo(PAGE);
        assertThat(preflight.header("access-control-allow-methods")).contains("PUT", "DELETE");
        assertThat(preflight.header("access-control-allow-headers")).contains("authorization", "if-match");
        assertThat(preflight.header("access-control-max-age")).isEqualTo("3600");
        assertThat(preflight.header("vary")).isEqualTo("origin");
        assertThat(preflight.header("content-length")).isNull();

        Answer simple = call("GET", value("k"), "Origin: " + PAGE);
        assertThat(simple.text()).isEqualTo("v");
        assertThat(simple.header("access-control-allow-origin")).isEqualTo(PAGE);
        assertThat(simple.header("access-control-expose-headers")).contains("etag", "expiration");
        Answer refused = call("GET", value("k"), "Origin: " + PAGE, "Authorization: Bearer x");
        assertThat(refused.status()).isEqualTo(401);
        assertThat(refused.header("access-control-allow-origin")).isEqualTo(PAGE);
        Answer none = call("GET", value("k"));
        assertThat(none.header("access-control-allow-origin")).isNull();
        assertThat(none.header("vary")).isEqualTo("origin");
    }

    @ParameterizedTest
    @ValueSource(strings = {"https://evil.example", "null", "https://app.example.evil.example", "http://app.example"})
    void pages_of_other_origins_may_not(String origin) throws IOException {
        use(setup().options(options -> options.withCorsOrigins(List.of(PAGE))).start());
        store("k", "v");
        Answer preflight = call("OPTIONS", value("k"), "Origin: " + origin, "Access-Control-Request-Method: PUT");
        Answer simple = call("GET", value("k"), "Origin: " + origin);
        for (String header : CORS_HEADERS) {
            assertThat(preflight.header(header)).as(header).isNull();
            assertThat(simple.header(header)).as(header).isNull();
        }
    }

    @Test
    void every_page_may_call_where_the_operator_says_so() throws IOException {
        use(setup().options(options -> options.withCorsOrigins(List.of("*"))).start());
        store("k", 300_000);
        Answer simple = call("GET", value("k"), "Origin: " + PAGE);
        assertThat(simple.header("access-control-allow-origin")).isEqualTo("*");
        assertThat(simple.body()).hasSize(300_000);
        assertThat(call("OPTIONS", value("k"), "Origin: null", "Access-Control-Request-Method: GET")
                        .header("access-control-allow-origin"))
                .isEqualTo("*");
    }

    @Test
    void answers_keep_their_order_and_their_origin_in_a_pipeline_with_preflights() throws IOException {
        use(setup().options(options -> options.withCorsOrigins(List.of(PAGE))).start());
        store("big", 300_000);
        store("k", "v");
        try (HttpSocket socket = rig().connect()) {
            socket.send(
                    request("GET", value("big")),
                    request("OPTIONS", value("k"), "Origin: " + PAGE, "Access-Control-Request-Method: PUT"),
                    request("GET", value("k"), "Origin: " + PAGE),
                    request("GET", value("k"), "Origin: https://evil.example"));
            Answer first = socket.read();
            assertThat(first.body()).hasSize(300_000);
            assertThat(first.header("access-control-allow-origin")).isNull();
            assertThat(socket.read().status()).isEqualTo(204);
            assertThat(socket.read().header("access-control-allow-origin")).isEqualTo(PAGE);
            assertThat(socket.read().header("access-control-allow-origin")).isNull();
        }
    }
}
