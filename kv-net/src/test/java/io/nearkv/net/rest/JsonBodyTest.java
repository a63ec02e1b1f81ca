package io.nearkv.net.rest;

import static io.nearkv.net.rest.Bodies.parse;
import static io.nearkv.net.rest.Bodies.refused;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_16BE;
import static java.nio.charset.StandardCharsets.UTF_16LE;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.Key;
import io.nearkv.net.rest.Bodies.Pieces;
import io.netty.buffer.Unpooled;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JsonBodyTest {
    private static final List<Supplier<JsonBody>> BODIES =
            List.of(() -> new BulkPutBody(Bodies.CLOCK), BulkKeysBody::new, BulkGetBody::new, NamespaceBody::new);

    private static void assertMalformed(byte[] bytes) {
        for (Supplier<JsonBody> body : BODIES) {
            for (Pieces pieces : List.of(Pieces.whole(), Pieces.of(1))) {
                RestException refusal = Bodies.refusal(() -> parse(body.get(), bytes, pieces, false));

                assertThat(refusal.status()).isEqualTo(400);
                assertThat(refusal.workersCode()).isEqualTo(WorkersCodes.MALFORMED_BODY);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "[",
                "{",
                "]",
                "}",
                "[}",
                "[,]",
                "{,}",
                "{\"a\"}",
                "{\"a\":}",
                "{a:1}",
                "{'a':1}",
                "[] x",
                "{} {}",
                "[] []",
                "[]]",
                "{}}",
                "/**/[]",
                "#x\n[]",
                "[NaN",
                "nul",
                "truee",
                "01",
                "+1",
                "1.",
                ".5",
                "0x10",
                "1e",
                "\"a",
                "\"\n\"",
                "\"\\x\"",
                "\"\\u12g4\"",
                "{\"a\":1,}",
                "\u0000",
                "[\u0000]",
                "\u001e[]",
                "\u00a0[]",
                "12",
                "null",
                "\"text\"",
                "true",
                "{\"x\":01}",
                "{\"x\":tru}"
            })
    void what_is_no_json_of_the_right_shape_is_an_invalid_body(String json) {
        assertMalformed(json.getBytes(UTF_8));
    }

    @Test
    void other_encodings_are_an_invalid_body() {
        for (String json : List.of("[]", "{}")) {
            assertMalformed(("\ufeff" + json).getBytes(UTF_8));
            assertMalformed(json.getBytes(UTF_16BE));
            assertMalformed(json.getBytes(UTF_16LE));
            assertMalformed(("\ufeff" + json).getBytes(UTF_16BE));
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "c3",
                "c328",
                "c080",
                "c1bf",
                "e08080",
                "e282",
                "eda080",
                "edbfbf",
                "f0808080",
                "f08080",
                "f4908080",
                "f5808080",
                "80",
                "bf",
                "fe",
                "ff",
                "f09f98"
            })
    void bytes_that_are_not_utf8_are_an_invalid_body_also_where_nobody_reads_them(String hex) {
        String bad = new String(java.util.HexFormat.of().parseHex(hex), ISO_8859_1);

        assertMalformed(("{\"x\":\"" + bad + "\"}").getBytes(ISO_8859_1));
        for (String json :
                List.of("[{\"x\":\"" + bad + "\"}]", "[{\"key\":\"" + bad + "\"}]", "[{\"" + bad + "\":1}]")) {
            assertThat(Bodies.refusal(() ->
                                    parse(new BulkPutBody(Bodies.CLOCK), json.getBytes(ISO_8859_1), Pieces.of(1), true))
                            .getMessage())
                    .startsWith("body is not UTF-8 (at byte ");
        }
    }

    @Test
    void what_is_refused_first_does_not_depend_on_where_pieces_end() {
        byte[] json = "[{\"key\":1},\"\u00ff\"".getBytes(ISO_8859_1);

        for (int length = 1; length <= json.length; length++) {
            Pieces pieces = Pieces.of(length);
            assertThat(Bodies.refusal(() -> parse(new BulkPutBody(Bodies.CLOCK), json, pieces, false))
                            .getMessage())
                    .isEqualTo("item 0: key is not a string");
        }
    }

    @Test
    void depth_names_and_numbers_are_bounded() {
        for (String hostile : List.of(
                "{\"x\":" + "[".repeat(1_000_000),
                "{\"x\":" + "{\"x\":".repeat(100_000),
                "{\"x\":{\"" + "n".repeat(5000) + "\":1}}",
                "{\"" + "n".repeat(5000) + "\":1}",
                "{\"x\":" + "1".repeat(5000) + "}",
                "{\"x\":1." + "1".repeat(5000) + "}",
                "{\"x\":1e" + "1".repeat(5000) + "}")) {
            for (String json : List.of(hostile, "[" + hostile)) {
                for (Supplier<JsonBody> body : BODIES) {
                    assertThat(refused(body.get(), json).status()).isIn(400, 413);
                }
            }
            assertThat(refused(new BulkPutBody(Bodies.CLOCK), "[" + hostile).getMessage())
                    .startsWith("body is nested deeper than 67, or has a name or number longer than 1024 bytes");
        }
    }

    @Test
    void numbers_and_names_up_to_the_bounds_are_read() {
        String number = "1".repeat(BodyLimits.MAX_NUMBER_CHARS);
        String name = "n".repeat(BodyLimits.MAX_NAME_BYTES - 8);

        assertThat(parse(
                                new BulkPutBody(Bodies.CLOCK),
                                "[{\"" + name + "\":" + number + ",\"key\":\"k\",\"value\":\"\"}]")
                        .puts())
                .hasSize(1);
    }

    @Test
    void messages_do_not_quote_the_body() {
        assertThat(refused(new BulkPutBody(Bodies.CLOCK), "[{\"value\":\"secret\"secret")
                        .getMessage())
                .isEqualTo("body is not JSON (at line 1, column 19)");
        assertThat(refused(new BulkPutBody(Bodies.CLOCK), "[{\"key\":\"k\",\"value\":\"!secret\",\"base64\":true}]")
                        .getMessage())
                .doesNotContain("secret");
    }

    @Test
    void small_bodies_are_bounded() {
        assertThat(refused(new NamespaceBody(), " ".repeat(64 * 1024 + 1)).status())
                .isEqualTo(413);
        assertThat(refused(new BulkGetBody(), " ".repeat(1024 * 1024 + 1)).status())
                .isEqualTo(413);
        assertThat(parse(new NamespaceBody(), "{\"title\":\"a\"}" + " ".repeat(64 * 1024 - 13))
                        .title())
                .isEqualTo("a");
    }

    @Test
    void keys_of_a_bulk_delete_are_read_in_order_and_may_repeat() {
        BulkKeysBody body = parse(new BulkKeysBody(), "[\"b\", \"a\",\"b\",\"\\u00e4/%2F\"]");

        assertThat(body.keys()).containsExactly(Key.of("b"), Key.of("a"), Key.of("b"), Key.of("ä/%2F"));
        assertThat(body.heldBytes()).isPositive();
        assertThat(parse(new BulkKeysBody(), "[]").keys()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "[\"a\",1]|400|item 1: key is not a string",
                "[\"a\",null]|400|item 1: key is not a string",
                "[{\"name\":\"a\"}]|400|item 0: key is not a string",
                "[[\"a\"]]|400|item 0: key is not a string",
                "[\"\"]|400|item 0: key is empty",
                "[\"..\"]|400|item 0: key is '.'"
            })
    void a_bad_key_of_a_bulk_delete_refuses_it(String json, int status, String message) {
        RestException refusal = refused(new BulkKeysBody(), json);

        assertThat(refusal.status()).isEqualTo(status);
        assertThat(refusal.workersCode()).isEqualTo(WorkersCodes.VALIDATION);
        assertThat(refusal.getMessage()).startsWith(message);
    }

    @Test
    void a_long_key_of_a_bulk_delete_is_414() {
        for (int length : new int[] {513, 200_000}) {
            RestException refusal = refused(new BulkKeysBody(), "[\"a\",\"" + "x".repeat(length) + "\"]");

            assertThat(refusal.status()).isEqualTo(414);
            assertThat(refusal.getMessage()).startsWith("item 1: key of ");
        }
        assertThat(parse(new BulkKeysBody(), "[\"" + "x".repeat(512) + "\"]").keys())
                .hasSize(1);
    }

    @Test
    void a_bulk_delete_has_at_most_10000_keys() {
        String keys = IntStream.range(0, 10_000).mapToObj(i -> "\"" + i + "\"").collect(Collectors.joining(","));

        assertThat(parse(new BulkKeysBody(), "[" + keys + "]").keys()).hasSize(10_000);
        assertThat(refused(new BulkKeysBody(), "[" + keys + ",\"x\"]").status()).isEqualTo(400);
    }

    @Test
    void a_bulk_get_says_keys_type_and_metadata() {
        BulkGetBody plain = parse(new BulkGetBody(), "{\"keys\":[\"b\",\"__proto__\",\"b\"],\"x\":{\"keys\":[1]}}");
        assertThat(plain.keys()).containsExactly(Key.of("b"), Key.of("__proto__"));
        assertThat(plain.json()).isFalse();
        assertThat(plain.withMetadata()).isFalse();

        BulkGetBody full = parse(new BulkGetBody(), "{\"withMetadata\":true,\"type\":\"json\",\"keys\":[\"a\"]}");
        assertThat(full.json()).isTrue();
        assertThat(full.withMetadata()).isTrue();

        BulkGetBody nulls = parse(new BulkGetBody(), "{\"withMetadata\":null,\"type\":null,\"keys\":[\"a\"]}");
        assertThat(nulls.json()).isFalse();
        assertThat(parse(new BulkGetBody(), "{\"type\":\"text\",\"keys\":[\"a\"]}")
                        .json())
                .isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"{}", "{\"keys\":[]}", "{\"type\":\"json\"}"})
    void a_bulk_get_without_keys_is_10029(String json) {
        BulkGetBody body = parse(new BulkGetBody(), json);

        RestException refusal = Bodies.refusal(body::keys);

        assertThat(refusal.status()).isEqualTo(400);
        assertThat(refusal.workersCode()).isEqualTo(WorkersCodes.NO_KEYS);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{\"keys\":\"a\"}|keys is not an array",
                "{\"keys\":null}|keys is not an array",
                "{\"keys\":{\"a\":1}}|keys is not an array",
                "{\"keys\":[1]}|item 0: key is not a string",
                "{\"keys\":[\"a\",[]]}|item 1: key is not a string",
                "{\"keys\":[\".\"]}|item 0: key is '.'",
                "{\"keys\":[\"a\"],\"keys\":[\"b\"]}|keys is there twice",
                "{\"keys\":[\"a\"],\"type\":\"stream\"}|type is not a valid one",
                "{\"keys\":[\"a\"],\"type\":1}|type is not a valid one",
                "{\"keys\":[\"a\"],\"type\":[]}|type is not a valid one",
                "{\"keys\":[\"a\"],\"withMetadata\":\"true\"}|withMetadata is not true or false"
            })
    void a_bad_bulk_get_is_400(String json, String message) {
        RestException refusal = refused(new BulkGetBody(), json);

        assertThat(refusal.status()).isEqualTo(400);
        assertThat(refusal.workersCode()).isEqualTo(WorkersCodes.VALIDATION);
        assertThat(refusal.getMessage()).startsWith(message);
    }

    @Test
    void a_bulk_get_has_1_to_100_keys() {
        String keys = IntStream.range(0, 100).mapToObj(i -> "\"" + i + "\"").collect(Collectors.joining(","));

        assertThat(parse(new BulkGetBody(), "{\"keys\":[" + keys + "]}").keys()).hasSize(100);
        assertThat(refused(new BulkGetBody(), "{\"keys\":[" + keys + ",\"x\"]}").status())
                .isEqualTo(400);
        assertThat(refused(new BulkGetBody(), "{\"keys\":[" + "\"a\",".repeat(100) + "\"a\"]}")
                        .status())
                .isEqualTo(400);
        assertThat(refused(new BulkGetBody(), "{\"keys\":[\"" + "x".repeat(513) + "\"]}")
                        .status())
                .isEqualTo(414);
    }

    @Test
    void a_namespace_is_named_by_its_title() {
        assertThat(parse(new NamespaceBody(), "{\"jurisdiction\":\"eu\",\"mode\":\"instant\",\"title\":\"t\\u00e4\"}")
                        .title())
                .isEqualTo("tä");
        assertThat(parse(new NamespaceBody(), "{\"title\":\"" + "€".repeat(512) + "\"}")
                        .title())
                .hasSize(512);
    }

    @ParameterizedTest
    @ValueSource(strings = {"{}", "{\"title\":\"\"}", "{\"title\":null}", "{\"Title\":\"x\"}"})
    void a_namespace_without_a_title_is_10019(String json) {
        RestException refusal = Bodies.refusal(parse(new NamespaceBody(), json)::title);

        assertThat(refusal.status()).isEqualTo(400);
        assertThat(refusal.workersCode()).isEqualTo(WorkersCodes.TITLE_MISSING);
    }

    @Test
    void a_bad_title_is_400() {
        for (String title : List.of("1", "[\"a\"]", "{}", "true", "\"" + "x".repeat(513) + "\"", "\"\\ud800\"")) {
            RestException refusal = refused(new NamespaceBody(), "{\"title\":" + title + "}");

            assertThat(refusal.status()).isEqualTo(400);
            assertThat(refusal.workersCode()).isEqualTo(WorkersCodes.VALIDATION);
        }
    }

    @Test
    void ending_twice_is_ending_once() {
        BulkKeysBody body = new BulkKeysBody();
        body.read(Unpooled.wrappedBuffer("[]".getBytes(UTF_8)));
        body.finish();
        body.finish();

        assertThat(body.keys()).isEmpty();
    }
}
