package io.nearkv.edge;

import static java.util.Objects.requireNonNull;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import io.nearkv.core.CacheStorage;
import io.nearkv.core.Limits;
import java.time.Duration;
import java.time.InstantSource;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** How an {@link EdgeCache} is set up: every bound has a default and is listed here. Immutable; made by {@link #builder()}. */
public final class EdgeOptions {
    /** What tells nanoseconds where nothing is said; {@link EdgeCache} knows it by identity. */
    static final LongSupplier SYSTEM_TICKER = System::nanoTime;

    private static final long MIN_MEMORY_BYTES = 64 << 10;

    /** What is set where nothing is said. */
    public static final EdgeOptions DEFAULT = builder().build();

    final long memoryBytes;
    final @Nullable CacheStorage disk;
    final Duration cacheTtl;
    final Duration staleIfError;
    final Duration listTtl;
    final int maxValueBytes;
    final int maxLoads;
    final Duration upstreamTimeout;
    final Duration heartbeat;
    final boolean coherent;
    final InstantSource clock;
    final LongSupplier ticker;

    private EdgeOptions(Builder b) {
        this.memoryBytes = b.memoryBytes;
        this.disk = b.disk;
        this.cacheTtl = b.cacheTtl;
        this.staleIfError = b.staleIfError;
        this.listTtl = b.listTtl;
        this.maxValueBytes = b.maxValueBytes;
        this.maxLoads = b.maxLoads;
        this.upstreamTimeout = b.upstreamTimeout;
        this.heartbeat = b.heartbeat;
        this.coherent = b.coherent;
        this.clock = b.clock;
        this.ticker = b.ticker;
    }

    /** Returns a builder with the defaults. */
    public static Builder builder() {
        return new Builder();
    }

    /** Returns the settings of a cache in front of the engine of its own process, which every write goes through. */
    public static EdgeOptions beforeEngine(long memoryBytes) {
        return builder().memoryBytes(memoryBytes).coherent(true).build();
    }

    /** Sets what differs from the defaults; each setter checks its value. Not thread-safe; may build more than once. */
    public static final class Builder {
        private long memoryBytes = Runtime.getRuntime().maxMemory() / 4;
        private @Nullable CacheStorage disk;
        private Duration cacheTtl = Duration.ofSeconds(60);
        private Duration staleIfError = Duration.ofHours(1);
        private Duration listTtl = Duration.ofSeconds(2);
        private int maxValueBytes = 1 << 20;
        private int maxLoads = 1024;
        private Duration upstreamTimeout = Duration.ofSeconds(5);
        private Duration heartbeat = Duration.ofMillis(200);
        private boolean coherent;
        private InstantSource clock = InstantSource.system();
        private LongSupplier ticker = SYSTEM_TICKER;

        private Builder() {}

        /** About how much memory entries may take, at least 64 KiB. Default: a quarter of the heap. */
        @CanIgnoreReturnValue
        public Builder memoryBytes(long bytes) {
            if (bytes < MIN_MEMORY_BYTES) {
                throw new IllegalArgumentException(
                        "memoryBytes: " + bytes + " (expected: >= " + MIN_MEMORY_BYTES + ")");
            }
            this.memoryBytes = bytes;
            return this;
        }

        /** What keeps entries beyond the life of the process, which the cache takes over; null for none, the default. */
        @CanIgnoreReturnValue
        public Builder disk(@Nullable CacheStorage storage) {
            this.disk = storage;
            return this;
        }

        /** How old a copy may be where the read says nothing; 0 or more. Default 60 seconds. */
        @CanIgnoreReturnValue
        public Builder cacheTtl(Duration ttl) {
            this.cacheTtl = atLeast("cacheTtl", ttl, Duration.ZERO);
            return this;
        }

        /** How much older than that a copy may be while nobody upstream answers; 0 or more. Default 1 hour. */
        @CanIgnoreReturnValue
        public Builder staleIfError(Duration time) {
            this.staleIfError = atLeast("staleIfError", time, Duration.ZERO);
            return this;
        }

        /** How old a cached page of a listing may be; 0 caches none. Default 2 seconds. */
        @CanIgnoreReturnValue
        public Builder listTtl(Duration ttl) {
            this.listTtl = atLeast("listTtl", ttl, Duration.ZERO);
            return this;
        }

        /** The largest value that is kept; larger ones go through. 1 byte to 25 MiB. Default 1 MiB. */
        @CanIgnoreReturnValue
        public Builder maxValueBytes(int bytes) {
            if (bytes < 1 || bytes > Limits.MAX_VALUE_BYTES) {
                throw new IllegalArgumentException("maxValueBytes: " + bytes + " (expected: 1 to 25 MiB)");
            }
            this.maxValueBytes = bytes;
            return this;
        }

        /** The most reads upstream at a time, at least 1; what comes on top is refused with 503. Default 1,024. */
        @CanIgnoreReturnValue
        public Builder maxLoads(int loads) {
            if (loads < 1) {
                throw new IllegalArgumentException("maxLoads: " + loads + " (expected: >= 1)");
            }
            this.maxLoads = loads;
            return this;
        }

        /** How long a read upstream may take, at least 1 millisecond. Default 5 seconds. */
        @CanIgnoreReturnValue
        public Builder upstreamTimeout(Duration timeout) {
            this.upstreamTimeout = atLeast("upstreamTimeout", timeout, Duration.ofMillis(1));
            return this;
        }

        /** How often the feed says that nothing has changed, at least 10 milliseconds; bounds what {@code BOUNDED} reads may ask for. Default 200 milliseconds. */
        @CanIgnoreReturnValue
        public Builder heartbeat(Duration interval) {
            this.heartbeat = atLeast("heartbeat", interval, Duration.ofMillis(10));
            return this;
        }

        /**
         * Whether every write of the data goes through this cache, as on a core node: then it follows no feed, nothing gets old, and every read may be answered from it. Default false.
         */
        @CanIgnoreReturnValue
        public Builder coherent(boolean every) {
            this.coherent = every;
            return this;
        }

        /** What tells dates. Default: the system's clock. */
        @CanIgnoreReturnValue
        public Builder clock(InstantSource source) {
            this.clock = requireNonNull(source, "clock");
            return this;
        }

        /** What tells nanoseconds, for ages. Default: {@link System#nanoTime()}. */
        @CanIgnoreReturnValue
        public Builder ticker(LongSupplier nanos) {
            this.ticker = requireNonNull(nanos, "ticker");
            return this;
        }

        /** Returns the options. */
        public EdgeOptions build() {
            return new EdgeOptions(this);
        }

        @CanIgnoreReturnValue
        private static Duration atLeast(String what, Duration value, Duration min) {
            if (value.compareTo(min) < 0) {
                throw new IllegalArgumentException(what + ": too short (expected: see EdgeOptions)");
            }
            return value;
        }
    }
}
