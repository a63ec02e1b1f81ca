package io.nearkv.bench.compare;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A cache inside an application's process, over a server that others write to. Thread-safe. */
interface NearCache extends AutoCloseable {
    /** Many gets in a row, with a loop of each cache's own, so that the compiler sees one cache in it. */
    interface Gets {
        /**
         * Gets the keys with the indexes {@code sequence[from]} to {@code sequence[from + count - 1]}.
         *
         * @return how many of the answers were missing or of another length than they must be
         */
        int wrong(int[] sequence, int from, int count);
    }

    /** Returns the ways in which an application can get from it, by name; its own name is the first. */
    Map<String, Gets> ways();

    /** Returns a copy of the value of a key, or null. */
    byte @Nullable [] get(int index);

    /** Writes past the cache, as another process does; returns when the server has acknowledged. */
    void write(int index, byte[] value);

    /** Returns how many reads the server has been asked for so far. */
    long misses();

    @Override
    void close();
}
