package io.nearkv.core;

import static java.util.Objects.requireNonNull;

/** One change to one key. Immutable. */
public sealed interface Mutation {
    /** Returns the key that is changed. */
    Key key();

    /** Returns what must hold for the change to happen. */
    Condition condition();

    /**
     * Sets value, metadata and expiration of a key.
     *
     * @param key the key
     * @param value the new value
     * @param options metadata, expiration and condition
     */
    record Put(Key key, Value value, PutOptions options) implements Mutation {
        /** Checks that nothing is missing. */
        public Put {
            requireNonNull(key, "key");
            requireNonNull(value, "value");
            requireNonNull(options, "options");
        }

        @Override
        public Condition condition() {
            return options.condition();
        }
    }

    /**
     * Removes a key. Removing one that is not there succeeds.
     *
     * @param key the key
     * @param condition what must hold for the removal to happen
     */
    record Delete(Key key, Condition condition) implements Mutation {
        /** Checks that nothing is missing. */
        public Delete {
            requireNonNull(key, "key");
            requireNonNull(condition, "condition");
        }
    }

    /** Returns a put without options. */
    static Mutation put(Key key, Value value) {
        return new Put(key, value, PutOptions.DEFAULT);
    }

    /** Returns a delete without a condition. */
    static Mutation delete(Key key) {
        return new Delete(key, Condition.NONE);
    }

    /** Returns the bytes that count against {@link Limits#MAX_BATCH_BYTES}: key, value and metadata. */
    default long sizeBytes() {
        if (this instanceof Put put) {
            Metadata metadata = put.options().metadata();
            return (long) put.key().length() + put.value().length() + (metadata == null ? 0 : metadata.length());
        }
        return key().length();
    }
}
