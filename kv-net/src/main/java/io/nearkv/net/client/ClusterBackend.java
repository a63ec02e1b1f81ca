package io.nearkv.net.client;

import io.nearkv.core.Backoff;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.Sharding;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Connections to servers that all serve the same, and, if they are the nodes of a cluster, to those that lead its partitions too.
 *
 * <p>The connections to the servers that were given are <em>home</em>: whatever is known or not, a request is in good hands there, because nodes hand requests on. What the server at home says
 * of leaders only saves that hop, so it may be old or wrong: it is asked again every two seconds and whenever a connection comes or goes, and a leader that is not reached does not count. Its connections
 * begin with it and go on to the other servers as those of home do; so what was sent to a leader that dies is tried again elsewhere by the same rules as everything else. Thread-safe.
 */
final class ClusterBackend implements Backend {
    /** A short command ends before, and connects to nobody else. Also how soon a change of connections is looked into. */
    private static final Duration SOON = Duration.ofMillis(100);

    private static final Duration INTERVAL = Duration.ofSeconds(2);
    /** How long connections to a node stay that leads no more. */
    private static final Duration KEPT = Duration.ofMinutes(1);
    /** A call may have been given a node just before that was given up: much longer than it takes to begin a call. */
    private static final Duration GRACE = Duration.ofSeconds(5);
    /** How long a leader that could not be reached is left alone. */
    private static final Backoff ASTRAY = new Backoff(Duration.ofSeconds(1), Duration.ofMinutes(1));
    /** Nodes that are connected to beside home. */
    private static final int MAX_NODES = 64;

    /** Connections to a node that leads, or did. */
    static final class Node {
        private final ServerAddress address;
        private final LanePool pool;
        private final RemoteStore store;
        // Guarded by the backend: when it was last needed, or given up.
        private long sinceNanos;

        Node(ServerAddress address, LanePool pool, long now) {
            this.address = address;
            this.pool = pool;
            this.store = new RemoteStore(pool);
            this.sinceNanos = now;
        }

        RemoteStore store() {
            return store;
        }
    }

    /**
     * Who leads the partitions of a cluster.
     *
     * @param lineage the history of the cluster
     * @param nodes for each partition; null where home is the best that there is
     */
    record Leaders(long lineage, Sharding sharding, List<@Nullable Node> nodes) {
        /** Returns that nobody is known to lead. */
        static Leaders unknown(long lineage, int partitions) {
            return new Leaders(lineage, new Sharding(partitions), Collections.nCopies(partitions, null));
        }

        boolean isOf(long otherLineage, int partitions) {
            return lineage == otherLineage && partitions() == partitions;
        }

        int partitions() {
            return sharding.partitions();
        }

        int partitionOf(NamespaceId namespace, Key key) {
            return partitions() == 1 ? 0 : sharding.partitionOf(namespace, key.asByteBuffer());
        }

        /** Returns the node that leads a partition if it can be asked now, or null. */
        @Nullable
        Node reached(int partition) {
            Node node = nodes.get(partition);
            // The lineage too: at its address there may be somebody else from here.
            return node != null && node.pool.isAt(node.address) && node.pool.knownLineage() == lineage ? node : null;
        }
    }

    /** A leader that was not reached: how often, and until when it is left alone. */
    private record Missed(int times, long untilNanos) {}

    private final ClientOptions options;
    private final LanePool home;
    private final RemoteAdmin admin;
    private final DirectStore store;
    /** Whether it is looked every now and then, and whether a look is due soon. */
    private final AtomicBoolean looking = new AtomicBoolean();

    private final AtomicBoolean soon = new AtomicBoolean();

    private volatile boolean greeted;
    /** Null before it is known that there are any, and if there are none. */
    private volatile @Nullable Leaders leaders;

    // Guarded by this.
    private final Map<ServerAddress, Node> nodes = new LinkedHashMap<>();
    /** Those that are needed no more, or are connected to somebody else, until their last call is over. */
    private final List<Node> former = new ArrayList<>();

    private final Map<ServerAddress, Missed> missed = new HashMap<>();
    private ClientStats ended = ClientStats.NONE;
    private boolean closed;

    private ClusterBackend(ClientOptions options) {
        this.options = options;
        this.home = new LanePool(options, new AtHome(), null);
        this.admin = new RemoteAdmin(home);
        this.store = new DirectStore(this, home);
    }

    /** Connects to servers. */
    static ClusterBackend start(ClientOptions options) {
        ClusterBackend backend = new ClusterBackend(options);
        backend.home.start();
        return backend;
    }

    private final class AtHome implements LanePool.Listener {
        @Override
        public void greeted(List<String> said) {
            met(said);
            greeted = true;
        }

        @Override
        public void changed() {
            lookSoon();
        }
    }

    private final class AtLeader implements LanePool.Listener {
        @Override
        public void changed() {
            lookSoon();
        }
    }

    // ---- who leads ----

    /** Takes in what a server at home has said of leaders when it was greeted; it is asked again before anybody is connected to. */
    private void met(List<String> said) {
        synchronized (this) {
            long lineage = home.knownLineage();
            Leaders known = leaders;
            boolean same = known != null && known.isOf(lineage, home.partitions());
            if (said.isEmpty() || lineage == 0) {
                // An older node of the same cluster does not say it. What was written counts all the same.
                leaders = same ? Leaders.unknown(lineage, home.partitions()) : null;
            } else if (!same) {
                leaders = Leaders.unknown(lineage, home.partitions());
            }
        }
        if (leaders != null && looking.compareAndSet(false, true)) {
            lookAgain();
        }
        lookSoon();
    }

