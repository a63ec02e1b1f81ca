package io.nearkv.net.rest;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.Limits;
import io.nearkv.net.server.GatedStore;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** Single entries over HTTP: what is put is what is got, by whatever way the store answers. */
class RestEntriesTest extends WithRest {
    private static final String DONE = "{\"success\":true,\"errors\":[],\"messages\":[],\"result\":null}";

    private void start(GatedStore.Mode mode, boolean direct) {
        RestRig.Setup setup = setup();
        use((direct ? setup : setup.withoutDirectReads()).start()).store.mode(mode);
    }

    @ParameterizedTest
    @EnumSource(names = {"AT_ONCE", "LATER"})
    void an_entry_is_put_read_and_deleted(GatedStore.Mode mode) throws IOException {
        for (boolean direct : new boolean[] {true, false}) {
            start(mode, direct);
            Answer missing = call("GET", value("k"));
            assertThat(missing.refusal()).isEqualTo("404 10009");
            assertThat(missing.text()).contains("key not found");

            Answer put = callWith("v1", "PUT", value("k"), "Content-Type: text/plain");
            assertThat(put.status()).isEqualTo(200);
            assertThat(put.text()).isEqualTo(DONE);
            assertThat(put.header("etag")).matches("\"[0-9]+\"");

            Answer got = call("GET", value("k"));
            assertThat(got.status()).isEqualTo(200);
            assertThat(got.text()).isEqualTo("v1");
            assertThat(got.header("content-type")).isEqualTo("application/octet-stream");
            assertThat(got.header("etag")).isEqualTo(put.header("etag"));
            assertThat(got.header("expiration")).isNull();
            assertThat(got.header("date")).isEqualTo("Thu, 01 Jan 2026 00:00:00 GMT");

            assertThat(call("DELETE", value("k")).text()).isEqualTo(DONE);
            assertThat(call("DELETE", value("k")).text()).isEqualTo(DONE);
            assertThat(call("GET", value("k")).status()).isEqualTo(404);
            assertThat(rig().stats().count("get", "ok")).isEqualTo(1);
            assertThat(rig().stats().count("get", "missing")).isEqualTo(2);
            assertThat(rig().stats().count("put", "ok")).isEqualTo(1);
            assertThat(rig().stats().count("delete", "ok")).isEqualTo(2);
            end();
            folder = folder.resolve("again");
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"AT_ONCE", "LATER"})
    void values_of_all_sizes_go_both_ways(GatedStore.Mode mode) throws IOException {
        start(mode, true);
        for (int size : new int[] {0, 1, 65_535, 65_536, 65_537, 131_072, 200_000, 3 * MIB + 1}) {
            byte[] value = random(size);
            assertThat(call("PUT", value("k" + size), value).status()).isEqualTo(200);
            assertThat(storedBytes("k" + size)).isEqualTo(value);
            Answer got = call("GET", value("k" + size));
            assertThat(got.status()).isEqualTo(200);
            assertThat(got.header("content-length")).isEqualTo(Integer.toString(size));
            assertThat(got.body()).isEqualTo(value);
        }
    }

    @Test
    void the_largest_value_goes_both_ways_and_one_byte_more_is_413() throws IOException {
        use(setup().overEngine().start());
        byte[] value = random(Limits.MAX_VALUE_BYTES);
        assertThat(call("PUT", value("big"), value).status()).isEqualTo(200);
        assertThat(call("GET", value("big")).body()).isEqualTo(value);
        Answer tooLarge = call("PUT", value("bigger"), new byte[Limits.MAX_VALUE_BYTES + 1]);
        assertThat(tooLarge.refusal()).isEqualTo("413 10001");
        assertThat(tooLarge.closes()).isFalse();
        assertThat(call("GET", value("bigger")).status()).isEqualTo(404);
    }

