package io.nearkv.cluster;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.ratis.proto.RaftProtos.CommitInfoProto;
import org.apache.ratis.protocol.RaftClientReply;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.protocol.SetConfigurationRequest;
import org.apache.ratis.server.RaftServer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The members of one log: who they are, and, at the node that leads, one change of them after the other. Thread-safe. */
final class PartitionMembers {
    private static final Logger log = LoggerFactory.getLogger(PartitionMembers.class);
    private static final Duration TRANSFER_TIMEOUT = Duration.ofSeconds(3);
    private static final Duration VIEWS_TIMEOUT = Duration.ofSeconds(1);

    private final Partition partition;
    private final ClusterMember self;
    private final Nodes nodes;
    private final Executor executor;
    /** Who leads by what others say, while this node does not know it by itself. */
    private volatile @Nullable ClusterMember leaderElsewhere;

    /** The change that Ratis is making; guarded by this, as is the next. */
    private @Nullable CompletableFuture<RaftClientReply> change;

    private String changing = "";

    /**
     * Makes it.
     *
     * @param executor runs what blocks
     */
    PartitionMembers(Partition partition, ClusterMember self, Nodes nodes, Executor executor) {
        this.partition = partition;
        this.self = self;
        this.nodes = nodes;
        this.executor = executor;
    }

    boolean isMember() {
        return partition.isMember();
    }

    /** Returns whether others have to be asked who leads. */
    boolean look() {
        if (partition.leader() == null) {
            return true;
        }
        partition.expelled(false); // It is told of changes by the one that leads.
        if (!isMember()) {
            return true;
        }
        leaderElsewhere = null;
        return false;
    }

    /** Notes who leads, and whether this node is a member, by the view of the newest term. */
    void heard(Iterable<ClusterView> said) {
        ClusterMember found = null;
        ClusterView.Part newest = null;
        long term = -1;
        for (ClusterView view : said) {
            ClusterView.Part part = part(view);
            String leader = part == null ? null : part.leader();
            ClusterView.Member member = part == null || leader == null ? null : part.member(leader);
            if (part != null
                    && member != null
                    && part.term() > term
                    && !member.node().equals(self.id())) {
                found = member.place();
                newest = part;
                term = part.term();
            }
        }
        leaderElsewhere = found;
        if (newest != null && partition.leader() == null) {
            ClusterView.Member known = newest.member(self.id());
            partition.expelled(
                    known == null || !Disk.peerId(known.node(), known.disk()).equals(partition.self()));
        }
    }

    private ClusterView.@Nullable Part part(ClusterView view) {
        return partition.number() < view.parts().size() ? view.parts().get(partition.number()) : null;
    }

    /** Returns where the node is that leads, by what is known here or what others say; null if it is this one, or nobody. */
    @Nullable
    ClusterMember leaderElsewhere() {
        RaftPeerId leader = partition.leader();
        if (leader == null) {
            return leaderElsewhere;
        }
        if (leader.equals(partition.self())) {
            return null;
        }
        return partition.members().stream()
                .filter(peer -> peer.getId().equals(leader))
                .findFirst()
                .map(peer -> Disk.member(peer, -1).place())
                .orElse(null);
    }

    /** Returns how the log looks from here. */
    ClusterView.Part part() {
        RaftServer.Division division = partition.division();
        if (division == null) {
            return new ClusterView.Part(ClusterView.State.ABSENT, List.of(), null, 0, -1);
        }
        Map<RaftPeerId, Long> committed = new HashMap<>();
        for (CommitInfoProto commit : division.getCommitInfos()) {
            committed.put(RaftPeerId.valueOf(commit.getServer().getId()), commit.getCommitIndex());
        }
        List<ClusterView.Member> members = new ArrayList<>();
        for (RaftPeer peer : partition.members()) {
            members.add(Disk.member(peer, committed.getOrDefault(peer.getId(), -1L)));
        }
        RaftPeerId leader = partition.leader();
        return new ClusterView.Part(
                isMember() ? ClusterView.State.MEMBER : ClusterView.State.WAITING,
                members,
                leader == null ? null : Disk.node(leader),
                division.getInfo().getCurrentTerm(),
                division.getInfo().getLastAppliedIndex());
    }

