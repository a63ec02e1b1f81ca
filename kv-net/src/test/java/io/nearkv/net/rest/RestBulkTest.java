package io.nearkv.net.rest;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.Limits;
import io.nearkv.net.server.GatedStore;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.JsonNode;

/** Bulk calls over HTTP: as a whole or not at all. */
class RestBulkTest extends WithRest {
    private static String counts(int count) {
        return "{\"successful_key_count\":" + count + ",\"unsuccessful_keys\":[]}";
    }

    private Answer putAll(String body) throws IOException {
        return callWith(body, "PUT", ns("/bulk"), "Content-Type: application/json");
    }

    private Answer getAll(String body) throws IOException {
        return callWith(body, "POST", ns("/bulk/get"), "Content-Type: application/json");
    }

    @ParameterizedTest
    @EnumSource(names = {"AT_ONCE", "LATER"})
    void many_entries_are_put_read_and_deleted(GatedStore.Mode mode) throws IOException {
        start().store.mode(mode);
        long now = rig().clock.epochSecond();
        Answer put = putAll("[{\"key\":\"a\",\"value\":\"1\",\"metadata\":{\"n\":1}},"
                + "{\"key\":\"b\",\"value\":\"AAH/\",\"base64\":true,\"expiration_ttl\":60},"
                + "{\"key\":\"c\",\"value\":\"{\\\"x\\\":2}\",\"expiration\":" + (now + 100) + "}]");
        assertThat(put.status()).isEqualTo(200);
        assertThat(put.result().toString()).isEqualTo(counts(3));
        assertThat(storedBytes("b")).containsExactly(0, 1, 255);

        assertThat(getAll("{\"keys\":[\"a\",\"c\",\"zz\",\"a\"]}").result().toString())
                .isEqualTo("{\"values\":{\"a\":\"1\",\"c\":\"{\\\"x\\\":2}\",\"zz\":null}}");
        JsonNode full = getAll("{\"keys\":[\"a\",\"c\",\"zz\"],\"type\":\"json\",\"withMetadata\":true}")
                .result()
                .path("values");
        assertThat(full.path("a").toString()).isEqualTo("{\"value\":1,\"metadata\":{\"n\":1}}");
        assertThat(full.path("c").toString())
                .isEqualTo("{\"value\":{\"x\":2},\"metadata\":null,\"expiration\":" + (now + 100) + "}");
        assertThat(full.path("zz").isNull()).isTrue();

        assertThat(callWith("[\"a\",\"b\",\"absent\"]", "POST", ns("/bulk/delete"))
                        .result()
                        .toString())
                .isEqualTo(counts(3));
        assertThat(callWith("[\"c\"]", "DELETE", ns("/bulk"), "Content-Type: application/json")
                        .result()
                        .toString())
                .isEqualTo(counts(1));
        assertThat(call("GET", ns("/keys")).result().size()).isZero();
        assertThat(rig().stats().count("batch", "ok")).isEqualTo(3);
        assertThat(rig().stats().count("get_all", "ok")).isEqualTo(2);
    }

    @Test
    void a_bad_item_at_the_end_refuses_all_and_nothing_is_written() throws IOException {
        start();
        for (String bad : List.of(
                "{\"key\":\"" + "k".repeat(513) + "\",\"value\":\"\"}",
                "{\"key\":\".\",\"value\":\"\"}",
                "{\"key\":\"k\",\"value\":\"\",\"expiration_ttl\":59}",
                "{\"key\":\"k\",\"value\":\"\",\"expiration\":1}",
                "{\"key\":\"k\",\"value\":\"%\",\"base64\":true}",
                "{\"key\":\"k\",\"value\":\"\",\"metadata\":\"" + "m".repeat(1023) + "\"}",
                "{\"key\":\"k\"}",
                "{\"key\":\"k\",\"value\":1}",
                "{\"key\":\"good0\",\"value\":\"other\"}",
                "1")) {
            String items = IntStream.range(0, 1000)
                    .mapToObj(i -> "{\"key\":\"good" + i + "\",\"value\":\"" + "v".repeat(100) + "\"}")
                    .collect(Collectors.joining(","));
            Answer refused = putAll("[" + items + "," + bad + "]");
            assertThat(refused.status()).as(bad).isIn(400, 413, 414);
            assertThat(call("GET", ns("/keys")).result().size()).as(bad).isZero();
        }
        assertThat(rig().store.calls.get()).isLessThan(20); // listings and lookups, no batch
    }

    @Test
    void ten_thousand_items_are_one_call_and_one_more_is_400() throws IOException {
        start();
        String keys = IntStream.range(0, 10_000).mapToObj(i -> "\"k" + i + "\"").collect(Collectors.joining(","));
        String puts = IntStream.range(0, 10_000)
                .mapToObj(i -> "{\"key\":\"k" + i + "\",\"value\":\"v\"}")
                .collect(Collectors.joining(","));
        assertThat(putAll("[" + puts + "]").result().toString()).isEqualTo(counts(10_000));
        assertThat(putAll("[" + puts + ",{\"key\":\"x\",\"value\":\"v\"}]").status())
                .isEqualTo(400);
        assertThat(callWith("[" + keys + ",\"x\"]", "POST", ns("/bulk/delete")).status())
                .isEqualTo(400);
        assertThat(callWith("[" + keys + "]", "POST", ns("/bulk/delete"))
                        .result()
                        .toString())
                .isEqualTo(counts(10_000));
    }

