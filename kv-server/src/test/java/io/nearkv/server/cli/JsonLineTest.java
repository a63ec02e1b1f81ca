package io.nearkv.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class JsonLineTest {
    @Test
    void an_object_is_one_line_that_any_parser_reads_back() {
        String text = "quote \" backslash \\ line \n\r tab \t control \u0001 separator \u2028 emoji \uD83D\uDE00";
        String line = new JsonLine()
                .text("text", text)
                .number("number", Long.MIN_VALUE)
                .bool("flag", true)
                .json("nested", "{\n  \"a\": [1,\r\n 2]\n}")
                .text("nothing", null)
                .json("nothing", null)
                .toString();

        assertThat(line.lines()).hasSize(1);
        JsonNode read = JsonMapper.builder().build().readTree(line);
        assertThat(read.get("text").stringValue()).isEqualTo(text);
        assertThat(read.get("number").longValue()).isEqualTo(Long.MIN_VALUE);
        assertThat(read.get("flag").booleanValue()).isTrue();
        assertThat(read.get("nested").get("a").get(1).intValue()).isEqualTo(2);
        assertThat(read.has("nothing")).isFalse();
    }
}
