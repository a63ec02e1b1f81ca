package io.nearkv.net.rest;

import io.nearkv.core.Condition;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.core.Metadata;
import io.nearkv.core.Mutation;
import io.nearkv.core.PutOptions;
import io.nearkv.core.Value;
import java.math.BigDecimal;
import java.time.InstantSource;
import java.util.Base64;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonToken;
import tools.jackson.core.json.JsonFactory;

/**
 * The body of a bulk put: {@code [{"key", "value", "base64"?, "expiration"?, "expiration_ttl"?, "metadata"?}, …]}, refused as a whole at the first item that is bad. Other members
 * of an item are passed over; a member that is null is one that is not there, except for a key or value, which must be.
 */
final class BulkPutBody extends JsonBody {
    private static final JsonFactory FACTORY = factory(BodyLimits.MAX_VALUE_CHARS);

    /** What an item costs beside its bytes: the objects of its key, value, options and their place in the map. */
    private static final int ITEM_OVERHEAD_BYTES = 256;

    private static final int SHORTEST_TTL_SECONDS = (int) Limits.MIN_WORKERS_TTL.toSeconds();

    private enum Field {
        KEY("key"),
        VALUE("value"),
        BASE64("base64"),
        EXPIRATION("expiration"),
        EXPIRATION_TTL("expiration_ttl"),
        METADATA("metadata");

        private final String name;

        Field(String name) {
            this.name = name;
        }

        static @Nullable Field of(String name) {
            for (Field field : values()) {
                if (field.name.equals(name)) {
                    return field;
                }
            }
            return null;
        }
    }

    private final InstantSource clock;
    private final Map<Key, Mutation.Put> puts = new LinkedHashMap<>();
    private int items;
    private long putBytes;

    private final Set<Field> seen = EnumSet.noneOf(Field.class);
    private @Nullable Field field;
    private @Nullable MetadataCollector collector;
    private @Nullable Key key;
    private byte @Nullable [] text;
    private boolean base64;
    private @Nullable Long expiration;
    private @Nullable Long ttl;
    private @Nullable Metadata metadata;

    /** @param clock what an absolute expiration must lie {@link Limits#MIN_WORKERS_TTL} ahead of */
    BulkPutBody(InstantSource clock) {
        super(FACTORY, BodyLimits.MAX_BULK_BYTES);
        this.clock = clock;
    }

    /** Returns the puts in the order of the body, each key once, after {@link #finish}. */
    List<Mutation.Put> puts() {
        requireFinished();
        return List.copyOf(puts.values());
    }

    /** Returns how many items the body has, counting again those that repeat an earlier one. */
    int itemCount() {
        return items;
    }

    @Override
    long heldByItems() {
        byte[] pending = text;
        return putBytes + (pending == null ? 0 : pending.length);
    }

    @Override
    RestException textTooLong() {
        return field == Field.KEY
                ? keyTooLong()
                : BodyRefusal.tooLarge(where() + "value of more than " + Limits.MAX_VALUE_BYTES
                        + " bytes (expected: at most " + Limits.MAX_VALUE_BYTES + ")");
    }

    @Override
    String where() {
        return items == 0 ? "" : "item " + (items - 1) + ": ";
    }

    @Override
    void accept(JsonToken token, int open) {
        switch (open) {
            case 0 -> {
                if (token != JsonToken.START_ARRAY && token != JsonToken.END_ARRAY) {
                    throw BodyRefusal.malformed("body is not an array of items");
                }
            }
            case 1 -> {
                if (token == JsonToken.END_OBJECT) {
                    endItem();
                } else {
                    beginItem(token);
                }
            }
            default -> acceptMember(token);
        }
    }

    private void beginItem(JsonToken token) {
        if (items == Limits.MAX_BATCH_OPERATIONS) {
            throw BodyRefusal.invalid("body has more than " + Limits.MAX_BATCH_OPERATIONS + " items");
        }
        items++;
        if (token != JsonToken.START_OBJECT) {
            throw BodyRefusal.malformed(where() + "not an object");
        }
        seen.clear();
        field = null;
        key = null;
        text = null;
        base64 = false;
        expiration = null;
        ttl = null;
        metadata = null;
    }

