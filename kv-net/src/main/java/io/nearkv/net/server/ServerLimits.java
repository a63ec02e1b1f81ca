package io.nearkv.net.server;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.Limits;
import io.nearkv.net.protocol.Protocol;
import java.time.Duration;

/**
 * What a server lets its clients take. Everything that a client can make the server hold or wait for has a bound here; each has a counter or gauge in
 * {@link ServerStats}. Immutable; {@link #toBuilder()} makes changed copies.
 *
 * @param maxConnections most connections in all
 * @param maxConnectionsPerPeer most connections of one peer address (of one /64 network for IPv6)
 * @param maxRequestsInFlight most requests in flight in all
 * @param maxRequestsInFlightPerConnection most requests in flight on one connection
 * @param maxBytesInFlight most bytes that requests in flight may hold in all; a call that is larger is 413
 * @param maxBytesInFlightPerConnection most bytes that the requests of one connection may hold
 * @param maxWatchesPerConnection most watches on one connection
 * @param maxFailedHellosPerMinute failed authentications of one peer address in a minute after which only tokens that were good lately are looked at
 * @param streamWindowBytes bytes of one upload that may be on their way; at least 64 KiB
 * @param writeBufferBytes answers that wait for one peer to read, beyond which the server stops reading from it
 * @param helloTimeout from the connection to the end of HELLO, TLS handshake included, however the bytes drip
 * @param frameTimeout from the first byte of a frame to its last
 * @param idleTimeout how long a connection with nothing in flight may stay silent
 * @param slowReaderTimeout how long answers may wait for a peer that does not read them
 * @param stallTimeout how long a stream may take for each 64 KiB, where the peer is the one who is waited for
 */
