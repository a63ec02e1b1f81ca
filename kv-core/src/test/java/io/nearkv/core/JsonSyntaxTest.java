package io.nearkv.core;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.SplittableRandom;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** Compares the check of metadata with a parser that the world uses, on documents that are almost right. */
class JsonSyntaxTest {
    private static final int DOCUMENTS = 2_000;
    private static final int MUTANTS_PER_DOCUMENT = 25;
    private static final long SEED =
            Long.getLong("nearkv.seed", ThreadLocalRandom.current().nextLong());
    private static final String[] SCRAPS = {
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\\u",
        "\\u12",
        "\\uD800",
        "\\x",
        "0",
        "00",
        "-",
        "-0",
        "+1",
        ".",
        ".5",
        "1.",
        "1e",
        "1e+",
        "1E5",
        "true",
        "tru",
        "false",
        "null",
        "nul",
        "NaN",
        "Infinity",
        "//",
        "/**/",
        "#",
        "'a'",
        " ",
        "\t",
        "\n",
        "\r",
        "\f",
        "\0",
        "\u001f",
        "\u007f",
        "\u00a0",
        "\u2028",
        "\ufeff",
        "\ud83d\ude00"
    };
    private static final byte[][] BAD_UTF8 = {
        {(byte) 0x80},
        {(byte) 0xC0, (byte) 0xAF},
        {(byte) 0xC2},
        {(byte) 0xE0, (byte) 0x80, (byte) 0xAF},
        {(byte) 0xED, (byte) 0xA0, (byte) 0x80},
        {(byte) 0xF0, (byte) 0x80, (byte) 0x80, (byte) 0xAF},
        {(byte) 0xF4, (byte) 0x90, (byte) 0x80, (byte) 0x80},
        {(byte) 0xF8, (byte) 0x88, (byte) 0x80, (byte) 0x80, (byte) 0x80},
        {(byte) 0xFE},
        {(byte) 0xFF}
    };

    private static final JsonMapper JACKSON = JsonMapper.builder(JsonFactory.builder()
                    .disable(TokenStreamFactory.Feature.CHARSET_DETECTION) // UTF-8, and no byte order mark
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNumberLength(100_000)
                            .build())
                    .build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private enum Verdict {
        GOOD,
        BAD,
        NO_OPINION
    }

    private static Verdict jacksonOn(byte[] utf8) {
        try {
            // Checked beforehand: Jackson takes some malformed UTF-8. It gets the bytes all the same, because from text
            // it takes some characters
            // outside of ASCII for hex digits.
            UTF_8.newDecoder().onMalformedInput(CodingErrorAction.REPORT).decode(ByteBuffer.wrap(utf8));
            return JACKSON.readTree(utf8).isMissingNode() ? Verdict.BAD : Verdict.GOOD;
        } catch (JacksonException e) {
            // Escaped halves of a surrogate pair are in the grammar of RFC 8259; Jackson takes them in values, and not
            // in names.
            return e.getOriginalMessage().contains("surrogate") ? Verdict.NO_OPINION : Verdict.BAD;
        } catch (CharacterCodingException e) {
            return Verdict.BAD;
        }
    }

    @Test
    void it_agrees_with_jackson_on_generated_and_mutated_documents() {
        SplittableRandom random = new SplittableRandom(SEED);
        int good = 0;
        int bad = 0;
        for (int i = 0; i < DOCUMENTS; i++) {
            byte[] document = document(random);
            assertAgreement(document);
            assertThat(JsonSyntax.firstError(document))
                    .as(() -> explain(document))
                    .isEqualTo(-1);
            byte[] mutant = document;
            for (int j = 0; j < MUTANTS_PER_DOCUMENT; j++) {
                mutant = mutate(random.nextInt(3) == 0 ? mutant : document, random);
                Verdict verdict = assertAgreement(mutant);
                good += verdict == Verdict.GOOD ? 1 : 0;
                bad += verdict == Verdict.BAD ? 1 : 0;
                if (verdict == Verdict.BAD) {
                    assertNoTailHelps(mutant, random);
                }
            }
        }
        // Both answers must be common, or the comparison says little.
        assertThat(good).isGreaterThan(DOCUMENTS);
        assertThat(bad).isGreaterThan(DOCUMENTS);
    }

    private static Verdict assertAgreement(byte[] document) {
        Verdict expected = jacksonOn(document);
        int error = JsonSyntax.firstError(document);
        if (expected != Verdict.NO_OPINION) {
            assertThat(error == -1).as(() -> explain(document)).isEqualTo(expected == Verdict.GOOD);
        }
        assertThat(error).as(() -> explain(document)).isBetween(-1, document.length);
        return expected;
    }

    /** The place of the error depends on nothing behind it. */
    private static void assertNoTailHelps(byte[] document, SplittableRandom random) {
        int error = JsonSyntax.firstError(document);
        if (error < document.length) {
            byte[] other = document.clone();
            for (int i = error + 1; i < other.length; i++) {
                other[i] = (byte) random.nextInt(256);
            }
            assertThat(JsonSyntax.firstError(other)).as(() -> explain(document)).isEqualTo(error);
        }
    }