    @Test
    void a_hundred_megabytes_are_taken_and_one_byte_over_a_hundred_mebibytes_is_413_before_it_is_sent()
            throws IOException {
        use(setup().overEngine().start());
        try (HttpSocket socket = rig().connect()) {
            long total = sendBulk(socket, 100_000_000L, "");
            assertThat(total).isEqualTo(100_000_000L);
            Answer taken = socket.read();
            assertThat(taken.status()).as(taken.toString()).isEqualTo(200);
            assertThat(taken.result().path("successful_key_count").asInt()).isGreaterThan(90);
        }
        try (HttpSocket socket = rig().connect()) {
            socket.send(request("PUT", ns("/bulk"), "Content-Length: " + (Limits.MAX_BATCH_BYTES + 1)));
            Answer refused = socket.read();
            assertThat(refused.refusal()).isEqualTo("413 10001");
            assertThat(refused.closes()).isTrue();
            socket.expectEnd();
        }
    }

    @Test
    void a_bulk_body_that_never_says_how_long_it_is_ends_at_the_limit() throws IOException {
        start();
        try (HttpSocket socket = rig().connect()) {
            socket.send(request("PUT", ns("/bulk"), "Transfer-Encoding: chunked"));
            byte[] spaces = " ".repeat(MIB).getBytes(StandardCharsets.US_ASCII);
            byte[] chunk = HttpSocket.concat(HttpSocket.latin1("100000\r\n"), spaces, HttpSocket.latin1("\r\n"));
            for (int i = 0; i < 101; i++) {
                socket.send(chunk);
            }
            assertThat(socket.read().refusal()).isEqualTo("413 10001");
        }
    }

    @Test
    void one_bad_last_item_of_a_large_body_and_nothing_is_written() throws IOException {
        use(setup().overEngine().start());
        try (HttpSocket socket = rig().connect()) {
            sendBulk(socket, 30_000_000L, "{\"key\":\"\",\"value\":\"\"}");
            assertThat(socket.read().status()).isEqualTo(400);
        }
        assertThat(call("GET", ns("/keys")).result().size()).isZero();
    }

    /** Sends a bulk put of values of 1 MB, with this item at the end, padded to exactly so many bytes. */
    private long sendBulk(HttpSocket socket, long total, String lastItem) throws IOException {
        socket.send(request("PUT", ns("/bulk"), "Content-Length: " + total));
        String value = "v".repeat(1_000_000);
        String end = (lastItem.isEmpty() ? "{\"key\":\"end\",\"value\":\"\"}" : lastItem) + "]";
        long sent = 1;
        socket.send("[");
        for (int i = 0; sent + value.length() + 100 + end.length() < total; i++) {
            byte[] item = HttpSocket.latin1("{\"key\":\"k" + i + "\",\"value\":\"" + value + "\"},");
            socket.send(item);
            sent += item.length;
        }
        String padding = " ".repeat((int) (total - sent - end.length()));
        socket.send(padding + end);
        return sent + padding.length() + end.length();
    }

    @Test
    void values_of_more_than_25_mebibytes_in_all_are_413() throws IOException {
        start();
        store("a", "a".repeat(13 * MIB));
        store("b", "b".repeat(13 * MIB));
        Answer refused = getAll("{\"keys\":[\"a\",\"b\"]}");
        assertThat(refused.refusal()).isEqualTo("413 10001");
        assertThat(getAll("{\"keys\":[\"a\"]}").status()).isEqualTo(200);
    }

    @Test
    void room_for_the_answer_of_a_bulk_get_is_taken_before_the_store_is_asked() throws IOException {
        start();
        store("warm", "v");
        assertThat(getAll("{\"keys\":[\"warm\"]}").status()).isEqualTo(200);
        rig().store.mode(GatedStore.Mode.HELD);
        try (HttpSocket socket = rig().connect()) {
            socket.send(request("POST", ns("/bulk/get"), HttpSocket.latin1("{\"keys\":[\"a\"]}")));
            eventually().until(() -> rig().store.heldCount() == 1);
            rig().store.release();
            eventually().until(() -> rig().store.heldCount() == 1);
            assertThat(rig().stats().bytesInFlight()).isGreaterThanOrEqualTo(Limits.MAX_BULK_GET_BYTES);
            rig().store.mode(GatedStore.Mode.AT_ONCE).release();
            assertThat(socket.read().status()).isEqualTo(200);
        }
    }

    @Test
    void a_large_bulk_answer_is_whole_for_a_slow_client() throws IOException {
        start();
        String value = "x".repeat(5 * MIB);
        store("a", value);
        try (HttpSocket socket = rig().connect()) {
            socket.send(request("POST", ns("/bulk/get"), HttpSocket.latin1("{\"keys\":[\"a\"]}")));
            eventually().until(() -> rig().stats().bytesInFlight() > 5 * MIB);
            assertThat(socket.read().result().path("values").path("a").asString())
                    .isEqualTo(value);
        }
    }
}
