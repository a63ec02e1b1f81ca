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

    /** The key was never written, was deleted, or has expired. */
    record Missing() implements OpenResult {
        /** The one instance that is needed. */
        public static final Missing INSTANCE = new Missing();
    }
}
