package io.nearkv.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MetadataTest {
    @ParameterizedTest
    @ValueSource(
            strings = {
                "null",
                "true",
                "false",
                "0",
                "-0",
                "1.5e-300",
                "\"\"",
                "\"é\\n\\u00e9\\ud83d\\ude00\"",
                "[]",
                "{}",
                " [ 1 , {\"a\":[null]} ] ",
                "{\"\":\"\"}",
                "{\"a\":1,\"a\":2}"
            })
    void json_is_kept_as_it_is(String json) {
        assertThat(Metadata.ofJson(json).json()).isEqualTo(json);
        assertThat(Metadata.ofUtf8(json.getBytes(StandardCharsets.UTF_8))).isEqualTo(Metadata.ofJson(json));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "nul",
                "nulll",
                "True",
                "01",
                "+1",
                "1.",
                ".5",
                "1e",
                "-",
                "\"",
                "\"\n\"",
                "\"\\x\"",
                "\"\\u12g4\"",
                "[1,]",
                "[,1]",
                "[1 2]",
                "{\"a\"}",
                "{a:1}",
                "{\"a\":1,}",
                "{\"a\":}",
                "{} {}",
                "1 2",
                "[",
                "]",
                "{\"a\":[}",
                "'a'",
                "NaN",
                "/*c*/1",
                "\uFEFF1",
                "\uFEFF"
            })
    void anything_else_is_refused(String text) {
        assertThatExceptionOfType(KvException.class)
                .isThrownBy(() -> Metadata.ofJson(text))
                .extracting(KvException::code)
                .isEqualTo(ErrorCode.INVALID_REQUEST);
    }

    @Test
    void the_longest_metadata_has_1024_bytes() {
        assertThat(Metadata.ofJson("\"" + "a".repeat(1022) + "\"").length()).isEqualTo(1024);
        assertThat(Metadata.ofJson("\"" + "é".repeat(511) + "\"").length()).isEqualTo(1024);
        assertThatExceptionOfType(KvException.class)
                .isThrownBy(() -> Metadata.ofJson("\"" + "a".repeat(1023) + "\""))
                .extracting(KvException::code)
                .isEqualTo(ErrorCode.TOO_LARGE);
    }

    @Test
    void deep_nesting_is_refused_before_it_overflows_anything() {
        assertThat(Metadata.ofJson("[".repeat(60) + "]".repeat(60)).length()).isEqualTo(120);
        assertThatExceptionOfType(KvException.class)
                .isThrownBy(() -> Metadata.ofJson("[".repeat(512) + "]".repeat(512)))
                .extracting(KvException::code)
                .isEqualTo(ErrorCode.INVALID_REQUEST);
    }

    @Test
    void stored_metadata_takes_the_rest_of_a_buffer() {
        ByteBuffer buffer = ByteBuffer.wrap(" {}x".getBytes(StandardCharsets.UTF_8))
                .position(1)
                .limit(3);
        assertThat(Metadata.ofStored(buffer)).isEqualTo(Metadata.ofJson("{}"));
        assertThat(buffer.hasRemaining()).isFalse();
    }
}
