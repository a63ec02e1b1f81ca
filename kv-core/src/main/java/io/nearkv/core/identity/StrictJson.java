package io.nearkv.core.identity;

import io.jsonwebtoken.io.AbstractDeserializer;
import io.jsonwebtoken.io.AbstractSerializer;
import io.jsonwebtoken.io.Deserializer;
import io.jsonwebtoken.io.Serializer;
import java.io.OutputStream;
import java.io.Reader;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * JSON as identity files and tokens may hold it: one object in valid UTF-8, no member twice, nothing after it, every size bounded. Also the adapter that
 * jjwt reads and writes JSON with; its own is bound to another major version of the parser. Thread-safe.
 */
final class StrictJson {
    /** For tokens. */
    static final StrictJson TOKENS = new StrictJson(IdentityLimits.MAX_TOKEN_CHARS);
    /** For keysets and revocation lists. */
    static final StrictJson DOCUMENTS = new StrictJson(IdentityLimits.MAX_REVOCATIONS_CHARS);

    private static final TypeReference<Map<String, ?>> OBJECT = new TypeReference<>() {};

    private final JsonMapper mapper;
    private final JsonMapper indenting;

    private StrictJson(int maxDocumentChars) {
        JsonFactory factory = JsonFactory.builder()
                .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                .disable(TokenStreamFactory.Feature.CHARSET_DETECTION) // UTF-8, and no byte order mark
                .streamReadConstraints(StreamReadConstraints.builder()
                        .maxDocumentLength(maxDocumentChars)
                        .maxStringLength(maxDocumentChars)
                        .maxNestingDepth(IdentityLimits.MAX_JSON_DEPTH)
                        .maxNameLength(IdentityLimits.MAX_JSON_NAME_CHARS)
                        .maxNumberLength(IdentityLimits.MAX_JSON_NUMBER_CHARS)
                        .build())
                .build();
        mapper = JsonMapper.builder(factory)
                .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                .build();
        indenting = mapper.rebuild().enable(SerializationFeature.INDENT_OUTPUT).build();
    }

    /** Reads one object; {@code what} names it in the exception. */
    JsonNode readObject(byte[] utf8, String what) throws MalformedException {
        JsonNode node;
        try {
            // The parser takes some byte sequences that are no UTF-8.
            StandardCharsets.UTF_8
                    .newDecoder()
                    .onMalformedInput(CodingErrorAction.REPORT)
                    .decode(ByteBuffer.wrap(utf8));
            node = mapper.readTree(utf8);
        } catch (CharacterCodingException | JacksonException e) {
            // Without the cause: the parser's messages quote what they read.
            throw new MalformedException(what + " is not one JSON object without repeated members");
        }
        if (!node.isObject()) {
            throw new MalformedException(what + " is not a JSON object");
        }
        return node;
    }

    /** Returns the members as one line of UTF-8, in the order of the map. */
    byte[] write(Map<String, ?> members) {
        return mapper.writeValueAsBytes(members);
    }

    /** Returns the members as indented UTF-8 that ends with a line feed, for files that people read. */
    byte[] writeIndented(Map<String, ?> members) {
        return (indenting.writeValueAsString(members) + "\n").getBytes(StandardCharsets.UTF_8);
    }

    Serializer<Map<String, ?>> serializer() {
        return new AbstractSerializer<>() {
            @Override
            protected void doSerialize(Map<String, ?> members, OutputStream out) {
                mapper.writeValue(out, members);
            }
        };
    }

    Deserializer<Map<String, ?>> deserializer() {
        return new AbstractDeserializer<>() {
            @Override
            protected Map<String, ?> doDeserialize(Reader reader) {
                return mapper.readValue(reader, OBJECT);
            }
        };
    }
}
