package io.nearkv.net.rest;

import io.nearkv.core.Limits;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonToken;
import tools.jackson.core.json.JsonFactory;

/** The body that names a namespace: {@code {"title"}}. Other members, such as {@code jurisdiction} and {@code mode}, are passed over. */
final class NamespaceBody extends JsonBody {
    private static final JsonFactory FACTORY = factory(BodyLimits.MAX_TEXT_CHARS);

    private @Nullable String title;

    NamespaceBody() {
        super(FACTORY, BodyLimits.MAX_NAMESPACE_BYTES);
    }

    /**
     * Returns the title, after {@link #finish}.
     *
     * @throws RestException 400 if there is none
     */
    String title() {
        requireFinished();
        if (title == null || title.isEmpty()) {
            throw RestException.invalid(WorkersCodes.TITLE_MISSING, "title is missing or empty");
        }
        return title;
    }

    @Override
    long heldByItems() {
        return 0;
    }

    @Override
    RestException textTooLong() {
        return tooLong("more than " + BodyLimits.MAX_TEXT_CHARS);
    }

    @Override
    void accept(JsonToken token, int open) {
        if (open == 0) {
            if (token != JsonToken.START_OBJECT && token != JsonToken.END_OBJECT) {
                throw BodyRefusal.malformed("body is not an object");
            }
        } else if (token == JsonToken.PROPERTY_NAME) {
            if (!name().equals("title")) {
                skipValue();
            }
        } else if (token == JsonToken.VALUE_STRING) {
            title = checked();
        } else if (token != JsonToken.VALUE_NULL) {
            throw BodyRefusal.invalid("title is not a string");
        }
    }

    private String checked() {
        if (textLength() > Limits.MAX_TITLE_CHARS) {
            throw tooLong(Integer.toString(textLength()));
        }
        byte[] utf8 = textUtf8(Limits.MAX_TITLE_CHARS * 3);
        if (utf8 == null) {
            throw BodyRefusal.invalid("title has an unpaired surrogate (expected: valid Unicode text)");
        }
        return new String(utf8, StandardCharsets.UTF_8);
    }

    private static RestException tooLong(String characters) {
        return BodyRefusal.invalid(
                "title of " + characters + " characters (expected: 1 to " + Limits.MAX_TITLE_CHARS + ")");
    }
}
