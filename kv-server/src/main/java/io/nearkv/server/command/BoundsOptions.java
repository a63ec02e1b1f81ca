package io.nearkv.server.command;

import io.nearkv.net.server.ServerLimits;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The bounds of the server, each with a default. A test holds the defaults here to those of {@link ServerLimits}. */
final class BoundsOptions implements SettingDefaults.Settings {
    private static final long MIB = 1024 * 1024;

    @Option(
            names = "--max-connections",
            order = 300,
            paramLabel = "N",
            defaultValue = "10000",
            description = "Most connections in all. Default: ${DEFAULT-VALUE}.")
    private int maxConnections;

    @Option(
            names = "--max-connections-per-peer",
            order = 301,
            paramLabel = "N",
            defaultValue = "1000",
            description = "Most connections of one address. Default: ${DEFAULT-VALUE}.")
    private int maxConnectionsPerPeer;

    @Option(
            names = "--max-requests-in-flight",
            order = 302,
            paramLabel = "N",
            defaultValue = "65536",
            description = "Most requests in flight in all; more are answered 503. Default: ${DEFAULT-VALUE}.")
    private int maxRequestsInFlight;

    @Option(
            names = "--max-requests-in-flight-per-connection",
            order = 303,
            paramLabel = "N",
            defaultValue = "1024",
            description = "Most requests in flight on one connection. Default: ${DEFAULT-VALUE}.")
    private int maxRequestsInFlightPerConnection;

    @Option(
            names = "--max-mib-in-flight",
            order = 304,
            paramLabel = "MIB",
            description = "Most MiB that requests in flight hold in all. Default: a quarter of the heap, at least 132.")
    private @Nullable Integer maxMibInFlight;

    @Option(
            names = "--max-mib-in-flight-per-connection",
            order = 305,
            paramLabel = "MIB",
            defaultValue = "132",
            description = "Most MiB that the requests of one connection hold; under 132 a full batch is refused. "
                    + "Default: ${DEFAULT-VALUE}.")
    private int maxMibInFlightPerConnection;

    @Option(
            names = "--max-watches-per-connection",
            order = 306,
            paramLabel = "N",
            defaultValue = "64",
            description = "Most watches on one connection. Default: ${DEFAULT-VALUE}.")
    private int maxWatchesPerConnection;

    @Option(
            names = "--max-failed-hellos-per-minute",
            order = 307,
            paramLabel = "N",
            defaultValue = "20",
            description =
                    "Failed authentications of one address in a minute after which only tokens that were good lately "
                            + "are looked at. Default: ${DEFAULT-VALUE}.")
    private int maxFailedHellosPerMinute;

    @Option(
            names = "--stream-window-kib",
            order = 308,
            paramLabel = "KIB",
            defaultValue = "256",
            description = "KiB of one upload on their way to the server, at least 64. Default: ${DEFAULT-VALUE}.")
    private int streamWindowKib;

    @Option(
            names = "--write-buffer-kib",
            order = 309,
            paramLabel = "KIB",
            defaultValue = "1024",
            description = "KiB of answers that wait for one peer, beyond which the server reads no more from it. "
                    + "Default: ${DEFAULT-VALUE}.")
    private int writeBufferKib;

    @Option(
            names = "--hello-timeout",
            order = 310,
            paramLabel = "TIME",
            defaultValue = "5s",
            description = "From the connection to the end of HELLO, TLS included. Default: ${DEFAULT-VALUE}.")
    private Duration helloTimeout = Duration.ZERO;

    @Option(
            names = "--frame-timeout",
            order = 311,
            paramLabel = "TIME",
            defaultValue = "10s",
            description = "From the first byte of a frame to its last. Default: ${DEFAULT-VALUE}.")
    private Duration frameTimeout = Duration.ZERO;

    @Option(
            names = "--idle-timeout",
            order = 312,
            paramLabel = "TIME",
            defaultValue = "5m",
            description = "How long a connection with nothing in flight may be silent. Default: ${DEFAULT-VALUE}.")
    private Duration idleTimeout = Duration.ZERO;

    @Option(
            names = "--slow-reader-timeout",
            order = 313,
            paramLabel = "TIME",
            defaultValue = "30s",
            description = "How long answers wait for a peer that does not read them. Default: ${DEFAULT-VALUE}.")
    private Duration slowReaderTimeout = Duration.ZERO;

    @Option(
            names = "--stall-timeout",
            order = 314,
            paramLabel = "TIME",
            defaultValue = "30s",
            description = "How long a stream may take for each 64 KiB. Default: ${DEFAULT-VALUE}.")
    private Duration stallTimeout = Duration.ZERO;

    /** Returns the bounds; {@link IllegalArgumentException} if one is out of range. */
    ServerLimits limits() {
        return new ServerLimits(
                maxConnections,
                maxConnectionsPerPeer,
                maxRequestsInFlight,
                maxRequestsInFlightPerConnection,
                maxMibInFlight == null ? ServerLimits.DEFAULT.maxBytesInFlight() : maxMibInFlight * MIB,
                maxMibInFlightPerConnection * MIB,
                maxWatchesPerConnection,
                maxFailedHellosPerMinute,
                Math.multiplyExact(streamWindowKib, 1024),
                Math.multiplyExact(writeBufferKib, 1024),
                helloTimeout,
                frameTimeout,
                idleTimeout,
                slowReaderTimeout,
                stallTimeout);
    }
}
