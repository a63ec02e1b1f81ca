package io.nearkv.cluster;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.rocksdb.ReplicaCommand;
import io.nearkv.core.rocksdb.ReplicaStore;
import io.nearkv.core.rocksdb.RocksStoreOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.ratis.protocol.RaftClientReply;
import org.apache.ratis.protocol.RaftGroup;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.storage.RaftStorage;
import org.apache.ratis.util.LifeCycle;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A node of a cluster, within this process: its part of the replicated log, its replica, and the store that it serves. Thread-safe.
 *
 * <p>{@link #store()} is for clients; {@link #leaderStore()} is for the other nodes, and answers for this node alone.
 */
public final class ClusterNode implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(ClusterNode.class);
    private static final int SWEEP_PIECE = 512;
    private static final Duration TICK = Duration.ofMillis(20);
    private static final Duration TRANSFER_TIMEOUT = Duration.ofSeconds(3);

    private final ClusterLayout layout;
    private final ClusterMember self;
    private final RaftPeerId selfId;
    private final PeerStores peers;
    private final Partition partition;
    private final Membership membership;
    private final LeaderStore leaderStore;
    private final Router router;
    private final ClusterStore store;
    private final ScheduledThreadPoolExecutor timer;
    private final InstantSource clock;
    private final AtomicBoolean sweeping = new AtomicBoolean();
    /** Guards the start and the end of the log against each other. */
    private final Object lifeCycle = new Object();

    private @Nullable RaftServer server;
    private boolean closed;

    private ClusterNode(
            ClusterLayout layout,
            ClusterMember self,
            Disk disk,
            Partition partition,
            PeerStores peers,
            ClusterOptions options) {
        this.layout = layout;
        this.self = self;
        this.selfId = Disk.peerId(self.id(), disk.id());
        this.partition = partition;
        this.peers = peers;
        this.clock = options.clock();
        this.timer = new ScheduledThreadPoolExecutor(2, task -> {
            Thread thread = new Thread(task, "nearkv-cluster");
            thread.setDaemon(true);
            return thread;
        });
        timer.setRemoveOnCancelPolicy(true);
        this.membership = new Membership(
                layout, self, disk, partition, peers, timer, founders -> startLog(disk, founders, options));
        this.leaderStore = new LeaderStore(partition, options, new SecureRandom(), this::answer);
        this.router = new Router(partition, this::leaderElsewhere, timer, options.waitingRequests());
        this.store = new ClusterStore(partition, leaderStore, router, this::close);
    }

    /**
     * Starts a node. Returns before there is a leader, and at the first start before the node has met the others.
     *
     * <p>A new cluster begins when all nodes of the layout are there once. A node with an empty folder that finds the cluster begun without it serves nothing until it is added.
     *
     * @param folder the folder of this node's data, made if it is missing
     * @param id which of the members of the layout this is
     * @param storeOptions sizes of the engine; its environment must be that of the layout
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
        Disk disk;
        try {
            disk = Disk.open(folder);
        } catch (IOException e) {
            throw cannotStart(id, folder, e);
        }
        Partition partition = new Partition(
                RaftGroupId.valueOf(layout.log()), Disk.peerId(id, disk.id()), options, storeOptions, layout);
        ClusterNode node = new ClusterNode(layout, self, disk, partition, peers, options);
        boolean started = false;
        try {
            node.membership.begin();
            node.keepUp(options);
            started = true;
            return node;
        } catch (IOException e) {
            throw cannotStart(id, folder, e);
        } finally {
            if (!started) {
                node.timer.shutdownNow();
            }
        }
    }

    private static KvException cannotStart(String id, Path folder, IOException why) {
        return new KvException(ErrorCode.UNAVAILABLE, "node '" + id + "' cannot start in " + folder + ": " + why, why);
    }

    private void startLog(Disk disk, List<ClusterView.Member> founders, ClusterOptions options) {
        synchronized (lifeCycle) {
            if (closed) {
                return;
            }
            RaftGroup group = RaftGroup.valueOf(
                    partition.group(), founders.stream().map(Disk::peer).toList());
            Path raft = disk.raft();
            try {
                boolean first = !Files.isDirectory(
                        raft.resolve(group.getGroupId().getUuid().toString()));
                Files.createDirectories(raft);
                RaftServer made = RaftServer.newBuilder()
                        .setServerId(selfId)
                        .setGroup(group)
                        .setOption(first ? RaftStorage.StartupOption.FORMAT : RaftStorage.StartupOption.RECOVER)
                        .setStateMachineRegistry(asked -> partition.stateMachine())
                        .setProperties(RaftSettings.of(options, self, raft))
                        .setParameters(RaftSettings.parameters(options, partition.senders()))
                        .build();
                run(made);
            } catch (IOException e) {
                KvException reason = partition.failure();
                throw reason != null ? reason : cannotStart(self.id(), raft, e);
            }
        }
    }

    private void run(RaftServer made) throws IOException {
        boolean started = false;
        try {
            made.start();
            partition.start(made);
            server = made;
            started = true;
        } finally {
            if (!started) {
                made.close();
            }
        }
    }

    private void keepUp(ClusterOptions options) {
        long tick = TICK.toNanos();
        var unused = timer.scheduleWithFixedDelay(this::tick, tick, tick, TimeUnit.NANOSECONDS);
        long sweep = options.sweepInterval().toNanos();
        unused =
                timer.scheduleWithFixedDelay(() -> sweep(options.uploadIdleTime()), sweep, sweep, TimeUnit.NANOSECONDS);
    }

    private void tick() {
        try {
            partition.tick();
        } catch (RuntimeException e) {
            log.atWarn().setCause(e).log("upkeep failed, it is tried again"); // Thrown on, it would be the last time.
        }
    }

    /** Has the log say what has expired, a piece at a time, and what uploads have left behind. Only the leader does. */
    private void sweep(Duration uploadIdle) {
        try {
            leaderStore.tidy();
            ReplicaStore replica = partition.stateMachine().store();
            if (replica == null || !partition.leads() || !sweeping.compareAndSet(false, true)) {
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
                    if (!leaderStore.writes().isActive(valueId)) {
                        asked.add(partition.propose(
                                new ReplicaCommand.DropPieces(valueId), Duration.ofSeconds(10), true));
                    }
                }
            } finally {
                var unused = CompletableFuture.allOf(asked.toArray(CompletableFuture[]::new))
                        .whenComplete((nothing, failed) -> sweeping.set(false));
            }
        } catch (RuntimeException e) {
            log.atWarn().setCause(e).log("upkeep failed, it is tried again");
        }
    }

    /** Returns the store of the node that leads, if that is another one. */
    private @Nullable KvStore leaderElsewhere() {
        RaftPeerId leader = partition.leader();
        if (leader == null) {
            ClusterMember told = membership.leaderElsewhere();
            return told == null ? null : peers.store(told);
        }
        return partition.members().stream()
                .filter(peer -> peer.getId().equals(leader) && !leader.equals(selfId))
                .findFirst()
                .map(peer -> peers.store(Disk.member(peer, -1).place()))
                .orElse(null);
    }

    /** Answers a question about the cluster; what changes it, only at the node that leads. */
    private CompletableFuture<ClusterView> answer(ClusterQuestion question) {
        try {
            if (question instanceof ClusterQuestion.View) {
                return CompletableFuture.completedFuture(membership.view());
            }
            if (!partition.leads()) {
                return CompletableFuture.failedFuture(Partition.notLeader(partition.leader()));
            }
            if (question instanceof ClusterQuestion.Add add) {
                return membership.add(add.place());
            }
            if (question instanceof ClusterQuestion.Remove remove) {
                return membership.remove(remove.node(), this::handOver);
            }
            String to = ((ClusterQuestion.Transfer) question).node();
            return CompletableFuture.supplyAsync(
                    () -> {
                        if (!self.id().equals(to)) {
                            transferLeadership(to);
                        }
                        return membership.view();
                    },
                    timer);
        } catch (KvException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private void handOver() {
        try {
            transferLeadership(null);
        } catch (KvException e) {
            log.atWarn().setCause(e).log("the leadership is not handed on");
        }
    }

    /** Returns the store for clients. Closing it closes the node. */
    public ClusterStore store() {
        return store;
    }

    /** Returns the store for the other nodes: it refuses what only the leader may answer, if this is not the leader. Closing it does nothing. */
    public KvStore leaderStore() {
        return leaderStore;
    }

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
        KvException failure = partition.failure();
        if (failure != null) {
            return failure;
        }
        String problem = membership.problem();
        if (problem != null) {
            return new KvException(ErrorCode.UNAVAILABLE, "this node does not serve: " + problem);
        }
        return partition.leader() == null
                ? new KvException(
                        ErrorCode.UNAVAILABLE,
                        "no node leads (expected: a majority of the "
                                + partition.members().size() + " nodes that reach each other)")
                : null;
    }

    /** Returns what this node is doing. */
    public ClusterStatus status() {
        ClusterView view = membership.view();
        RaftServer.Division division = partition.division();
        ReplicaStore replica = partition.stateMachine().store();
        return new ClusterStatus(
                self.id(),
                view.state(),
                view.leader(),
                view.term(),
                division == null ? -1 : division.getRaftLog().getLastCommittedIndex(),
                view.appliedIndex(),
                replica == null ? 0 : replica.position().version(),
                partition.queued(),
                router.waiting(),
                partition.entries(),
                partition.commands(),
                partition.unknown(),
                view.members());
    }

    /**
     * Has another node lead.
     *
     * @param to the node, or null for whichever is furthest
     * @throws KvException {@link ErrorCode#UNAVAILABLE} if this node does not lead, or no other node can take over in time
     */
    public void transferLeadership(@Nullable String to) {
        if (!partition.leads()) {
            throw Partition.notLeader(partition.leader());
        }
        List<ClusterView.Member> candidates = membership.view().members().stream()
                .filter(member -> to == null
                        ? !member.node().equals(self.id())
                        : member.node().equals(to))
                .sorted(Comparator.comparing(ClusterView.Member::committed).reversed())
                .toList();
        if (to != null && candidates.isEmpty()) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "node '" + to + "' is no member (expected: one of "
                            + String.join(
                                    ", ",
                                    membership.view().members().stream()
                                            .map(ClusterView.Member::node)
                                            .toList())
                            + ")");
        }
        String problem = "it is alone";
        for (ClusterView.Member candidate : candidates) {
            try {
                RaftClientReply reply = partition
                        .transfer(Disk.peerId(candidate.node(), candidate.disk()), TRANSFER_TIMEOUT)
                        .get(TRANSFER_TIMEOUT.toMillis() + 500, TimeUnit.MILLISECONDS);
                if (reply.isSuccess()) {
                    return;
                }
                problem = String.valueOf(reply.getException().getMessage());
            } catch (IOException | ExecutionException | TimeoutException e) {
                problem = String.valueOf(e.getMessage());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                break;
            }
        }
        throw new KvException(
                ErrorCode.UNAVAILABLE, "no other node takes over: " + problem, null, Duration.ofSeconds(1), null);
    }

    /** Returns whether this node leads. */
    public boolean leads() {
        return partition.leads();
    }

    /** Hands the leadership on, if this node has it, then stops. Requests that are under way get their answer, or one that says that it is unknown. Idempotent. */
    @Override
    public void close() {
        RaftServer running;
        synchronized (lifeCycle) {
            if (closed) {
                return;
            }
            closed = true;
            running = server;
        }
        if (partition.leads() && partition.members().size() > 1) {
            handOver();
        }
        partition.close();
        timer.shutdown(); // Requests that wait for their turn still get it, and learn that there is no more.
        try {
            if (running != null && running.getLifeCycleState() != LifeCycle.State.CLOSED) {
                running.close();
            }
        } catch (IOException e) {
            log.atWarn().setCause(e).log("the node did not stop in order");
        }
        partition.closed();
        partition.stateMachine().close();
        peers.close();
    }
}
