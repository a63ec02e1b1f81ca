package io.nearkv.core;

import static java.util.Objects.requireNonNull;

/** What {@link KvStore#open} found. */
public sealed interface OpenResult {
    /**
     * The key exists; the caller closes the reader.
     *
     * @param reader the value, to be closed by the receiver
     */
    record Opened(ValueReader reader) implements OpenResult {
        /** Checks that the reader is given. */
        public Opened {
            requireNonNull(reader, "reader");
        }
    }

    /**
     * The key was never written, was deleted, or has expired.
     *
     * @param result the same as an answer of a get, which says more
     */
    record Missing(GetResult.Missing result) implements OpenResult {
        /** Says nothing more. */
        public static final Missing INSTANCE = new Missing(GetResult.Missing.INSTANCE);

        /** Checks that the answer is given. */
        public Missing {
            requireNonNull(result, "result");
        }
    }

    /** Returns what opening a key comes to whose entry is known, whole. */
    static OpenResult of(GetResult result) {
        if (result instanceof GetResult.Found found) {
            return new Opened(new HeldReader(found));
        }
        return result == GetResult.Missing.INSTANCE ? Missing.INSTANCE : new Missing((GetResult.Missing) result);
    }
}