    private void lookAgain() {
        home.schedule(
                () -> {
                    if (mustLook()) {
                        lookAgain();
                        look();
                    }
                },
                INTERVAL);
    }

    /** Returns whether there is anything to look after; if not, looking ends until a cluster is met again. */
    private boolean mustLook() {
        synchronized (this) {
            if (leaders != null || !nodes.isEmpty() || !former.isEmpty()) {
                return true;
            }
            looking.set(false);
            return false;
        }
    }

    private void lookSoon() {
        if (looking.get() && soon.compareAndSet(false, true)) {
            home.schedule(
                    () -> {
                        soon.set(false);
                        look();
                    },
                    SOON);
        }
    }

    private void look() {
        if (leaders == null) {
            learn(List.of());
            return;
        }
        var unused = admin.leaders().whenComplete((said, failure) -> learn(failure == null ? said : List.of()));
    }

    /** Takes in who leads each partition, HOST:PORT or empty; an empty list if it is not known. */
    private void learn(List<String> said) {
        List<Node> over = new ArrayList<>();
        synchronized (this) {
            if (closed) {
                return;
            }
            long now = options.nanoTime().getAsLong();
            Leaders before = leaders;
            // Where the numbers differ, home has come to another store meanwhile, and will say more.
            if (before != null
                    && said.size() == before.partitions()
                    && before.isOf(home.knownLineage(), home.partitions())) {
                List<@Nullable Node> leading = new ArrayList<>();
                for (String each : said) {
                    ServerAddress address = address(each);
                    leading.add(address == null || home.isOnlyAt(address) ? null : node(address, now));
                }
                leaders = new Leaders(before.lineage(), before.sharding(), Collections.unmodifiableList(leading));
            }
            missed.values().removeIf(each -> now - each.untilNanos() > KEPT.toNanos());
            nodes.values().removeIf(node -> now - node.sinceNanos > KEPT.toNanos() && giveUp(node, now));
            former.removeIf(node -> now - node.sinceNanos > GRACE.toNanos() && node.pool.isIdle() && over.add(node));
            over.forEach(node -> ended = ended.plus(node.pool.stats().withoutConnections()));
        }
        // On an event loop closing waits for nobody, and nobody waits for it here.
        over.forEach(node -> home.schedule(node.pool::close, Duration.ZERO));
    }

    private boolean giveUp(Node node, long now) {
        node.sinceNanos = now;
        return former.add(node);
    }

    /** Nodes tell host and port; how to speak to them is said by how we speak to the one that told. */
    private @Nullable ServerAddress address(String hostAndPort) {
        if (hostAndPort.isEmpty()) {
            return null;
        }
        try {
            return ServerAddress.parse((options.servers().get(0).tls() ? "kvs://" : "kv://") + hostAndPort);
        } catch (IllegalArgumentException e) {
            return null; // Of another kind than we know: home understands it.
        }
    }

    private @Nullable Node node(ServerAddress address, long now) {
        Node node = nodes.get(address);
        if (node != null && node.pool.isElsewhere(address)) {
            int times = missed.getOrDefault(address, new Missed(0, 0)).times() + 1;
            missed.put(
                    address,
                    new Missed(
                            times,
                            now
                                    + ASTRAY.delay(times, ThreadLocalRandom.current())
                                            .toNanos()));
            nodes.remove(address);
            boolean unused = giveUp(node, now);
            node = null;
        }
        if (node == null) {
            Missed before = missed.get(address);
            if (nodes.size() + former.size() >= MAX_NODES || (before != null && now - before.untilNanos() < 0)) {
                return null;
            }
            List<ServerAddress> servers = new ArrayList<>(options.servers());
            servers.remove(address);
            servers.add(0, address);
            // Half the time, as among nodes: there is somebody else to ask.
            Duration silence = options.silenceTimeout().dividedBy(2);
            LanePool pool = new LanePool(options.withServers(servers, silence), new AtLeader(), home);
            pool.start();
            node = new Node(address, pool, now);
            nodes.put(address, node);
        }
        node.sinceNanos = now;
        return node;
    }

    /** Returns who leads; null before a server was met, and if those that are met are no nodes of a cluster. */
    @Nullable
    Leaders leaders() {
        return leaders;
    }

    /** Returns whether a server was met, so that {@link #leaders} says something. */
    boolean hasMet() {
        return greeted;
    }

    // ---- the backend ----

    @Override
    public KvStore store() {
        return store;
    }

    @Override
    public ClientStats stats() {
        ClientStats all = home.stats();
        synchronized (this) {
            all = all.plus(ended);
            for (Node node : nodes.values()) {
                all = all.plus(node.pool.stats());
            }
            for (Node node : former) {
                all = all.plus(node.pool.stats());
            }
        }
        return all;
    }

    @Override
    public @Nullable KvException notConnected() {
        return home.notConnected();
    }

    @Override
    public void awaitReady(Duration timeout) throws InterruptedException {
        home.awaitReady(timeout);
    }

    @Override
    public void close() {
        List<LanePool> pools = new ArrayList<>();
        synchronized (this) {
            closed = true;
            nodes.values().forEach(node -> pools.add(node.pool));
            former.forEach(node -> pools.add(node.pool));
        }
        pools.add(home); // Last: the event loops are its.
        pools.forEach(LanePool::refuseCalls);
        long deadline = System.nanoTime() + options.closeTimeout().toNanos();
        pools.forEach(pool -> pool.close(deadline));
    }
}
