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
import java.util.concurrent.atomic.AtomicLong;
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
    /** How long connections stay that nobody needs any more. */
    private static final Duration KEPT = Duration.ofMinutes(1);
    /** How long a leader that could not be reached is left alone. */
    private static final Backoff ASTRAY = new Backoff(Duration.ofSeconds(1), Duration.ofMinutes(1));
    /** Nodes that are connected to beside home. */
    private static final int MAX_NODES = 64;

    /** Connections to a node that leads, or did. */
    static final class Node {
        private final ServerAddress address;
        private final LanePool pool;
        private final RemoteStore store;
        private long neededNanos;

        Node(ServerAddress address, LanePool pool, long now) {
            this.address = address;
            this.pool = pool;
            this.store = new RemoteStore(pool);
            this.neededNanos = now;
        }

        /** Returns whether it can be asked now. */
        boolean isReached() {
            return pool.isAt(address);
        }

        RemoteStore store() {
            return store;
        }
    }

    /**
     * Who leads.
     *
     * @param nodes for each partition; null where home is the best that there is
     */
    record Leaders(Sharding sharding, List<@Nullable Node> nodes) {
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
            return node != null && node.isReached() ? node : null;
        }
    }

    /** A leader that was not reached: how often, and until when it is left alone. */
    private record Missed(int times, long untilNanos) {}

    private final ClientOptions options;
    private final LanePool home;
    private final RemoteAdmin admin;
    private final DirectStore store;
    /** Which look is the next; one that was put off has a smaller number. */
    private final AtomicLong looks = new AtomicLong();

    /** Whether the server that was greeted last at home is a node of a cluster. */
    private volatile boolean inCluster;

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
            boolean before = inCluster;
            inCluster = !said.isEmpty();
            if (before || inCluster) {
                lookIn(SOON);
            }
        }

        @Override
        public void changed() {
            if (inCluster) {
                lookIn(SOON);
            }
        }
    }

    private final class AtLeader implements LanePool.Listener {
        @Override
        public void changed() {
            lookIn(SOON);
        }
    }

    // ---- who leads ----

    private void lookIn(Duration delay) {
        long mine = looks.incrementAndGet();
        home.schedule(
                () -> {
                    if (looks.get() == mine) {
                        look();
                    }
                },
                delay);
    }

    private void look() {
        if (!inCluster) {
            learn(List.of());
            return;
        }
        var unused = admin.leaders().whenComplete((said, failure) -> {
            if (failure == null) {
                learn(said);
            }
            lookIn(INTERVAL);
        });
    }

    /** Takes in who leads each partition: HOST:PORT, or empty. */
    private synchronized void learn(List<String> said) {
        if (closed) {
            return;
        }
        long now = options.nanoTime().getAsLong();
        // Where the numbers differ, home has come to another store meanwhile, and will say more.
        boolean known = !said.isEmpty() && said.size() == home.partitions();
        List<@Nullable Node> leading = new ArrayList<>();
        for (String each : known ? said : List.<String>of()) {
            ServerAddress address = address(each);
            leading.add(address == null || home.isOnlyAt(address) ? null : node(address, now));
        }
        leaders = known ? new Leaders(new Sharding(said.size()), Collections.unmodifiableList(leading)) : null;
        missed.values().removeIf(each -> now - each.untilNanos() > KEPT.toNanos());
        nodes.values().removeIf(node -> now - node.neededNanos > KEPT.toNanos() && former.add(node));
        // A call may have been given a node just before it was needed no more, hence the time.
        former.removeIf(node -> now - node.neededNanos > KEPT.toNanos() && node.pool.isIdle() && ended(node));
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
            former.add(node);
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
            LanePool pool = new LanePool(options.withServers(servers), new AtLeader(), home);
            pool.start();
            node = new Node(address, pool, now);
            nodes.put(address, node);
        }
        node.neededNanos = now;
        return node;
    }

    private boolean ended(Node node) {
        ended = ended.plus(node.pool.stats().withoutConnections());
        node.pool.close();
        return true;
    }

    /** Returns who leads; null if that is not known, or there is no such thing. */
    @Nullable
    Leaders leaders() {
        return leaders;
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
        List<Node> open = new ArrayList<>();
        synchronized (this) {
            closed = true;
            open.addAll(nodes.values());
            open.addAll(former);
        }
        open.forEach(node -> node.pool.close());
        home.close(); // Last: the event loops are its.
    }
}