    // ---- changing; at the node that leads. Each returns what is still to happen, or nothing.

    /** Takes the next step towards a node being a member. */
    CompletableFuture<String> add(ClusterMember place) {
        return nodes.view(place).handle((theirs, failed) -> {
            if (failed != null) {
                KvException why = KvException.from(failed);
                if (why.code() == ErrorCode.INVALID_REQUEST) {
                    throw why;
                }
                return "node '" + place.id() + "' does not answer at " + place.peer() + ": " + why.getMessage();
            }
            return add(place, theirs);
        });
    }

    private synchronized String add(ClusterMember place, ClusterView theirs) {
        String busy = busy();
        if (!busy.isEmpty()) {
            return busy;
        }
        ClusterView.Part now = part();
        ClusterView.Member there = now.member(place.id());
        if (there != null && there.disk().equals(theirs.disk())) {
            return "";
        }
        List<RaftPeer> members = new ArrayList<>(partition.members());
        if (there != null) {
            RaftPeerId former = Disk.peerId(there.node(), there.disk());
            members.removeIf(peer -> peer.getId().equals(former));
            if (members.isEmpty()) {
                throw new KvException(
                        ErrorCode.INVALID_REQUEST,
                        "node '" + place.id() + "' is the only member of " + partition.label() + ", with another disk");
            }
            return begin(members, "the former disk of node '" + place.id() + "' is given up" + inPartition());
        }
        ClusterView.Part theirPart = part(theirs);
        if (theirPart == null || theirPart.state() != ClusterView.State.WAITING) {
            return "node '" + place.id() + "' is not ready to be added yet" + inPartition()
                    + (theirs.underWay().isEmpty() ? "" : ": " + theirs.underWay());
        }
        if (members.size() >= ClusterLayout.MAX_MEMBERS) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "the cluster has " + members.size() + " members (expected: at most " + ClusterLayout.MAX_MEMBERS
                            + ")");
        }
        for (ClusterView.Member other : now.members()) {
            if (other.place().raft().equals(place.raft())
                    || other.place().peer().equals(place.peer())) {
                throw new KvException(
                        ErrorCode.INVALID_REQUEST,
                        "node '" + other.node() + "' has an address of node '" + place.id() + "'");
            }
        }
        members.add(Disk.peer(new ClusterView.Member(place, theirs.disk(), -1)));
        return begin(members, "node '" + place.id() + "' catches up before it votes" + inPartition());
    }

    private String inPartition() {
        return partition.number() == 0 ? "" : " in partition " + partition.number();
    }

    /** Takes the next step towards a node being no member. */
    CompletableFuture<String> remove(String node) {
        List<ClusterMember> others = part().members().stream()
                .map(ClusterView.Member::place)
                .filter(place -> !place.id().equals(node) && !place.id().equals(self.id()))
                .toList();
        return nodes.views(others).thenApply(said -> remove(node, said.silent()));
    }

    private synchronized String remove(String node, List<String> silent) {
        String busy = busy();
        if (!busy.isEmpty()) {
            return busy;
        }
        ClusterView.Part now = part();
        ClusterView.Member there = now.member(node);
        if (there == null) {
            return "";
        }
        int left = now.members().size() - 1;
        if (left == 0) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "node '" + node + "' is the only member of " + partition.label()
                            + " (expected: another one beside it)");
        }
        // Who is removed may be the one on whom the majority hangs: then nothing would go on.
        if (left - silent.size() <= left / 2) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "of the " + left + " nodes that would be left" + inPartition() + ", " + String.join(", ", silent)
                            + " cannot be reached, so that there would be no majority (expected: remove or repair these"
                            + " first)");
        }
        if (node.equals(self.id())) {
            executor.execute(this::handOver);
            return "node '" + node + "' leads, and hands that on first" + inPartition();
        }
        RaftPeerId leaving = Disk.peerId(node, there.disk());
        List<RaftPeer> members = new ArrayList<>(partition.members());
        members.removeIf(peer -> peer.getId().equals(leaving));
        return begin(members, "node '" + node + "' is removed" + inPartition());
    }

    /** Returns what is still under way; empty if nothing is. What has failed is told once, and the step is taken again. */
    private String busy() {
        CompletableFuture<RaftClientReply> running = change;
        if (running == null) {
            return "";
        }
        if (!running.isDone()) {
            return changing;
        }
        change = null;
        String problem = running.handle((reply, failed) -> failed != null
                        ? String.valueOf(KvException.from(failed).getMessage())
                        : reply.isSuccess()
                                ? ""
                                : String.valueOf(reply.getException().getMessage()))
                .join();
        return problem.isEmpty() ? "" : changing + "; it did not work, and is tried again: " + problem;
    }

    private String begin(List<RaftPeer> members, String what) {
        log.atInfo().addKeyValue("members", members).log(what);
        changing = what;
        List<RaftPeer> before = new ArrayList<>(partition.members());
        try {
            change = partition.configure(SetConfigurationRequest.Arguments.newBuilder()
                    .setServersInCurrentConf(before)
                    .setServersInNewConf(members)
                    .setMode(SetConfigurationRequest.Mode.COMPARE_AND_SET)
                    .build());
        } catch (IOException e) {
            return what + "; it did not work, and is tried again: " + e.getMessage();
        }
        return what;
    }

    // ---- the leadership

    /** Returns whether this node leads, and another could. */
    boolean leadsWithOthers() {
        return partition.leads() && partition.members().size() > 1;
    }

    /** Has any other node lead, if one can. */
    void handOver() {
        try {
            transfer(null);
        } catch (KvException e) {
            log.atWarn().setCause(e).log("the leadership of {} is not handed on", partition.label());
        }
    }

    /**
     * Has another node lead. Blocks.
     *
     * @param to the node, or null for whichever is furthest
     * @throws KvException {@link ErrorCode#UNAVAILABLE} if this node does not lead, or no other node can take over in time
     */
    void transfer(@Nullable String to) {
        if (!partition.leads()) {
            throw Partition.notLeader(partition.leader());
        }
        List<ClusterView.Member> members = part().members();
        // One that does not answer may be as far as the others, and would be waited for, while nobody leads.
        Set<String> silent = partition.silentFollowers();
        List<ClusterView.Member> candidates = members.stream()
                .filter(member -> to == null
                        ? !member.node().equals(self.id()) && !silent.contains(member.node())
                        : member.node().equals(to))
                .toList();
        if (to != null && candidates.isEmpty()) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "node '" + to + "' is no member of " + partition.label() + " (expected: one of "
                            + String.join(
                                    ", ",
                                    members.stream()
                                            .map(ClusterView.Member::node)
                                            .toList())
                            + ")");
        }
        if (self.id().equals(to)) {
            return;
        }
        String problem = "none answers";
        for (ClusterView.Member candidate : furthestFirst(candidates)) {
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

    /**
     * Sorts those that could lead by how much they have applied. One that has just started may have the whole log, and stand for election with it, long before it has read it again; and nobody
     * leads before that. Here this node still does.
     */
    private List<ClusterView.Member> furthestFirst(List<ClusterView.Member> candidates) {
        Map<String, ClusterView> views = Map.of();
        if (candidates.size() > 1) {
            try {
                views = nodes.views(candidates.stream()
                                .map(ClusterView.Member::place)
                                .toList())
                        .get(VIEWS_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)
                        .views();
            } catch (ExecutionException | TimeoutException e) {
                log.atDebug().setCause(e).log("what others have applied is not known");
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        Map<String, ClusterView> known = views;
        return candidates.stream()
                .sorted(Comparator.<ClusterView.Member>comparingLong(member -> applied(known.get(member.node())))
                        .thenComparingLong(ClusterView.Member::committed)
                        .reversed())
                .toList();
    }

    private long applied(@Nullable ClusterView view) {
        ClusterView.Part part = view == null ? null : part(view);
        return part == null ? -1 : part.appliedIndex();
    }
}
