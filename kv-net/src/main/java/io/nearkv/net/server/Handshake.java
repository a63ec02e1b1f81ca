package io.nearkv.net.server;

import io.nearkv.core.DenialReason;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.Limits;
import io.nearkv.core.identity.Authority;
import io.nearkv.core.identity.Grant;
import io.nearkv.net.protocol.CatalogueCodec;
import io.nearkv.net.protocol.FrameReader;
import io.nearkv.net.protocol.FrameType;
import io.nearkv.net.protocol.Frames;
import io.nearkv.net.protocol.Protocol;
import io.nearkv.net.wire.Wire;
import io.netty.buffer.ByteBuf;

/** Answers HELLO; section 3 of the specification. Stateless. */
final class Handshake {
    /** What a client may grant at most: more would be memory that it makes us fill. */
    private static final int MAX_PEER_WINDOW_BYTES = 16 * 1024 * 1024;

    private Handshake() {}

    /** Returns the session of a client that may come in, and writes HELLO_OK. Throws {@link KvException} with the reason if it may not. */
    static Session greet(ServerConnection connection, ByteBuf in, FrameReader frame, Object peer) {
        ServerContext context = connection.context();
        Authority authority = context.authority();
        Wire.Hello hello = Frames.parseHello(in, frame);
        int version = Math.min(Protocol.MAX_VERSION, hello.getMaxVersion());
        if (version < Protocol.MIN_VERSION || version < hello.getMinVersion()) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "protocol versions " + Integer.toUnsignedString(hello.getMinVersion()) + " to "
                            + Integer.toUnsignedString(hello.getMaxVersion()) + " (expected: one of "
                            + Protocol.MIN_VERSION + " to " + Protocol.MAX_VERSION + ")");
        }
        KvException refusal = authority.refusal();
        if (refusal != null) {
            throw refusal;
        }
        Grant grant = context.authenticate(hello.getToken(), peer);
        String expected = hello.getExpectedEnvironment();
        if (!expected.isEmpty() && !expected.equals(authority.environment())) {
            throw KvException.denied(
                    new KvException.Denial(
                            DenialReason.ENVIRONMENT_MISMATCH,
                            authority.environment(),
                            Key.display(expected),
                            authority.buildId()),
                    "this node serves environment '" + authority.environment() + "', the client expects '"
                            + Key.display(expected) + "'");
        }
        KvStore store = context.store(hello.getStore());
        int peerWindow = Math.min(
                MAX_PEER_WINDOW_BYTES,
                hello.getStreamWindowBytes() <= 0
                        ? Protocol.DEFAULT_STREAM_WINDOW_BYTES
                        : Math.max(Protocol.MIN_STREAM_WINDOW_BYTES, hello.getStreamWindowBytes()));
        Session session = new Session(connection, store, connection.context().guard(grant), peerWindow);
        Frames.writeMessage(
                connection.out(),
                FrameType.HELLO_OK,
                0,
                frame.correlationId(),
                helloOk(context, store, authority, grant, version));
        return session;
    }

    /** Returns of how many partitions the positions of a store are, 0 if it does not know that yet. */
    private static int partitions(KvStore store) {
        try {
            return store.positionOf(0).versions().size();
        } catch (KvException | IllegalStateException e) {
            return 0; // It has not met its upstream, or is closing.
        }
    }

    private static Wire.HelloOk helloOk(
            ServerContext context, KvStore store, Authority authority, Grant grant, int version) {
        ServerLimits limits = context.limits();
        return Wire.HelloOk.newBuilder()
                .setVersion(version)
                .setEnvironment(authority.environment())
                .setBuildId(authority.buildId())
                .setBuildToken(authority.buildToken())
                .setAccount(CatalogueCodec.toWire(grant.account()))
                .setLineage(context.options().lineage().getAsLong())
                .setPartitions(partitions(store))
                .addAllLeaders(context.leaders(store))
                .setServerVersion(context.options().serverVersion())
                .setLimits(Wire.ConnectionLimits.newBuilder()
                        .setMaxFrameBytes(Protocol.MAX_FRAME_BYTES)
                        .setMaxRequestsInFlight(limits.maxRequestsInFlightPerConnection())
                        .setMaxBytesInFlight(limits.maxBytesInFlightPerConnection())
                        .setMaxWatches(limits.maxWatchesPerConnection())
                        .setStreamWindowBytes(limits.streamWindowBytes())
                        .setMaxTimeoutMillis((int) Limits.MAX_TIMEOUT.toMillis())
                        .setIdleTimeoutMillis((int) limits.idleTimeout().toMillis()))
                .build();
    }
}