    @Test
    void a_chunked_body_is_a_value_too_and_one_that_is_too_long_is_413() throws IOException {
        start();
        try (HttpSocket socket = rig().connect()) {
            socket.send(request("PUT", value("k"), "Transfer-Encoding: chunked"));
            socket.send("3\r\nabc\r\n").send("00004;x=y\r\ndefg\r\n").send("0\r\nTrailer: x\r\n\r\n");
            assertThat(socket.read().status()).isEqualTo(200);
            assertThat(stored("k")).isEqualTo("abcdefg");

            socket.send(request("PUT", value("long"), "Transfer-Encoding: chunked"));
            byte[] chunk = HttpSocket.concat(HttpSocket.latin1("100000\r\n"), new byte[MIB], new byte[] {'\r', '\n'});
            for (int i = 0; i < 26; i++) {
                socket.send(chunk);
            }
            assertThat(socket.read().refusal()).isEqualTo("413 10001");
            socket.send("0\r\n\r\n").send(request("GET", value("k")));
            assertThat(socket.read().text()).isEqualTo("abcdefg");
        }
        assertThat(stored("long")).isNull();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "a%2Fb=a/b",
                "a/b=a/b",
                "a+b=a+b",
                "a%2Bb=a+b",
                "a%20b=a b",
                "%25=%",
                "a%252Fb=a%2Fb",
                "...=...",
                "%00=\u0000",
                "a//b/=a//b/",
                "%C3%BC=\u00fc",
                "%f0%9f%98%80=\ud83d\ude00",
                "a:b@c;d=a:b@c;d",
                "__proto__=__proto__",
                "a&b=a&b"
            })
    void a_key_is_decoded_once_and_slashes_may_stand_as_they_are(String pathAndKey) throws IOException {
        start();
        int equals = pathAndKey.indexOf('=');
        String path = pathAndKey.substring(0, equals);
        String key = pathAndKey.substring(equals + 1);
        assertThat(callWith("v", "PUT", value(path)).status()).isEqualTo(200);
        assertThat(stored(key)).isEqualTo("v");
        assertThat(call("GET", value(path)).text()).isEqualTo("v");
        assertThat(call("GET", ns("/metadata/" + path)).status()).isEqualTo(200);
        JsonNode listed = call("GET", ns("/keys")).result();
        assertThat(listed.path(0).path("name").asString()).isEqualTo(key);
        assertThat(call("DELETE", value(path)).status()).isEqualTo(200);
        assertThat(stored(key)).isNull();
    }

    @Test
    void a_key_that_is_sent_as_utf_8_without_encoding_is_that_key() throws IOException {
        start();
        try (HttpSocket socket = rig().connect()) {
            String utf8 = new String("ü€".getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
            socket.send(request("PUT", value(utf8), HttpSocket.latin1("v")));
            assertThat(socket.read().status()).isEqualTo(200);
        }
        assertThat(stored("ü€")).isEqualTo("v");
    }

    @Test
    void expirations_are_kept_shown_and_obeyed() throws IOException {
        start();
        long now = rig().clock.epochSecond();
        assertThat(callWith("v", "PUT", value("ttl?expiration_ttl=60")).status())
                .isEqualTo(200);
        assertThat(callWith("v", "PUT", value("at?expiration=" + (now + 60))).status())
                .isEqualTo(200);
        assertThat(callWith("v", "PUT", value("both?expiration=" + (now + 500) + "&expiration_ttl=100"))
                        .status())
                .isEqualTo(200);
        assertThat(callWith("v", "PUT", value("late?expiration=4102444800")).status())
                .isEqualTo(200);
        assertThat(call("GET", value("ttl")).header("expiration")).isEqualTo(Long.toString(now + 60));
        assertThat(call("HEAD", value("at")).header("expiration")).isEqualTo(Long.toString(now + 60));
        assertThat(call("GET", value("both")).header("expiration")).isEqualTo(Long.toString(now + 100));
        assertThat(call("GET", value("late")).header("expiration")).isEqualTo("4102444800");
        assertThat(call("GET", ns("/keys")).text()).contains("{\"name\":\"ttl\",\"expiration\":" + (now + 60) + "}");

        rig().clock.advance(Duration.ofSeconds(60));

        assertThat(call("GET", value("ttl")).status()).isEqualTo(404);
        assertThat(call("HEAD", value("at")).status()).isEqualTo(404);
        assertThat(call("GET", ns("/metadata/at")).status()).isEqualTo(404);
        assertThat(call("GET", value("both")).status()).isEqualTo(200);
        assertThat(callWith("v2", "PUT", value("both")).status()).isEqualTo(200);
        assertThat(call("GET", value("both")).header("expiration")).isNull();
    }

    private static byte[] form(String... parts) {
        StringBuilder form = new StringBuilder();
        for (String part : parts) {
            form.append("--XX\r\n").append(part).append("\r\n");
        }
        return HttpSocket.latin1(form + "--XX--\r\n");
    }

    private static String field(String name, String content) {
        return "Content-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + content;
    }

    private static final String FORM = "Content-Type: multipart/form-data; boundary=XX";

    @ParameterizedTest
    @EnumSource(names = {"AT_ONCE", "LATER"})
    void a_form_carries_value_and_metadata(GatedStore.Mode mode) throws IOException {
        start(mode, true);
        String large = "x".repeat(300_000);
        assertThat(call("PUT", value("small"), form(field("value", "v"), field("metadata", "{\"a\": 1}")), FORM)
                        .status())
                .isEqualTo(200);
        assertThat(call("PUT", value("large"), form(field("metadata", "\"m\""), field("value", large)), FORM)
                        .status())
                .isEqualTo(200);
        assertThat(call("PUT", value("late"), form(field("value", large), field("metadata", "[1]")), FORM)
                        .status())
                .isEqualTo(200);
        assertThat(call("GET", value("small")).text()).isEqualTo("v");
        assertThat(call("GET", value("large")).text()).isEqualTo(large);
        assertThat(call("GET", value("late")).text()).isEqualTo(large);
        assertThat(call("GET", ns("/metadata/small")).result().toString()).isEqualTo("{\"a\":1}");
        assertThat(call("GET", ns("/metadata/large")).result().asString()).isEqualTo("m");
        assertThat(call("GET", ns("/metadata/late")).result().toString()).isEqualTo("[1]");

        // A put replaces all three.
        assertThat(callWith("v2", "PUT", value("small")).status()).isEqualTo(200);
        Answer none = call("GET", ns("/metadata/small"));
        assertThat(none.text()).isEqualTo(DONE);
        assertThat(call("GET", ns("/metadata/absent")).refusal()).isEqualTo("404 10009");
    }

    @Test
    void a_form_that_is_no_put_writes_nothing() throws IOException {
        start();
        String large = "x".repeat(300_000);
        for (byte[] form : List.of(
                form(field("metadata", "1")),
                form(field("value", "1"), field("value", "2")),
                form(field("value", large), field("metadata", "{")),
                form(field("value", large), field("metadata", "\"" + "m".repeat(1023) + "\"")),
                HttpSocket.latin1("--XX\r\n" + field("value", large)))) {
            Answer refused = call("PUT", value("k"), form, FORM);
            assertThat(refused.status()).isIn(400, 413);
            assertThat(refused.code()).isIn(10001, 10012);
        }
        assertThat(stored("k")).isNull();
    }

    @Test
    void the_form_of_curl_is_stored_as_it_is() throws IOException {
        start();
        assertThat(callWith("a=b&c=%20", "PUT", value("k"), "Content-Type: application/x-www-form-urlencoded")
                        .status())
                .isEqualTo(200);
        assertThat(stored("k")).isEqualTo("a=b&c=%20");
    }

    @Test
    void a_listing_goes_page_by_page() throws IOException {
        start();
        for (int i = 0; i < 25; i++) {
            store("k%02d".formatted(i), "v");
            store("other" + i, "v");
        }
        List<String> names = new ArrayList<>();
        String cursor = "";
        int pages = 0;
        do {
            Answer page = call("GET", ns("/keys?prefix=k&limit=10&cursor=" + cursor));
            page.result().forEach(key -> names.add(key.path("name").asString()));
            JsonNode info = page.json().path("result_info");
            assertThat(info.path("count").asInt()).isEqualTo(page.result().size());
            cursor = info.path("cursor").asString();
            pages++;
        } while (!cursor.isEmpty());
        assertThat(pages).isEqualTo(3);
        assertThat(names).hasSize(25).isSorted();
        assertThat(call("GET", ns("/keys?prefix=none")).text())
                .isEqualTo("{\"success\":true,\"errors\":[],\"messages\":[],\"result\":[],"
                        + "\"result_info\":{\"count\":0,\"cursor\":\"\"}}");
    }

    @Test
    void a_prefix_is_literal() throws IOException {
        start();
        for (String key : List.of("a%b", "a_b", "a*b", "axb", "a;b", "a b", "a+b")) {
            store(key, "v");
        }
        for (String[] pair : new String[][] {
            {"a%25", "a%b"},
            {"a_", "a_b"},
            {"a*", "a*b"},
            {"a;", "a;b"},
            {"a%3B", "a;b"},
            {"a%2B", "a+b"},
            {"a%20", "a b"},
            {"a+", "a b"}
        }) {
            JsonNode keys = call("GET", ns("/keys?prefix=" + pair[0])).result();
            assertThat(keys.size()).as(pair[0]).isEqualTo(1);
            assertThat(keys.path(0).path("name").asString()).isEqualTo(pair[1]);
        }
    }

    @Test
    void the_largest_page_goes_out_in_pieces() throws IOException {
        start();
        for (int i = 0; i < 1000; i++) {
            store("%04d".formatted(i) + "k".repeat(500), "v");
        }
        Answer page = call("GET", ns("/keys"));
        assertThat(page.result().size()).isEqualTo(1000);
        assertThat(page.body().length).isGreaterThan(500_000);
    }
}
