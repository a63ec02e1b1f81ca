package io.nearkv.core.json;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.nearkv.core.AccountInfo;
import io.nearkv.core.Codec;
import io.nearkv.core.Condition;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import io.nearkv.core.KvMap;
import io.nearkv.core.Limits;
import io.nearkv.core.MapStore;
import io.nearkv.core.Metadata;
import io.nearkv.core.PutOptions;
import io.nearkv.core.TestClock;
import io.nearkv.core.Value;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonCodecTest {
    record Route(
            String host,
            int weight,
            List<String> tags,
            @Nullable String note) {}

    private static final Route ROUTE = new Route("a.example", 3, List.of("x", "é"), null);

    @Test
    void a_record_maps_by_itself() {
        JsonCodec<Route> codec = JsonCodec.of(Route.class);
        Value value = codec.encode(ROUTE);
        assertThat(value.asString())
                .isEqualTo("{\"host\":\"a.example\",\"weight\":3,\"tags\":[\"x\",\"é\"],\"note\":null}");
        assertThat(codec.decode(value)).isEqualTo(ROUTE);
    }

    @Test
    void lists_and_maps_keep_the_type_of_their_elements() {
        JsonCodec<List<Route>> list = JsonCodec.listOf(Route.class);
        assertThat(list.decode(list.encode(List.of(ROUTE)))).containsExactly(ROUTE);
        JsonCodec<Map<String, Route>> map = JsonCodec.mapOf(Route.class);
        assertThat(map.decode(map.encode(Map.of("a", ROUTE)))).isEqualTo(Map.of("a", ROUTE));
    }

    @Test
    void members_that_are_new_are_skipped() {
        Value value = Value.of("{\"host\":\"h\",\"weight\":1,\"tags\":[],\"later\":{\"a\":1}}");
        assertThat(JsonCodec.of(Route.class).decode(value).host()).isEqualTo("h");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "secret", "{\"host\":", "[]", "null", "{\"weight\":\"secret\"}", "{} secret", "\"secret\""})
    void anything_else_is_refused_without_showing_it(String text) {
        assertThatExceptionOfType(KvException.class)
                .isThrownBy(() -> JsonCodec.of(Route.class).decode(Value.of(text)))
                .withNoCause()
                .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_REQUEST))
                .satisfies(e -> assertThat(e.toString()).doesNotContain("secret"));
    }

    @Test
    void metadata_is_made_of_objects_and_read_as_objects() {
        Metadata metadata = JsonCodec.metadata(Map.of("contentType", "text/css"));
        assertThat(metadata).isEqualTo(Metadata.ofJson("{\"contentType\":\"text/css\"}"));
        assertThat(JsonCodec.mapOf(String.class).decode(metadata)).containsEntry("contentType", "text/css");
        assertThatExceptionOfType(KvException.class)
                .isThrownBy(() -> JsonCodec.metadata("x".repeat(Limits.MAX_METADATA_BYTES)))
                .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.TOO_LARGE));
    }

    @Test
    void text_and_bytes_have_codecs_too() {
        assertThat(Codec.TEXT.decode(Codec.TEXT.encode("é"))).isEqualTo("é");
        assertThat(Codec.BYTES.decode(Codec.BYTES.encode(new byte[] {1, -1}))).containsExactly(1, -1);
        assertThatExceptionOfType(KvException.class)
                .isThrownBy(() -> Codec.TEXT.decode(Value.of(new byte[] {'a', (byte) 0xFF})))
                .withMessageContaining("byte 1");
    }

    @Test
    void a_namespace_is_a_map_of_objects() {
        MapStore store = new MapStore(new MapStore.Data(), new TestClock());
        AccountInfo account =
                Objects.requireNonNull(store.admin().createAccount("a").join());
        try (Kv kv = Kv.over(store, account.id())) {
            kv.namespaces().create("routes");
            KvMap<Route> routes = kv.namespace("routes").as(JsonCodec.of(Route.class));
            long version = routes.put("a", ROUTE, PutOptions.metadata(Metadata.ofJson("7")))
                    .orThrow();
            routes.putAll(Map.of("b", ROUTE));

            assertThat(routes.get("a")).contains(ROUTE);
            assertThat(routes.get("nothing")).isEmpty();
            assertThat(routes.getEntry("a")).contains(new KvMap.Entry<>(ROUTE, Metadata.ofJson("7"), version, 0));
            assertThat(routes.getAll(List.of("b", "nothing", "a")))
                    .containsExactly(Map.entry("b", ROUTE), Map.entry("a", ROUTE));
            assertThat(routes.delete("a", Condition.ifVersion(version)).applied())
                    .isTrue();
            assertThat(routes.list("")).hasSize(1);

            kv.namespace("routes").put("bad", "secret");
            assertThatExceptionOfType(KvException.class)
                    .isThrownBy(() -> routes.get("bad"))
                    .withMessageContaining("'bad'")
                    .satisfies(e -> assertThat(e.getMessage()).doesNotContain("secret"));
        }
    }
}
