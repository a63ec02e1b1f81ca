package io.nearkv.net.rest;

import static io.nearkv.net.rest.Bodies.NOW;
import static io.nearkv.net.rest.Bodies.parse;
import static io.nearkv.net.rest.Bodies.refused;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nearkv.core.Condition;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.Limits;
import io.nearkv.core.Metadata;
import io.nearkv.core.Mutation;
import io.nearkv.core.PutOptions;
import io.nearkv.core.Value;
import io.nearkv.net.rest.Bodies.Pieces;
import io.netty.buffer.Unpooled;
import java.util.Base64;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BulkPutBodyTest {
    private static BulkPutBody body() {
        return new BulkPutBody(Bodies.CLOCK);
    }

    private static List<Mutation.Put> puts(String json) {
        return parse(body(), json).puts();
    }

    /** The put of one item with these members beside its key and value. */
    private static Mutation.Put with(String members) {
        return puts("[{\"key\":\"k\",\"value\":\"v\"," + members + "}]").get(0);
    }

    private static RestException refusedWith(String members) {
        return refused(body(), "[{\"key\":\"a\",\"value\":\"v\"},{\"key\":\"k\",\"value\":\"v\"," + members + "}]");
    }

    private static void assertRefused(RestException refusal, int status, int code, String message) {
        assertThat(refusal.getMessage()).startsWith(message);
        assertThat(refusal.status()).isEqualTo(status);
        assertThat(refusal.workersCode()).isEqualTo(code);
        assertThat(refusal.error().code()).isEqualTo(status == 400 ? ErrorCode.INVALID_REQUEST : ErrorCode.TOO_LARGE);
    }

    private static @Nullable String metadataOf(String json) {
        Metadata metadata = with("\"metadata\":" + json).options().metadata();
        return metadata == null ? null : metadata.json();
    }

    @Test
    void items_become_puts_in_their_order() {
        assertThat(puts("""
                 [ {"key":"b","value":"text €😀\\u20ac\\n"},
                   {"base64":true,"value":"AP+A","key":"a"},
                   {"value":"AP+A","base64":true,"key":"late"},
                   {"key":"c","value":"","expiration_ttl":60,"metadata":{"x":[1,"y"]}},
                   {"key":"d","value":"v","expiration":1800000060,"base64":false} ]
                """))
                .containsExactly(
                        new Mutation.Put(Key.of("b"), Value.of("text €😀€\n"), PutOptions.DEFAULT),
                        new Mutation.Put(Key.of("a"), Value.of(new byte[] {0, -1, -128}), PutOptions.DEFAULT),
                        new Mutation.Put(Key.of("late"), Value.of(new byte[] {0, -1, -128}), PutOptions.DEFAULT),
                        new Mutation.Put(
                                Key.of("c"),
                                Value.empty(),
                                new PutOptions(Metadata.ofJson("{\"x\":[1,\"y\"]}"), 0, 60, Condition.NONE)),
                        new Mutation.Put(
                                Key.of("d"), Value.of("v"), new PutOptions(null, NOW + 60, 0, Condition.NONE)));
    }

    @Test
    void an_empty_array_is_a_bulk_put_of_nothing() {
        assertThat(puts("[]")).isEmpty();
        assertThat(puts(" [\n] ")).isEmpty();
    }

    @Test
    void unknown_members_are_passed_over_whatever_they_hold() {
        assertThat(
                        puts(
                                "[{\"x\":{\"key\":[{\"value\":1}]},\"key\":\"k\",\"y\":[[],{}],\"z\":null,\"value\":\"v\",\"w\":\"s\"}]"))
                .containsExactly(new Mutation.Put(Key.of("k"), Value.of("v"), PutOptions.DEFAULT));
    }

    @Test
    void members_that_are_null_are_not_there() {
        assertThat(with("\"base64\":null,\"expiration\":null,\"expiration_ttl\":null,\"metadata\":null")
                        .options())
                .isEqualTo(PutOptions.DEFAULT);
    }

    @ParameterizedTest
    @ValueSource(strings = {"__proto__", "a/b", "...", " ", "\u0001", "ключ", "constructor"})
    void any_text_but_the_dots_is_a_key(String key) {
        String escaped = key.equals("\u0001") ? "\\u0001" : key;

        assertThat(puts("[{\"key\":\"" + escaped + "\",\"value\":\"v\"}]")
                        .get(0)
                        .key())
                .isEqualTo(Key.of(key));
    }

    @Test
    void a_key_has_at_most_512_bytes_and_a_longer_one_is_414() {
        assertThat(puts("[{\"key\":\"" + "ä".repeat(256) + "\",\"value\":\"v\"}]"))
                .hasSize(1);
        for (String key : List.of("x".repeat(513), "ä".repeat(256) + "x", "x".repeat(200_000))) {
            assertRefused(
                    refused(body(), "[{\"key\":\"" + key + "\",\"value\":\"v\"}]"),
                    414,
                    WorkersCodes.VALIDATION,
                    "item 0: key of ");
        }
    }

    @Test
    void a_key_that_never_ends_is_refused_before_it_is_held_whole() {
        BulkPutBody body = body();
        body.read(Unpooled.wrappedBuffer("[{\"key\":\"".getBytes(UTF_8)));
        byte[] piece = "x".repeat(1024 * 1024).getBytes(UTF_8);

        RestException refusal = Bodies.refusal(() -> {
            for (int i = 0; i < 100; i++) {
                body.read(Unpooled.wrappedBuffer(piece));
            }
        });

        assertRefused(refusal, 414, WorkersCodes.VALIDATION, "item 0: key of more than 512 bytes");
        assertThat(body.heldBytes()).isLessThan(2L * (BodyLimits.MAX_VALUE_CHARS + 1024 * 1024));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{\"value\":\"v\"}|key is missing",
                "{\"key\":null,\"value\":\"v\"}|key is not a string",
                "{\"key\":1,\"value\":\"v\"}|key is not a string",
                "{\"key\":[\"k\"],\"value\":\"v\"}|key is not a string",
                "{\"key\":\"\",\"value\":\"v\"}|key is empty",
                "{\"key\":\".\",\"value\":\"v\"}|key is '.'",
                "{\"key\":\"..\",\"value\":\"v\"}|key is '.'",
                "{\"key\":\"\\ud800\",\"value\":\"v\"}|key has an unpaired surrogate",
                "{\"key\":\"k\"}|value is missing",
                "{\"key\":\"k\",\"value\":null}|value is not a string",
                "{\"key\":\"k\",\"value\":5}|value is not a string",
                "{\"key\":\"k\",\"value\":{\"a\":1}}|value is not a string",
                "{\"key\":\"k\",\"value\":true}|value is not a string",
                "{\"key\":\"k\",\"value\":\"a\\ud83d\"}|value has an unpaired surrogate",
                "{\"key\":\"k\",\"value\":\"\\ude00\"}|value has an unpaired surrogate",
                "{\"key\":\"k\",\"value\":\"!!\",\"base64\":true}|value is not base64",
                "{\"key\":\"k\",\"value\":\"AP-_\",\"base64\":true}|value is not base64",
                "{\"key\":\"k\",\"value\":\"AAA=A\",\"base64\":true}|value is not base64",
                "{\"key\":\"k\",\"value\":\"A\",\"base64\":true}|value is not base64",
                "{\"base64\":1,\"key\":\"k\",\"value\":\"v\"}|base64 is not true or false",
                "{\"base64\":\"true\",\"key\":\"k\",\"value\":\"v\"}|base64 is not true or false",
                "{\"key\":\"k\",\"value\":\"v\",\"key\":\"k\"}|key is there twice",
                "{\"metadata\":1,\"metadata\":2,\"key\":\"k\",\"value\":\"v\"}|metadata is there twice",
                "{}|key is missing"
            })
    void a_bad_item_refuses_the_whole_body_and_is_named(String item, String problem) {
        assertRefused(
                refused(body(), "[{\"key\":\"first\",\"value\":\"v\"}," + item + ",{\"key\":\"z\",\"value\":\"v\"}]"),
                400,
                WorkersCodes.VALIDATION,
                "item 1: " + problem);
    }

    @ParameterizedTest
    @ValueSource(strings = {"1", "null", "\"k\"", "[]", "[[{}]]", "true"})
    void an_item_that_is_no_object_is_an_invalid_body(String item) {
        assertRefused(
                refused(body(), "[{\"key\":\"a\",\"value\":\"v\"}," + item + "]"),
                400,
                WorkersCodes.MALFORMED_BODY,
                "item 1: not an object");
    }

    @ParameterizedTest
    @ValueSource(strings = {"{}", "{\"key\":\"k\",\"value\":\"v\"}", "null", "1", "\"x\"", "true"})
    void a_body_that_is_no_array_is_an_invalid_body(String json) {
        assertRefused(refused(body(), json), 400, WorkersCodes.MALFORMED_BODY, "body is not an array");
    }

    @Test
    void a_value_has_at_most_25_mib() {
        String largest = "x".repeat(Limits.MAX_VALUE_BYTES);

        assertThat(puts("[{\"key\":\"k\",\"value\":\"" + largest + "\"}]")
                        .get(0)
                        .value()
                        .length())
                .isEqualTo(Limits.MAX_VALUE_BYTES);
        assertRefused(
                refused(body(), "[{\"key\":\"k\",\"value\":\"" + largest + "x\"}]"),
                413,
                WorkersCodes.VALIDATION,
                "item 0: value of 26214401 bytes");
    }

    @Test
    void a_base64_value_has_at_most_25_mib_when_decoded() {
        byte[] bytes = new byte[Limits.MAX_VALUE_BYTES + 1];
        new java.util.Random(1).nextBytes(bytes);
        byte[] largest = java.util.Arrays.copyOf(bytes, Limits.MAX_VALUE_BYTES);

        assertThat(puts(base64Item(largest)).get(0).value()).isEqualTo(Value.wrap(largest));
        assertRefused(
                refused(body(), base64Item(bytes)), 413, WorkersCodes.VALIDATION, "item 0: value of 26214401 bytes");
    }

    private static String base64Item(byte[] value) {
        return "[{\"key\":\"k\",\"base64\":true,\"value\":\""
                + Base64.getEncoder().encodeToString(value) + "\"}]";
    }

    @Test
    void a_value_beyond_all_bounds_is_413_before_it_is_held_whole() {
        BulkPutBody body = body();
        body.read(Unpooled.wrappedBuffer("[{\"key\":\"k\",\"value\":\"".getBytes(UTF_8)));
        byte[] piece = "x".repeat(1024 * 1024).getBytes(UTF_8);

        RestException refusal = Bodies.refusal(() -> {
            for (int i = 0; i < 36; i++) {
                body.read(Unpooled.wrappedBuffer(piece));
            }
        });

        assertRefused(refusal, 413, WorkersCodes.VALIDATION, "item 0: value of more than 26214400 bytes");
        // Three bytes for each character.
        assertRefused(
                refused(body(), "[{\"key\":\"k\",\"value\":\"" + "€".repeat(20_000_000) + "\"}]"),
                413,
                WorkersCodes.VALIDATION,
                "item 0: value of more than 26214400 bytes");
    }

    @Test
    void a_body_has_at_most_100_mib() {
        BulkPutBody body = body();
        byte[] spaces = " ".repeat(1024 * 1024).getBytes(UTF_8);
        for (int i = 0; i < 100; i++) {
            body.read(Unpooled.wrappedBuffer(spaces));
        }

        assertRefused(
                Bodies.refusal(() -> body.read(Unpooled.wrappedBuffer(new byte[] {' '}))),
                413,
                WorkersCodes.VALIDATION,
                "body of more than 104857600 bytes");
    }

    @Test
    void a_body_has_at_most_10000_items() {
        String items = IntStream.range(0, 10_000)
                .mapToObj(i -> "{\"key\":\"k" + i + "\",\"value\":\"\"}")
                .collect(Collectors.joining(","));

        assertThat(puts("[" + items + "]")).hasSize(10_000);
        assertRefused(
                refused(body(), "[" + items + ",{\"key\":\"k\",\"value\":\"\"}]"),
                400,
                WorkersCodes.VALIDATION,
                "body has more than 10000 items");
        // Counted as they stand in the body, also where they repeat one another.
        assertRefused(
                refused(
                        body(),
                        "[" + "{\"key\":\"k\",\"value\":\"\"},".repeat(10_000) + "{\"key\":\"k\",\"value\":\"\"}]"),
                400,
                WorkersCodes.VALIDATION,
                "body has more than 10000 items");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "{\"a\": [1, 2.50, {} ]}|{\"a\":[1,2.50,{}]}",
                "0|0",
                "false|false",
                "\"\"|\"\"",
                "[]|[]",
                "{}|{}",
                "[null]|[null]",
                "-0.0|-0.0",
                "1e400|1e400",
                "1E+2|1E+2",
                "12345678901234567890123456789.000000000000000000001|12345678901234567890123456789.000000000000000000001",
                "\"\\u00e4\\u20AC\\ud83d\\ude00\"|\"ä€😀\"",
                "\"\\u0000\\u001f\\b\\f\\n\\r\\t\\\"\\\\\\/\"|\"\\u0000\\u001f\\b\\f\\n\\r\\t\\\"\\\\/\"",
                "\"\\uD800\"|\"\\ud800\"",
                "{\"\\\"\":{\"\":[[]]}, \"a\":1, \"a\":2}|{\"\\\"\":{\"\":[[]]},\"a\":1,\"a\":2}"
            })
    void metadata_is_any_json_and_keeps_its_text_but_for_spaces_and_escapes(String sent, String kept) {
        assertThat(metadataOf(sent)).isEqualTo(kept);
    }

    @Test
    void null_metadata_is_none() {
        assertThat(metadataOf("null")).isNull();
    }

    @Test
    void metadata_has_at_most_1024_bytes_when_it_is_compact() {
        String largest = "{\"a\" : \"" + "ä".repeat(508) + "\" }";

        assertThat(metadataOf(largest)).hasSize(1024 - 508).startsWith("{\"a\":\"ä");
        for (String tooLarge : List.of(
                "{\"a\":\"x" + "ä".repeat(508) + "\"}",
                "\"" + "x".repeat(100_000) + "\"",
                "[" + "1,".repeat(600) + "1]",
                "[" + "{},".repeat(400) + "{}]",
                "{\"" + "n".repeat(1020) + "\":1}")) {
            assertRefused(
                    refusedWith("\"metadata\":" + tooLarge),
                    413,
                    WorkersCodes.VALIDATION,
                    "item 1: metadata of more than 1024 bytes");
        }
    }

    @Test
    void metadata_is_nested_as_deep_as_the_core_allows() {
        String deepest = "[".repeat(65) + "]".repeat(65);

        assertThat(metadataOf(deepest)).isEqualTo(deepest);
        assertThat(refusedWith("\"metadata\":[" + deepest + "]").status()).isEqualTo(400);
        assertRefused(
                refusedWith("\"x\":" + "[".repeat(100_000)), 400, WorkersCodes.MALFORMED_BODY, "body is nested deeper");
    }

    @ParameterizedTest
    @CsvSource({"60,60", "1800000000,1800000000", "6e1,60", "60.0,60", "0.6e2,60"})
    void a_ttl_is_a_whole_number_of_seconds_from_60_on(String sent, long ttl) {
        assertThat(with("\"expiration_ttl\":" + sent).options())
                .isEqualTo(new PutOptions(null, 0, ttl, Condition.NONE));
    }

    @ParameterizedTest
    @ValueSource(strings = {"59", "0", "-60", "-0", "5.9e1"})
    void a_shorter_ttl_is_10034(String ttl) {
        assertRefused(
                refusedWith("\"expiration_ttl\":" + ttl),
                400,
                WorkersCodes.TTL_TOO_SHORT,
                "item 1: expiration_ttl of ");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "60.5",
                "\"60\"",
                "true",
                "[60]",
                "{}",
                "1e-999999999",
                "1e99999999999",
                "1e2147483647",
                "1e999999999",
                "1e-2147483647",
                "9223372036854775808",
                "253402300800"
            })
    void what_is_no_number_of_seconds_is_400(String sent) {
        for (String member : List.of("expiration", "expiration_ttl")) {
            assertRefused(
                    refusedWith("\"" + member + "\":" + sent),
                    400,
                    WorkersCodes.VALIDATION,
                    "item 1: " + member + " is ");
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {NOW + 59, NOW, NOW - 1, 0, -1})
    void an_expiration_that_is_past_or_near_is_400(long expiration) {
        assertRefused(
                refusedWith("\"expiration\":" + expiration), 400, WorkersCodes.VALIDATION, "item 1: expiration of ");
    }

    @Test
    void the_ttl_wins_over_the_expiration() {
        assertThat(with("\"expiration_ttl\":70,\"expiration\":5").options())
                .isEqualTo(new PutOptions(null, 0, 70, Condition.NONE));
    }

    @Test
    void an_expiration_beyond_32_bits_is_taken() {
        assertThat(with("\"expiration\":4102444800").options().expiresAt()).isEqualTo(4_102_444_800L);
    }

    @Test
    void the_same_item_twice_is_accepted_once() {
        String item = "{\"key\":\"k\",\"value\":\"v\",\"metadata\":{\"a\":1},\"expiration_ttl\":60}";
        String same =
                "{\"expiration_ttl\":60, \"metadata\":{ \"a\":1 },\"base64\":true,\"value\":\"dg==\",\"key\":\"k\"}";

        BulkPutBody body = parse(body(), "[" + item + "," + same + "]");

        assertThat(body.puts()).hasSize(1);
        assertThat(body.itemCount()).isEqualTo(2);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"value\":\"w\"",
                "\"value\":\"v\",\"metadata\":1",
                "\"value\":\"v\",\"expiration_ttl\":60",
                "\"value\":\"v\",\"expiration\":1900000000"
            })
    void the_same_key_twice_with_something_else_is_400(String members) {
        assertRefused(
                refused(body(), "[{\"key\":\"k\",\"value\":\"v\"},{\"key\":\"k\"," + members + "}]"),
                400,
                WorkersCodes.VALIDATION,
                "item 1: received duplicate key with different values or expiration parameters");
    }

    @Test
    void what_is_held_is_told_while_the_body_arrives() {
        BulkPutBody body = body();
        assertThat(body.heldBytes()).isZero();

        body.read(Unpooled.wrappedBuffer(("[{\"key\":\"k\",\"value\":\"" + "x".repeat(1_000_000)).getBytes(UTF_8)));
        assertThat(body.heldBytes()).isBetween(1_980_000L, 2_050_000L);

        body.read(Unpooled.wrappedBuffer("\",\"metadata\":1".getBytes(UTF_8)));
        assertThat(body.heldBytes()).isBetween(1_000_000L, 1_050_000L);

        body.read(Unpooled.wrappedBuffer("}]".getBytes(UTF_8)));
        body.finish();
        assertThat(body.heldBytes()).isBetween(1_000_000L, 1_001_000L);
    }

    @Test
    void nothing_is_given_out_before_the_body_has_ended() {
        BulkPutBody body = body();
        body.read(Unpooled.wrappedBuffer("[]".getBytes(UTF_8)));

        assertThatThrownBy(body::puts).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void a_large_body_comes_out_the_same_from_direct_memory_in_pieces() {
        String json = IntStream.range(0, 2000)
                .mapToObj(i -> "{\"key\":\"k" + i + "\",\"value\":\"" + "ä".repeat(i % 97) + "\"}")
                .collect(Collectors.joining(",", "[", "]"));

        assertThat(parse(body(), json.getBytes(UTF_8), Pieces.of(8191), true).puts())
                .isEqualTo(puts(json));
    }
}
