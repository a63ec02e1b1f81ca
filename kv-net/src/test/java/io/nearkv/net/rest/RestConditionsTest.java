package io.nearkv.net.rest;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.PutOptions;
import io.nearkv.core.Value;
import io.nearkv.net.server.GatedStore;
import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What goes beyond Workers KV: entity tags, conditions, HEAD and ranges. */
class RestConditionsTest extends WithRest {
    private static String tag(long version) {
        return "\"" + version + "\"";
    }

    @ParameterizedTest
    @EnumSource(names = {"AT_ONCE", "LATER"})
    void writes_happen_only_where_their_condition_holds(GatedStore.Mode mode) throws IOException {
        start().store.mode(mode);
        for (int size : new int[] {10, 200_000}) {
            byte[] value = random(size);
            String path = value("k" + size);
            Answer absent = call("PUT", path, value, "If-Match: *");
            assertThat(absent.refusal()).isEqualTo("412 10412");
            assertThat(absent.reason()).isEqualTo("precondition_failed");
            assertThat(absent.header("etag")).isNull();

            Answer first = call("PUT", path, value, "If-None-Match: *");
            assertThat(first.status()).isEqualTo(200);
            String etag = String.valueOf(first.header("etag"));
            Answer again = call("PUT", path, value, "If-None-Match: *");
            assertThat(again.status()).isEqualTo(412);
            assertThat(again.header("etag")).isEqualTo(etag);

            Answer second = call("PUT", path, value, "If-Match: " + etag);
            assertThat(second.status()).isEqualTo(200);
            assertThat(call("PUT", path, value, "If-Match: " + etag).status()).isEqualTo(412);
            assertThat(call("DELETE", path, "If-Match: " + etag).status()).isEqualTo(412);
            assertThat(call("DELETE", path, "If-Match: " + second.header("etag"))
                            .status())
                    .isEqualTo(200);
            assertThat(call("DELETE", path, "If-Match: *").status()).isEqualTo(412);
            assertThat(call("PUT", path, value, "If-Match: *").status()).isEqualTo(412);
        }
        assertThat(rig().stats().count("put", "condition_failed")
                        + rig().stats().count("upload", "condition_failed"))
                .isEqualTo(8);
        assertThat(rig().stats().count("delete", "condition_failed")).isEqualTo(4);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "If-Match: \"1\", \"2\"",
                "If-Match: W/\"1\"",
                "If-Match: 1",
                "If-Match: \"0\"",
                "If-Match: \"-1\"",
                "If-Match: \"99999999999999999999\"",
                "If-Match: \"x\"",
                "If-Match: ",
                "If-None-Match: \"1\"",
                "If-None-Match: ",
                "If-Match: *\r\nIf-None-Match: *",
                "If-Unmodified-Since: Thu, 01 Jan 2026 00:00:00 GMT"
            })
    void a_condition_that_cannot_be_kept_is_400_never_ignored(String headers) throws IOException {
        start();
        store("k", "old");
        for (String method : List.of("PUT", "DELETE")) {
            assertThat(callWith("new", method, value("k"), headers.split("\r\n", -1))
                            .refusal())
                    .isEqualTo("400 10001");
        }
        assertThat(stored("k")).isEqualTo("old");
    }

    @Test
    void a_get_of_what_the_client_has_is_304_without_a_body() throws IOException {
        for (boolean direct : new boolean[] {true, false}) {
            use(direct ? setup().start() : setup().withoutDirectReads().start());
            long version = write("k", Value.of("v"), PutOptions.expiresAfter(Duration.ofSeconds(100)));
            for (String tags : List.of(
                    tag(version), "W/" + tag(version), "*", "\"x\", " + tag(version), tag(1) + "," + tag(version))) {
                for (String method : List.of("GET", "HEAD")) {
                    Answer same = call(method, value("k"), "If-None-Match: " + tags);
                    assertThat(same.status()).as(tags).isEqualTo(304);
                    assertThat(same.header("etag")).isEqualTo(tag(version));
                    assertThat(same.header("expiration")).isNotNull();
                    assertThat(same.body()).isEmpty();
                }
            }
            for (String tags : List.of(tag(version + 1), "x", "", "\"\"", version + "")) {
                assertThat(call("GET", value("k"), "If-None-Match: " + tags).text())
                        .as(tags)
                        .isEqualTo("v");
            }
            assertThat(call("GET", value("absent"), "If-None-Match: *").status())
                    .isEqualTo(404);
            end();
            folder = folder.resolve("again");
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"AT_ONCE", "LATER"})
    void head_says_what_get_would_and_sends_no_byte_of_the_value(GatedStore.Mode mode) throws IOException {
        start().store.mode(mode);
        for (int size : new int[] {0, 10, 5_000_000}) {
            store("k" + size, size);
            Answer head = call("HEAD", value("k" + size));
            Answer get = call("GET", value("k" + size));
            assertThat(head.status()).isEqualTo(200);
            for (String name : List.of("content-length", "content-type", "etag", "accept-ranges")) {
                assertThat(head.header(name))
                        .as(name)
                        .isEqualTo(get.header(name))
                        .isNotNull();
            }
        }
        Answer absent = call("HEAD", value("absent"));
        assertThat(absent.status()).isEqualTo(404);
        assertThat(call("HEAD", ns("/keys")).status()).isEqualTo(405);
        assertThat(call("HEAD", value("k10"), "Authorization: Bearer x").status())
                .isEqualTo(401);
        // The connection is in step.
        assertThat(call("GET", value("k10")).body()).isEqualTo(random(10));
    }

    @ParameterizedTest
    @CsvSource({
        "bytes=0-0, 0, 1",
        "bytes=0-, 0, 200000",
        "bytes=1-, 1, 200000",
        "bytes=5-9, 5, 10",
        "'BYTES= 5 - 9', 5, 10",
        "bytes=65535-65536, 65535, 65537",
        "bytes=65536-131071, 65536, 131072",
        "bytes=100-150000, 100, 150001",
        "bytes=199999-, 199999, 200000",
        "bytes=199999-999999999999, 199999, 200000",
        "bytes=-1, 199999, 200000",
        "bytes=-70000, 130000, 200000",
        "bytes=-999999, 0, 200000"
    })
    void a_range_is_206_with_just_these_bytes(String range, int from, int to) throws IOException {
        start().store.mode(GatedStore.Mode.LATER);
        byte[] value = store("k", 200_000);
        Answer part = call("GET", value("k"), "Range: " + range);
        assertThat(part.status()).isEqualTo(206);
        assertThat(part.header("content-range")).isEqualTo("bytes " + from + "-" + (to - 1) + "/200000");
        assertThat(part.header("content-length")).isEqualTo(Integer.toString(to - from));
        assertThat(part.body()).isEqualTo(Arrays.copyOfRange(value, from, to));
    }

    @ParameterizedTest
    @ValueSource(strings = {"bytes=200000-", "bytes=999999999999-", "bytes=-0"})
    void a_range_outside_of_the_value_is_416(String range) throws IOException {
        start();
        store("k", 200_000);
        Answer refused = call("GET", value("k"), "Range: " + range);
        assertThat(refused.refusal()).isEqualTo("416 10416");
        assertThat(refused.header("content-range")).isEqualTo("bytes */200000");
        store("empty", 0);
        assertThat(call("GET", value("empty"), "Range: bytes=0-").status()).isEqualTo(416);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "bytes=0-1,3-4",
                "bytes=",
                "bytes=-",
                "bytes=a-b",
                "bytes=5-3",
                "items=0-1",
                "bytes=1",
                "bytes=-1-2",
                ""
            })
    void several_ranges_and_malformed_ones_are_passed_over(String range) throws IOException {
        start();
        byte[] value = store("k", 200_000);
        Answer whole = call("GET", value("k"), "Range: " + range);
        assertThat(whole.status()).isEqualTo(200);
        assertThat(whole.body()).isEqualTo(value);
    }

    @Test
    void if_range_asks_for_the_part_only_of_the_same_version() throws IOException {
        start();
        byte[] value = store("k", 1000);
        String tag = String.valueOf(call("HEAD", value("k")).header("etag"));
        Map<String, Integer> expected =
                Map.of(tag, 206, "\"999\"", 200, "W/" + tag, 200, "*", 200, "Thu, 01 Jan 2026 00:00:00 GMT", 200);
        for (Map.Entry<String, Integer> each : expected.entrySet()) {
            Answer answer = call("GET", value("k"), "Range: bytes=1-2", "If-Range: " + each.getKey());
            assertThat(answer.status()).as(each.getKey()).isEqualTo(each.getValue());
            assertThat(answer.body()).hasSize(each.getValue() == 206 ? 2 : value.length);
        }
        assertThat(call("GET", value("k"), "Range: bytes=1-2", "If-None-Match: " + tag)
                        .status())
                .isEqualTo(304);
        assertThat(call("HEAD", value("k"), "Range: bytes=1-2").header("content-length"))
                .isEqualTo("1000");
    }

    @Test
    void a_value_that_is_replaced_while_it_is_read_is_answered_in_its_old_form() throws IOException {
        use(setup().overEngine().start());
        byte[] value = store("k", 10 * MIB);
        try (HttpSocket socket = rig().connect()) {
            socket.send(request("GET", value("k")));
            eventually().until(() -> rig().stats().streams() == 1);
            store("k", 10 * MIB + 1);
            assertThat(socket.read().body()).isEqualTo(value);
        }
    }
}
