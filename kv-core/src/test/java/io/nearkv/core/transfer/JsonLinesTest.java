package io.nearkv.core.transfer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.FaultyStore;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KeyInfo;
import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import io.nearkv.core.KvNamespace;
import io.nearkv.core.Limits;
import io.nearkv.core.MapStoreFixture;
import io.nearkv.core.Metadata;
import io.nearkv.core.Mutation;
import io.nearkv.core.PutOptions;
import io.nearkv.core.Value;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonLinesTest {
    private static final String HEADER = "{\"format\":\"nearkv-export\",\"version\":1}\n";

    private final MapStoreFixture tier = new MapStoreFixture();
    private final FaultyStore store = new FaultyStore(tier.store());
    private final Kv kv = Kv.over(store, tier.account());
    private final KvNamespace from = kv.namespace("from");
    private final KvNamespace to = kv.namespace("to");
    private final ImportOptions byHand =
            ImportOptions.DEFAULT.withRequireEnd(false).withClock(tier.clock());

    @BeforeEach
    void create() {
        kv.namespaces().create("from");
        kv.namespaces().create("to");
    }

    @AfterEach
    void close() {
        kv.close();
    }

    private String export(ExportOptions options) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        JsonLines.export(from, out, options);
        return out.toString(StandardCharsets.UTF_8);
    }

    private ImportSummary importText(String text, ImportOptions options) throws IOException {
        return JsonLines.importInto(to, new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)), options);
    }

    private ImportSummary importText(String text) throws IOException {
        return importText(text, ImportOptions.DEFAULT.withClock(tier.clock()));
    }

    private static String line(String key, String value) {
        return "{\"key\":" + JsonText.quoted(key) + ",\"value\":\""
                + Base64.getEncoder().encodeToString(value.getBytes(StandardCharsets.UTF_8)) + "\"}\n";
    }

    private static String read(InputStream in) throws IOException {
        try (in) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private void assertSame(KvNamespace one, KvNamespace other) {
        List<KeyInfo> expected = new ArrayList<>();
        one.list().forEach(expected::add);
        List<KeyInfo> actual = new ArrayList<>();
        other.list().forEach(actual::add);
        assertThat(actual)
                .extracting(KeyInfo::key)
                .containsExactlyElementsOf(expected.stream().map(KeyInfo::key).toList());
        for (KeyInfo info : expected) {
            GetResult.Found a = (GetResult.Found) one.get(info.name());
            GetResult.Found b = (GetResult.Found) other.get(info.name());
            assertThat(b.value().equals(a.value()))
                    .as(info.key().toDisplayString())
                    .isTrue();
            assertThat(b.metadata()).isEqualTo(a.metadata());
            assertThat(b.expiresAt()).isEqualTo(a.expiresAt());
        }
    }

    @Test
    void the_format_is_that_of_the_golden_file() throws IOException {
        from.put("theme", "dark");
        from.put(
                "routes/a",
                Value.of("https://a.example"),
                PutOptions.metadata(Metadata.ofJson("{\"owner\":\"web\"}"))
                        .withExpiration(Instant.ofEpochSecond(4_102_444_800L)));
        from.put("e\n\u2028\"\\\uD83D\uDE00", new byte[] {0, -1, -2}, PutOptions.metadata(Metadata.ofJson("null")));
        from.put("empty", "", PutOptions.metadata(Metadata.ofJson("{\n  \"a\": [1,\r\n 2.50]\n}\n")));
        String golden = read(Objects.requireNonNull(getClass().getResourceAsStream("export-v1.jsonl")));

        assertThat(export(ExportOptions.DEFAULT)).isEqualTo(golden);

        assertThat(importText(golden)).isEqualTo(new ImportSummary(4, 24, 0, 0));
        assertThat(to.getBytes("e\n\u2028\"\\\uD83D\uDE00"))
                .hasValueSatisfying(b -> assertThat(b).containsExactly(0, -1, -2));
        assertThat(((GetResult.Found) to.get("routes/a")).expiresAt()).isEqualTo(4_102_444_800L);
        assertThat(((GetResult.Found) to.get("empty")).metadata())
                .isEqualTo(Metadata.ofJson("{   \"a\": [1,   2.50] }"));
    }

    @Test
    void entries_of_every_kind_and_size_survive_the_way_out_and_in() throws IOException {
        Random random = new Random(1);
        int[] sizes = {
            0, 1, 2, 3, 4095, 65_534, 65_535, 65_536, 65_537, 65_538, 98_303, 98_304, 98_305, 1_000_000, 9_999_999
        };
        for (int size : sizes) {
            byte[] bytes = new byte[size];
            random.nextBytes(bytes);
            from.put("size/" + size, Value.wrap(bytes));
        }
        for (String key : List.of(
                "\u0000",
                "\u007f",
                "\u0085",
                "\"",
                "\\u0041",
                "é",
                "\uDBFF\uDFFF",
                "x".repeat(512),
                "\u0001".repeat(512))) {
            from.put(
                    key,
                    key,
                    PutOptions.expiresAfter(Duration.ofDays(3))
                            .withMetadata(Metadata.ofJson("\"" + "m".repeat(1000) + "\"")));
        }
        String exported = export(ExportOptions.DEFAULT);
        assertThat(exported.lines()).hasSize(sizes.length + 9 + 2);
        ImportSummary summary = importText(exported);
        assertThat(summary.entries()).isEqualTo(sizes.length + 9);
        assertSame(from, to);
    }

    @Test
    void the_largest_value_survives_too() throws IOException {
        byte[] bytes = new byte[Limits.MAX_VALUE_BYTES];
        new Random(3).nextBytes(bytes);
        from.put("largest", Value.wrap(bytes));
        importText(export(ExportOptions.DEFAULT));
        assertSame(from, to);
    }

    @Test
    void thousands_of_entries_are_exported_in_order_and_imported_with_progress() throws IOException {
        List<Mutation> mutations = new ArrayList<>();
        for (int i = 0; i < 4321; i++) {
            mutations.add(Mutation.put(Key.of("k" + i), Value.of("v" + i)));
        }
        from.writeAll(mutations);
        List<TransferCounts> exported = new ArrayList<>();
        List<TransferCounts> imported = new ArrayList<>();
        String text = export(ExportOptions.DEFAULT.withProgress(exported::add));
        importText(text, byHand.withProgress(imported::add));
        assertThat(exported).hasSize(5).extracting(TransferCounts::entries).contains(1000L, 2000L, 4321L);
        assertThat(imported).hasSize(5);
        assertThat(imported.get(4)).isEqualTo(exported.get(4));
        assertSame(from, to);
    }

    @Test
    void a_prefix_exports_its_keys_only() throws IOException {
        from.put("a/1", "v");
        from.put("b/1", "v");
        importText(export(ExportOptions.DEFAULT.withPrefix("a/")));
        assertThat(to.list()).extracting(KeyInfo::name).containsExactly("a/1");
    }

    @Test
    void an_empty_namespace_has_an_export() throws IOException {
        assertThat(importText(export(ExportOptions.DEFAULT))).isEqualTo(new ImportSummary(0, 0, 0, 0));
    }

    @Test
    void only_absent_keys_are_written_if_asked_for() throws IOException {
        from.put("a", "new");
        from.put("b", "new");
        from.put("large", Value.wrap(new byte[200_000]));
        to.put("a", "old");
        to.put("large", "old");
        ImportSummary summary = importText(export(ExportOptions.DEFAULT), byHand.withOnlyAbsent(true));
        assertThat(summary).isEqualTo(new ImportSummary(1, 3, 2, 0));
        assertThat(to.getString("a")).contains("old");
        assertThat(to.getString("large")).contains("old");
        assertThat(importText(export(ExportOptions.DEFAULT)).entries()).isEqualTo(3);
        assertThat(to.getString("a")).contains("new");
    }

    @Test
    void entries_that_have_expired_since_are_left_out() throws IOException {
        from.put("soon", "v", PutOptions.expiresAfter(Duration.ofSeconds(10)));
        from.put("large", Value.wrap(new byte[200_000]), PutOptions.expiresAfter(Duration.ofSeconds(10)));
        from.put("late", "v", PutOptions.expiresAfter(Duration.ofSeconds(1000)));
        String text = export(ExportOptions.DEFAULT);
        tier.clock().advance(Duration.ofSeconds(10));
        assertThat(importText(text)).isEqualTo(new ImportSummary(1, 1, 0, 2));
        assertThat(to.list()).extracting(KeyInfo::name).containsExactly("late");
    }

    @Test
    void entries_that_expire_on_the_way_do_not_stop_the_others() throws IOException {
        from.put("a", "v");
        from.put("soon", "v", PutOptions.expiresAfter(Duration.ofSeconds(10)));
        from.put("z", "v");
        String text = export(ExportOptions.DEFAULT);
        Instant before = tier.clock().instant().plusSeconds(9);
        tier.clock().advance(Duration.ofSeconds(11));
        assertThat(importText(text, ImportOptions.DEFAULT.withClock(() -> before)))
                .isEqualTo(new ImportSummary(2, 2, 0, 1));
    }

    // Damage

    @Test
    void a_file_cut_short_anywhere_is_refused() throws IOException {
        from.put("a", "1");
        from.put("b", "2");
        byte[] whole = export(ExportOptions.DEFAULT).getBytes(StandardCharsets.UTF_8);
        for (int length = 0; length < whole.length - 2; length++) {
            InputStream cut = new ByteArrayInputStream(whole, 0, length);
            assertThatExceptionOfType(KvException.class)
                    .as("%d bytes of %d", length, whole.length)
                    .isThrownBy(() -> JsonLines.importInto(to, cut, ImportOptions.DEFAULT))
                    .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_REQUEST))
                    .withMessageStartingWith("line ");
        }
    }

    @Test
    void any_changed_character_of_an_entry_is_noticed() throws IOException {
        from.put("a", "some value", PutOptions.metadata(Metadata.ofJson("{\"n\":12}")));
        String whole = export(ExportOptions.DEFAULT);
        int begin = whole.indexOf('\n') + 1;
        int end = whole.indexOf('\n', begin);
        for (int i = begin; i < end; i++) {
            String changed = whole.substring(0, i) + (char) (whole.charAt(i) ^ 1) + whole.substring(i + 1);
            assertThatExceptionOfType(KvException.class).as(changed).isThrownBy(() -> importText(changed));
        }
    }

    @Test
    void a_lost_or_doubled_line_is_noticed_unless_edited_files_are_allowed() throws IOException {
        from.put("a", "1");
        from.put("b", "2");
        List<String> lines = export(ExportOptions.DEFAULT).lines().toList();
        String lost = String.join("\n", lines.get(0), lines.get(2), lines.get(3));
        assertThatExceptionOfType(KvException.class)
                .isThrownBy(() -> importText(lost))
                .withMessage("line 3: the file has 1 entries (expected: 2)");
        String swapped = String.join("\n", lines.get(0), lines.get(2), lines.get(1), lines.get(3));
        assertThatExceptionOfType(KvException.class)
                .isThrownBy(() -> importText(swapped))
                .withMessageContaining("checksum");
        assertThat(importText(lost, byHand).entries()).isEqualTo(1);
        assertThat(importText(HEADER + line("x", "1"), byHand).entries()).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                "[]",
                "x",
                "{\"key\":\"a\"}",
                "{\"value\":\"\"}",
                "{\"key\":\"\",\"value\":\"\"}",
                "{\"key\":\"..\",\"value\":\"\"}",
                "{\"key\":\"a\",\"value\":\"x\"}",
                "{\"key\":\"a\",\"value\":\"eA=\"}",
                "{\"key\":\"a\",\"value\":\"eA==eA==\"}",
                "{\"key\":\"a\",\"value\":\"e*==\"}",
                "{\"key\":\"a\",\"value\":\"e\\u0041==\"}",
                "{\"key\":\"a\",\"value\":7}",
                "{\"key\":7,\"value\":\"\"}",
                "{\"key\":\"\\ud83d\",\"value\":\"\"}",
                "{\"key\":\"\\x\",\"value\":\"\"}",
                "{\"key\":\"\\u00g0\",\"value\":\"\"}",
                "{\"key\":\"a\tb\",\"value\":\"\"}",
                "{\"key\":\"a\",\"value\":\"\",\"metadata\":}",
                "{\"key\":\"a\",\"value\":\"\",\"metadata\":nul}",
                "{\"key\":\"a\",\"value\":\"\",\"metadata\":{\"a\":}}",
                "{\"key\":\"a\",\"value\":\"\",\"expiration\":-1}",
                "{\"key\":\"a\",\"value\":\"\",\"expiration\":1.5}",
                "{\"key\":\"a\",\"value\":\"\",\"expiration\":\"9\"}",
                "{\"key\":\"a\",\"value\":\"\",\"expiration\":253402300800}",
                "{\"key\":\"a\",\"value\":\"\",\"expiration\":99999999999999999999}",
                "{\"key\":\"a\",\"value\":\"\",\"value\":\"\"}",
                "{\"key\":\"a\",\"value\":\"\",\"ttl\":60}",
                "{\"key\":\"a\",\"value\":\"\"} x",
                "{\"key\":\"a\",\"value\":\"\",}",
                "{\"key\":\"a\" \"value\":\"\"}"
            })
    void a_malformed_line_is_named_by_its_number(String bad) {
        String text = HEADER + line("first", "1") + bad + "\n" + line("last", "1");
        assertThatExceptionOfType(KvException.class)
                .isThrownBy(() -> importText(text, byHand))
                .satisfies(e -> assertThat(e.code()).isIn(ErrorCode.INVALID_REQUEST, ErrorCode.TOO_LARGE))
                .withMessageStartingWith("line 3: ");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "\n",
                "x",
                "[1]",
                "{}",
                "{\"format\":\"other\",\"version\":1}",
                "{\"format\":\"nearkv-export\",\"version\":2}",
                "{\"key\":\"a\",\"value\":\"\"}"
            })
    void what_does_not_begin_like_an_export_is_refused(String text) {
        assertThatExceptionOfType(KvException.class)
                .isThrownBy(() -> importText(text, byHand))
                .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_REQUEST))
                .withMessageContaining("nearkv-export");
    }

    @Test
    void too_much_of_anything_is_refused_without_holding_it() {
        String longKey = HEADER + "{\"key\":\"" + "x".repeat(5_000_000) + "\",\"value\":\"\"}";
        String longMetadata = HEADER + "{\"key\":\"a\",\"metadata\":\"" + "x".repeat(5_000_000) + "\",\"value\":\"\"}";
        String longValue =
                HEADER + "{\"key\":\"a\",\"value\":\"" + "AAAA".repeat(Limits.MAX_VALUE_BYTES / 3 + 1) + "\"}";
        String deep =
                HEADER + "{\"key\":\"a\",\"metadata\":" + "[".repeat(1000) + "]".repeat(1000) + ",\"value\":\"\"}";
        for (String text : List.of(longKey, longMetadata, longValue, deep)) {
            assertThatExceptionOfType(KvException.class)
                    .isThrownBy(() -> importText(text, byHand))
                    .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.TOO_LARGE))
                    .withMessageStartingWith("line 2: ");
        }
        assertThat(to.list()).isEmpty();
    }

    @Test
    void members_may_come_in_any_order_and_with_white_space() throws IOException {
        byte[] large = new byte[200_000];
        new Random(9).nextBytes(large);
        String value = Base64.getEncoder().encodeToString(large).replace("/", "\\/");
        String text = " {\"version\" : 1 , \"later\":[{\"a\":\"}\"}], \"format\":\"nearkv-export\"}\r\n\n"
                + "{ \"value\" : \"" + value
                + "\" , \"metadata\" : { \"a\" : \"}\\\"]\" } ,\n \"key\" : \"\\u0061\\/b\" }\n";
        assertThat(importText(text, byHand).entries()).isEqualTo(1);
        GetResult.Found found = (GetResult.Found) to.get("a/b");
        assertThat(found.value()).isEqualTo(Value.wrap(large));
        assertThat(found.metadata()).isEqualTo(Metadata.ofJson("{ \"a\" : \"}\\\"]\" }"));
    }

    @Test
    void the_later_line_wins_if_a_key_comes_twice() throws IOException {
        StringBuilder text = new StringBuilder(HEADER);
        for (int i = 0; i < 1000; i++) {
            text.append(line("k" + i % 7, "v" + i));
        }
        importText(text.toString(), byHand);
        for (int i = 993; i < 1000; i++) {
            assertThat(to.getString("k" + i % 7)).contains("v" + i);
        }
    }

    // Failures

    @Test
    void a_busy_store_is_asked_again() throws IOException {
        for (int i = 0; i < 2000; i++) {
            from.put("k" + i, "v");
        }
        String text = export(ExportOptions.DEFAULT);
        to.put("k", "v");
        to.delete("k");
        store.busy.set(5);
        assertThat(importText(text).entries()).isEqualTo(2000);
        assertThat(store.busy).hasValue(0);
        assertSame(from, to);
    }

    @Test
    void a_refusal_ends_the_import_as_it_is() throws IOException {
        from.put("a", "v");
        String text = export(ExportOptions.DEFAULT);
        to.put("k", "v");
        store.refusal = new KvException(ErrorCode.FORBIDDEN, "not with this token");
        assertThatExceptionOfType(KvException.class)
                .isThrownBy(() -> importText(text))
                .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.FORBIDDEN));
    }

    @Test
    void a_stream_that_fails_is_an_io_exception_and_stays_open() throws IOException {
        from.put("a", "v");
        OutputStream full = new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                throw new IOException("disk full");
            }

            @Override
            public void close() {
                throw new AssertionError("closed what was borrowed");
            }
        };
        assertThatThrownBy(() -> JsonLines.export(from, full, ExportOptions.DEFAULT))
                .isInstanceOf(IOException.class);
        assertThatExceptionOfType(KvException.class)
                .isThrownBy(() -> JsonLines.export(
                        kv.namespace("nothing"), OutputStream.nullOutputStream(), ExportOptions.DEFAULT))
                .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.NOT_FOUND));
    }
}
