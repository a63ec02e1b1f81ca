package io.nearkv.net.rest;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.KvException;
import io.nearkv.core.Metadata;
import io.nearkv.net.rest.Bodies.Pieces;
import java.util.Base64;
import java.util.Random;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import tools.jackson.core.JsonToken;

/** Random bodies, good ones and damaged ones: where the pieces of an input end must make no difference, neither to what is understood nor to what is refused and how. */
class BodySplitTest {
    private static final int ROUNDS = 1500;

    @Test
    void where_a_form_is_cut_makes_no_difference() {
        run(
                random -> form(random),
                (bytes, pieces, direct) -> Bodies.form("multipart/form-data; boundary=-b-", bytes, pieces, direct));
    }

    @Test
    void where_a_bulk_put_is_cut_makes_no_difference() {
        run(
                random -> bulkPut(random),
                (bytes, pieces, direct) -> Bodies.parse(new BulkPutBody(Bodies.CLOCK), bytes, pieces, direct)
                        .puts());
    }

    @Test
    void a_body_is_json_where_the_core_says_so_however_it_is_cut() {
        long seed = Long.getLong("nearkv.test.seed", System.nanoTime());
        System.out.println("BodySplitTest: -Dnearkv.test.seed=" + seed);
        Random random = new Random(seed);
        int accepted = 0;
        for (int round = 0; round < 20 * ROUNDS; round++) {
            byte[] bytes = fragment(random, 3).getBytes(UTF_8);
            for (int damage = random.nextInt(3); damage > 0; damage--) {
                bytes[random.nextInt(bytes.length)] = (byte) "{}[],:\"\\ 01-.eEau\n".charAt(random.nextInt(18));
            }
            boolean json = isMetadata(bytes);
            accepted += json ? 1 : 0;
            String input = "seed " + seed + ", round " + round + ": " + new String(bytes, UTF_8);
            assertThat(isBody(bytes, Pieces.whole())).as(input).isEqualTo(json);
            assertThat(isBody(bytes, Pieces.of(1))).as(input).isEqualTo(json);
            assertThat(isBody(bytes, Pieces.random(random))).as(input).isEqualTo(json);
        }
        assertThat(accepted).isBetween(5 * ROUNDS, 19 * ROUNDS);
    }

    private static boolean isMetadata(byte[] bytes) {
        try {
            return Metadata.ofUtf8(bytes).length() > 0;
        } catch (KvException e) {
            return false;
        }
    }

    private static boolean isBody(byte[] bytes, Pieces pieces) {
        try {
            return Bodies.parse(new AnyJson(), bytes, pieces, false).heldByItems() == 0;
        } catch (RestException e) {
            return false;
        }
    }

    /** A body that may be anything. */
    private static final class AnyJson extends JsonBody {
        AnyJson() {
            super(factory(1000), 1000);
        }

        @Override
        long heldByItems() {
            return 0;
        }

        @Override
        void accept(JsonToken token, int open) {}

        @Override
        RestException textTooLong() {
            return BodyRefusal.tooLarge("text");
        }
    }

    private static String fragment(Random random, int depth) {
        String space = pick(random, "", "", " ", "\n\t\r");
        StringBuilder json = new StringBuilder(space);
        int members = random.nextInt(3);
        switch (random.nextInt(depth == 0 ? 2 : 4)) {
            case 0 -> json.append(pick(random, "0", "-1", "1.50", "2e+7", "-0.1E-3", "true", "false", "null"));
            case 1 -> json.append(pick(random, "\"\"", "\"a\"", "\"\\\"\"", "\"\\u00e4,}\"", "\"ä€😀\"", "\":,]\""));
            case 2 -> {
                json.append('[');
                for (int i = 0; i < members; i++) {
                    json.append(i == 0 ? "" : ",").append(fragment(random, depth - 1));
                }
                json.append(space).append(']');
            }
            default -> {
                json.append('{');
                for (int i = 0; i < members; i++) {
                    json.append(i == 0 ? "" : ",")
                            .append(space)
                            .append("\"n")
                            .append(i)
                            .append("\"")
                            .append(space)
                            .append(':');
                    json.append(fragment(random, depth - 1));
                }
                json.append(space).append('}');
            }
        }
        return json.append(space).toString();
    }

    /** Parses one input. */
    private interface Parser {
        Object parse(byte[] bytes, Pieces pieces, boolean direct);
    }

