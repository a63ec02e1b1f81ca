package io.nearkv.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Single keys: get, put and delete, their limits, metadata and versions. */
public interface ReadWriteContract extends ContractSupport {
    @Test
    default void a_key_that_was_never_written_is_missing() {
        assertThat(get("nothing")).isEqualTo(GetResult.Missing.INSTANCE);
    }

    @Test
    default void a_put_is_read_back_with_value_version_and_metadata() {
        WriteResult written = put("k", "v", PutOptions.metadata(Metadata.ofJson("{\"a\":1}")));

        GetResult.Found found = found("k");
        assertThat(found.value()).isEqualTo(Value.of("v"));
        assertThat(found.version()).isEqualTo(written.orThrow());
        assertThat(found.metadata()).isEqualTo(Metadata.ofJson("{\"a\":1}"));
        assertThat(found.expiresAt()).isZero();
    }

    @Test
    default void a_deleted_key_is_missing() {
        put("k", "v");
        delete("k");
        assertThat(get("k")).isEqualTo(GetResult.Missing.INSTANCE);
    }

    @Test
    default void deleting_what_is_not_there_succeeds_and_has_a_version() {
        long before = put("other", "v");
        assertThat(delete("nothing")).isGreaterThan(before);
    }

    @Test
    default void a_put_replaces_value_metadata_and_expiration_as_one() {
        put("k", "1", PutOptions.expiresAfter(java.time.Duration.ofHours(1)).withMetadata(Metadata.ofJson("1")));
        put("k", "2");

        GetResult.Found found = found("k");
        assertThat(found.value()).isEqualTo(Value.of("2"));
        assertThat(found.metadata()).isNull();
        assertThat(found.expiresAt()).isZero();
    }

    @Test
    default void versions_grow_with_every_write_of_any_kind() {
        long last = 0;
        for (int i = 0; i < 20; i++) {
            long version = i % 3 == 2 ? delete("k" + i % 4) : put("k" + i % 4, "v" + i);
            assertThat(version).isGreaterThan(last);
            last = version;
        }
    }