    private void acceptMember(JsonToken token) {
        if (collector != null) {
            metadata = collector.accept(token);
            collector = metadata == null ? collector : null;
            return;
        }
        if (token == JsonToken.PROPERTY_NAME) {
            field = Field.of(name());
            if (field == null) {
                skipValue();
            } else if (!seen.add(field)) {
                throw BodyRefusal.invalid(where() + field.name + " is there twice");
            }
            return;
        }
        Field current = field;
        if (current == null) {
            throw new IllegalStateException("a value without a name: " + token);
        }
        switch (current) {
            case KEY -> key = key(token);
            case VALUE -> text = valueText(token);
            case BASE64 -> base64 = flag(token, current.name);
            case EXPIRATION -> expiration = seconds(token, current);
            case EXPIRATION_TTL -> ttl = seconds(token, current);
            case METADATA -> {
                if (token != JsonToken.VALUE_NULL) {
                    MetadataCollector started = new MetadataCollector(this);
                    metadata = started.accept(token);
                    collector = metadata == null ? started : null;
                }
            }
        }
    }

    private byte[] valueText(JsonToken token) {
        if (token != JsonToken.VALUE_STRING) {
            throw BodyRefusal.invalid(where() + "value is not a string");
        }
        byte[] utf8 = textUtf8(BodyLimits.MAX_VALUE_CHARS);
        if (utf8 == null) {
            throw BodyRefusal.invalid(where() + "value has an unpaired surrogate (expected: valid Unicode text)");
        }
        return utf8;
    }

    /** Returns a number of seconds, or null for null. Written as {@code 1.7e9} or {@code 1700000000.0}, as some SDKs do, it is a whole number still. */
    private @Nullable Long seconds(JsonToken token, Field what) {
        if (token == JsonToken.VALUE_NULL) {
            return null;
        }
        if (token == JsonToken.VALUE_NUMBER_INT || token == JsonToken.VALUE_NUMBER_FLOAT) {
            try {
                BigDecimal number = new BigDecimal(text());
                // Compared before it is expanded: 1e999999999 is short only as it is written.
                if (number.abs().compareTo(BigDecimal.valueOf(Limits.MAX_EXPIRATION_EPOCH_SECOND)) <= 0) {
                    return number.longValueExact();
                }
                throw BodyRefusal.invalid(where() + what.name + " is out of range (expected: at most "
                        + Limits.MAX_EXPIRATION_EPOCH_SECOND + " seconds)");
            } catch (ArithmeticException | NumberFormatException e) {
                // Falls through: a fraction, or an exponent beyond all bounds.
            }
        }
        throw BodyRefusal.invalid(where() + what.name + " is not a whole number of seconds");
    }

    private void endItem() {
        if (key == null) {
            throw BodyRefusal.invalid(where() + "key is missing");
        }
        if (text == null) {
            throw BodyRefusal.invalid(where() + "value is missing");
        }
        Mutation.Put put = new Mutation.Put(key, value(text), options());
        text = null;
        Mutation.Put before = puts.putIfAbsent(key, put);
        if (before == null) {
            putBytes += put.sizeBytes() + ITEM_OVERHEAD_BYTES;
        } else if (!before.equals(put)) {
            throw BodyRefusal.invalid(
                    where() + "received duplicate key with different values or expiration parameters: '"
                            + key.toDisplayString() + "'");
        }
    }

    private Value value(byte[] utf8) {
        byte[] bytes = utf8;
        if (base64) {
            try {
                bytes = Base64.getDecoder().decode(utf8);
            } catch (IllegalArgumentException e) {
                // Not its message, which quotes the value.
                throw BodyRefusal.invalid(where() + "value is not base64");
            }
        }
        try {
            Value.checkLength(bytes.length);
        } catch (KvException e) {
            throw BodyRefusal.of(where(), e);
        }
        return Value.wrap(bytes);
    }

    private PutOptions options() {
        if (ttl != null) {
            if (ttl < SHORTEST_TTL_SECONDS) {
                throw RestException.invalid(
                        WorkersCodes.TTL_TOO_SHORT,
                        where() + "expiration_ttl of " + ttl + " (expected: at least " + SHORTEST_TTL_SECONDS
                                + " seconds)");
            }
            return new PutOptions(metadata, 0, ttl, Condition.NONE);
        }
        if (expiration == null) {
            return metadata == null ? PutOptions.DEFAULT : PutOptions.metadata(metadata);
        }
        if (expiration < clock.instant().getEpochSecond() + SHORTEST_TTL_SECONDS) {
            throw BodyRefusal.invalid(where() + "expiration of " + expiration + " (expected: at least "
                    + SHORTEST_TTL_SECONDS + " seconds from now)");
        }
        return new PutOptions(metadata, expiration, 0, Condition.NONE);
    }
}