    private static void run(Function<Random, String> generator, Parser parser) {
        long seed = Long.getLong("nearkv.test.seed", System.nanoTime());
        System.out.println("BodySplitTest: -Dnearkv.test.seed=" + seed);
        Random random = new Random(seed);
        int understood = 0;
        for (int round = 0; round < ROUNDS; round++) {
            byte[] bytes = generator.apply(random).getBytes(UTF_8);
            for (int damage = random.nextInt(3); damage > 1; damage--) {
                bytes[random.nextInt(bytes.length)] =
                        (byte) (random.nextBoolean() ? random.nextInt() : "\r\n-\"\\{}[],:".charAt(random.nextInt(11)));
            }
            Object whole = outcome(parser, bytes, Pieces.whole(), false);
            understood += whole instanceof String ? 0 : 1;
            String input = "seed " + seed + ", round " + round + ": " + new String(bytes, UTF_8);
            assertThat(outcome(parser, bytes, Pieces.of(1), false)).as(input).isEqualTo(whole);
            assertThat(outcome(parser, bytes, Pieces.random(random), true))
                    .as(input)
                    .isEqualTo(whole);
            assertThat(outcome(parser, bytes, Pieces.random(random), false))
                    .as(input)
                    .isEqualTo(whole);
        }
        assertThat(understood).isBetween(ROUNDS / 3, ROUNDS - 1);
    }

    private static Object outcome(Parser parser, byte[] bytes, Pieces pieces, boolean direct) {
        try {
            return parser.parse(bytes, pieces, direct);
        } catch (RestException refused) {
            return refused.status() + " " + refused.workersCode() + " " + refused.getMessage();
        }
    }

    private static String form(Random random) {
        StringBuilder form = new StringBuilder(random.nextInt(4) == 0 ? "before\r\n" : "");
        for (int parts = random.nextInt(4); parts > 0; parts--) {
            form.append("---b-").append(random.nextInt(5) == 0 ? " \t" : "").append("\r\n");
            form.append("Content-Disposition: form-data; name=\"")
                    .append(pick(random, "value", "metadata", "ä%22", "\\\""))
                    .append('"');
            form.append(pick(random, "", "; filename=x", "; filename=\"x;y\"")).append("\r\n");
            form.append(pick(random, "", "Content-Type: text/plain\r\n", "X-Other: 1\r\n"))
                    .append("\r\n");
            for (int chunks = random.nextInt(12); chunks > 0; chunks--) {
                form.append(pick(
                        random,
                        "\r",
                        "\n",
                        "\r\n",
                        "-",
                        "--",
                        "\r\n--",
                        "\r\n---b",
                        "\r\n---b+",
                        "-b-",
                        "text",
                        "\0\1",
                        "\u00ff"));
            }
            form.append("\r\n");
        }
        return form.append("---b---").append(pick(random, "", "\r\n", "after")).toString();
    }

    private static String bulkPut(Random random) {
        StringBuilder json = new StringBuilder("[");
        int items = random.nextInt(5);
        for (int i = 0; i < items; i++) {
            json.append(i == 0 ? "" : ",").append(pick(random, "", " ", "\n")).append('{');
            boolean base64 = random.nextBoolean();
            String text = pick(random, "", "a", "ä€😀", "line\\n\\u20ac\\ud83d\\ude00\\\\", "x".repeat(300));
            String value = base64 ? Base64.getEncoder().encodeToString(text.getBytes(UTF_8)) : text;
            json.append("\"key\":\"")
                    .append(pick(random, "k", "ä", "\\u00e4/", "long".repeat(20)))
                    .append(random.nextInt(50));
            json.append("\", \"value\":\"")
                    .append(value)
                    .append("\",\"base64\":")
                    .append(base64);
            json.append(pick(
                    random, "", ",\"expiration\":1900000000", ",\"expiration_ttl\":3600.0", ",\"expiration_ttl\":59"));
            json.append(pick(
                    random,
                    "",
                    ",\"metadata\":null",
                    ",\"metadata\":{\"a\": [1.50,-2e7,\"\\u00e4\"]}",
                    ",\"metadata\":0"));
            json.append(pick(random, "", ",\"unknown\":{\"key\":[[],\"x\"]}")).append('}');
        }
        return json.append(']').toString();
    }

    private static String pick(Random random, String... choices) {
        return choices[random.nextInt(choices.length)];
    }
}
