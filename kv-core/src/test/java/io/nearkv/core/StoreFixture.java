package io.nearkv.core;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** A tier under test with all that it stands on. Not thread-safe, except for its store. */
public interface StoreFixture extends AutoCloseable {
    /** Returns the tier under test; another one after {@link #reopen()}. */
    KvStore store();

    /** Returns an account that exists. */
    AccountId account();

    /** Returns the clock that decides what has expired, or null if the test cannot move it. */
    default @Nullable TestClock clock() {
        return null;
    }

    /** Returns whether a read may bring what it has found into memory, for the next one. */
    default boolean isCache() {
        return false;
    }

    /** Returns whether {@link #reopen()} works. */
    default boolean canReopen() {
        return false;
    }

    /** Closes the tier, and all that holds data below it, and opens it again over the same data. */
    default void reopen() throws Exception {
        throw new UnsupportedOperationException("reopen");
    }

    /** Makes the store remove what has expired, soon; returns false if nobody but the store itself decides when. */
    default boolean sweep() {
        return false;
    }

    /** Closes everything and deletes the data. */
    @Override
    void close() throws IOException;
}