public record ServerLimits(
        int maxConnections,
        int maxConnectionsPerPeer,
        int maxRequestsInFlight,
        int maxRequestsInFlightPerConnection,
        long maxBytesInFlight,
        long maxBytesInFlightPerConnection,
        int maxWatchesPerConnection,
        int maxFailedHellosPerMinute,
        int streamWindowBytes,
        int writeBufferBytes,
        Duration helloTimeout,
        Duration frameTimeout,
        Duration idleTimeout,
        Duration slowReaderTimeout,
        Duration stallTimeout) {
    /** Room for one full batch beside other work. */
    private static final long MIN_DEFAULT_BYTES = Limits.MAX_BATCH_BYTES + 32L * 1024 * 1024;

    private static final Duration SHORTEST = Duration.ofMillis(1);

    /** The defaults. Bytes in flight: a quarter of the heap, at least 132 MiB. */
    public static final ServerLimits DEFAULT = new ServerLimits(
            10_000,
            1_000,
            65_536,
            1_024,
            Math.max(Runtime.getRuntime().maxMemory() / 4, MIN_DEFAULT_BYTES),
            MIN_DEFAULT_BYTES,
            64,
            20,
            Protocol.DEFAULT_STREAM_WINDOW_BYTES,
            1024 * 1024,
            Duration.ofSeconds(5),
            Duration.ofSeconds(10),
            Duration.ofMinutes(5),
            Duration.ofSeconds(30),
            Duration.ofSeconds(30));

    /** Checks that each bound is positive. */
    public ServerLimits {
        requireAtLeast(1, maxConnections, "maxConnections");
        requireAtLeast(1, maxConnectionsPerPeer, "maxConnectionsPerPeer");
        requireAtLeast(1, maxRequestsInFlight, "maxRequestsInFlight");
        requireAtLeast(1, maxRequestsInFlightPerConnection, "maxRequestsInFlightPerConnection");
        requireAtLeast(Protocol.MAX_FRAME_BYTES, maxBytesInFlight, "maxBytesInFlight");
        requireAtLeast(Protocol.MAX_FRAME_BYTES, maxBytesInFlightPerConnection, "maxBytesInFlightPerConnection");
        requireAtLeast(0, maxWatchesPerConnection, "maxWatchesPerConnection");
        requireAtLeast(1, maxFailedHellosPerMinute, "maxFailedHellosPerMinute");
        requireAtLeast(Protocol.MIN_STREAM_WINDOW_BYTES, streamWindowBytes, "streamWindowBytes");
        requireAtLeast(1, writeBufferBytes, "writeBufferBytes");
        requirePositive(helloTimeout, "helloTimeout");
        requirePositive(frameTimeout, "frameTimeout");
        requirePositive(idleTimeout, "idleTimeout");
        requirePositive(slowReaderTimeout, "slowReaderTimeout");
        requirePositive(stallTimeout, "stallTimeout");
    }

    private static void requireAtLeast(long min, long value, String name) {
        if (value < min) {
            throw new IllegalArgumentException(name + ": " + value + " (expected: >= " + min + ")");
        }
    }

    private static void requirePositive(Duration value, String name) {
        requireNonNull(value, name);
        if (value.compareTo(SHORTEST) < 0 || value.compareTo(Limits.MAX_TIMEOUT) > 0) {
            throw new IllegalArgumentException(
                    name + ": " + value + " (expected: " + SHORTEST + " to " + Limits.MAX_TIMEOUT + ")");
        }
    }

    /** Returns a builder that starts from these bounds. */
    public Builder toBuilder() {
        return new Builder(this);
    }

    /** Returns the shortest of the timeouts: how often they have to be looked at depends on it. */
    Duration shortestTimeout() {
        Duration shortest = helloTimeout;
        for (Duration other : new Duration[] {frameTimeout, idleTimeout, slowReaderTimeout, stallTimeout}) {
            shortest = other.compareTo(shortest) < 0 ? other : shortest;
        }
        return shortest;
    }

    /** Changes single bounds; {@link #build()} checks them, and may be called again. Not thread-safe. */
    public static final class Builder {
        private int maxConnections;
        private int maxConnectionsPerPeer;
        private int maxRequestsInFlight;
        private int maxRequestsInFlightPerConnection;
        private long maxBytesInFlight;
        private long maxBytesInFlightPerConnection;
        private int maxWatchesPerConnection;
        private int maxFailedHellosPerMinute;
        private int streamWindowBytes;
        private int writeBufferBytes;
        private Duration helloTimeout;
        private Duration frameTimeout;
        private Duration idleTimeout;
        private Duration slowReaderTimeout;
        private Duration stallTimeout;

        private Builder(ServerLimits from) {
            maxConnections = from.maxConnections;
            maxConnectionsPerPeer = from.maxConnectionsPerPeer;
            maxRequestsInFlight = from.maxRequestsInFlight;
            maxRequestsInFlightPerConnection = from.maxRequestsInFlightPerConnection;
            maxBytesInFlight = from.maxBytesInFlight;
            maxBytesInFlightPerConnection = from.maxBytesInFlightPerConnection;
            maxWatchesPerConnection = from.maxWatchesPerConnection;
            maxFailedHellosPerMinute = from.maxFailedHellosPerMinute;
            streamWindowBytes = from.streamWindowBytes;
            writeBufferBytes = from.writeBufferBytes;
            helloTimeout = from.helloTimeout;
            frameTimeout = from.frameTimeout;
            idleTimeout = from.idleTimeout;
            slowReaderTimeout = from.slowReaderTimeout;
            stallTimeout = from.stallTimeout;
        }

        /** Sets {@link ServerLimits#maxConnections()}. */
        public Builder maxConnections(int value) {
            maxConnections = value;
            return this;
        }

        /** Sets {@link ServerLimits#maxConnectionsPerPeer()}. */
        public Builder maxConnectionsPerPeer(int value) {
            maxConnectionsPerPeer = value;
            return this;
        }

        /** Sets {@link ServerLimits#maxRequestsInFlight()}. */
        public Builder maxRequestsInFlight(int value) {
            maxRequestsInFlight = value;
            return this;
        }

        /** Sets {@link ServerLimits#maxRequestsInFlightPerConnection()}. */
        public Builder maxRequestsInFlightPerConnection(int value) {
            maxRequestsInFlightPerConnection = value;
            return this;
        }

        /** Sets {@link ServerLimits#maxBytesInFlight()}. */
        public Builder maxBytesInFlight(long value) {
            maxBytesInFlight = value;
            return this;
        }

        /** Sets {@link ServerLimits#maxBytesInFlightPerConnection()}. */
        public Builder maxBytesInFlightPerConnection(long value) {
            maxBytesInFlightPerConnection = value;
            return this;
        }

        /** Sets {@link ServerLimits#maxWatchesPerConnection()}. */
        public Builder maxWatchesPerConnection(int value) {
            maxWatchesPerConnection = value;
            return this;
        }

        /** Sets {@link ServerLimits#maxFailedHellosPerMinute()}. */
        public Builder maxFailedHellosPerMinute(int value) {
            maxFailedHellosPerMinute = value;
            return this;
        }

        /** Sets {@link ServerLimits#streamWindowBytes()}. */
        public Builder streamWindowBytes(int value) {
            streamWindowBytes = value;
            return this;
        }

        /** Sets {@link ServerLimits#writeBufferBytes()}. */
        public Builder writeBufferBytes(int value) {
            writeBufferBytes = value;
            return this;
        }

        /** Sets {@link ServerLimits#helloTimeout()}. */
        public Builder helloTimeout(Duration value) {
            helloTimeout = value;
            return this;
        }

        /** Sets {@link ServerLimits#frameTimeout()}. */
        public Builder frameTimeout(Duration value) {
            frameTimeout = value;
            return this;
        }

        /** Sets {@link ServerLimits#idleTimeout()}. */
        public Builder idleTimeout(Duration value) {
            idleTimeout = value;
            return this;
        }

        /** Sets {@link ServerLimits#slowReaderTimeout()}. */
        public Builder slowReaderTimeout(Duration value) {
            slowReaderTimeout = value;
            return this;
        }

        /** Sets {@link ServerLimits#stallTimeout()}. */
        public Builder stallTimeout(Duration value) {
            stallTimeout = value;
            return this;
        }

        /** Returns the bounds. */
        public ServerLimits build() {
            return new ServerLimits(
                    maxConnections,
                    maxConnectionsPerPeer,
                    maxRequestsInFlight,
                    maxRequestsInFlightPerConnection,
                    maxBytesInFlight,
                    maxBytesInFlightPerConnection,
                    maxWatchesPerConnection,
                    maxFailedHellosPerMinute,
                    streamWindowBytes,
                    writeBufferBytes,
                    helloTimeout,
                    frameTimeout,
                    idleTimeout,
                    slowReaderTimeout,
                    stallTimeout);
        }
    }
}
