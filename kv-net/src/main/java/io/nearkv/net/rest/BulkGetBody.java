package io.nearkv.net.rest;

import io.nearkv.core.Key;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import tools.jackson.core.JsonToken;
import tools.jackson.core.json.JsonFactory;

/** The body of a bulk get: {@code {"keys": […], "type"?: "text" | "json", "withMetadata"?}}. Other members are passed over. */
final class BulkGetBody extends JsonBody {
    private static final JsonFactory FACTORY = factory(BodyLimits.MAX_TEXT_CHARS);

    private final Set<Key> keys = new LinkedHashSet<>();
    private int count;
    private long keyBytes;
    private String field = "";
    private boolean json;
    private boolean withMetadata;

    BulkGetBody() {
        super(FACTORY, BodyLimits.MAX_BULK_GET_BYTES);
    }

    /**
     * Returns the keys in the order of the body, each once, after {@link #finish}.
     *
     * @throws RestException 400 if there are none
     */
    List<Key> keys() {
        requireFinished();
        if (keys.isEmpty()) {
            throw RestException.invalid(WorkersCodes.NO_KEYS, "keys: none (expected: at least 1 key)");
        }
        return List.copyOf(keys);
    }

    /** Returns whether the values are asked for as JSON and not as text. */
    boolean json() {
        requireFinished();
        return json;
    }

    /** Returns whether metadata is asked for beside the values. */
    boolean withMetadata() {
        requireFinished();
        return withMetadata;
    }

    @Override
    long heldByItems() {
        return keyBytes;
    }

    @Override
    RestException textTooLong() {
        return field.equals("keys")
                ? keyTooLong()
                : BodyRefusal.tooLarge("body has a text of more than " + BodyLimits.MAX_TEXT_CHARS + " characters");
    }

    @Override
    String where() {
        return field.equals("keys") ? "item " + count + ": " : "";
    }

    @Override
    void accept(JsonToken token, int open) {
        switch (open) {
            case 0 -> {
                if (token != JsonToken.START_OBJECT && token != JsonToken.END_OBJECT) {
                    throw BodyRefusal.malformed("body is not an object");
                }
            }
            case 1 -> acceptMember(token);
            default -> acceptKey(token);
        }
    }

    private void acceptMember(JsonToken token) {
        if (token == JsonToken.PROPERTY_NAME) {
            field = name();
            if (!field.equals("keys") && !field.equals("type") && !field.equals("withMetadata")) {
                skipValue();
            }
            return;
        }
        switch (field) {
            case "keys" -> {
                if (token == JsonToken.START_ARRAY && count > 0) {
                    throw BodyRefusal.invalid("keys is there twice");
                }
                if (token != JsonToken.START_ARRAY && token != JsonToken.END_ARRAY) {
                    throw BodyRefusal.invalid("keys is not an array");
                }
            }
            case "type" -> json = isJson(token);
            default -> withMetadata = flag(token, "withMetadata");
        }
    }

    private boolean isJson(JsonToken token) {
        if (token == JsonToken.VALUE_NULL) {
            return false;
        }
        String type = token == JsonToken.VALUE_STRING ? text() : "";
        if (!type.equals("text") && !type.equals("json")) {
            throw BodyRefusal.invalid("type is not a valid one (expected: \"text\" or \"json\")");
        }
        return type.equals("json");
    }

    private void acceptKey(JsonToken token) {
        if (count == BodyLimits.MAX_BULK_GET_KEYS) {
            throw BodyRefusal.invalid("keys: more than " + BodyLimits.MAX_BULK_GET_KEYS);
        }
        Key key = key(token);
        count++;
        keyBytes += key.length();
        keys.add(key);
    }
}
