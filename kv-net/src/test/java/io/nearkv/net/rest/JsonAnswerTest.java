package io.nearkv.net.rest;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.AccountId;
import io.nearkv.core.AccountInfo;
import io.nearkv.core.Cursor;
import io.nearkv.core.DenialReason;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KeyInfo;
import io.nearkv.core.KvException;
import io.nearkv.core.ListPage;
import io.nearkv.core.Metadata;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.NamespaceInfo;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class JsonAnswerTest {
    private static final String OK = "{\"success\":true,\"errors\":[],\"messages\":[],\"result\":";
    private static final AccountId ACCOUNT = AccountId.parse("0123456789abcdef0123456789abcdef");
    private static final NamespaceInfo NAMESPACE =
            new NamespaceInfo(NamespaceId.parse("00000000000000ff00000000000000aa"), ACCOUNT, "a \"title\"");

    private static String written(Consumer<ByteBuf> answer) {
        ByteBuf out = Unpooled.buffer();
        answer.accept(out);
        String text = out.toString(UTF_8);
        assertThat(JsonText.isJson(text.getBytes(UTF_8))).as(text).isTrue();
        return text;
    }

    private static GetResult.Found found(byte[] value, @Nullable String metadata, long expiresAt) {
        return GetResult.Found.wrap(value, metadata == null ? null : Metadata.ofJson(metadata), 1, expiresAt);
    }

    private static GetResult.Found found(String value) {
        return found(value.getBytes(UTF_8), null, 0);
    }

    @Test
    void a_refusal_has_the_code_that_clients_know_and_our_own_reason() {
        assertThat(written(out ->
                        JsonAnswer.error(out, RestException.invalid(WorkersCodes.TTL_TOO_SHORT, "too \"short\""))))
                .isEqualTo("{\"success\":false,\"errors\":[{\"code\":10034,\"message\":\"too \\\"short\\\"\"}],"
                        + "\"messages\":[{\"code\":1001,\"message\":\"invalid_request\"}],\"result\":null}");
    }

    @Test
    void a_denial_says_which_environment_and_build() {
        KvException denied = KvException.denied(
                new KvException.Denial(DenialReason.ENVIRONMENT_MISMATCH, "production", "staging", null), "no");

        assertThat(written(out -> JsonAnswer.error(out, new RestException(401, WorkersCodes.AUTHENTICATION, denied))))
                .isEqualTo("{\"success\":false,\"errors\":[{\"code\":10000,\"message\":\"no\"}],"
                        + "\"messages\":[{\"code\":1002,\"message\":\"environment_mismatch\",\"expected_environment\":\"production\","
                        + "\"presented_environment\":\"staging\"}],\"result\":null}");
    }

    @Test
    void codes_are_at_least_1000_for_every_row() {
        for (ErrorCode code : ErrorCode.values()) {
            String text = written(out ->
                    JsonAnswer.error(out, new RestException(code.httpStatus(), 10001, new KvException(code, "m"))));

            JsonNode message =
                    JsonMapper.shared().readTree(text).get("messages").get(0);
            assertThat(message.get("code").asInt()).isGreaterThan(1000);
            assertThat(message.get("message").asString()).isEqualTo(code.label());
        }
    }

    @Test
    void namespaces_are_written_with_their_page() {
        String one =
                "{\"id\":\"00000000000000ff00000000000000aa\",\"title\":\"a \\\"title\\\"\",\"supports_url_encoding\":true}";

        assertThat(written(out -> JsonAnswer.namespace(out, NAMESPACE))).isEqualTo(OK + one + "}");
        assertThat(written(out -> JsonAnswer.namespaces(out, List.of(NAMESPACE, NAMESPACE), 2, 20, 22)))
                .isEqualTo(OK + "[" + one + "," + one
                        + "],\"result_info\":{\"page\":2,\"per_page\":20,\"count\":2,\"total_count\":22}}");
        assertThat(written(out -> JsonAnswer.namespaces(out, List.of(), 9, 20, 22)))
                .isEqualTo(OK + "[],\"result_info\":{\"page\":9,\"per_page\":20,\"count\":0,\"total_count\":22}}");
    }

    @Test
    void keys_are_written_with_expiration_and_metadata_where_there_is_some() {
        List<KeyInfo> keys = List.of(
                new KeyInfo(Key.of("a"), 1, null, 0, 5),
                new KeyInfo(Key.of("ä\n\"\\\u0001/"), 1, Metadata.ofJson("{ \"x\": 1.0 }"), 1900000000, 5),
                new KeyInfo(Key.of("__proto__"), 1, Metadata.ofJson("0"), 0, 5));

        assertThat(written(out -> JsonAnswer.keys(out, new ListPage(keys, null))))
                .isEqualTo(OK + "[{\"name\":\"a\"},"
                        + "{\"name\":\"ä\\n\\\"\\\\\\u0001/\",\"expiration\":1900000000,\"metadata\":{ \"x\": 1.0 }},"
                        + "{\"name\":\"__proto__\",\"metadata\":0}],\"result_info\":{\"count\":3,\"cursor\":\"\"}}");
        Cursor cursor = Cursor.after(Key.of("z"));
        assertThat(written(out -> JsonAnswer.keys(out, new ListPage(List.of(), cursor))))
                .isEqualTo(OK + "[],\"result_info\":{\"count\":0,\"cursor\":\"" + cursor + "\"}}");
    }

    @Test
    void what_has_no_result_and_what_a_bulk_call_did() {
        assertThat(written(JsonAnswer::done)).isEqualTo(OK + "null}");
        assertThat(written(out -> JsonAnswer.bulkDone(out, 0)))
                .isEqualTo(OK + "{\"successful_key_count\":0,\"unsuccessful_keys\":[]}}");
    }

    @Test
    void metadata_is_its_own_json() {
        assertThat(written(out -> JsonAnswer.metadata(out, null))).isEqualTo(OK + "null}");
        assertThat(written(out -> JsonAnswer.metadata(out, Metadata.ofJson("\"\""))))
                .isEqualTo(OK + "\"\"}");
    }

    @Test
    void values_are_texts_or_null() {
        List<Key> keys = List.of(Key.of("a"), Key.of("__proto__"), Key.of("c"));
        List<GetResult> results = List.of(found("x\u2028\u0000\"€😀"), GetResult.Missing.INSTANCE, found(""));

        assertThat(written(out -> JsonAnswer.values(out, keys, results, false, false)))
                .isEqualTo(OK + "{\"values\":{\"a\":\"x\u2028\\u0000\\\"€😀\",\"__proto__\":null,\"c\":\"\"}}}");
    }

    @Test
    void bytes_that_are_not_utf8_become_replacement_characters() {
        assertThat(written(out -> JsonAnswer.values(
                        out,
                        List.of(Key.of("a")),
                        List.of(found(new byte[] {'x', (byte) 0xFF, 'y'}, null, 0)),
                        false,
                        false)))
                .isEqualTo(OK + "{\"values\":{\"a\":\"x\ufffdy\"}}}");
    }

    @Test
    void values_stand_beside_their_metadata_if_that_is_asked_for() {
        List<Key> keys = List.of(Key.of("a"), Key.of("b"), Key.of("c"));
        List<GetResult> results =
                List.of(found("1".getBytes(UTF_8), "[1]", 1900000000), found("2"), GetResult.Missing.INSTANCE);

        assertThat(written(out -> JsonAnswer.values(out, keys, results, false, true)))
                .isEqualTo(OK + "{\"values\":{\"a\":{\"value\":\"1\",\"metadata\":[1],\"expiration\":1900000000},"
                        + "\"b\":{\"value\":\"2\",\"metadata\":null},\"c\":null}}}");
    }

    @Test
    void values_are_embedded_as_json() {
        List<Key> keys = List.of(Key.of("a"), Key.of("b"), Key.of("c"));
        List<GetResult> results =
                List.of(found(" {\"x\": 1e400} "), found("\ufeff\"mark\""), GetResult.Missing.INSTANCE);

        assertThat(written(out -> JsonAnswer.values(out, keys, results, true, false)))
                .isEqualTo(OK + "{\"values\":{\"a\": {\"x\": 1e400} ,\"b\":\"mark\",\"c\":null}}}");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "text",
                "{",
                "[1,]",
                "1 2",
                "{} x",
                "'a'",
                "NaN",
                "\u0000[\u0000]",
                "[\u0000\u0000\u0000",
                "01",
                "]"
            })
    void a_value_that_is_not_json_refuses_the_call_and_leaves_the_buffer_as_it_was(String value) {
        ByteBuf out = Unpooled.buffer().writeByte('x');

        RestException refusal = Bodies.refusal(() -> JsonAnswer.values(
                out, List.of(Key.of("good"), Key.of("bad")), List.of(found("1"), found(value)), true, false));

        assertThat(refusal.status()).isEqualTo(400);
        assertThat(refusal.getMessage()).startsWith("value of key 'bad' is not JSON");
        assertThat(out.toString(UTF_8)).isEqualTo("x");
    }

    @Test
    void json_values_of_any_sensible_size_are_embedded() {
        for (String value : List.of(
                "1".repeat(100_000),
                "\"" + "x".repeat(1_000_000) + "\"",
                "[".repeat(1000) + "]".repeat(1000),
                "{\"" + "n".repeat(100_000) + "\":1}")) {
            assertThat(JsonText.isJson(value.getBytes(UTF_8))).isTrue();
        }
        assertThat(JsonText.isJson(("[".repeat(1001) + "]".repeat(1001)).getBytes(UTF_8)))
                .isFalse();
    }

    @Test
    void more_than_25_mib_of_values_is_413() {
        List<GetResult> results =
                List.of(found(new byte[20 * 1024 * 1024], null, 0), found(new byte[5 * 1024 * 1024 + 1], null, 0));

        assertThat(Bodies.refusal(() -> JsonAnswer.values(
                                Unpooled.buffer(), List.of(Key.of("a"), Key.of("b")), results, false, false))
                        .status())
                .isEqualTo(413);
    }

    @Test
    void what_account_discovery_and_whoami_ask_for() {
        List<AccountInfo> accounts = List.of(new AccountInfo(ACCOUNT, "acme"));
        String account = "{\"id\":\"" + ACCOUNT + "\",\"name\":\"acme\",\"type\":\"standard\"}";
        String page = ",\"result_info\":{\"page\":1,\"per_page\":20,\"count\":1,\"total_count\":1}}";

        assertThat(written(out -> JsonAnswer.accounts(out, accounts, 1, 20, 1)))
                .isEqualTo(OK + "[" + account + "]" + page);
        assertThat(written(out -> JsonAnswer.memberships(out, accounts, 1, 20, 1)))
                .isEqualTo(OK + "[{\"id\":\"" + ACCOUNT + "\",\"status\":\"accepted\",\"account\":" + account
                        + ",\"roles\":[],\"permissions\":{}}]" + page);
        assertThat(written(out -> JsonAnswer.user(out, "u", "a@b")))
                .isEqualTo(OK + "{\"id\":\"u\",\"email\":\"a@b\"}}");
        assertThat(written(out -> JsonAnswer.token(out, "t", 0, 0)))
                .isEqualTo(OK + "{\"id\":\"t\",\"status\":\"active\"}}");
        assertThat(written(out -> JsonAnswer.token(out, "t", 1, 1900000000)))
                .isEqualTo(OK + "{\"id\":\"t\",\"status\":\"active\",\"not_before\":\"1970-01-01T00:00:01Z\","
                        + "\"expires_on\":\"2030-03-17T17:46:40Z\"}}");
    }

    @Test
    void any_text_comes_back_from_a_parser_as_it_was() {
        long seed = Long.getLong("nearkv.test.seed", System.nanoTime());
        System.out.println("JsonAnswerTest: -Dnearkv.test.seed=" + seed);
        Random random = new Random(seed);
        List<String> texts = new ArrayList<>();
        ByteBuf out = Unpooled.buffer();
        JsonWriter json = new JsonWriter(out).beginArray();
        for (int i = 0; i < 2000; i++) {
            String text = random.ints(random.nextInt(20), 0, random.nextBoolean() ? 0x80 : 0x10FFFF)
                    .filter(c -> c < 0xD800 || c > 0xDFFF)
                    .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                    .toString();
            texts.add(text);
            json = random.nextBoolean() ? json.string(text) : json.string(text.getBytes(UTF_8));
        }
        json.endArray();

        JsonNode read = JsonMapper.shared().readTree(out.toString(UTF_8));

        for (int i = 0; i < texts.size(); i++) {
            assertThat(read.get(i).asString()).as("seed " + seed).isEqualTo(texts.get(i));
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 7, -1, 1234567890123L, Long.MAX_VALUE, Long.MIN_VALUE})
    void numbers_are_written_in_full(long number) {
        assertThat(written(out -> {
                    JsonWriter unused = new JsonWriter(out).number(number);
                }))
                .isEqualTo(Long.toString(number));
    }
}
