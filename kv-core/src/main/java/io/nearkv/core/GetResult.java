package io.nearkv.core;

import static java.util.Objects.requireNonNull;

import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** What a get found. A missing key is an answer, not an error. Immutable. */
public sealed interface GetResult {
    /**
     * The key exists. A class and not a record, with the array inside and no room for what most entries lack: a get makes one object of 24 bytes and the value, on the
     * path that everything else waits for.
     */
    sealed class Found implements GetResult {
        private final byte[] value;
        private final long version;

        private Found(byte[] value, long version) {
            if (version < 1) {
                throw new IllegalArgumentException("version: " + version + " (expected: >= 1)");
            }
            this.value = value;
            this.version = version;
        }

        /** An entry that has metadata, or expires, or both. */
        private static final class Described extends Found {
            private final @Nullable Metadata metadata;
            private final long expiresAt;

            private Described(byte[] value, @Nullable Metadata metadata, long version, long expiresAt) {
                super(value, version);
                this.metadata = metadata;
                this.expiresAt = expiresAt;
            }

            @Override
            public @Nullable Metadata metadata() {
                return metadata;
            }

            @Override
            public long expiresAt() {
                return expiresAt;
            }
        }

        /** Returns a result over this very array; as for {@link Value#wrap}, nobody may write to it again. */
        public static Found wrap(byte[] value, @Nullable Metadata metadata, long version, long expiresAt) {
            requireNonNull(value, "value");
            return metadata == null && expiresAt == 0
                    ? new Found(value, version)
                    : new Described(value, metadata, version, expiresAt);
        }

        /** Returns a result with a copy of the remaining bytes; borrows the buffer and leaves its position alone. */
        public static Found copyOf(ByteBuffer value, @Nullable Metadata metadata, long version, long expiresAt) {
            byte[] bytes = new byte[value.remaining()];
            value.get(value.position(), bytes);
            return wrap(bytes, metadata, version, expiresAt);
        }

        /** Returns the value. */
        public final Value value() {
            return Value.wrap(value);
        }

        /** Returns the number of bytes of the value. */
        public final int length() {
            return value.length;
        }

        /** Returns a read-only view of the bytes of the value. */
        public final ByteBuffer asByteBuffer() {
            return ByteBuffer.wrap(value).asReadOnlyBuffer();
        }

        /** Returns the metadata, or null if there is none. */
        public @Nullable Metadata metadata() {
            return null;
        }

        /** Returns the number of the commit that wrote the entry, at least 1. */
        public final long version() {
            return version;
        }

        /** Returns the seconds since the epoch at which the entry expires, or 0 if it does not. */
        public long expiresAt() {
            return 0;
        }

        /** Returns the time at which the entry expires, if it does. */
        public final Optional<Instant> expiration() {
            return expiresAt() == 0 ? Optional.empty() : Optional.of(Instant.ofEpochSecond(expiresAt()));
        }

        @Override
        public final boolean equals(@Nullable Object other) {
            return other instanceof Found found
                    && version == found.version
                    && expiresAt() == found.expiresAt()
                    && java.util.Objects.equals(metadata(), found.metadata())
                    && Arrays.equals(value, found.value);
        }

        @Override
        public final int hashCode() {
            return Arrays.hashCode(value) * 31 + Long.hashCode(version);
        }

        @Override
        public final String toString() {
            return "Found[" + value.length + " bytes, version " + version + "]";
        }
    }

    /** The key was never written, was deleted, or has expired. */
    record Missing() implements GetResult {
        /** The one instance that is needed. */
        public static final Missing INSTANCE = new Missing();
    }

    /** Returns what the function for this shape answers. */
    default <R> R match(Function<? super Found, ? extends R> found, Supplier<? extends R> missing) {
        return this instanceof Found f ? found.apply(f) : missing.get();
    }

    /** Returns the value, if there is one. */
    default Optional<Value> toOptional() {
        return this instanceof Found f ? Optional.of(f.value()) : Optional.empty();
    }
}
