package io.nearkv.core;

import java.util.ArrayList;
import java.util.List;

/**
 * An atomic batch in the making: {@code namespace.batch().put(..).delete(..).commit()}. Conditions see the state before the batch together with the earlier changes of the
 * batch. Bounded by {@link Limits#MAX_BATCH_OPERATIONS} and {@link Limits#MAX_BATCH_BYTES}. Not thread-safe.
 */
public final class KvBatch {
    private final KvNamespace namespace;
    private final List<Mutation> mutations = new ArrayList<>();

    KvBatch(KvNamespace namespace) {
        this.namespace = namespace;
    }

    /** Adds a put of a text. */
    public KvBatch put(String key, String value) {
        return put(key, Value.of(value), PutOptions.DEFAULT);
    }

    /** Adds a put of a text. */
    public KvBatch put(String key, String value, PutOptions options) {
        return put(key, Value.of(value), options);
    }

    /** Adds a put. */
    public KvBatch put(String key, Value value) {
        return put(key, value, PutOptions.DEFAULT);
    }

    /** Adds a put. */
    public KvBatch put(String key, Value value, PutOptions options) {
        return add(new Mutation.Put(Key.of(key), value, options));
    }

    /** Adds a delete. */
    public KvBatch delete(String key) {
        return delete(key, Condition.NONE);
    }

    /** Adds a delete with a condition. */
    public KvBatch delete(String key, Condition condition) {
        return add(new Mutation.Delete(Key.of(key), condition));
    }

    /** Adds any change. */
    public KvBatch add(Mutation mutation) {
        mutations.add(mutation);
        return this;
    }

    /** Returns the changes so far, for {@link AsyncKvNamespace#batch} among others. */
    public List<Mutation> mutations() {
        return List.copyOf(mutations);
    }

    /** Makes all changes, or none. May be called again, which makes them again. */
    public BatchResult commit() {
        return namespace.commit(mutations());
    }
}
