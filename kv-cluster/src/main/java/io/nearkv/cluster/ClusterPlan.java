package io.nearkv.cluster;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What is to be done next so that partitions are where they should be, worked out from what all nodes say and from nothing else: so nothing is lost with whoever drives a change, and whoever asks
 * again goes on. Immutable.
 */
final class ClusterPlan {
    /**
     * What is to be done next.
     *
     * @param what in words; empty if there is nothing left to do
     * @param at the node that does it, or null if it only can be waited
     * @param question what that node is asked
     * @param then what follows at once if the answer says that the first is done, or null
     */
    record Next(
            String what,
            @Nullable ClusterMember at,
            @Nullable ClusterQuestion question,
            @Nullable Next then) {
        static final Next NOTHING = new Next("", null, null, null);

        static Next waiting(String what) {
            return new Next(what, null, null, null);
        }

        boolean isNothing() {
            return what.isEmpty();
        }
    }

    private final int logs;
    private final int copies;
    private final Map<String, ClusterView> views;
    /** The members of log 0, by their names. */
    private final Map<String, ClusterMember> nodes = new HashMap<>();

    /**
     * Makes a plan.
     *
     * @param views of all nodes that have answered, by their names
     */
    ClusterPlan(ClusterLayout layout, Map<String, ClusterView> views) {
        this.logs = layout.logs();
        this.copies = layout.copies();
        this.views = Map.copyOf(views);
        ClusterView.Part whole = leading(0);
        if (whole != null) {
            for (ClusterView.Member member : whole.members()) {
                nodes.put(member.node(), member.place());
            }
        }
    }

    /** Returns a log as the node sees it that leads it, or null if nobody who has answered does. */
    private ClusterView.@Nullable Part leading(int number) {
        ClusterView.Part found = null;
        for (ClusterView view : views.values()) {
            ClusterView.Part part = number < view.parts().size() ? view.parts().get(number) : null;
            if (part != null && view.node().equals(part.leader()) && (found == null || part.term() > found.term())) {
                found = part;
            }
        }
        return found;
    }

    /** Returns whether somebody leads a log, and a node is no member of it. */
    boolean isLedWithout(int number, String node) {
        ClusterView.Part part = leading(number);
        return part != null && part.member(node) == null;
    }

    private static Next noLeader(int number) {
        return Next.waiting("nobody leads partition " + number + " at the moment");
    }

