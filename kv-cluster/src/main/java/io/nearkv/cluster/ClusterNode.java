package io.nearkv.cluster;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.Limits;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.NamespaceInfo;
import io.nearkv.core.Sharding;
import io.nearkv.core.Value;
import io.nearkv.core.rocksdb.ReplicaCommand;
import io.nearkv.core.rocksdb.ReplicaStore;
import io.nearkv.core.rocksdb.RocksStoreOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.apache.ratis.server.RaftServer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A node of a cluster, within this process: the logs and replicas that it holds, and the store that it serves. Thread-safe.
 *
 * <p>{@link #store()} is for clients; {@link #leaderStores()} are for the other nodes, and answer for this node alone.
 */
public final class ClusterNode implements AutoCloseable {
    private static final long LEADERS_KEPT_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
    private static final Logger log = LoggerFactory.getLogger(ClusterNode.class);
    private static final int SWEEP_PIECE = 512;
    private static final Duration TICK = Duration.ofMillis(20);
    private static final Duration SPREAD_INTERVAL = Duration.ofSeconds(3);
    private static final Duration HAND_ON_PAUSE = Duration.ofSeconds(5);
    private static final int THREADS = 4;

    private final ClusterLayout layout;
    private final ClusterMember self;
    private final Nodes nodes;
    /** By the numbers of their logs, as the next three. */
    private final List<Partition> partitions = new ArrayList<>();

    private final List<PartitionMembers> members = new ArrayList<>();
    private final List<LeaderStore> leaderStores = new ArrayList<>();
    private final List<Router> routers = new ArrayList<>();
    private final List<PartitionStore> stores = new ArrayList<>();
    private final Membership membership;
    private final ClusterChanges changes;
    private final LogHost host;
    private final SnapshotShelf shelf;
    private final KvStore store;
    private final ScheduledThreadPoolExecutor timer;
    private final InstantSource clock;
    private final Set<Integer> sweeping = ConcurrentHashMap.newKeySet();
    /** When a log's leadership was handed on for want of room. */
    private final Map<Integer, Long> handedOnNanos = new ConcurrentHashMap<>();

    private volatile @Nullable Leaders leaders;

    private final AtomicBoolean spreading = new AtomicBoolean();
    private final AtomicBoolean closed = new AtomicBoolean();

    private ClusterNode(
            ClusterLayout layout,
            ClusterMember self,
            Disk disk,
            PeerStores peers,
            ClusterOptions options,
            RocksStoreOptions storeOptions)
            throws IOException {
        this.layout = layout;
        this.self = self;
        this.nodes = new Nodes(layout, peers);
        this.clock = options.clock();
        this.timer = new ScheduledThreadPoolExecutor(THREADS, task -> {
            Thread thread = new Thread(task, "nearkv-cluster");
            thread.setDaemon(true);
            return thread;
        });
        timer.setRemoveOnCancelPolicy(true);
        RocksStoreOptions share = layout.logs() == 1 ? storeOptions : storeOptions.share(layout.partitions());
        for (int number = 0; number < layout.logs(); number++) {
            RocksStoreOptions of = number == 0 && layout.logs() > 1 ? storeOptions.share(64) : share;
            add(
                    new Partition(
                            number, Disk.peerId(self.id(), disk.id()), options, of, layout, disk.beginning(number)),
                    options);
        }
        this.host = new LogHost(layout, self, disk, partitions, options);
        this.shelf = new SnapshotShelf(disk.shelf(), self.id(), host.pace());
        this.membership = new Membership(
                layout,
                self,
                disk,
                members,
                nodes,
                timer,
                new Beginning(layout, self, disk, options.backups(), storeOptions),
                host::start,
                partitions.get(0)::fail);
        this.changes = new ClusterChanges(layout, self, membership, members.get(0), nodes, this::answer);
        this.store = layout.logs() == 1
                ? stores.get(0)
                : new ShardedStore(new NodeShards(), new Sharding(layout.partitions())::partitionOf, this::close);
    }

    private void add(Partition partition, ClusterOptions options) {
        int number = partition.number();
        PartitionMembers its = new PartitionMembers(partition, self, nodes, timer);
        LeaderStore leader = new LeaderStore(
                partition,
                options,
                new SecureRandom(),
                this::reply,
                number == 0 ? null : stores.get(0).admin());
        Supplier<@Nullable KvStore> elsewhere = () -> {
            ClusterMember there = its.leaderElsewhere();
            return there == null ? null : nodes.stores().store(there, number);
        };
        Router router = new Router(partition, elsewhere, timer, options.waitingRequests());
        partitions.add(partition);
        members.add(its);
        leaderStores.add(leader);
        routers.add(router);
        stores.add(new PartitionStore(
                partition, leader, router, layout.lineage(), elsewhere, this::replyToClient, this::close));
    }

    /** The partitions as this node reaches them. */
    private final class NodeShards implements Shards {
        private final List<KvStore> all = List.copyOf(stores.subList(1, stores.size()));

        @Override
        public KvStore meta() {
            return stores.get(0);
        }

        @Override
        public List<KvStore> partitions() {
            return all;
        }

        @Override
        public CompletableFuture<NamespaceInfo> find(NamespaceId namespace) {
            return stores.get(0).find(namespace);
        }

        @Override
        public CompletableFuture<Void> adopt(int partition, NamespaceId namespace) {
            int number = partition + 1;
            return find(namespace)
                    .thenCompose(info -> atLeader(number, new ClusterQuestion.Adopt(number, info)))
                    .thenCompose(view -> stores.get(number).shown(namespace));
        }
    }

    /**
     * Starts a node. Returns before there is a leader, and at the first start before the node has met the others.
     *
     * <p>A new cluster begins when all nodes of the layout are there once. A node with an empty folder that finds the cluster begun without it serves nothing until it is added.
     *
     * @param folder the folder of this node's data, made if it is missing
     * @param id which of the members of the layout this is
     * @param storeOptions sizes of the engine, of all replicas together; its environment must be that of the layout
     * @param peers how the other nodes are reached; closed with the node
     * @throws KvException {@link ErrorCode#UNAUTHORIZED} if the folder is of another environment, {@link ErrorCode#INTERNAL} if it is damaged or of another cluster,
     *     {@link ErrorCode#UNAVAILABLE} if somebody else holds it or an address
     */
    public static ClusterNode start(
            Path folder,
            ClusterLayout layout,
            String id,
            ClusterOptions options,
            RocksStoreOptions storeOptions,
            PeerStores peers) {
        requireNonNull(peers, "peers");
        ClusterMember self = layout.members().stream()
                .filter(member -> member.id().equals(id))
                .findFirst()
                .orElseThrow(() -> new KvException(
                        ErrorCode.INVALID_REQUEST,
                        "node '" + id + "' is not a member of the cluster (expected: one of "
                                + layout.members().stream()
                                        .map(ClusterMember::id)
                                        .toList() + ")"));
        if (!storeOptions.environment().equals(layout.environment())) {
            throw new KvException(
                    ErrorCode.UNAUTHORIZED,
                    "the cluster is of environment '" + layout.environment() + "', and this node serves '"
                            + storeOptions.environment() + "'");
        }
        ClusterNode node = null;
        boolean started = false;
        try {
            node = new ClusterNode(layout, self, Disk.open(folder), peers, options, storeOptions);
            node.membership.begin();
            node.keepUp(options);
            started = true;
            return node;
        } catch (IOException e) {
            throw new KvException(ErrorCode.UNAVAILABLE, "node '" + id + "' cannot start in " + folder + ": " + e, e);
        } finally {
            if (node != null && !started) {
                node.timer.shutdownNow();
            }
        }
    }

    private void keepUp(ClusterOptions options) {
        long tick = TICK.toNanos();
        var unused = timer.scheduleWithFixedDelay(this::tick, tick, tick, TimeUnit.NANOSECONDS);
        long sweep = options.sweepInterval().toNanos();
        unused =
                timer.scheduleWithFixedDelay(() -> sweep(options.uploadIdleTime()), sweep, sweep, TimeUnit.NANOSECONDS);
        if (layout.logs() > 1) {
            long spread = SPREAD_INTERVAL.toNanos();
            unused = timer.scheduleWithFixedDelay(this::spreadLeaders, spread, spread, TimeUnit.NANOSECONDS);
        }
    }

    private void tick() {
        for (Partition partition : partitions) {
            try {
                partition.tick();
            } catch (RuntimeException e) {
                log.atWarn()
                        .setCause(e)
                        .log("upkeep failed, it is tried again"); // Thrown on, it would be the last time.
            }
        }
    }

    private void spreadLeaders() {
        try {
            if (partitions.get(0).leads() && spreading.compareAndSet(false, true)) {
                var unused = changes.spreadLeaders().whenComplete((what, failed) -> spreading.set(false));
            }
        } catch (RuntimeException e) {
            spreading.set(false);
            log.atWarn().setCause(e).log("upkeep failed, it is tried again");
        }
    }

    private void sweep(Duration uploadIdle) {
        shelf.tidy();
        for (int number = 0; number < partitions.size(); number++) {
            try {
                sweep(number, uploadIdle);
            } catch (RuntimeException e) {
                log.atWarn().setCause(e).log("upkeep failed, it is tried again");
            }
        }
    }

    /** Has the log say what has expired, a piece at a time, and what uploads have left behind. Only the leader does. */
    private void sweep(int number, Duration uploadIdle) {
        Partition partition = partitions.get(number);
        LeaderStore leader = leaderStores.get(number);
        leader.tidy();
        ReplicaStore replica = partition.stateMachine().store();
        if (replica == null || !partition.leads()) {
            return;
        }
        handOnIfFull(number, replica);
        if (!sweeping.add(number)) {
            return;
        }
        List<CompletableFuture<?>> asked = new ArrayList<>();
        try {
            List<ReplicaCommand.Expiration> expired = replica.expired(SWEEP_PIECE);
            if (!expired.isEmpty()) {
                asked.add(partition.propose(new ReplicaCommand.Expire(expired), Duration.ofSeconds(10), true));
            }
            for (long valueId : replica.piecesBefore(
                    clock.millis() - uploadIdle.multipliedBy(2).toMillis())) {
                if (!leader.writes().isActive(valueId)) {
                    asked.add(partition.propose(new ReplicaCommand.DropPieces(valueId), Duration.ofSeconds(10), true));
                }
            }
        } finally {
            var unused = CompletableFuture.allOf(asked.toArray(CompletableFuture[]::new))
                    .whenComplete((nothing, failed) -> sweeping.remove(number));
        }
    }

    /** Has another node lead while this one has no room for writes: another may have. If none has, they only take turns in refusing. */
    private void handOnIfFull(int number, ReplicaStore replica) {
        KvException full = replica.writeRefusal(0, false);
        long now = System.nanoTime();
        if (full != null
                && now - handedOnNanos.getOrDefault(number, now - HAND_ON_PAUSE.toNanos()) >= HAND_ON_PAUSE.toNanos()
                && members.get(number).leadsWithOthers()) {
            handedOnNanos.put(number, now);
            log.atWarn()
                    .addKeyValue("log", number)
                    .addKeyValue("reason", full.getMessage())
                    .log("another node is to lead");
            onItsOwn(members.get(number)::handOver);
        }
    }

    // ---- questions

    /** Answers what a client asks: how it looks from here, here; what changes the cluster, where that is decided; what some node has, there. */
    private CompletableFuture<Value> replyToClient(ClusterQuestion question) {
        if (question.isAmongNodes()) {
            return CompletableFuture.failedFuture(new KvException(
                    ErrorCode.INVALID_REQUEST, "only nodes of the cluster ask each other this: " + question));
        }
        try {
            if (question instanceof ClusterQuestion.View) {
                return reply(question);
            } else if (question instanceof ClusterQuestion.SnapshotPiece piece) {
                return atNode(piece.node(), question);
            } else if (question instanceof ClusterQuestion.SnapshotDigest digest) {
                return atNode(digest.node(), question);
            } else if (question instanceof ClusterQuestion.Transfer transfer) {
                return atLeader(partition(transfer.partition()).number(), question);
            } else if (question instanceof ClusterQuestion.Snapshot snapshot) {
                return atLeader(partition(snapshot.partition()).number(), question);
            }
            return atLeader(0, question);
        } catch (KvException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private CompletableFuture<Value> atLeader(int number, ClusterQuestion question) {
        return routers.get(number)
                .atLeader(
                        Limits.DEFAULT_TIMEOUT,
                        () -> reply(question),
                        (there, left) -> there.admin().ask(question.encode()));
    }

    private CompletableFuture<Value> atNode(String node, ClusterQuestion question) {
        if (node.equals(self.id())) {
            return reply(question);
        }
        ClusterMember there = membership.places().stream()
                .filter(place -> place.id().equals(node))
                .findFirst()
                .orElseThrow(() ->
                        new KvException(ErrorCode.NOT_FOUND, "the cluster has no node '" + Key.display(node) + "'"));
        return nodes.stores().store(there, 0).admin().ask(question.encode());
    }

    /** Answers a question at this node. */
    private CompletableFuture<Value> reply(ClusterQuestion question) {
        try {
            if (question instanceof ClusterQuestion.Snapshot snapshot) {
                var unused = led(snapshot.partition());
                return shelf.take(partitions.get(snapshot.partition()), snapshot.id())
                        .thenApply(taken -> taken.from(snapshot.first()).encode());
            } else if (question instanceof ClusterQuestion.SnapshotPiece piece) {
                return shelf.read(piece);
            } else if (question instanceof ClusterQuestion.SnapshotDigest digest) {
                return shelf.digest(digest);
            }
        } catch (KvException e) {
            return CompletableFuture.failedFuture(e);
        }
        return answer(question).thenApply(ClusterView::encode);
    }

    /** Returns a partition by the number that somebody has told. */
    private Partition partition(int number) {
        if (number < 0 || number >= partitions.size()) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "partition " + number + " (expected: 0 to " + (partitions.size() - 1) + ")");
        }
        return partitions.get(number);
    }

    /** Answers a question at this node; what changes something, only if this is the node that leads what it is about. */
    private CompletableFuture<ClusterView> answer(ClusterQuestion question) {
        try {
            if (question instanceof ClusterQuestion.View) {
                return CompletableFuture.completedFuture(membership.view());
            } else if (question instanceof ClusterQuestion.Host asked) {
                Partition partition = partition(asked.partition());
                return blocking(() -> host.host(partition));
            } else if (question instanceof ClusterQuestion.Drop asked) {
                Partition partition = partition(asked.partition());
                return blocking(() -> drop(partition));
            } else if (question instanceof ClusterQuestion.Join asked) {
                return step(led(asked.partition()).add(asked.place()));
            } else if (question instanceof ClusterQuestion.Leave asked) {
                return step(led(asked.partition()).remove(asked.node()));
            } else if (question instanceof ClusterQuestion.Transfer asked) {
                PartitionMembers led = led(asked.partition());
                return blocking(() -> led.transfer(asked.node()));
            } else if (question instanceof ClusterQuestion.Adopt asked) {
                var unused = led(asked.partition());
                return leaderStores
                        .get(asked.partition())
                        .adopt(asked.namespace())
                        .thenApply(nothing -> membership.view());
            }
            var unused = led(0);
            return changes.next(question);
        } catch (KvException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private PartitionMembers led(int number) {
        Partition partition = partition(number);
        if (!partition.leads()) {
            throw Partition.notLeader(partition.leader());
        }
        return members.get(number);
    }

    private CompletableFuture<ClusterView> step(CompletableFuture<String> underWay) {
        return underWay.thenApply(what -> membership.view().during(what));
    }

    private CompletableFuture<ClusterView> blocking(Runnable task) {
        return CompletableFuture.supplyAsync(
                () -> {
                    task.run();
                    return membership.view();
                },
                timer);
    }

    /** Whoever has been removed need not have heard of it: what counts is what the node says that leads now. */
    private void drop(Partition partition) {
        List<ClusterMember> others = membership.places().stream()
                .filter(place -> !place.id().equals(self.id()))
                .toList();
        ClusterPlan plan = new ClusterPlan(layout, nodes.views(others).join().views());
        if (partition.number() == 0 || !plan.isLedWithout(partition.number(), self.id())) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "node '" + self.id() + "' is a member of " + partition.label()
                            + " (expected: to be removed first)");
        }
        host.drop(partition);
    }

    // ---- what the node is

    /** Returns the store for clients. Closing it closes the node. */
    public KvStore store() {
        return store;
    }

    /**
     * Returns the stores for the other nodes, by the numbers of the logs, 0 on: each refuses what only the leader may answer, if this is not the leader. Closing them does nothing.
     */
    public List<KvStore> leaderStores() {
        return List.copyOf(leaderStores);
    }

    /**
     * Returns where the node is that leads each partition, as far as this one knows: HOST:PORT for clients, empty where it does not know. Answers at once; for the listener that serves {@link #store()}, whose clients
     * then ask those nodes themselves.
     */
    public List<String> leaders() {
        Leaders known = leaders;
        long now = System.nanoTime();
        // Many clients ask, and to find out that a partition is not here takes Ratis an exception.
        if (known == null || now - known.nanos() > LEADERS_KEPT_NANOS) {
            int first = layout.logs() == 1 ? 0 : 1;
            List<String> places = new ArrayList<>(layout.partitions());
            for (int number = first; number < layout.logs(); number++) {
                ClusterMember place = partitions.get(number).isElected()
                        ? self
                        : members.get(number).leaderElsewhere();
                places.add(place == null ? "" : place.client());
            }
            known = new Leaders(now, List.copyOf(places));
            leaders = known;
        }
        return known.places();
    }

    private record Leaders(long nanos, List<String> places) {}

    /** Returns the layout that this node was started with. */
    public ClusterLayout layout() {
        return layout;
    }

    /** Returns which member this is. */
    public ClusterMember self() {
        return self;
    }

    /**
     * Returns why this node serves nothing that must be fresh: it has failed, or nobody leads; null if it does.
     */
    public @Nullable KvException unreadiness() {
        for (Partition partition : partitions) {
            KvException failure = partition.failure();
            if (failure != null) {
                return failure;
            }
        }
        String problem = membership.problem();
        if (problem != null) {
            return new KvException(ErrorCode.UNAVAILABLE, "this node does not serve: " + problem);
        }
        for (int number = 0; number < partitions.size(); number++) {
            Partition partition = partitions.get(number);
            if (partition.leader() == null && members.get(number).leaderElsewhere() == null) {
                return new KvException(
                        ErrorCode.UNAVAILABLE,
                        (number == 0 ? "no node leads" : "no node leads " + partition.label())
                                + " (expected: a majority of the "
                                + Math.max(1, partition.members().size()) + " nodes that reach each other)");
            }
        }
        return null;
    }

    /** Returns what this node is doing. */
    public ClusterStatus status() {
        ClusterView view = membership.view();
        List<ClusterStatus.Log> logs = new ArrayList<>();
        int waiting = 0;
        for (int number = 0; number < partitions.size(); number++) {
            Partition partition = partitions.get(number);
            RaftServer.Division division = partition.division();
            ReplicaStore replica = partition.stateMachine().store();
            logs.add(new ClusterStatus.Log(
                    view.parts().get(number),
                    division == null ? -1 : division.getRaftLog().getLastCommittedIndex(),
                    partition.stateMachine().snapshotIndex(),
                    division == null ? -1 : division.getRaftLog().getStartIndex(),
                    replica == null ? 0 : replica.position().version(),
                    partition.queued(),
                    partition.entries(),
                    partition.commands(),
                    partition.unknown()));
            waiting += routers.get(number).waiting();
        }
        return new ClusterStatus(
                self.id(),
                waiting,
                host.pace().sending(),
                host.pace().bytes(),
                host.connections().open(),
                host.connections().refused(),
                logs);
    }

    /**
     * Has another node lead a log.
     *
     * @param log its number
     * @param to the node, or null for whichever is furthest
     * @throws KvException {@link ErrorCode#UNAVAILABLE} if this node does not lead, or no other node can take over in time
     */
    public void transferLeadership(int log, @Nullable String to) {
        members.get(log).transfer(to);
    }

    /** Returns whether this node leads a log. */
    public boolean leads(int log) {
        return partitions.get(log).leads();
    }

    /** Hands leaderships on, if this node has any; it goes on to serve, and hands requests on. Blocks, a few seconds at most. */
    public void handOver() {
        CompletableFuture.allOf(members.stream()
                        .filter(each -> each.leadsWithOthers())
                        .map(each -> CompletableFuture.runAsync(each::handOver, ClusterNode::onItsOwn))
                        .toArray(CompletableFuture[]::new))
                .join();
    }

    /** Not on the threads of the timer: there are few, and requests that are handed on wait for their turn there. */
    private static void onItsOwn(Runnable task) {
        Thread thread = new Thread(task, "nearkv-hand-over");
        thread.setDaemon(true);
        thread.start();
    }

    /** Hands leaderships on, if this node has any, then stops. Requests that are under way get their answer, or one that says that it is unknown. Idempotent. */
    @Override
    public void close() {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        RaftServer running = host.end();
        handOver();
        partitions.forEach(Partition::close);
        timer.shutdown(); // Requests that wait for their turn still get it, and learn that there is no more.
        try {
            if (running != null) {
                running.close();
            }
        } catch (IOException e) {
            log.atWarn().setCause(e).log("the node did not stop in order");
        }
        for (Partition partition : partitions) {
            partition.closed();
            partition.stateMachine().close();
        }
        shelf.close();
        nodes.stores().close();
    }
}
