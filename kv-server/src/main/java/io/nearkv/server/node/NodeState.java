package io.nearkv.server.node;

import io.nearkv.cluster.ClusterNode;
import io.nearkv.cluster.ClusterStatus;
import io.nearkv.core.DenialReason;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.identity.Authority;
import io.nearkv.core.rocksdb.RocksStore;
import io.nearkv.core.rocksdb.RocksStoreStats;
import io.nearkv.core.route.DocumentVerdict;
import io.nearkv.edge.EdgeCache;
import io.nearkv.edge.EdgeStats;
import io.nearkv.edge.MirrorStats;
import io.nearkv.edge.MirrorStore;
import io.nearkv.net.client.KvClient;
import io.nearkv.net.rest.Readiness;
import io.nearkv.net.server.KvServer;
import io.nearkv.net.server.ServerLimits;
import io.nearkv.net.server.ServerStats;
import io.nearkv.server.metrics.BuildInfo;
import io.nearkv.server.metrics.MetricSources;
import io.nearkv.server.metrics.RouteStats;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * How far a node has come: starting, serving, draining; what those who look after it are told. The parts come when they are there. Thread-safe; nothing here waits, except
 * {@link #engine()}.
 */
final class NodeState implements MetricSources {
    private static final String UNKNOWN = "unknown";

    private final NodeSettings settings;
    private final String name;
    private volatile @Nullable Parts parts;
    private volatile boolean draining;
    /** The way to the node above, or null where there is none. */
    private volatile @Nullable KvClient above;

    private record Parts(
            Authority authority,
            KvServer server,
            @Nullable RocksStore engine,
            @Nullable EdgeCache cache,
            @Nullable MirrorStore mirror,
            @Nullable NodeRoutes routes) {}

    /** The part in a cluster, or null where there is none. */
    private volatile @Nullable ClusterNode member;

    NodeState(NodeSettings settings) {
        this.settings = settings;
        this.name = nameOf(settings);
    }

    /** Returns what the node calls itself. */
    static String nameOf(NodeSettings settings) {
        return settings.name() == null ? hostName() : settings.name();
    }

    private static String hostName() {
        try {
            // Not InetAddress.getLocalHost() at once: it asks the name service, which may take seconds.
            return Files.readString(Path.of("/proc/sys/kernel/hostname")).strip();
        } catch (IOException e) {
            try {
                return InetAddress.getLocalHost().getHostName();
            } catch (UnknownHostException unnamed) {
                return UNKNOWN;
            }
        }
    }

    /** There is a node above it, reached by this client. */
    void below(KvClient client) {
        above = client;
    }

    /** It is a node of a cluster. */
    void member(ClusterNode node) {
        member = node;
    }

    /** Returns the node of a cluster that this is, or null. */
    @Nullable
    ClusterNode member() {
        return member;
    }

    /**
     * The node serves from now on.
     *
     * @param engine its store, or null on an edge, and where it refuses everything and has none
     * @param cache its cache, or null if it has none
     * @param mirror its full copy, or null if it has none
     * @param routes the route that it follows, or null
     */
    void serving(
            Authority authority,
            KvServer server,
            @Nullable RocksStore engine,
            @Nullable EdgeCache cache,
            @Nullable MirrorStore mirror,
            @Nullable NodeRoutes routes) {
        parts = new Parts(authority, server, engine, cache, mirror, routes);
    }

    /** The node ends: it serves what it has begun, and nothing new. */
    void draining() {
        draining = true;
    }

    /** Returns whether the node may be sent traffic, or why not. A queue that is full for a moment is no reason: it would send everybody away at the worst time. */
    Readiness readiness() {
        if (draining) {
            return Readiness.not("draining");
        }
        Parts known = parts;
        if (known == null) {
            return Readiness.not("starting");
        }
        KvException refusal = known.authority().refusal();
        if (refusal != null) {
            return Readiness.not(reason(refusal) + refusal.getMessage());
        }
        ClusterNode cluster = member;
        KvException unready = cluster == null ? null : cluster.unreadiness();
        if (unready != null) {
            return Readiness.not(String.valueOf(unready.getMessage()));
        }
        Readiness upstream = above();
        if (!upstream.isReady()) {
            return upstream;
        }
        RocksStore engine = known.engine();
        KvException writes = engine == null ? null : engine.writeRefusal();
        return writes == null ? Readiness.READY : Readiness.not("no writes: " + writes.getMessage());
    }

    /** An edge serves on when the node above is away. One that it refuses is not one of its edges, and nobody is until it was answered for the first time. */
    private Readiness above() {
        KvClient client = above;
        if (client == null) {
            return Readiness.READY;
        }
        KvException why = client.notConnected();
        if (why != null && why.code() == ErrorCode.UNAUTHORIZED) {
            return Readiness.not("refused by the node above: " + reason(why) + why.getMessage());
        }
        boolean answered = why != null || client.stats().connected() > 0;
        return answered ? Readiness.READY : Readiness.not("starting: the node above has not answered yet");
    }

    private static String reason(KvException refusal) {
        KvException.Denial denial = refusal.denial();
        if (denial == null) {
            return "";
        }
        DenialReason reason = denial.reason();
        return reason.label() + ": ";
    }

    @Override
    public BuildInfo build() {
        Parts known = parts;
        String environment = known != null
                ? known.authority().environment()
                : settings.environment() == null
                        ? UNKNOWN
                        : settings.environment().name();
        String build = known == null ? UNKNOWN : known.authority().buildId();
        return new BuildInfo(environment, build, name, settings.version());
    }

    @Override
    public boolean isReady() {
        return readiness().isReady();
    }

    @Override
    public @Nullable ServerStats server() {
        Parts known = parts;
        return known == null ? null : known.server().stats();
    }

    @Override
    public ServerLimits limits() {
        return settings.limits();
    }

    @Override
    public @Nullable RocksStoreStats engine() {
        Parts known = parts;
        RocksStore engine = known == null ? null : known.engine();
        return engine == null ? null : engine.stats();
    }

    @Override
    public @Nullable EdgeStats cache() {
        Parts known = parts;
        EdgeCache cache = known == null ? null : known.cache();
        return cache == null ? null : cache.stats();
    }

    @Override
    public @Nullable MirrorStats mirror() {
        Parts known = parts;
        MirrorStore mirror = known == null ? null : known.mirror();
        return mirror == null ? null : mirror.stats();
    }

    @Override
    public @Nullable ClusterStatus cluster() {
        ClusterNode node = member;
        return node == null ? null : node.status();
    }

    @Override
    public @Nullable RouteStats routes() {
        Parts known = parts;
        NodeRoutes routes = known == null ? null : known.routes();
        if (routes == null) {
            return null;
        }
        DocumentVerdict status = routes.routeStore().status();
        return new RouteStats(
                status.epoch(),
                status.seq(),
                routes.routeStore().frozen(),
                routes.routeStore().signatureVerifications(),
                routes.routeStore().rejections(),
                routes.problems().size(),
                routes.builds());
    }
}
