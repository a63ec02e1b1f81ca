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
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.ratis.proto.RaftProtos.CommitInfoProto;
import org.apache.ratis.protocol.ClientId;
import org.apache.ratis.protocol.RaftClientReply;
import org.apache.ratis.protocol.RaftGroup;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.protocol.TransferLeadershipRequest;
import org.apache.ratis.server.DivisionInfo;
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
    private final RaftServer server;
    private final Partition partition;
    private final LeaderStore leaderStore;
    private final Router router;
    private final ClusterStore store;
    private final ScheduledThreadPoolExecutor timer;
    private final ClientId adminId = ClientId.randomId();
    private final AtomicLong callIds = new AtomicLong(1L << 40);
    private final AtomicBoolean sweeping = new AtomicBoolean();
    private final AtomicBoolean closed = new AtomicBoolean();
    private final Map<String, ClusterMember> known = new HashMap<>();

    private ClusterNode(
            ClusterLayout layout,
            ClusterMember self,
            RaftServer server,
            Partition partition,
            PeerStores peers,
            ClusterOptions options) {
        this.layout = layout;
        this.self = self;
        this.selfId = RaftPeerId.valueOf(self.id());
        this.server = server;
        this.partition = partition;
        this.peers = peers;
        this.timer = new ScheduledThreadPoolExecutor(2, task -> {
            Thread thread = new Thread(task, "nearkv-cluster");
            thread.setDaemon(true);
            return thread;
        });
        timer.setRemoveOnCancelPolicy(true);
        layout.members().forEach(member -> known.put(member.id(), member));
        this.leaderStore = new LeaderStore(partition, options, new SecureRandom());
        this.router = new Router(partition, selfId, this::peerStore, timer, options.waitingRequests());
        this.store = new ClusterStore(partition, leaderStore, router, this::close);
    }

    /**
     * Starts a node. Returns before there is a leader.
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
        RaftGroup group = RaftGroup.valueOf(
                RaftGroupId.valueOf(layout.log()),
                layout.members().stream().map(ClusterNode::peer).toList());
        Partition partition = new Partition(group.getGroupId(), RaftPeerId.valueOf(id), options, storeOptions, layout);
        try {
            Path raft = folder.resolve("raft");
            boolean first =
                    !Files.isDirectory(raft.resolve(group.getGroupId().getUuid().toString()));
            Files.createDirectories(raft);
            RaftServer server = RaftServer.newBuilder()
                    .setServerId(RaftPeerId.valueOf(id))
                    .setGroup(group)
                    .setOption(first ? RaftStorage.StartupOption.FORMAT : RaftStorage.StartupOption.RECOVER)
                    .setStateMachineRegistry(asked -> partition.stateMachine())
                    .setProperties(RaftSettings.of(options, self, raft))
                    .setParameters(RaftSettings.parameters(options, partition.senders()))
                    .build();
            ClusterNode node = new ClusterNode(layout, self, server, partition, peers, options);
            node.run(options);
            return node;
        } catch (IOException e) {
            KvException reason = partition.failure();
            throw reason != null
                    ? reason
                    : new KvException(
                            ErrorCode.UNAVAILABLE, "node '" + id + "' cannot start in " + folder + ": " + e, e);
        }
    }

    static RaftPeer peer(ClusterMember member) {
        return RaftPeer.newBuilder()
                .setId(member.id())
                .setAddress(member.raft())
                .build();
    }

    private void run(ClusterOptions options) throws IOException {
        boolean started = false;
        try {
            server.start();
            partition.start(server);
            long tick = TICK.toNanos();
            var unused = timer.scheduleWithFixedDelay(this::tick, tick, tick, TimeUnit.NANOSECONDS);
            long sweep = options.sweepInterval().toNanos();
            unused = timer.scheduleWithFixedDelay(
                    () -> sweep(options.uploadIdleTime()), sweep, sweep, TimeUnit.NANOSECONDS);
            started = true;
        } finally {
            if (!started) {
                timer.shutdownNow();
                server.close();
            }
        }
    }

    private void tick() {
        try {
            var unused = partition.tick();
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
                        System.currentTimeMillis() - uploadIdle.multipliedBy(2).toMillis())) {
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

    private @Nullable KvStore peerStore(RaftPeerId id) {
        ClusterMember member = known.get(id.toString());
        return member == null ? null : peers.store(member);
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
        return partition.leader() == null
                ? new KvException(
                        ErrorCode.UNAVAILABLE,
                        "no node leads (expected: a majority of the "
                                + layout.members().size() + " nodes that reach each other)")
                : null;
    }

    /** Returns what this node is doing. */
    public ClusterStatus status() {
        RaftServer.Division division = partition.division();
        List<ClusterStatus.Member> members = new ArrayList<>();
        ReplicaStore replica = partition.stateMachine().store();
        if (division == null) {
            return new ClusterStatus(
                    self.id(), null, 0, -1, -1, 0, partition.queued(), router.waiting(), 0, 0, 0, members);
        }
        DivisionInfo info = division.getInfo();
        Map<String, Long> committed = new HashMap<>();
        for (CommitInfoProto commit : division.getCommitInfos()) {
            committed.put(commit.getServer().getId().toStringUtf8(), commit.getCommitIndex());
        }
        for (RaftPeer peer : partition.members()) {
            ClusterMember member = known.get(peer.getId().toString());
            members.add(new ClusterStatus.Member(
                    peer.getId().toString(),
                    peer.getAddress(),
                    member == null ? null : member.client(),
                    committed.getOrDefault(peer.getId().toString(), -1L)));
        }
        members.sort(Comparator.comparing(ClusterStatus.Member::id));
        RaftPeerId leader = info.getLeaderId();
        return new ClusterStatus(
                self.id(),
                leader == null ? null : leader.toString(),
                info.getCurrentTerm(),
                division.getRaftLog().getLastCommittedIndex(),
                info.getLastAppliedIndex(),
                replica == null ? 0 : replica.position().version(),
                partition.queued(),
                router.waiting(),
                partition.entries(),
                partition.commands(),
                partition.unknown(),
                members);
    }

    /**
     * Has another node lead.
     *
     * @param to the node, or null for whichever is furthest
     * @throws KvException {@link ErrorCode#UNAVAILABLE} if this node does not lead, or no other node can take over in time
     */
    public void transferLeadership(@Nullable String to) {
        if (!partition.leads()) {
            throw new KvException(
                    ErrorCode.UNAVAILABLE, "this node does not lead; node '" + partition.leader() + "' does");
        }
        List<String> candidates = new ArrayList<>();
        if (to != null) {
            candidates.add(to);
        } else {
            status().members().stream()
                    .filter(member -> !member.id().equals(self.id()))
                    .sorted(Comparator.comparing(ClusterStatus.Member::commitIndex)
                            .reversed())
                    .forEach(member -> candidates.add(member.id()));
        }
        String problem = "it is alone";
        for (String candidate : candidates) {
            try {
                RaftClientReply reply = server.transferLeadershipAsync(new TransferLeadershipRequest(
                                adminId,
                                selfId,
                                partition.group(),
                                callIds.incrementAndGet(),
                                RaftPeerId.valueOf(candidate),
                                TRANSFER_TIMEOUT.toMillis()))
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
        throw new KvException(ErrorCode.UNAVAILABLE, "no other node takes over: " + problem);
    }

    /** Returns whether this node leads. */
    public boolean leads() {
        return partition.leads();
    }

    /** Hands the leadership on, if this node has it, then stops. Requests that are under way get their answer, or one that says that it is unknown. Idempotent. */
    @Override
    public void close() {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        try {
            if (partition.leads() && layout.members().size() > 1) {
                transferLeadership(null);
            }
        } catch (KvException e) {
            log.atInfo().setCause(e).log("the leadership is not handed on");
        }
        partition.close();
        timer.shutdownNow();
        try {
            if (server.getLifeCycleState() != LifeCycle.State.CLOSED) {
                server.close();
            }
        } catch (IOException e) {
            log.atWarn().setCause(e).log("the node did not stop in order");
        }
        partition.closed();
        partition.stateMachine().close();
        peers.close();
    }
}
