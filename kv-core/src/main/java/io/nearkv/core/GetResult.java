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
        private static sealed class Described extends Found {
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

        /** An entry that says where it comes from: one that a cache keeps. */
        private static final class Sourced extends Described {
            private final Origin origin;

            private Sourced(byte[] value, @Nullable Metadata metadata, long version, long expiresAt, Origin origin) {
                super(value, metadata, version, expiresAt);
                this.origin = origin;
            }

            @Override
            public Origin origin() {
                return origin;
            }
        }

        /** Stands in for an entry that nobody could be asked for. */
        private static final class Substitute extends Found {
            private Substitute(byte[] value) {
                super(value);
            }

            @Override
            public Origin origin() {
                return SUBSTITUTED;
            }
        }

        private static final Origin SUBSTITUTED = Origin.of(Origin.Source.SUBSTITUTE, java.time.Duration.ZERO);

        /** Of a substitute alone. */
        private Found(byte[] value) {
            this.value = value;
            this.version = 0;
        }

        /** Returns what stands in for an entry that nobody could be asked for: without metadata, with version 0, which no entry has. */
        static Found substitute(byte[] value) {
            return new Substitute(value);
        }

        /** Returns the same entry, with the same bytes, from this origin. */
        public final Found withOrigin(Origin origin) {
            return new Sourced(value, metadata(), version, expiresAt(), requireNonNull(origin, "origin"));
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

        /** Returns the very array of the value, for the tiers alone; nobody may write to it. */
        public final byte[] borrowArray() {
            return value;
        }

        /** Returns a read-only view of the bytes of the value. */
        public final ByteBuffer asByteBuffer() {
            return ByteBuffer.wrap(value).asReadOnlyBuffer();
        }

        /** Returns the metadata, or null if there is none. */
        public @Nullable Metadata metadata() {
            return null;
        }

        /** Returns the number of the commit that wrote the entry, at least 1; 0 of what only stands in for one (see {@link FailPolicy#open}). */
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

    /** The key was never written, was deleted, or has expired. All are equal. */
    final class Missing implements GetResult {
        /** Says nothing more. */
        public static final Missing INSTANCE = new Missing(0, Origin.OWNER);

        private final long asOf;
        private final Origin origin;

        private Missing(long asOf, Origin origin) {
            this.asOf = asOf;
            this.origin = origin;
        }

        /** Returns the answer of a tier that has seen every change up to a version, or 0 if it does not say; from this origin. */
        public static Missing of(long asOf, Origin origin) {
            return asOf == 0 && origin == Origin.OWNER ? INSTANCE : new Missing(asOf, requireNonNull(origin, "origin"));
        }

        /** Returns a version that the tier which answered had reached, or 0 if it does not say: a session read tells it, so that the session never goes back behind it. */
        public long asOf() {
            return asOf;
        }

        @Override
        public Origin origin() {
            return origin;
        }

        @Override
        public boolean equals(@Nullable Object other) {
            return other instanceof Missing;
        }

        @Override
        public int hashCode() {
            return 1;
        }

        @Override
        public String toString() {
            return "Missing[]";
        }
    }

    /** Returns where the answer comes from, and how old it is. */
    default Origin origin() {
        return Origin.OWNER;
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
