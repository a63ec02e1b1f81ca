package io.nearkv.cluster;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How a node comes to be in its cluster, and what it sees of the others. A node with an empty disk never begins a cluster on its own account: all nodes of the layout must say at the same time
 * that they are empty too, and each notes with which disks they began. Whoever finds a cluster that has begun without its disk waits to be added.
 *
 * <p>Thread-safe.
 */
final class Membership {
    private static final Logger log = LoggerFactory.getLogger(Membership.class);
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
    private final List<PartitionMembers> members;
    private final Nodes nodes;
    private final ScheduledExecutorService timer;
    private final Beginning beginning;
    private final Starter starter;
    private final Consumer<KvException> failed;
    private volatile List<ClusterView.Member> founders = List.of();
    private volatile boolean decided;
    private volatile String notBegunBecause = "";
    private volatile String undecidedBecause = "it has not asked the other nodes yet";

    Membership(
            ClusterLayout layout,
            ClusterMember self,
            Disk disk,
            List<PartitionMembers> members,
            Nodes nodes,
            ScheduledExecutorService timer,
            Beginning beginning,
            Starter starter,
            Consumer<KvException> failed) {
        this.layout = layout;
        this.self = self;
        this.disk = disk;
        this.members = members;
        this.nodes = nodes;
        this.timer = timer;
        this.beginning = beginning;
        this.starter = starter;
        this.failed = failed;
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
        beginning.prepare(with);
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

    /** Asks all others, as long as this node has not begun, or is not a member of each log that knows who leads it: then others may. */
    private void look() {
        try {
            boolean asks = !decided;
            for (PartitionMembers each : members) {
                asks |= each.look();
            }
            if (asks) {
                List<ClusterMember> others = places().stream()
                        .filter(place -> !place.id().equals(self.id()))
                        .toList();
                var unused = nodes.views(others).thenAccept(this::heard);
            } else {
                lookAgain(LOOK_MILLIS);
            }
        } catch (RuntimeException e) {
            // A log may be on its way out. Thrown on, this would be the last look.
            log.atWarn().setCause(e).log("the members cannot be looked at, it is tried again");
            lookAgain(LOOK_MILLIS);
        }
    }

    private void heard(Nodes.Said said) {
        try {
            timer.execute(() -> judge(said));
        } catch (RejectedExecutionException e) {
            log.atDebug().log("the node is being closed");
        }
    }

    private void judge(Nodes.Said said) {
        List<ClusterView> views = List.copyOf(said.views().values());
        try {
            for (PartitionMembers each : members) {
                if (each.look()) {
                    each.heard(views);
                }
            }
        } catch (RuntimeException e) {
            log.atWarn().setCause(e).log("what others say cannot be used, they are asked again");
        }
        try {
            if (!decided) {
                boolean unused = decide(views, said.silent());
            }
        } catch (IOException | RuntimeException e) {
            log.atError().setCause(e).log("this node cannot begin");
            KvException why = KvException.from(e);
            notBegunBecause = String.valueOf(why.getMessage());
            failed.accept(why);
            return;
        }
        lookAgain(decided ? LOOK_MILLIS : FIRST_LOOK_MILLIS);
    }

    private boolean decide(List<ClusterView> said, List<String> silent) throws IOException {
        List<ClusterView> begun =
                said.stream().filter(view -> !view.whole().members().isEmpty()).toList();
        for (ClusterView view : begun) {
            ClusterView.Member founder = view.founder(self.id());
            if (founder != null && founder.disk().equals(disk.id())) {
                decide(view.founders());
                return true;
            }
        }
        for (ClusterView view : begun) {
            ClusterView.Member former = view.whole().member(self.id());
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
        if (said.stream().anyMatch(view -> view.whole().state() != ClusterView.State.UNDECIDED)) {
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

    /** Returns why this node is no member, or null if it is one. */
    @Nullable
    String problem() {
        if (!decided) {
            return undecidedBecause;
        }
        return members.get(0).isMember() ? null : "it is no member of the cluster: 'nearkv cluster add' takes it in";
    }

    // ---- looking

    /** Returns how it looks from here. */
    ClusterView view() {
        List<ClusterView.Part> parts = new ArrayList<>();
        for (PartitionMembers each : members) {
            parts.add(each.part());
        }
        String underWay = "";
        if (parts.get(0).state() == ClusterView.State.ABSENT) {
            // One that has begun before says so from its first word on: no empty disk may found anything beside it. But
            // it
            // cannot be added before its log answers.
            if (!decided) {
                parts.set(0, new ClusterView.Part(ClusterView.State.UNDECIDED, List.of(), null, 0, -1));
            }
            underWay = decided ? notBegunBecause : undecidedBecause;
        }
        return new ClusterView(layout.cluster(), self.id(), disk.id(), founders, parts, underWay);
    }

    /** Returns all nodes that this one knows, itself included: the members, and who the file names. */
    List<ClusterMember> places() {
        Map<String, ClusterMember> places = new LinkedHashMap<>();
        for (ClusterMember place : layout.members()) {
            places.put(place.id(), place);
        }
        for (PartitionMembers each : members) {
            for (ClusterView.Member member : each.part().members()) {
                places.put(member.node(), member.place());
            }
        }
        return List.copyOf(places.values());
    }
}
