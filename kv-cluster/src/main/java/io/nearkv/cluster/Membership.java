package io.nearkv.cluster;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.ratis.proto.RaftProtos.CommitInfoProto;
import org.apache.ratis.protocol.RaftClientReply;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.protocol.SetConfigurationRequest;
import org.apache.ratis.server.RaftServer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who the members are, and how a node gets to be one or ceases to be. A node with an empty disk never begins a cluster on its own account: all nodes of the layout must say at the same time
 * that they are empty too, and each notes with which disks they began. Whoever finds a cluster that has begun without its disk waits to be added.
 *
 * <p>Thread-safe.
 */
final class Membership {
    private static final Logger log = LoggerFactory.getLogger(Membership.class);
    private static final Duration PATIENCE = Duration.ofSeconds(2);
    private static final long FIRST_LOOK_MILLIS = 50;
    private static final long LOOK_MILLIS = 250;
    /** Starts the log of this node. */
    @FunctionalInterface
    interface Starter {
        /**
         * Starts it.
         *
         * @param founders with whom, none for a node that waits to be added
         */
        void start(List<ClusterView.Member> founders);
    }

    private final ClusterLayout layout;
    private final ClusterMember self;
    private final Disk disk;
    private final Partition partition;
    private final PeerStores peers;
    private final ScheduledExecutorService timer;
    private final Starter starter;
    private volatile List<ClusterView.Member> founders = List.of();
    private volatile boolean decided;
    private volatile String undecidedBecause = "it has not asked the other nodes yet";
    /** Who leads by what others say, while this node does not know it by itself. */
    private volatile @Nullable ClusterMember leaderElsewhere;

    /** The change that Ratis is making; guarded by this, as is the next. */
    private @Nullable CompletableFuture<RaftClientReply> change;

    private String changing = "";

    Membership(
            ClusterLayout layout,
            ClusterMember self,
            Disk disk,
            Partition partition,
            PeerStores peers,
            ScheduledExecutorService timer,
            Starter starter) {
        this.layout = layout;
        this.self = self;
        this.disk = disk;
        this.partition = partition;
        this.peers = peers;
        this.timer = timer;
        this.starter = starter;
    }

    // ---- beginning

    /** Starts the log with what was decided before, or begins to find out. */
    void begin() throws IOException {
        List<ClusterView.Member> before = disk.founders();
        if (before != null) {
            start(before);
        } else if (layout.members().size() == 1) {
            decide(List.of(me()));
        }
        look();
    }

    private ClusterView.Member me() {
        return new ClusterView.Member(self, disk.id(), -1);
    }

    private void decide(List<ClusterView.Member> with) throws IOException {
        disk.found(with);
        start(with);
    }

    private void start(List<ClusterView.Member> with) {
        founders = with;
        decided = true;
        starter.start(with);
    }