    private static String explain(byte[] document) {
        return "-Dnearkv.seed=" + SEED + " document " + new String(document, UTF_8) + " = "
                + HexFormat.of().formatHex(document);
    }

    private static byte[] document(SplittableRandom random) {
        StringBuilder out = new StringBuilder();
        value(random, out, 0);
        return (space(random) + out + space(random)).getBytes(UTF_8);
    }

    private static void value(SplittableRandom random, StringBuilder out, int depth) {
        switch (random.nextInt(depth > 5 ? 5 : 8)) {
            case 0 -> out.append("true");
            case 1 -> out.append(random.nextBoolean() ? "false" : "null");
            case 2 -> string(random, out);
            case 3 -> number(random, out);
            case 4 -> out.append(random.nextBoolean() ? "[]" : "{}");
            case 5 -> array(random, out, depth);
            default -> object(random, out, depth);
        }
    }

    private static void array(SplittableRandom random, StringBuilder out, int depth) {
        out.append('[');
        for (int i = random.nextInt(4); i >= 0; i--) {
            out.append(space(random));
            value(random, out, depth + 1);
            out.append(space(random)).append(i == 0 ? "" : ",");
        }
        out.append(']');
    }

    private static void object(SplittableRandom random, StringBuilder out, int depth) {
        out.append('{');
        for (int i = random.nextInt(4); i >= 0; i--) {
            out.append(space(random));
            string(random, out);
            out.append(space(random)).append(':').append(space(random));
            value(random, out, depth + 1);
            out.append(space(random)).append(i == 0 ? "" : ",");
        }
        out.append('}');
    }

    private static void string(SplittableRandom random, StringBuilder out) {
        out.append('"');
        for (int i = random.nextInt(6); i > 0; i--) {
            switch (random.nextInt(5)) {
                case 0 -> out.append('\\').append("\"\\/bfnrt".charAt(random.nextInt(8)));
                case 1 ->
                    out.append(String.format(random.nextBoolean() ? "\\u%04x" : "\\u%04X", random.nextInt(0x10000)));
                case 2 -> out.appendCodePoint(0x10000 + random.nextInt(0x100000));
                case 3 -> out.appendCodePoint(0xA0 + random.nextInt(0xD700));
                default -> out.append((char) ('a' + random.nextInt(26)));
            }
        }
        out.append('"');
    }

    private static void number(SplittableRandom random, StringBuilder out) {
        out.append(random.nextBoolean() ? "-" : "").append(random.nextBoolean() ? "0" : random.nextInt(1, 100_000));
        if (random.nextBoolean()) {
            out.append('.').append(String.format("%03d", random.nextInt(1000)));
        }
        if (random.nextBoolean()) {
            out.append(random.nextBoolean() ? 'e' : 'E')
                    .append(new String[] {"", "+", "-"}[random.nextInt(3)])
                    .append(String.format("%02d", random.nextInt(20)));
        }
    }

    private static String space(SplittableRandom random) {
        return random.nextInt(4) == 0 ? new String[] {" ", "\t", "\n", "\r\n"}[random.nextInt(4)] : "";
    }

    private static byte[] mutate(byte[] document, SplittableRandom random) {
        int at = random.nextInt(document.length + 1);
        int end = Math.min(document.length, at + random.nextInt(1, 4));
        return switch (random.nextInt(6)) {
            case 0 -> splice(document, at, new byte[0], end);
            case 1 -> splice(document, at, SCRAPS[random.nextInt(SCRAPS.length)].getBytes(UTF_8), at);
            case 2 -> splice(document, at, SCRAPS[random.nextInt(SCRAPS.length)].getBytes(UTF_8), end);
            case 3 -> splice(document, at, new byte[] {(byte) random.nextInt(256)}, end);
            case 4 -> splice(document, at, BAD_UTF8[random.nextInt(BAD_UTF8.length)], at);
            default -> Arrays.copyOf(document, at);
        };
    }

    private static byte[] splice(byte[] document, int from, byte[] replacement, int to) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(document, 0, from);
        out.writeBytes(replacement);
        out.write(document, to, document.length - to);
        return out.toByteArray();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{}|-1",
                "``|0",
                "` `|1",
                "{|1",
                "{\"a\"|4",
                "{\"a\":1,}|7",
                "[1 2]|3",
                "tru|3",
                "trux|3",
                "01|1",
                "-|1",
                "1.|2",
                "\"\\x\"|2",
                "\"a|2",
                "1 x|2"
            })
    void it_says_where_the_first_error_is(String document, int expected) {
        assertThat(JsonSyntax.firstError(document.getBytes(UTF_8))).isEqualTo(expected);
    }

    @Test
    void nesting_is_bounded() {
        assertThat(JsonSyntax.firstError(nested(64))).isEqualTo(-1);
        assertThat(JsonSyntax.firstError(nested(66))).isNotEqualTo(-1);
        assertThat(JsonSyntax.firstError("[".repeat(1_000_000).getBytes(UTF_8))).isNotEqualTo(-1);
        assertThat(JsonSyntax.firstError("{\"a\":".repeat(1_000_000).getBytes(UTF_8)))
                .isNotEqualTo(-1);
    }

    private static byte[] nested(int depth) {
        return ("[".repeat(depth) + "]".repeat(depth)).getBytes(UTF_8);
    }
}
