package io.nearkv.net.rest;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.nearkv.core.Limits;
import java.util.Arrays;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.util.JsonRecyclerPools;

/** Values that are asked for as JSON: read as the binding of Workers KV reads them, as text that is then parsed. */
final class JsonText {
    /** Deeper values are no JSON here: what one embeds the receiver must be able to parse. */
    private static final int MAX_DEPTH = 1000;

    private static final JsonFactory FACTORY = JsonFactory.builder()
            .recyclerPool(JsonRecyclerPools.nonRecyclingPool())
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(MAX_DEPTH)
                    .maxNameLength(Limits.MAX_VALUE_BYTES)
                    .maxNumberLength(Limits.MAX_VALUE_BYTES)
                    .maxStringLength(Limits.MAX_VALUE_BYTES)
                    .build())
            .build();

    private JsonText() {}

    /** Returns the bytes as UTF-8 without a byte order mark, as a text decoder has them; the same array if there is nothing to change. */
    static byte[] decoded(byte[] bytes) {
        byte[] utf8 = Utf8Check.isWellFormed(bytes) ? bytes : new String(bytes, UTF_8).getBytes(UTF_8);
        boolean mark = utf8.length >= 3 && utf8[0] == (byte) 0xEF && utf8[1] == (byte) 0xBB && utf8[2] == (byte) 0xBF;
        return mark ? Arrays.copyOfRange(utf8, 3, utf8.length) : utf8;
    }

    /** Returns whether well-formed UTF-8 is one JSON document. */
    static boolean isJson(byte[] utf8) {
        for (int i = 0; i < Math.min(4, utf8.length); i++) {
            if (utf8[i] == 0) {
                return false; // The parser would take it for UTF-16 or UTF-32.
            }
        }
        try (JsonParser parser = FACTORY.createParser(ObjectReadContext.empty(), utf8)) {
            if (parser.nextToken() == null) {
                return false;
            }
            JsonParser unused = parser.skipChildren();
            return parser.nextToken() == null;
        } catch (JacksonException e) {
            return false;
        }
    }
}
