package io.nearkv.core.identity;

import io.nearkv.core.Limits;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Reads the members of one JSON object by name and type. What is absent or of another type is malformed, unless the method says otherwise. */
final class Members {
    private final JsonNode object;
    private final String what;

    Members(JsonNode object, String what) {
        this.object = object;
        this.what = what;
    }

    String text(String name) throws MalformedException {
        JsonNode value = object.get(name);
        if (value == null || !value.isString()) {
            throw malformed(name, "text");
        }
        return value.stringValue();
    }

    /** Returns the text, or null if there is no such member; a JSON null is malformed. */
    @Nullable
    String optionalText(String name) throws MalformedException {
        return object.has(name) ? text(name) : null;
    }

    /** Returns a number from 0 to {@link Limits#MAX_EXPIRATION_EPOCH_SECOND}. */
    long epochSecond(String name) throws MalformedException {
        JsonNode value = object.get(name);
        if (value == null
                || !value.isIntegralNumber()
                || !value.canConvertToLong()
                || value.longValue() < 0
                || value.longValue() > Limits.MAX_EXPIRATION_EPOCH_SECOND) {
            throw malformed(name, "a time in whole seconds since 1970");
        }
        return value.longValue();
    }

    long positive(String name) throws MalformedException {
        JsonNode value = object.get(name);
        if (value == null || !value.isIntegralNumber() || !value.canConvertToLong() || value.longValue() < 1) {
            throw malformed(name, "a whole number of at least 1");
        }
        return value.longValue();
    }

    JsonNode array(String name) throws MalformedException {
        JsonNode value = object.get(name);
        if (value == null || !value.isArray()) {
            throw malformed(name, "an array");
        }
        return value;
    }

    JsonNode object(String name) throws MalformedException {
        JsonNode value = object.get(name);
        if (value == null || !value.isObject()) {
            throw malformed(name, "an object");
        }
        return value;
    }

    boolean has(String name) {
        return object.has(name);
    }

    void expect(String name, String expected) throws MalformedException {
        if (!text(name).equals(expected)) {
            throw malformed(name, "'" + expected + "'");
        }
    }

    MalformedException malformed(String name, String expected) {
        return new MalformedException("'" + name + "' in " + what + " is not " + expected);
    }
}
