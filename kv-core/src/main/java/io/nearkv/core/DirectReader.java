package io.nearkv.core;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Reads that a tier can answer from memory on the caller's thread without making an object: what a server's event loop asks first. Thread-safe; never blocks
 * and never touches a disk.
 */
public interface DirectReader {
    /** What a direct read came to. */
    enum Outcome {
        /** The visitor has seen the entry. */
        FOUND,
        /** The key is certainly missing. */
        MISSING,
        /** Not known in memory, or too large for this path: ask {@link KvStore#get} or {@link KvStore#open}. */
        ELSEWHERE
    }

    /** Receives the entry that was found. */
    interface Visitor {
        /**
         * Takes what was found; all buffers are views, valid until this method returns.
         *
         * @param value the remaining bytes are the value, at most {@link Limits#CHUNK_BYTES}
         * @param metadata the remaining bytes are the JSON text, or null if there is none
         * @param version the number of the commit that wrote the entry
         * @param expiresAt seconds since the epoch at which the entry expires, or 0
         */
        void entry(ByteBuffer value, @Nullable ByteBuffer metadata, long version, long expiresAt);

        /**
         * Takes what was found in the heap, where a view would have to be made first.
         *
         * @param found the entry, with at most {@link Limits#CHUNK_BYTES} of value
         */
        default void entry(GetResult.Found found) {
            Metadata metadata = found.metadata();
            entry(
                    found.asByteBuffer(),
                    metadata == null ? null : metadata.asByteBuffer(),
                    found.version(),
                    found.expiresAt());
        }
    }

    /**
     * Looks a key up.
     *
     * @param namespace the namespace
     * @param key the remaining bytes are the key, which the caller has checked; borrowed, position left alone. May be a direct buffer or not
     * @param visitor receives the entry, on this thread, before this method returns
     * @throws KvException as {@link KvStore#get}
     */
    Outcome read(NamespaceId namespace, ByteBuffer key, Visitor visitor);
}
