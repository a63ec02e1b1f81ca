package io.nearkv.net.rest;

import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.core.Metadata;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonToken;

/**
 * Writes the tokens of one value of a body as compact JSON again. Numbers stay as they were written, so that none loses digits; texts get the escapes they need and no others. Never
 * holds much more than metadata may have. Confined to the thread of its body.
 */
final class MetadataCollector {
    private static final String TOO_LONG = "metadata of more than " + Limits.MAX_METADATA_BYTES
            + " bytes (expected: at most " + Limits.MAX_METADATA_BYTES + ")";

    private final JsonBody body;
    // On the heap and not pooled: it needs no release.
    private final ByteBuf json = Unpooled.buffer(64);
    private final JsonWriter writer = new JsonWriter(json);
    private int depth;

    MetadataCollector(JsonBody body) {
        this.body = body;
    }

    /**
     * Takes the token that was read, and returns the metadata if it was the last one.
     *
     * @throws RestException 413 if there is too much of it
     */
    @Nullable
    Metadata accept(JsonToken token) {
        switch (token) {
            case START_OBJECT -> writer.beginObject();
            case START_ARRAY -> writer.beginArray();
            case END_OBJECT -> writer.endObject();
            case END_ARRAY -> writer.endArray();
            case PROPERTY_NAME -> writer.name(body.name());
            case VALUE_STRING -> {
                // Before it becomes a string: it may have millions of characters.
                if (body.textLength() > Limits.MAX_METADATA_BYTES) {
                    throw BodyRefusal.tooLarge(body.where() + TOO_LONG);
                }
                writer.string(body.text());
            }
            case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> writer.raw(body.text());
            case VALUE_TRUE -> writer.bool(true);
            case VALUE_FALSE -> writer.bool(false);
            default -> writer.nothing();
        }
        if (json.readableBytes() > Limits.MAX_METADATA_BYTES) {
            throw BodyRefusal.tooLarge(body.where() + TOO_LONG);
        }
        depth += token.isStructStart() ? 1 : token.isStructEnd() ? -1 : 0;
        if (depth > 0 || token == JsonToken.PROPERTY_NAME) {
            return null;
        }
        byte[] utf8 = new byte[json.readableBytes()];
        json.readBytes(utf8);
        try {
            return Metadata.ofUtf8(utf8);
        } catch (KvException e) {
            throw BodyRefusal.of(body.where(), e);
        }
    }
}
