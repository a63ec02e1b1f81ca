package io.nearkv.net.rest;

import io.nearkv.core.Key;
import io.nearkv.core.Limits;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.core.JsonToken;
import tools.jackson.core.json.JsonFactory;

/** The body of a bulk delete: {@code ["key", …]}. That is what all clients send: {@code wrangler} turns the objects that it accepts in its files into names itself. */
final class BulkKeysBody extends JsonBody {
    private static final JsonFactory FACTORY = factory(BodyLimits.MAX_TEXT_CHARS);

    /** What a key costs beside its bytes. */
    private static final int KEY_OVERHEAD_BYTES = 64;

    private final List<Key> keys = new ArrayList<>();
    private long keyBytes;

    BulkKeysBody() {
        super(FACTORY, BodyLimits.MAX_BULK_BYTES);
    }

    /** Returns the keys in the order of the body, as often as they are there, after {@link #finish}. */
    List<Key> keys() {
        requireFinished();
        return List.copyOf(keys);
    }

    @Override
    long heldByItems() {
        return keyBytes;
    }

    @Override
    RestException textTooLong() {
        return keyTooLong();
    }

    @Override
    String where() {
        return "item " + keys.size() + ": ";
    }

    @Override
    void accept(JsonToken token, int open) {
        if (open == 0) {
            if (token != JsonToken.START_ARRAY && token != JsonToken.END_ARRAY) {
                throw BodyRefusal.malformed("body is not an array of keys");
            }
            return;
        }
        if (keys.size() == Limits.MAX_BATCH_OPERATIONS) {
            throw BodyRefusal.invalid("body has more than " + Limits.MAX_BATCH_OPERATIONS + " keys");
        }
        Key key = key(token);
        keys.add(key);
        keyBytes += key.length() + KEY_OVERHEAD_BYTES;
    }
}