    @Test
    default void namespaces_do_not_see_each_other() {
        NamespaceId other = await(store().admin().createNamespace(fixture().account(), "other of " + ns()))
                .id();
        put("k", "mine");
        assertThat(await(store().get(other, key("k"), reads()))).isEqualTo(GetResult.Missing.INSTANCE);
        Object unused = await(store().write(other, Mutation.put(key("k"), Value.of("theirs")), WriteOptions.DEFAULT));
        unused = await(store().write(other, Mutation.delete(key("k")), WriteOptions.DEFAULT));
        assertThat(found("k").value()).isEqualTo(Value.of("mine"));
        unused = await(store().admin().deleteNamespace(other));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 127, 128, 4095, 4096, 4097, 65_535, 65_536, 65_537, 200 * 1024, 1024 * 1024})
    default void a_value_of_any_size_is_read_back_byte_for_byte(int size) {
        Value value = bytes(size, size);
        put("k", value, PutOptions.metadata(Metadata.ofJson("\"m\"")));

        assertThat(found("k").value()).isEqualTo(value);
        assertThat(found("k").length()).isEqualTo(size);
        assertThat(found("k").metadata()).isEqualTo(Metadata.ofJson("\"m\""));
        assertThat(page(ListOptions.ALL).keys().get(0).valueBytes()).isEqualTo(size);
    }

    @Test
    default void a_value_of_the_limit_is_taken_and_one_byte_more_is_too_large() {
        Value largest = bytes(Limits.MAX_VALUE_BYTES, 1);
        put("k", largest, PutOptions.DEFAULT);
        assertThat(found("k").value().equals(largest)).isTrue();

        byte[] tooMany = new byte[Limits.MAX_VALUE_BYTES + 1];
        assertFails(
                ErrorCode.TOO_LARGE,
                () -> store().write(ns(), Mutation.put(key("k"), Value.wrap(tooMany)), WriteOptions.DEFAULT));
        assertThat(found("k").value().equals(largest)).isTrue();
    }

    @Test
    default void a_large_value_replaces_a_small_one_and_a_small_one_a_large_one() {
        for (int size : new int[] {10, 200_000, 5, 70_000, 0, 4096, 4097}) {
            Value value = bytes(size, size);
            put("k", value, PutOptions.DEFAULT);
            assertThat(found("k").value()).isEqualTo(value);
        }
        delete("k");
        assertThat(get("k")).isEqualTo(GetResult.Missing.INSTANCE);
    }

    @Test
    default void any_text_is_a_key() {
        List<String> keys = List.of(
                "a",
                " ",
                "  a  ",
                "...",
                ".a",
                "..a",
                "a/../b",
                "/",
                "//",
                "\\",
                "%2F",
                "a%20b",
                "?",
                "#",
                "&a=b",
                "\u0001",
                "\t",
                "\r\n",
                "\u007f",
                "\u0000",
                "a\u0000b",
                "\u2028",
                "é",
                "e\u0301",
                "\uFF61",
                "\uD83D\uDE00",
                "\uDBFF\uDFFF",
                "\uFFFF",
                "\uFEFF",
                "null",
                "\"",
                "'",
                "a".repeat(512));
        for (String key : keys) {
            put(key, key);
        }
        for (String key : keys) {
            assertThat(found(key).value()).as(Key.display(key)).isEqualTo(Value.of(key));
        }
        assertThat(names("")).containsExactlyInAnyOrderElementsOf(keys);
    }

    @Test
    default void a_key_that_begins_another_is_another_key() {
        put("a", "1");
        put("ab", "2");
        put("a\u0000", "3");
        delete("a");
        assertThat(names("")).containsExactly("a\u0000", "ab");
    }

    @Test
    default void a_key_of_the_longest_length_is_taken_in_bytes_not_in_characters() {
        String longest = "é".repeat(Limits.MAX_KEY_BYTES / 2);
        put(longest, "v");
        assertThat(names("")).containsExactly(longest);
    }

    @ParameterizedTest
    @ValueSource(strings = {"null", "0", "false", "\"\"", "{}", "[]", "-1.5e+3", " {\"b\" : [1, 2]}\n", "\"\\u0000é\""})
    default void metadata_is_kept_as_the_writer_gave_it(String json) {
        put("k", "v", PutOptions.metadata(Metadata.ofJson(json)));

        Metadata got = found("k").metadata();
        assertThat(got).isEqualTo(Metadata.ofJson(json));
        assertThat(page(ListOptions.ALL).keys().get(0).metadata()).isEqualTo(Metadata.ofJson(json));
    }

    @Test
    default void metadata_of_the_limit_is_kept() {
        Metadata longest = Metadata.ofJson("\"" + "m".repeat(Limits.MAX_METADATA_BYTES - 2) + "\"");
        put("k", bytes(100_000, 1), PutOptions.metadata(longest));
        assertThat(found("k").metadata()).isEqualTo(longest);
        assertThat(page(ListOptions.ALL).keys().get(0).metadata()).isEqualTo(longest);
    }

    @Test
    default void buffered_writes_are_visible_at_once() {
        WriteResult written = await(store().write(ns(), Mutation.put(key("k"), Value.of("v")), WriteOptions.BUFFERED));
        assertThat(found("k").version()).isEqualTo(written.orThrow());
    }

    @Test
    default void a_tier_answers_each_consistency() {
        long version = put("k", "v");
        Position position;
        try (FeedProbe feed = watch(FeedRequest.of(ns(), new FeedRequest.Start.Oldest()))) {
            feed.request(Long.MAX_VALUE);
            position = feed.awaitHeartbeat();
        }
        for (ReadOptions options : List.of(
                ReadOptions.STRONG, ReadOptions.session(position), ReadOptions.bounded(java.time.Duration.ZERO))) {
            GetResult result = await(store().get(ns(), key("k"), options));
            assertThat(result).as(options.toString()).isInstanceOf(GetResult.Found.class);
            assertThat(((GetResult.Found) result).version()).isEqualTo(version);
        }
    }

    @Test
    default void what_a_caller_does_to_its_array_afterwards_changes_nothing() {
        byte[] bytes = "before".getBytes(StandardCharsets.UTF_8);
        put("k", Value.of(bytes), PutOptions.DEFAULT);
        bytes[0] = 'X';
        byte[] copy = found("k").value().toByteArray();
        copy[0] = 'Y';
        assertThat(found("k").value()).isEqualTo(Value.of("before"));
    }

    @Test
    default void many_keys_keep_their_own_values() {
        Random random = new Random(7);
        int count = LONG ? 20_000 : 500;
        for (int i = 0; i < count; i++) {
            Object unused = writeBuffered(putOf("key-" + random.nextInt(count), "v" + i));
        }
        random = new Random(7);
        java.util.Map<String, String> last = new java.util.HashMap<>();
        for (int i = 0; i < count; i++) {
            last.put("key-" + random.nextInt(count), "v" + i);
        }
        last.forEach((key, value) -> assertThat(found(key).value()).isEqualTo(Value.of(value)));
    }

    @Test
    default void a_namespace_that_does_not_exist_is_not_found_by_any_call() {
        NamespaceId unknown = new NamespaceId(1, 2);
        Key k = key("k");
        Mutation mutation = Mutation.put(k, Value.of("v"));
        assertFails(ErrorCode.NOT_FOUND, () -> store().get(unknown, k, reads()));
        assertFails(ErrorCode.NOT_FOUND, () -> store().getAll(unknown, List.of(k), reads()));
        assertFails(ErrorCode.NOT_FOUND, () -> store().open(unknown, k, reads()));
        assertFails(ErrorCode.NOT_FOUND, () -> store().list(unknown, ListOptions.ALL, reads()));
        assertFails(ErrorCode.NOT_FOUND, () -> store().write(unknown, mutation, WriteOptions.DEFAULT));
        assertFails(ErrorCode.NOT_FOUND, () -> store().write(unknown, Mutation.delete(k), WriteOptions.DEFAULT));
        assertFails(ErrorCode.NOT_FOUND, () -> store().writeAll(unknown, List.of(mutation), WriteOptions.DEFAULT));
        assertFails(ErrorCode.NOT_FOUND, () -> store().batch(unknown, List.of(mutation), WriteOptions.DEFAULT));
        assertFails(
                ErrorCode.NOT_FOUND,
                () -> store().upload(unknown, k, PutOptions.DEFAULT, WriteOptions.DEFAULT)
                        .thenCompose(ValueWriter::commit));
        FeedProbe feed = watch(FeedRequest.of(unknown, new FeedRequest.Start.Now()));
        feed.request(1);
        assertThat(feed.awaitFailure().code()).isEqualTo(ErrorCode.NOT_FOUND);
        feed.close();
    }

    @Test
    default void wrong_arguments_throw_at_once() {
        assertThatThrownBy(() -> store().get(ns(), nothing(Key.class), reads()))
                .isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> store().get(nothing(NamespaceId.class), key("k"), reads()))
                .isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> store().get(ns(), key("k"), nothing(ReadOptions.class)))
                .isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> store().write(ns(), nothing(Mutation.class), WriteOptions.DEFAULT))
                .isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> store().writeAll(ns(), nothings(Mutation.class), WriteOptions.DEFAULT))
                .isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> store().batch(ns(), nothings(Mutation.class), WriteOptions.DEFAULT))
                .isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> store().getAll(ns(), nothings(Key.class), reads()))
                .isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> store().open(ns(), nothing(Key.class), reads()))
                .isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> store().list(ns(), nothing(ListOptions.class), reads()))
                .isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> store().upload(ns(), key("k"), nothing(PutOptions.class), WriteOptions.DEFAULT))
                .isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> store().watch(nothing(FeedRequest.class))).isInstanceOf(NullPointerException.class);
    }

    /** Returns what a caller without null checks would pass. */
    @SuppressWarnings("NullAway") // The tests above show what happens to callers who do not run it.
    private static <T> T nothing(Class<T> type) {
        return type.cast(null);
    }

    /** Returns no list of these. */
    @SuppressWarnings({"NullAway", "UnusedVariable"}) // As above; the parameter is for the inference.
    private static <T> List<T> nothings(Class<T> type) {
        return null;
    }
}