    private ClusterMember place(ClusterView.Part part, String node) {
        ClusterView.Member member = part.member(node);
        ClusterMember place = member != null ? member.place() : nodes.get(node);
        if (place == null) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "node '" + node + "' is no member of the cluster (expected: one of "
                            + nodes.keySet().stream().sorted().toList() + ")");
        }
        return place;
    }

    private ClusterMember leaderPlace(ClusterView.Part part) {
        String leader = part.leader();
        return place(part, leader == null ? "" : leader);
    }

    private boolean has(ClusterView.Part part, String node) {
        ClusterView.Member member = part.member(node);
        ClusterView theirs = views.get(node);
        return member != null && (theirs == null || theirs.disk().equals(member.disk()));
    }

    // ---- one partition on one node

    /** Brings a partition to a node. */
    private Next bring(int number, String node) {
        ClusterView.Part part = leading(number);
        if (part == null) {
            return noLeader(number);
        }
        ClusterMember place = place(part, node);
        ClusterView theirs = views.get(node);
        if (theirs == null) {
            return Next.waiting("node '" + node + "' does not answer");
        }
        if (has(part, node)) {
            return Next.NOTHING;
        }
        if (state(number, node)
                == ClusterView.State.ABSENT) { // Before a former disk is given up, so that it is known why.
            return new Next(
                    "node '" + node + "' gets ready for partition " + number,
                    place,
                    new ClusterQuestion.Host(number),
                    null);
        }
        return new Next(
                "partition " + number + " comes to node '" + node + "'",
                leaderPlace(part),
                new ClusterQuestion.Join(number, place),
                null);
    }

    /** Takes a partition from a node. */
    private Next take(int number, String node) {
        ClusterView.Part part = leading(number);
        if (part == null) {
            return noLeader(number);
        }
        ClusterView.State state = state(number, node);
        boolean holds = state != null && state != ClusterView.State.ABSENT;
        if (part.member(node) == null && !holds) {
            return Next.NOTHING;
        }
        // Asked of the leader even if the node is no member already: while a change is under way, nothing may be
        // removed.
        return new Next(
                "partition " + number + " leaves node '" + node + "'",
                leaderPlace(part),
                new ClusterQuestion.Leave(number, node),
                holds
                        ? new Next(
                                "node '" + node + "' removes its copy of partition " + number,
                                place(part, node),
                                new ClusterQuestion.Drop(number),
                                null)
                        : null);
    }

    // ---- what operators ask for

    /** Moves a partition. */
    Next move(ClusterQuestion.Move move) {
        check(move.partition());
        ClusterView.Part part = leading(move.partition());
        if (part == null) {
            return noLeader(move.partition());
        }
        if (move.from().equals(move.to())) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST, "node '" + move.from() + "' is named twice (expected: two nodes)");
        }
        ClusterMember unused = place(part, move.from()); // A node that does not exist is a slip of the pen.
        boolean arrived = has(part, move.to());
        if (!arrived && part.member(move.from()) == null) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "partition " + move.partition() + " is not on node '" + move.from() + "' (expected: one of "
                            + part.members().stream()
                                    .map(ClusterView.Member::node)
                                    .toList() + ")");
        }
        return arrived ? take(move.partition(), move.from()) : bring(move.partition(), move.to());
    }

    private void check(int partition) {
        if (logs == 1) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "the cluster has one partition, which is on every node (expected: a cluster made with"
                            + " --partitions)");
        }
        if (partition < 1 || partition >= logs) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST, "partition " + partition + " (expected: 1 to " + (logs - 1) + ")");
        }
    }

    /** Brings back to a node what it had on a disk that it has lost. */
    Next restore(String node) {
        for (int number = 1; number < logs; number++) {
            ClusterView.Part part = leading(number);
            ClusterView.Member member = part == null ? null : part.member(node);
            if (part == null) {
                return noLeader(number);
            }
            boolean begun = state(number, node) == ClusterView.State.WAITING;
            if ((member != null && !has(part, node)) || (member == null && begun)) {
                return bring(number, node);
            }
        }
        return Next.NOTHING;
    }

    /** Takes everything from a node, after others have it. */
    Next empty(String node) {
        for (int number = 1; number < logs; number++) {
            ClusterView.Part part = leading(number);
            if (part == null) {
                return noLeader(number);
            }
            List<String> others = part.members().stream()
                    .map(ClusterView.Member::node)
                    .filter(each -> !each.equals(node))
                    .toList();
            if (part.member(node) != null && others.size() < copies) {
                String least = least(number, part, node);
                if (least != null) {
                    return bring(number, least);
                }
            }
            Next next = take(number, node);
            if (!next.isNothing()) {
                return next;
            }
        }
        return Next.NOTHING;
    }

    /** Spreads partitions and leaders. */
    Next rebalance() {
        if (logs == 1) {
            return Next.NOTHING;
        }
        Map<String, Integer> load = new HashMap<>();
        nodes.keySet().forEach(node -> load.put(node, 0));
        List<ClusterView.Part> parts = new ArrayList<>();
        for (int number = 1; number < logs; number++) {
            ClusterView.Part part = leading(number);
            if (part == null) {
                return noLeader(number);
            }
            parts.add(part);
            for (ClusterView.Member member : part.members()) {
                load.merge(member.node(), 1, Integer::sum);
            }
        }
        for (int number = 1; number < logs; number++) {
            ClusterView.Part part = parts.get(number - 1);
            if (part.members().size() < Math.min(copies, nodes.size())) {
                String least = least(number, part, "");
                if (least != null) {
                    return bring(number, least);
                }
            }
            if (part.members().size() > copies) {
                return take(number, most(part, load));
            }
        }
        Next next = level(parts, load);
        if (next.isNothing()) {
            next = tidy(parts);
        }
        return next.isNothing() ? leaders() : next;
    }

    /** Removes what a change that was given up has left on nodes; only when nothing is on its way to one. */
    private Next tidy(List<ClusterView.Part> parts) {
        for (int number = 1; number < logs; number++) {
            for (String node : nodes.keySet()) {
                Next next = parts.get(number - 1).member(node) == null ? take(number, node) : Next.NOTHING;
                if (!next.isNothing()) {
                    return next;
                }
            }
        }
        return Next.NOTHING;
    }

    /** Brings one partition from the node that has most to the one that has least; that it leaves the first is the next step. */
    private Next level(List<ClusterView.Part> parts, Map<String, Integer> load) {
        List<String> byLoad = load.keySet().stream()
                .filter(views::containsKey)
                .sorted(Comparator.<String>comparingInt(node -> load.getOrDefault(node, 0))
                        .thenComparing(Comparator.naturalOrder()))
                .toList();
        if (byLoad.isEmpty()) {
            return Next.NOTHING;
        }
        String least = byLoad.get(0);
        String most = byLoad.get(byLoad.size() - 1);
        if (load.getOrDefault(most, 0) - load.getOrDefault(least, 0) < 2) {
            return Next.NOTHING;
        }
        for (int number = 1; number < logs; number++) {
            ClusterView.Part part = parts.get(number - 1);
            if (part.member(most) != null && part.member(least) == null) {
                return bring(number, least);
            }
        }
        return Next.NOTHING;
    }

    private String most(ClusterView.Part part, Map<String, Integer> load) {
        return part.members().stream()
                .map(ClusterView.Member::node)
                .max(Comparator.<String>comparingInt(node -> load.getOrDefault(node, 0))
                        .thenComparing(Comparator.naturalOrder()))
                .orElseThrow();
    }

    /** Returns the node with the fewest partitions that answers and has nothing of this one; null if there is none. One that has begun to get it comes first. */
    private @Nullable String least(int number, ClusterView.Part part, String not) {
        return nodes.keySet().stream()
                .filter(node -> !node.equals(not) && part.member(node) == null && views.containsKey(node))
                .min(Comparator.<String>comparingInt(
                                node -> state(number, node) == ClusterView.State.WAITING ? -1 : count(node))
                        .thenComparing(Comparator.naturalOrder()))
                .orElse(null);
    }

    /** Returns how a node takes part in a log by its own words, or null if it has not answered. */
    private ClusterView.@Nullable State state(int number, String node) {
        ClusterView theirs = views.get(node);
        return theirs == null || number >= theirs.parts().size()
                ? null
                : theirs.parts().get(number).state();
    }

    private int count(String node) {
        int count = 0;
        for (int number = 1; number < logs; number++) {
            ClusterView.Part part = leading(number);
            if (part != null && part.member(node) != null) {
                count++;
            }
        }
        return count;
    }

    /** Has a node that leads more than others hand one on, where the difference is two or more. */
    Next leaders() {
        Map<String, Integer> leads = new HashMap<>();
        nodes.keySet().stream().filter(views::containsKey).forEach(node -> leads.put(node, 0));
        for (int number = 1; number < logs; number++) {
            ClusterView.Part part = leading(number);
            String leader = part == null ? null : part.leader();
            if (leader != null) {
                leads.merge(leader, 1, Integer::sum);
            }
        }
        for (int number = 1; number < logs; number++) {
            ClusterView.Part part = leading(number);
            String leader = part == null ? null : part.leader();
            if (part == null || leader == null) {
                continue;
            }
            String fewest = part.members().stream()
                    .filter(member -> leads.containsKey(member.node()) && has(part, member.node()))
                    .map(ClusterView.Member::node)
                    .min(Comparator.<String>comparingInt(node -> leads.getOrDefault(node, 0))
                            .thenComparing(Comparator.naturalOrder()))
                    .orElse(leader);
            if (leads.getOrDefault(leader, 0) - leads.getOrDefault(fewest, 0) >= 2) {
                return new Next(
                        "node '" + fewest + "' comes to lead partition " + number,
                        leaderPlace(part),
                        new ClusterQuestion.Transfer(number, fewest),
                        null);
            }
        }
        return Next.NOTHING;
    }
}
