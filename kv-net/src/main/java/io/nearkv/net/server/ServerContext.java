package io.nearkv.net.server;

import io.nearkv.core.DirectReader;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.identity.Authority;
import io.nearkv.core.identity.Grant;
import io.nearkv.core.identity.Permission;
import io.nearkv.net.transport.DocumentCourier;
import io.nearkv.net.transport.EventLoops;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What all connections of a server share, whichever protocol they speak: the store, the authority, the bounds and what is counted. What is decided here is decided once, for
 * the wire protocol and for the HTTP face alike. Internal to kv-net. Thread-safe.
 */
public final class ServerContext {
    private static final int MAX_LEADER_CHARACTERS = 8 * 1024;

    private static final Duration RETRY_AFTER_OVERLOAD = Duration.ofMillis(50);
    private static final Duration RETRY_CONNECTION_AFTER = Duration.ofSeconds(1);
    private static final int TICKS_PER_TIMEOUT = 4;
    private static final long MAX_TICK_MILLIS = 250;

    private final KvServerOptions options;
    private final EventLoops loops;
    private final List<KvStore> stores;
    private final @Nullable DirectReader directReader;
    private final Authority authority;
    private final Counters counters = new Counters();
    private final Peers peers;
    private final GoodTokens goodTokens = new GoodTokens();
    private final DocumentCourier courier;

    ServerContext(KvServerOptions options, List<KvStore> stores, Authority authority, EventLoops loops) {
        if (stores.isEmpty()) {
            throw new IllegalArgumentException("there is no store to serve");
        }
        this.options = options;
        this.loops = loops;
        this.stores = stores;
        this.directReader = stores.get(0).directReader();
        this.authority = authority;
        this.peers = new Peers(options.limits());
        this.courier = new DocumentCourier(options.documents(), "nearkv-documents");
    }

    /** Returns how the server is set up. */
    public KvServerOptions options() {
        return options;
    }

    /** Returns the event loops, which end with the server. */
    public EventLoops loops() {
        return loops;
    }

    /** Returns what clients may take. */
    public ServerLimits limits() {
        return options.limits();
    }

    /** Returns what is served to those who do not say what they want. */
    public KvStore store() {
        return stores.get(0);
    }

