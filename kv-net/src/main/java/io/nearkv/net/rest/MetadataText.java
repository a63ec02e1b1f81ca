package io.nearkv.net.rest;

import io.nearkv.core.Limits;
import io.nearkv.core.Metadata;
import io.netty.buffer.ByteBuf;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonToken;
import tools.jackson.core.json.JsonFactory;

/** Metadata that comes as a text of its own, the part of a form: kept as compact JSON, like that of bulk bodies. */
final class MetadataText extends JsonBody {
    private static final JsonFactory FACTORY = factory(BodyLimits.MAX_TEXT_CHARS);
    private static final String NOTHING = "null";

    private final MetadataCollector collector = new MetadataCollector(this);
    private @Nullable Metadata metadata;

    private MetadataText() {
        super(FACTORY, BodyLimits.MAX_TEXT_CHARS);
    }

    /** Returns the metadata with this text, null for {@code null}. Throws 400 if it is not JSON, 413 if it is too long. */
    static @Nullable Metadata of(ByteBuf text) {
        MetadataText body = new MetadataText();
        try {
            body.read(text);
            body.finish();
        } catch (RestException e) {
            // The form is well-formed all the same: what is wrong is a field of it.
            throw e.workersCode() == WorkersCodes.MALFORMED_BODY
                    ? RestException.invalid(WorkersCodes.VALIDATION, "form field 'metadata': " + e.getMessage())
                    : e;
        }
        Metadata found = body.metadata;
        return found == null || found.json().equals(NOTHING) ? null : found;
    }

    @Override
    void accept(JsonToken token, int open) {
        Metadata whole = collector.accept(token);
        if (whole != null) {
            metadata = whole;
        }
    }

    @Override
    long heldByItems() {
        return Limits.MAX_METADATA_BYTES;
    }

    @Override
    String where() {
        return "form field 'metadata': ";
    }

    @Override
    RestException textTooLong() {
        return BodyRefusal.tooLarge(
                "metadata of more than " + Limits.MAX_METADATA_BYTES + " bytes (expected: at most that)");
    }
}