    private void lookAgain(long millis) {
        try {
            var unused = timer.schedule(this::look, millis, TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException e) {
            log.atDebug().log("the node is being closed");
        }
    }

    /** Asks all others, as long as this node has not begun, is no member, or does not know who leads: then others may. */
    private void look() {
        boolean member = decided && isMember();
        partition.serving(member);
        if (member && partition.leader() != null) {
            leaderElsewhere = null;
            lookAgain(LOOK_MILLIS);
            return;
        }
        Map<String, CompletableFuture<ClusterView>> asked = new HashMap<>();
        for (ClusterMember place : layout.members()) {
            if (!place.equals(self)) {
                asked.put(place.id(), ask(place));
            }
        }
        var unused = CompletableFuture.allOf(asked.values().toArray(CompletableFuture[]::new))
                .whenComplete((nothing, failed) -> heard(asked));
    }

    private void heard(Map<String, CompletableFuture<ClusterView>> asked) {
        try {
            timer.execute(() -> judge(asked));
        } catch (RejectedExecutionException e) {
            log.atDebug().log("the node is being closed");
        }
    }

    private void judge(Map<String, CompletableFuture<ClusterView>> asked) {
        List<ClusterView> said = new ArrayList<>();
        List<String> silent = new ArrayList<>();
        asked.forEach((node, answer) -> {
            if (answer.isCompletedExceptionally()) {
                silent.add(node);
            } else {
                said.add(answer.join());
            }
        });
        leaderElsewhere = leaderBy(said);
        try {
            if (!decided) {
                boolean unused = decide(said, silent);
            }
        } catch (IOException | RuntimeException e) {
            log.atError().setCause(e).log("this node cannot begin");
            partition.fail(KvException.from(e));
            return;
        }
        lookAgain(decided ? LOOK_MILLIS : FIRST_LOOK_MILLIS);
    }

    /** Returns where the node is that leads, by the view of the newest term. */
    private @Nullable ClusterMember leaderBy(List<ClusterView> said) {
        ClusterMember found = null;
        long term = -1;
        for (ClusterView view : said) {
            String leader = view.leader();
            ClusterView.Member member = leader == null ? null : view.member(leader);
            if (member != null && view.term() > term && !member.node().equals(self.id())) {
                found = member.place();
                term = view.term();
            }
        }
        return found;
    }

    /** Returns where the node is that leads, by what others say; null if this node knows it by itself, or nobody does. */
    @Nullable
    ClusterMember leaderElsewhere() {
        return leaderElsewhere;
    }

    private boolean decide(List<ClusterView> said, List<String> silent) throws IOException {
        List<ClusterView> begun =
                said.stream().filter(view -> !view.members().isEmpty()).toList();
        for (ClusterView view : begun) {
            ClusterView.Member founder = view.founder(self.id());
            if (founder != null && founder.disk().equals(disk.id())) {
                decide(view.founders());
                return true;
            }
        }
        for (ClusterView view : begun) {
            ClusterView.Member former = view.member(self.id());
            if (former != null && former.disk().equals(disk.id())) {
                throw new KvException(
                        ErrorCode.INTERNAL,
                        "the cluster knows this disk, but its log is gone (expected: all files of the folder, or none)");
            }
            if (former != null) {
                undecidedBecause = "the cluster knows node '" + self.id()
                        + "' with another disk; 'nearkv cluster add' takes it in with this one";
                return false;
            }
        }
        if (!begun.isEmpty()) {
            decide(List.of());
            return true;
        }
        if (!silent.isEmpty()) {
            undecidedBecause = "a cluster begins when all its nodes are there once, and "
                    + String.join(", ", silent.stream().sorted().toList()) + " cannot be reached";
            return false;
        }
        if (said.stream().anyMatch(view -> view.state() != ClusterView.State.UNDECIDED)) {
            undecidedBecause = "not all nodes of the cluster file are new, and none of them is a member";
            return false;
        }
        List<ClusterView.Member> all = new ArrayList<>(List.of(me()));
        for (ClusterView view : said) {
            all.add(new ClusterView.Member(place(view.node()), view.disk(), -1));
        }
        decide(all);
        return true;
    }

    private ClusterMember place(String node) {
        return layout.members().stream()
                .filter(member -> member.id().equals(node))
                .findFirst()
                .orElseThrow(() ->
                        new KvException(ErrorCode.INTERNAL, "node '" + node + "' is not in this node's cluster file"));
    }

    private CompletableFuture<ClusterView> ask(ClusterMember member) {
        try {
            KvStore store = peers.store(member);
            return store.admin()
                    .ask(new ClusterQuestion.View().encode())
                    .orTimeout(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)
                    .thenApply(answer -> checked(member, ClusterView.decode(answer)));
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private ClusterView checked(ClusterMember member, ClusterView view) {
        if (!view.cluster().equals(layout.cluster()) || !view.node().equals(member.id())) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    member.peer() + " is node '" + view.node() + "' of cluster " + view.cluster() + " (expected: node '"
                            + member.id() + "' of cluster " + layout.cluster() + ")");
        }
        return view;
    }

    /** Returns why this node is no member, or null if it is one. */
    @Nullable
    String problem() {
        if (!decided) {
            return undecidedBecause;
        }
        return isMember() ? null : "it is no member of the cluster: 'nearkv cluster add' takes it in";
    }

    private boolean isMember() {
        RaftPeerId me = Disk.peerId(self.id(), disk.id());
        return partition.members().stream().anyMatch(peer -> peer.getId().equals(me));
    }

    // ---- looking

    /** Returns how it looks from here. */
    ClusterView view() {
        RaftServer.Division division = partition.division();
        if (division == null) {
            return new ClusterView(
                    layout.cluster(),
                    self.id(),
                    disk.id(),
                    // One that has begun before says so from its first word on: no empty disk may found anything beside
                    // it.
                    decided ? ClusterView.State.WAITING : ClusterView.State.UNDECIDED,
                    founders,
                    List.of(),
                    null,
                    0,
                    -1,
                    decided ? "" : undecidedBecause);
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
        return new ClusterView(
                layout.cluster(),
                self.id(),
                disk.id(),
                isMember() ? ClusterView.State.MEMBER : ClusterView.State.WAITING,
                founders,
                members,
                leader == null ? null : Disk.node(leader),
                division.getInfo().getCurrentTerm(),
                division.getInfo().getLastAppliedIndex(),
                "");
    }

    // ---- changing; at the node that leads

    /** Takes the next step towards a node being a member. */
    CompletableFuture<ClusterView> add(ClusterMember place) {
        return ask(place).handle((theirs, failed) -> {
            if (failed != null) {
                KvException why = KvException.from(failed);
                if (why.code() == ErrorCode.INVALID_REQUEST) {
                    throw why;
                }
                return view().during("node '" + place.id() + "' does not answer at " + place.peer() + ": "
                        + why.getMessage());
            }
            return add(place, theirs);
        });
    }

    private synchronized ClusterView add(ClusterMember place, ClusterView theirs) {
        ClusterView now = view();
        String busy = busy();
        if (!busy.isEmpty()) {
            return now.during(busy);
        }
        ClusterView.Member there = now.member(place.id());
        if (there != null && there.disk().equals(theirs.disk())) {
            return now;
        }
        List<RaftPeer> members = new ArrayList<>(partition.members());
        if (there != null) {
            RaftPeerId former = Disk.peerId(there.node(), there.disk());
            members.removeIf(peer -> peer.getId().equals(former));
            if (members.isEmpty()) {
                throw new KvException(
                        ErrorCode.INVALID_REQUEST, "node '" + place.id() + "' is the only member, with another disk");
            }
            return begin(members, "the former disk of node '" + place.id() + "' is given up");
        }
        if (theirs.state() != ClusterView.State.WAITING) {
            return now.during("node '" + place.id() + "' is not ready to be added yet");
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
        return begin(members, "node '" + place.id() + "' catches up before it votes");
    }

    /** Takes the next step towards a node being no member. */
    CompletableFuture<ClusterView> remove(String node, Runnable handOver) {
        Map<String, CompletableFuture<ClusterView>> asked = new HashMap<>();
        for (ClusterView.Member member : view().members()) {
            if (!member.node().equals(node) && !member.node().equals(self.id())) {
                asked.put(member.node(), ask(member.place()));
            }
        }
        return CompletableFuture.allOf(asked.values().toArray(CompletableFuture[]::new))
                .handle((nothing, failed) -> {
                    List<String> silent = asked.entrySet().stream()
                            .filter(each -> each.getValue().isCompletedExceptionally())
                            .map(Map.Entry::getKey)
                            .sorted()
                            .toList();
                    return remove(node, silent, handOver);
                });
    }

    private synchronized ClusterView remove(String node, List<String> silent, Runnable handOver) {
        ClusterView now = view();
        String busy = busy();
        if (!busy.isEmpty()) {
            return now.during(busy);
        }
        ClusterView.Member there = now.member(node);
        if (there == null) {
            return now;
        }
        int left = now.members().size() - 1;
        if (left == 0) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "node '" + node + "' is the only member (expected: another one beside it)");
        }
        // Who is removed may be the one on whom the majority hangs: then nothing would go on.
        if (left - silent.size() <= left / 2) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "of the " + left + " nodes that would be left, " + String.join(", ", silent)
                            + " cannot be reached, so that there would be no majority (expected: remove or repair these"
                            + " first)");
        }
        if (node.equals(self.id())) {
            timer.execute(handOver);
            return now.during("node '" + node + "' leads, and hands that on first");
        }
        RaftPeerId leaving = Disk.peerId(node, there.disk());
        List<RaftPeer> members = new ArrayList<>(partition.members());
        members.removeIf(peer -> peer.getId().equals(leaving));
        return begin(members, "node '" + node + "' is removed");
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

    private ClusterView begin(List<RaftPeer> members, String what) {
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
            return view().during(what + "; it did not work, and is tried again: " + e.getMessage());
        }
        return view().during(what);
    }
}
