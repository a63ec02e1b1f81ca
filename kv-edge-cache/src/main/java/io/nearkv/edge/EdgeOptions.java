package io.nearkv.edge;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.CacheStorage;
import java.time.Duration;
import java.time.InstantSource;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * How an {@link EdgeCache} is set up. Immutable; each {@code with} method returns a changed copy.
 *
 * @param memoryBytes about how much memory entries may take, at least 64 KiB. Default: a quarter of the heap
 * @param disk what keeps entries beyond the life of the process, which the cache then owns; null for none, the default
 * @param cacheTtl how old a copy may be where the read says nothing; 0 or more. Default 60 seconds
 * @param staleIfError how much older than that a copy may be while nobody upstream answers; 0 or more. Default 1 hour
 * @param listTtl how old a cached page of a listing may be; 0 caches none. Default 2 seconds
 * @param maxValueBytes the largest value that is kept; larger ones go through. 1 to 25 MiB, default 1 MiB
 * @param maxLoads the most reads upstream at a time; what comes on top is refused with 503. Default 1,024
 * @param upstreamTimeout how long a read upstream may take. Default 5 seconds
 * @param heartbeat how often the feed says that nothing has changed; bounds what {@code BOUNDED} reads may ask for. Default 200 ms
 * @param coherent whether every write of the data goes through this cache, as on a core node: then it follows no feed, nothing gets old, and every read may be answered from it
 * @param clock tells dates
 * @param ticker tells nanoseconds, for ages
 */
public record EdgeOptions(
        long memoryBytes,
        @Nullable CacheStorage disk,
        Duration cacheTtl,
        Duration staleIfError,
        Duration listTtl,
        int maxValueBytes,
        int maxLoads,
        Duration upstreamTimeout,
        Duration heartbeat,
        boolean coherent,
        InstantSource clock,
        LongSupplier ticker) {
    /** What is set where nothing is said. */
    public static final EdgeOptions DEFAULT = new EdgeOptions(
            Runtime.getRuntime().maxMemory() / 4,
            null,
            Duration.ofSeconds(60),
            Duration.ofHours(1),
            Duration.ofSeconds(2),
            1 << 20,
            1024,
            Duration.ofSeconds(5),
            Duration.ofMillis(200),
            false,
            InstantSource.system(),
            System::nanoTime);

    private static final long MIN_MEMORY_BYTES = 64 << 10;

    /** Checks the ranges. */
    public EdgeOptions {
        if (memoryBytes < MIN_MEMORY_BYTES) {
            throw new IllegalArgumentException(
                    "memoryBytes: " + memoryBytes + " (expected: >= " + MIN_MEMORY_BYTES + ")");
        }
        notNegative("cacheTtl", cacheTtl);
        notNegative("staleIfError", staleIfError);
        notNegative("listTtl", listTtl);
        notNegative("upstreamTimeout", upstreamTimeout.minusMillis(1));
        notNegative("heartbeat", heartbeat.minusMillis(10));
        if (maxValueBytes < 1 || maxValueBytes > io.nearkv.core.Limits.MAX_VALUE_BYTES) {
            throw new IllegalArgumentException("maxValueBytes: " + maxValueBytes + " (expected: 1 to 25 MiB)");
        }
        if (maxLoads < 1) {
            throw new IllegalArgumentException("maxLoads: " + maxLoads + " (expected: >= 1)");
        }
        requireNonNull(clock, "clock");
        requireNonNull(ticker, "ticker");
    }

    private static void notNegative(String what, Duration value) {
        if (value.isNegative()) {
            throw new IllegalArgumentException(what + ": too short (expected: see EdgeOptions)");
        }
    }

    /** Returns the settings of a cache in front of the engine of its own process, which every write goes through. */
    public static EdgeOptions beforeEngine(long memoryBytes) {
        return DEFAULT.withMemoryBytes(memoryBytes).withCoherent(true);
    }

    /** Returns a copy with this bound of memory. */
    public EdgeOptions withMemoryBytes(long bytes) {
        return new EdgeOptions(
                bytes,
                disk,
                cacheTtl,
                staleIfError,
                listTtl,
                maxValueBytes,
                maxLoads,
                upstreamTimeout,
                heartbeat,
                coherent,
                clock,
                ticker);
    }

    /** Returns a copy with this disk, which the cache takes over. */
    public EdgeOptions withDisk(@Nullable CacheStorage newDisk) {
        return new EdgeOptions(
                memoryBytes,
                newDisk,
                cacheTtl,
                staleIfError,
                listTtl,
                maxValueBytes,
                maxLoads,
                upstreamTimeout,
                heartbeat,
                coherent,
                clock,
                ticker);
    }

    /** Returns a copy with these times. */
    public EdgeOptions withTtl(Duration newCacheTtl, Duration newStaleIfError) {
        return new EdgeOptions(
                memoryBytes,
                disk,
                newCacheTtl,
                newStaleIfError,
                listTtl,
                maxValueBytes,
                maxLoads,
                upstreamTimeout,
                heartbeat,
                coherent,
                clock,
                ticker);
    }

    /** Returns a copy with this time for pages of listings. */
    public EdgeOptions withListTtl(Duration ttl) {
        return new EdgeOptions(
                memoryBytes,
                disk,
                cacheTtl,
                staleIfError,
                ttl,
                maxValueBytes,
                maxLoads,
                upstreamTimeout,
                heartbeat,
                coherent,
                clock,
                ticker);
    }

    /** Returns a copy with these bounds of what is asked upstream. */
    public EdgeOptions withUpstream(int loads, Duration timeout) {
        return new EdgeOptions(
                memoryBytes,
                disk,
                cacheTtl,
                staleIfError,
                listTtl,
                maxValueBytes,
                loads,
                timeout,
                heartbeat,
                coherent,
                clock,
                ticker);
    }

    /** Returns a copy with this time between heartbeats. */
    public EdgeOptions withHeartbeat(Duration newHeartbeat) {
        return new EdgeOptions(
                memoryBytes,
                disk,
                cacheTtl,
                staleIfError,
                listTtl,
                maxValueBytes,
                maxLoads,
                upstreamTimeout,
                newHeartbeat,
                coherent,
                clock,
                ticker);
    }

    /** Returns a copy with this largest value. */
    public EdgeOptions withMaxValueBytes(int bytes) {
        return new EdgeOptions(
                memoryBytes,
                disk,
                cacheTtl,
                staleIfError,
                listTtl,
                bytes,
                maxLoads,
                upstreamTimeout,
                heartbeat,
                coherent,
                clock,
                ticker);
    }

    /** Returns a copy that is coherent or not. */
    public EdgeOptions withCoherent(boolean newCoherent) {
        return new EdgeOptions(
                memoryBytes,
                disk,
                cacheTtl,
                staleIfError,
                listTtl,
                maxValueBytes,
                maxLoads,
                upstreamTimeout,
                heartbeat,
                newCoherent,
                clock,
                ticker);
    }

    /** Returns a copy with these clocks. */
    public EdgeOptions withTime(InstantSource newClock, LongSupplier newTicker) {
        return new EdgeOptions(
                memoryBytes,
                disk,
                cacheTtl,
                staleIfError,
                listTtl,
                maxValueBytes,
                maxLoads,
                upstreamTimeout,
                heartbeat,
                coherent,
                newClock,
                newTicker);
    }
}