    /**
     * Returns what is served under a number.
     *
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if there is none
     */
    KvStore store(int number) {
        if (number < 0 || number >= stores.size()) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "store " + Integer.toUnsignedString(number) + " (expected: 0 to " + (stores.size() - 1) + ")");
        }
        return stores.get(number);
    }

    /** Returns who leads the partitions of a store, as {@link KvServerOptions#leaders} tells; of any but the first store nobody. */
    List<String> leaders(KvStore store) {
        if (store != stores.get(0)) {
            return List.of();
        }
        List<String> leaders = options.leaders().get();
        int characters = 0;
        for (String leader : leaders) {
            characters += leader.length();
        }
        // HELLO_OK has a bound, and can do without them.
        return characters > MAX_LEADER_CHARACTERS ? List.of() : leaders;
    }

    /** Returns the store's reads that make no objects, or null if it has none. */
    public @Nullable DirectReader directReader() {
        return directReader;
    }

    /** Returns what says who may do what. */
    public Authority authority() {
        return authority;
    }

    /** Returns what is counted. */
    public Counters counters() {
        return counters;
    }

    Peers peers() {
        return peers;
    }

    GoodTokens goodTokens() {
        return goodTokens;
    }

    DocumentCourier courier() {
        return courier;
    }

    /** Returns how often the clocks of connections are looked at. Timeouts are late by one tick at most; several ticks per timeout keep that small. */
    public long tickMillis() {
        return Math.max(1, Math.min(MAX_TICK_MILLIS, limits().shortestTimeout().toMillis() / TICKS_PER_TIMEOUT));
    }

    // ---- connections ----

    /** Counts one more connection of this peer (see {@link Peers#keyOf}); returns null, or why it is sent away, and then nothing is counted. */
    public @Nullable KvException tryConnect(Object peer) {
        ServerLimits limits = limits();
        if (counters.connections.incrementAndGet() > limits.maxConnections()) {
            counters.connections.decrementAndGet();
            counters.refused.increment();
            return full(ErrorCode.UNAVAILABLE, limits.maxConnections() + " connections");
        }
        if (!peers.tryConnect(peer)) {
            counters.connections.decrementAndGet();
            counters.refusedPerPeer.increment();
            return full(ErrorCode.RATE_LIMITED, limits.maxConnectionsPerPeer() + " connections from this address");
        }
        counters.accepted.increment();
        return null;
    }

    private static KvException full(ErrorCode code, String what) {
        return new KvException(
                code, "the server has " + what + "; come back later", null, RETRY_CONNECTION_AFTER, null);
    }

    /** A connection that was counted has closed. */
    public void disconnected(Object peer) {
        counters.connections.decrementAndGet();
        peers.disconnected(peer, System.nanoTime());
    }

    /**
     * Returns what the token grants. Peers that fail often are limited; a token that was good lately is looked at all the same.
     *
     * @throws KvException 401 with the reason, or 429
     */
    public Grant authenticate(String token, Object peer) {
        KvException blocked = goodTokens.contains(token) ? null : blocked(peer);
        if (blocked != null) {
            throw blocked;
        }
        try {
            Grant grant = authority.authenticate(token);
            goodTokens.add(token);
            return grant;
        } catch (KvException e) {
            counters.failedHellos.increment();
            peers.failed(peer, System.nanoTime());
            throw e;
        }
    }

    /** Returns the 429 of a peer that has failed too often, or null. */
    @Nullable
    KvException blocked(Object peer) {
        long blockedNanos = peers.blockedNanos(peer, System.nanoTime());
        if (blockedNanos <= 0) {
            return null;
        }
        counters.rateLimitedHellos.increment();
        return new KvException(
                ErrorCode.RATE_LIMITED,
                "too many failed authentications from this address",
                null,
                Duration.ofMillis(TimeUnit.NANOSECONDS.toMillis(blockedNanos) + 1),
                null);
    }

    /** Counts a document of a stranger that was rejected. */
    void failedOffer(Object peer) {
        peers.failed(peer, System.nanoTime());
    }

    /** Returns whether the grant is an administrator's of the account that operates the server. */
    boolean isOperator(Grant grant) {
        return grant.account().equals(options.operatorAccount())
                && grant.permissions().allowsEverywhere(Permission.ADMIN);
    }

    /**
     * Returns the guard of a connection whose token gave this grant. A token of the operator's administrator that names the build of its bearer is that of a tier below, such as an edge:
     * its callers may be of any account, and it has let them in by the same rules.
     */
    public SessionGuard guard(Grant grant) {
        return new SessionGuard(authority, grant, grant.buildId() != null && isOperator(grant));
    }

    // ---- requests ----

    /** Counts one more request in flight that holds so many bytes; throws 413 or 503, and then nothing is counted. */
    public void admit(long bytes) {
        ServerLimits limits = limits();
        if (bytes > limits.maxBytesInFlight()) {
            throw new KvException(
                    ErrorCode.TOO_LARGE,
                    "request of " + bytes + " bytes (expected: at most " + limits.maxBytesInFlight() + ")");
        }
        if (counters.requestsInFlight.incrementAndGet() > limits.maxRequestsInFlight()) {
            counters.requestsInFlight.decrementAndGet();
            throw shed("requests in flight", limits.maxRequestsInFlight());
        }
        if (counters.bytesInFlight.addAndGet(bytes) > limits.maxBytesInFlight()) {
            counters.bytesInFlight.addAndGet(-bytes);
            counters.requestsInFlight.decrementAndGet();
            throw shed("bytes in flight", limits.maxBytesInFlight());
        }
    }

    /** A request that was admitted holds more bytes, or fewer; nothing is refused, because they are there already. */
    public void held(long more) {
        counters.bytesInFlight.addAndGet(more);
    }

    /** A request that was admitted holds so many bytes more; throws 503, and then they are not counted. */
    public void hold(long more) {
        if (counters.bytesInFlight.addAndGet(more) > limits().maxBytesInFlight()) {
            counters.bytesInFlight.addAndGet(-more);
            throw shed("bytes in flight", limits().maxBytesInFlight());
        }
    }

    /** A request that was admitted is over. */
    public void ended() {
        counters.requestsInFlight.decrementAndGet();
    }

    /** Returns the 503 of a server that has so much of something already, and counts it. */
    KvException shed(String what, long max) {
        counters.shed.increment();
        return new KvException(
                ErrorCode.UNAVAILABLE, "overloaded: " + max + " " + what, null, RETRY_AFTER_OVERLOAD, null);
    }
}
