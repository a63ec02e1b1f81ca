package io.nearkv.net.server;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What each peer address takes: connections and failed authentications. An IPv6 peer is its /64 network, because a host has as many addresses there as it likes. Bounded: addresses
 * without a connection are forgotten a minute after their first failure, and the oldest before that if there are very many. Internal to kv-net. Thread-safe.
 */
public final class Peers {
    private static final long MINUTE_NANOS = TimeUnit.MINUTES.toNanos(1);
    private static final int MAX_PEERS = 100_000;

    private final int maxConnections;
    private final int maxFailures;
    private final ConcurrentHashMap<Object, Peer> peers = new ConcurrentHashMap<>();

    /** The upper half of an IPv6 address. */
    private record Network(long prefix) {}

    /** Immutable, so that each change is one atomic step of the map. */
    private record Peer(int connections, int failures, long firstFailureNanos) {
        boolean remembersFailures(long nowNanos) {
            return failures > 0 && nowNanos - firstFailureNanos < MINUTE_NANOS;
        }

        @Nullable
        Peer orNullIfIdle(long nowNanos) {
            return connections == 0 && !remembersFailures(nowNanos) ? null : this;
        }
    }

    private static final Peer NEW = new Peer(0, 0, 0);

    Peers(ServerLimits limits) {
        this.maxConnections = limits.maxConnectionsPerPeer();
        this.maxFailures = limits.maxFailedHellosPerMinute();
    }

    /** Returns what stands for a peer in the methods below. */
    public static Object keyOf(@Nullable SocketAddress address) {
        if (address instanceof InetSocketAddress inet && inet.getAddress() != null) {
            InetAddress host = inet.getAddress();
            return host instanceof Inet6Address
                    ? new Network(ByteBuffer.wrap(host.getAddress()).getLong())
                    : host;
        }
        return "local";
    }

    /** Counts one more connection; returns false, and counts nothing, if the peer has too many. */
    boolean tryConnect(Object peer) {
        boolean[] accepted = new boolean[1];
        peers.compute(peer, (key, known) -> {
            Peer old = known == null ? NEW : known;
            accepted[0] = old.connections < maxConnections;
            return accepted[0] ? new Peer(old.connections + 1, old.failures, old.firstFailureNanos) : known;
        });
        return accepted[0];
    }

    void disconnected(Object peer, long nowNanos) {
        peers.computeIfPresent(
                peer,
                (key, old) ->
                        new Peer(old.connections - 1, old.failures, old.firstFailureNanos).orNullIfIdle(nowNanos));
    }

    /** Counts a failed authentication. */
    void failed(Object peer, long nowNanos) {
        if (peers.size() >= MAX_PEERS) {
            forget(nowNanos);
        }
        peers.compute(peer, (key, known) -> {
            Peer old = known == null ? NEW : known;
            return old.remembersFailures(nowNanos)
                    ? new Peer(old.connections, old.failures + 1, old.firstFailureNanos)
                    : new Peer(old.connections, 1, nowNanos);
        });
    }

    /** Returns how long the peer's unknown tokens are not looked at, 0 if they are. */
    long blockedNanos(Object peer, long nowNanos) {
        Peer known = peers.get(peer);
        return known != null && known.failures >= maxFailures && known.remembersFailures(nowNanos)
                ? known.firstFailureNanos + MINUTE_NANOS - nowNanos
                : 0;
    }

    /** Forgets the failures that are over; or those of half of the peers, if that is not enough. Connections are never forgotten. */
    private void forget(long nowNanos) {
        peers.values().removeIf(peer -> peer.orNullIfIdle(nowNanos) == null);
        if (peers.size() >= MAX_PEERS) {
            peers.values()
                    .removeIf(peer -> peer.connections == 0 && nowNanos - peer.firstFailureNanos > MINUTE_NANOS / 2);
        }
        if (peers.size() >= MAX_PEERS) {
            peers.values().removeIf(peer -> peer.connections == 0);
        }
    }
}
