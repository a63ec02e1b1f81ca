package io.nearkv.server.node;

import static java.util.Objects.requireNonNull;

import io.nearkv.cluster.ClusterMember;
import io.nearkv.cluster.ClusterNode;
import io.nearkv.cluster.ClusterOptions;
import io.nearkv.core.AccountId;
import io.nearkv.core.AccountInfo;
import io.nearkv.core.Backoff;
import io.nearkv.core.DenialReason;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.KvException.Denial;
import io.nearkv.core.KvStore;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.RefusingStore;
import io.nearkv.core.identity.Authority;
import io.nearkv.core.identity.AuthorityFiles;
import io.nearkv.core.identity.Environment;
import io.nearkv.core.identity.IdentityDirectory;
import io.nearkv.core.identity.JoinDocument;
import io.nearkv.core.identity.NodeAuthority;
import io.nearkv.core.rocksdb.DiskCache;
import io.nearkv.core.rocksdb.DiskMirror;
import io.nearkv.core.rocksdb.RocksStore;
import io.nearkv.core.rocksdb.RocksStoreOptions;
import io.nearkv.core.rocksdb.StoreStamp;
import io.nearkv.edge.EdgeCache;
import io.nearkv.edge.EdgeOptions;
import io.nearkv.edge.MirrorStore;
import io.nearkv.net.client.KvClient;
import io.nearkv.net.client.KvClientBuilder;
import io.nearkv.net.rest.OperationsServer;
import io.nearkv.net.rest.RestOptions;
import io.nearkv.net.rest.RestServer;
import io.nearkv.net.server.KvServer;
import io.nearkv.net.server.KvServerOptions;
import io.nearkv.net.server.TlsFiles;
import io.nearkv.server.config.ListenAddress;
import io.nearkv.server.metrics.NodeMetrics;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A serving node: identity, engine and network of one data folder. Made by {@link #start}, ended by {@link #stop}. Thread-safe.
 *
 * <p>What a folder is, is found out before anything in it is changed. A node that finds keys or data of another environment serves all the same, so that its callers
 * learn why they are refused; it opens no store and writes nothing.
 */
public final class Node {
    private static final Logger log = LoggerFactory.getLogger(Node.class);
    private static final String UNKNOWN_ACCOUNT = "unknown";
    private static final String DEFAULT_ACCOUNT = "default";
    private static final String DEFAULT_NAMESPACE = "default";
    /** One for each loop that two processors have; all share them. */
    private static final int UPSTREAM_CONNECTIONS = 2;
    /** An edge comes back soon after the core does; there are not so many edges that this would hurt. */
    private static final Backoff UPSTREAM_BACKOFF = new Backoff(Duration.ofMillis(50), Duration.ofMillis(500));

    private final NodeSettings settings;
    private final Authority authority;
    private final KvServer server;
    private final @Nullable RestServer rest;
    private final NodeState state;
    private final @Nullable OperationsServer operations;
    private final String account;
    private final boolean firstStart;
    private final @Nullable NodeRoutes routes;
    /** The address that local commands find in the data folder, or null where nothing may be written there. */
    private final @Nullable String recordedAddress;
    /** What is closed after the server, last made first. */
    private final Deque<AutoCloseable> owned;

    private final AtomicBoolean stopped = new AtomicBoolean();

    /** What stands behind the network. */
    private record Backing(
            KvStore store,
            @Nullable RocksStore engine,
            @Nullable EdgeCache cache,
            @Nullable MirrorStore mirror,
            Authority authority,
            @Nullable AccountId account,
            LongSupplier lineage,
            Supplier<List<String>> leaders,
            @Nullable NodeRoutes routes,
            boolean firstStart,
            boolean foreign) {}

    private Node(
            NodeSettings settings,
            Backing backing,
            KvServer server,
            @Nullable RestServer rest,
            NodeState state,
            @Nullable OperationsServer operations,
            Deque<AutoCloseable> owned)
            throws IOException {
        this.settings = settings;
        this.state = state;
        this.operations = operations;
        this.authority = backing.authority();
        this.server = server;
        this.rest = rest;
        this.account =
                backing.account() == null ? UNKNOWN_ACCOUNT : backing.account().toString();
        this.firstStart = backing.firstStart();
        this.routes = backing.routes();
        this.owned = owned;
        this.recordedAddress = backing.foreign() ? null : addressWith(localHost());
        if (recordedAddress != null) {
            settings.folder().writeServerAddress(recordedAddress);
        }
    }

    /**
     * Starts a node; it serves when this returns.
     *
     * @throws KvException if the folder is held by another process, damaged, or of a newer format, or an address cannot be listened on
     * @throws IOException if the folder cannot be written
     */
    public static Node start(NodeSettings settings, InstantSource clock) throws IOException {
        Deque<AutoCloseable> owned = new ArrayDeque<>();
        try {
            // First, so that whoever looks after the process sees it alive while the store recovers; and closed last.
            NodeState state = new NodeState(settings);
            ListenAddress operationsAddress = settings.operations();
            OperationsServer operations =
                    operationsAddress == null ? null : own(owned, startOperations(operationsAddress, state));
            Backing backing = open(settings, clock, state, owned);
            KvServer server = KvServer.start(backing.store(), backing.authority(), networkOptions(settings, backing));
            owned.push(server);
            ListenAddress http = settings.http();
            RestServer rest = http == null ? null : own(owned, startRest(settings, http, server, clock));
            Node node = new Node(settings, backing, server, rest, state, operations, owned);
            state.serving(
                    backing.authority(), server, backing.engine(), backing.cache(), backing.mirror(), backing.routes());
            log.atInfo()
                    .addKeyValue("address", node.address())
                    .addKeyValue("environment", node.environment())
                    .addKeyValue("account", node.account())
                    .addKeyValue("build", node.build())
                    .addKeyValue("data", settings.folder().path())
                    .log("serving");
            return node;
        } catch (IOException | RuntimeException | Error e) {
            close(owned);
            throw e;
        }
    }

    private static RestServer startRest(
            NodeSettings settings, ListenAddress address, KvServer server, InstantSource clock) {
        try {
            return RestServer.start(
                    server,
                    RestOptions.listeningOn(address.resolve())
                            .withTls(settings.tls())
                            .withCorsOrigins(settings.corsOrigins())
                            .withClock(clock));
        } catch (KvException e) {
            throw new KvException(
                    e.code(), e.getMessage() + " (expected: another address with --http HOST:PORT, or --http off)", e);
        }
    }

    private static OperationsServer startOperations(ListenAddress address, NodeState state) {
        try {
            return OperationsServer.start(address.resolve(), state::readiness, new NodeMetrics(state));
        } catch (KvException e) {
            throw new KvException(
                    e.code(), e.getMessage() + " (expected: another address with --ops HOST:PORT, or --ops off)", e);
        }
    }

    private static Backing open(NodeSettings settings, InstantSource clock, NodeState state, Deque<AutoCloseable> owned)
            throws IOException {
        Path folder = settings.folder().path();
        settings.folder().requireUsable();
        CacheSettings.Edge edge = settings.cache().edge();
        if (edge != null) {
            return openEdge(settings, edge, clock, state, owned);
        }
        CacheSettings.Cluster cluster = settings.cache().cluster();
        if (cluster != null) {
            return openCluster(settings, cluster, clock, state, owned);
        }
        NodeIdentity found = NodeIdentity.of(folder, RocksStore.readStamp(folder), clock);
        Environment environment = found.environment(settings.environment());
        if (found.isForeignTo(environment)) {
            return refuse(settings, found, environment, clock, owned);
        }
        settings.folder().requireWritable(); // Not before: what is only refused changes nothing, and may be read-only.
        RocksStoreOptions.Builder options = RocksStoreOptions.builder()
                .environment(environment.name())
                .program(settings.program())
                .backupFolder(settings.backups())
                .clock(clock);
        settings.engine().accept(options);
        IdentityDirectory identity = found.identity();
        if (identity == null) {
            settings.folder().createForOwner();
            RocksStore store = own(owned, RocksStore.open(folder, options.build()));
            AccountId account = firstAccount(store);
            // The namespace comes before the identity, whose absence is what marks a first start that was cut short.
            if (store.admin().namespaces(account).join().isEmpty()) {
                store.admin().createNamespace(account, DEFAULT_NAMESPACE).join();
            }
            identity = IdentityDirectory.initialize(folder, environment, account, settings.build(), clock);
            NodeAuthority authority = own(owned, openAuthority(settings, environment, identity.files(), null, clock));
            return backing(settings, store, authority, account, true, clock, owned);
        }
        // Where 'nearkv env create' has made the keys before there was a store, it is made for their account.
        boolean empty = found.stamp() == null;
        if (empty) {
            options.initialAccount(new AccountInfo(identity.account(), DEFAULT_ACCOUNT));
        }
        // The engine waits for the disk while the keys wait for the processor.
        CompletableFuture<RocksStore> opening =
                CompletableFuture.supplyAsync(() -> RocksStore.open(folder, options.build()));
        NodeAuthority authority = null;
        try {
            authority = own(owned, openAuthority(settings, environment, identity.files(), null, clock));
        } finally {
            if (authority == null) {
                opening.thenAccept(RocksStore::close).join();
            }
        }
        RocksStore store = own(owned, join(opening));
        if (empty && store.admin().namespaces(identity.account()).join().isEmpty()) {
            store.admin().createNamespace(identity.account(), DEFAULT_NAMESPACE).join();
        }
        return backing(settings, store, authority, identity.account(), empty, clock, owned);
    }

    /** Puts the cache before the engine; closing it closes the engine too. */
    private static Backing backing(
            NodeSettings settings,
            RocksStore store,
            NodeAuthority authority,
            AccountId account,
            boolean firstStart,
            InstantSource clock,
            Deque<AutoCloseable> owned) {
        RouteSettings routes = settings.routes();
        NodeRoutes followed =
                routes == null ? null : own(owned, NodeRoutes.follow(routes, NodeState.nameOf(settings), clock));
        long memory = settings.cache().memoryBytes();
        EdgeCache cache = memory == 0 ? null : own(owned, EdgeCache.open(store, EdgeOptions.beforeEngine(memory)));
        return new Backing(
                cache == null ? store : cache,
                store,
                cache,
                null,
                authority,
                account,
                () -> store.stamp().lineage(),
                List::of,
                followed,
                firstStart,
                false);
    }

    /** Opens a node of a cluster: the store for clients, and a listener of its own for the other nodes. */
    private static Backing openCluster(
            NodeSettings settings,
            CacheSettings.Cluster cluster,
            InstantSource clock,
            NodeState state,
            Deque<AutoCloseable> owned)
            throws IOException {
        ClusterDocument document = ClusterDocument.read(cluster.document());
        ClusterMember self = document.member(settings.name());
        Environment environment = Environment.parse(document.layout().environment());
        requireEnvironment(environment, settings.environment(), "the cluster file");
        Path folder = settings.folder().path();
        if (RocksStore.isStore(folder) || (IdentityDirectory.exists(folder) && JoinDocument.unpacked(folder) == null)) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "'" + folder + "' is the data folder of a single node (expected: --data with a folder of the"
                            + " cluster node's own; 'nearkv export' and 'nearkv import' carry data over)");
        }
        JoinDocument.Unpacked node = join(settings, cluster.join(), environment);
        NodeAuthority authority = own(owned, openAuthority(settings, environment, node.files(), null, clock));
        RocksStoreOptions.Builder engine = RocksStoreOptions.builder()
                .environment(environment.name())
                .program(settings.program())
                .clock(clock);
        settings.engine().accept(engine);
        ClusterPeers peers = new ClusterPeers(node.token(), environment.name(), settings.tls());
        ClusterNode member = own(
                owned,
                ClusterNode.start(
                        folder.resolve("cluster"),
                        document.layout(),
                        self.id(),
                        ClusterOptions.builder()
                                .clock(clock)
                                .tls(clusterTls(settings.tls()))
                                .backups(cluster.backups())
                                .build(),
                        engine.build(),
                        peers));
        state.member(member);
        KvServerOptions inside = KvServerOptions.listeningOn(
                        ListenAddress.parse(self.peer()).resolve())
                .withLimits(settings.limits())
                .withTls(settings.tls())
                .withOperatorAccount(node.account())
                .withIdentity(settings.program(), () -> document.layout().lineage());
        KvServer forPeers = KvServer.start(member.leaderStores(), authority, inside);
        owned.push(forPeers);
        log.atInfo()
                .addKeyValue("node", self.id())
                .addKeyValue("cluster", document.layout().cluster())
                .log("node of a cluster");
        return new Backing(
                member.store(),
                null,
                null,
                null,
                authority,
                node.account(),
                () -> document.layout().lineage(),
                member::leaders,
                null,
                false,
                false);
    }

    /** The nodes of a cluster ask each other for certificates: whoever can write to the log can write anything. */
    private static ClusterOptions.@Nullable Tls clusterTls(@Nullable TlsFiles tls) {
        if (tls == null) {
            return null;
        }
        Path roots = tls.clientRoots();
        if (roots == null) {
            throw new IllegalArgumentException(
                    "--tls-client-ca is missing (expected: the roots of the certificates of all nodes and clients, because"
                            + " the nodes of a cluster ask each other for theirs)");
        }
        return new ClusterOptions.Tls(tls.certificateChain(), tls.privateKey(), roots);
    }

    private static void requireEnvironment(Environment presented, @Nullable Environment wanted, String what) {
        if (wanted != null && !presented.equals(wanted)) {
            throw KvException.denied(
                    new Denial(DenialReason.ENVIRONMENT_MISMATCH, wanted.name(), presented.name(), null),
                    what + " is of environment '" + presented + "', and this node is to serve '" + wanted + "'");
        }
    }

    /** Unpacks the join file of a node, if one is given; returns what the folder has. */
    private static JoinDocument.Unpacked join(NodeSettings settings, @Nullable Path file, @Nullable Environment wanted)
            throws IOException {
        JoinDocument join = file == null ? null : JoinDocument.read(file);
        if (join != null) {
            requireEnvironment(join.environment(), wanted, "the join file");
        }
        settings.folder().requireWritable();
        settings.folder().createForOwner();
        Path folder = settings.folder().path();
        if (join != null) {
            join.unpack(folder);
        }
        JoinDocument.Unpacked node = JoinDocument.unpacked(folder);
        if (node == null) {
            throw new KvException(
                    ErrorCode.NOT_FOUND,
                    "'" + folder + "' has no join file yet (expected: --join FILE, made at the core with 'nearkv join"
                            + " create NAME > FILE')");
        }
        return node;
    }

    private static Backing openEdge(
            NodeSettings settings,
            CacheSettings.Edge edge,
            InstantSource clock,
            NodeState state,
            Deque<AutoCloseable> owned)
            throws IOException {
        Path folder = settings.folder().path();
        if (RocksStore.isStore(folder) || (IdentityDirectory.exists(folder) && JoinDocument.unpacked(folder) == null)) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "'" + folder
                            + "' is the data folder of a core node (expected: --data with a folder of the edge's own)");
        }
        Environment wanted = settings.environment();
        JoinDocument.Unpacked node = join(settings, edge.join(), wanted);
        Environment environment = wanted == null ? node.environment() : wanted;
        NodeAuthority authority = own(owned, openAuthority(settings, environment, node.files(), null, clock));
        KvClientBuilder client = KvClient.builder()
                .token(node.token())
                .environment(node.environment().name())
                .connections(UPSTREAM_CONNECTIONS)
                .backoff(UPSTREAM_BACKOFF);
        if (edge.upstreamRoots() != null) {
            client.trust(edge.upstreamRoots());
        }
        String upstream = edge.upstream();
        RouteSettings followed = settings.routes();
        NodeRoutes routes = null;
        KvStore above;
        if (followed != null && upstream == null) {
            routes = own(owned, NodeRoutes.route(followed, NodeState.nameOf(settings), clock, client));
            above = routes.store();
        } else {
            if (followed != null) {
                routes = own(owned, NodeRoutes.follow(followed, NodeState.nameOf(settings), clock));
                client.documents(routes.documents());
            }
            KvClient connected =
                    own(owned, client.server(requireNonNull(upstream)).build());
            state.below(connected);
            above = connected.store();
        }
        log.atInfo()
                .addKeyValue("upstream", upstream == null ? "by route" : upstream)
                .addKeyValue("name", node.name())
                .log("edge");
        return cached(settings, edge, above, authority, node.account(), routes, owned);
    }

    /** Puts the mirror and the cache of an edge before the tier above it. */
    private static Backing cached(
            NodeSettings settings,
            CacheSettings.Edge edge,
            KvStore upstream,
            NodeAuthority authority,
            AccountId account,
            @Nullable NodeRoutes routes,
            Deque<AutoCloseable> owned) {
        if (settings.cache().memoryBytes() == 0) {
            return new Backing(
                    upstream,
                    null,
                    null,
                    null,
                    authority,
                    account,
                    lineageOf(upstream),
                    List::of,
                    routes,
                    false,
                    false);
        }
        Path folder = settings.folder().path();
        EdgeOptions.Builder options = EdgeOptions.builder()
                .memoryBytes(settings.cache().memoryBytes())
                .cacheTtl(edge.cacheTtl())
                .staleIfError(edge.staleIfError());
        KvStore above = upstream;
        DiskCache disk = null;
        MirrorStore mirror = null;
        if (edge.mirror()) {
            Set<NamespaceId> namespaces = edge.mirrored().isEmpty() ? null : edge.mirrored();
            DiskMirror copy = DiskMirror.open(folder.resolve("mirror"), authority.environment());
            mirror = own(owned, MirrorStore.open(above, copy, namespaces, options.build()));
            above = mirror;
        } else if (edge.diskBytes() > 0) {
            disk = DiskCache.open(folder.resolve("cache"), authority.environment(), edge.diskBytes());
        }
        EdgeCache cache = own(owned, EdgeCache.open(above, options.disk(disk).build()));
        return new Backing(
                cache, null, cache, mirror, authority, account, cache::lineage, List::of, routes, false, false);
    }

    /** Returns the history of a tier that is not cached, 0 while it is not known. */
    private static LongSupplier lineageOf(KvStore store) {
        return () -> {
            try {
                return store.positionOf(0).lineage();
            } catch (KvException | IllegalStateException e) {
                return 0;
            }
        };
    }

    private static RocksStore join(CompletableFuture<RocksStore> opening) {
        try {
            return opening.join();
        } catch (CompletionException e) {
            throw KvException.from(e);
        }
    }

    private static Backing refuse(
            NodeSettings settings,
            NodeIdentity found,
            Environment environment,
            InstantSource clock,
            Deque<AutoCloseable> owned) {
        StoreStamp stamp = found.stamp();
        IdentityDirectory identity = found.identity();
        boolean foreignData = stamp != null && !stamp.environment().equals(environment.name());
        String presented = foreignData && stamp != null
                ? stamp.environment()
                : identity == null ? null : identity.environment().name();
        log.atError()
                .addKeyValue("environment", environment)
                .addKeyValue("folder_environment", presented)
                .addKeyValue("data", settings.folder().path())
                .log("the data folder is of another environment: every operation is answered 401, nothing is written");
        Denial denial = new Denial(DenialReason.ENVIRONMENT_MISMATCH, environment.name(), presented, null);
        KvException refusal = KvException.denied(
                denial,
                "this node serves environment '" + environment + "', and its data is of environment '" + presented
                        + "'; start it with the folder or the environment that belong together");
        Authority authority = identity == null
                ? new DetachedAuthority(environment, refusal)
                : own(
                        owned,
                        openAuthority(settings, environment, identity.files(), foreignData ? denial : null, clock));
        return new Backing(
                new RefusingStore(refusal),
                null,
                null,
                null,
                authority,
                identity == null ? null : identity.account(),
                () -> 0,
                List::of,
                null,
                false,
                true);
    }

    private static NodeAuthority openAuthority(
            NodeSettings settings,
            Environment environment,
            AuthorityFiles read,
            @Nullable Denial foreignData,
            InstantSource clock) {
        AuthorityFiles files = read;
        if (settings.buildToken() != null) {
            files = files.withBuildToken(settings.buildToken());
        }
        NodeAuthority authority = NodeAuthority.open(environment, files, foreignData, clock);
        authority.startWatching();
        KvException refusal = authority.refusal();
        if (refusal != null && foreignData == null) {
            log.atError()
                    .addKeyValue("environment", environment)
                    .addKeyValue("refusal", refusal.getMessage())
                    .log("this node may not serve: every operation is answered 401");
        }
        return authority;
    }

    private static AccountId firstAccount(KvStore store) {
        List<AccountInfo> accounts = store.admin().accounts().join();
        for (AccountInfo account : accounts) {
            if (account.name().equals(DEFAULT_ACCOUNT)) {
                return account.id();
            }
        }
        return accounts.get(0).id();
    }

    private static KvServerOptions networkOptions(NodeSettings settings, Backing backing) {
        KvServerOptions options = KvServerOptions.listeningOn(settings.listen().resolve())
                .withLimits(settings.limits())
                .withTls(settings.tls())
                .withOperatorAccount(backing.account())
                .withIdentity(settings.program(), backing.lineage())
                .withLeaders(backing.leaders());
        NodeRoutes routes = backing.routes();
        if (routes != null) {
            options = options.withDocuments(routes.documents());
        }
        if (settings.threads() != null) {
            options = options.withEventLoopThreads(settings.threads());
        }
        return settings.spin() ? options.withSpin(KvServerOptions.ADAPTIVE_SPIN) : options;
    }

    private static <T extends AutoCloseable> T own(Deque<AutoCloseable> owned, T made) {
        owned.push(made);
        return made;
    }

    /** Returns the address of this node, with the port that it got. */
    public String address() {
        return addressWith(settings.listen().host());
    }

    /** Returns where the node answers the REST API, with the port that it got; null if nowhere. */
    public @Nullable String httpAddress() {
        ListenAddress asked = settings.http();
        return rest == null || asked == null
                ? null
                : new ListenAddress(asked.host(), rest.address().getPort()).toString();
    }

    /** Returns where the node answers for health and metrics, with the port that it got; null if nowhere. */
    public @Nullable String operationsAddress() {
        ListenAddress asked = settings.operations();
        return operations == null || asked == null
                ? null
                : new ListenAddress(asked.host(), operations.address().getPort()).toString();
    }

    private String addressWith(String host) {
        return (settings.tls() == null ? "kv://" : "kvs://")
                + new ListenAddress(host, server.address().getPort());
    }

    /** Returns a host by which this machine reaches the node: one that listens everywhere has none of its own. */
    private String localHost() {
        InetSocketAddress bound = server.address();
        return bound.getAddress() != null && bound.getAddress().isAnyLocalAddress()
                ? "127.0.0.1"
                : settings.listen().host();
    }

    /** Returns the environment that the node serves. */
    public String environment() {
        return authority.environment();
    }

    /** Returns the id of the account that the first start made, or {@code unknown} where the folder has no identity. */
    public String account() {
        return account;
    }

    /** Returns the id of the build, or {@code unknown} where no build token could be read. */
    public String build() {
        return authority.buildId();
    }

    /** Returns the version of the route that the node follows, such as {@code 3.118}, or null if it follows none. */
    public @Nullable String route() {
        NodeRoutes followed = routes;
        return followed == null ? null : followed.version();
    }

    /** Returns whether this start has made the environment. */
    public boolean firstStart() {
        return firstStart;
    }

    /** Finishes what is in flight, at most for the drain timeout, and closes everything. Idempotent. */
    public void stop() {
        if (!stopped.compareAndSet(false, true)) {
            return;
        }
        state.draining();
        log.atInfo().addKeyValue("timeout", settings.drainTimeout()).log("draining");
        if (recordedAddress != null) {
            try {
                settings.folder().removeServerAddress(recordedAddress);
            } catch (IOException e) {
                log.atWarn().setCause(e).log("the record of the address stays; it does no harm");
            }
        }
        ClusterNode member = state.member();
        if (member != null) {
            // While everybody still reaches this node and through it the next leader: whoever is sent away first finds
            // nobody who leads.
            member.handOver();
        }
        drain();
        close(owned);
        log.atInfo().log("stopped");
    }

    /** Both protocols at the same time: each has the whole of the timeout. */
    private void drain() {
        RestServer http = rest;
        CompletableFuture<Boolean> draining = http == null
                ? CompletableFuture.completedFuture(true)
                : CompletableFuture.supplyAsync(() -> http.drain(settings.drainTimeout()));
        server.drain(settings.drainTimeout());
        draining.join();
    }

    private static void close(Deque<AutoCloseable> owned) {
        RuntimeException failure = null;
        while (!owned.isEmpty()) {
            try {
                owned.pop().close();
            } catch (Exception e) {
                // The others are closed all the same: the store above all.
                RuntimeException next = new IllegalStateException("closing failed: " + e.getMessage(), e);
                if (failure == null) {
                    failure = next;
                } else {
                    failure.addSuppressed(next);
                }
            }
        }
        if (failure != null) {
            throw failure;
        }
    }
}
