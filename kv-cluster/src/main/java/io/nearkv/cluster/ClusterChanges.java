package io.nearkv.cluster;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/** Takes the next step of a change of the cluster, at the node that leads log 0. Stateless, but for what the nodes say. Thread-safe. */
final class ClusterChanges {
    private final ClusterLayout layout;
    private final ClusterMember self;
    private final Membership membership;
    private final PartitionMembers whole;
    private final Nodes nodes;
    private final Function<ClusterQuestion, CompletableFuture<ClusterView>> here;

    /**
     * Makes it.
     *
     * @param whole the members of log 0
     * @param here answers what this node is asked
     */
    ClusterChanges(
            ClusterLayout layout,
            ClusterMember self,
            Membership membership,
            PartitionMembers whole,
            Nodes nodes,
            Function<ClusterQuestion, CompletableFuture<ClusterView>> here) {
        this.layout = layout;
        this.self = self;
        this.membership = membership;
        this.whole = whole;
        this.nodes = nodes;
        this.here = here;
    }

    /** Takes the next step; the answer says what is still to happen. */
    CompletableFuture<ClusterView> next(ClusterQuestion change) {
        CompletableFuture<String> underWay;
        if (change instanceof ClusterQuestion.Add add) {
            underWay = first(
                    whole.add(add.place()),
                    () -> plan(plan -> plan.restore(add.place().id())));
        } else if (change instanceof ClusterQuestion.Remove remove) {
            underWay = first(plan(plan -> plan.empty(remove.node())), () -> whole.remove(remove.node()));
        } else if (change instanceof ClusterQuestion.Move move) {
            underWay = plan(plan -> plan.move(move));
        } else if (change instanceof ClusterQuestion.Rebalance) {
            underWay = plan(ClusterPlan::rebalance);
        } else {
            throw new IllegalArgumentException("not a change of the cluster: " + change);
        }
        return underWay.thenApply(what -> membership.view().during(what));
    }

    /** Hands leaderships on where one node has many. */
    CompletableFuture<String> spreadLeaders() {
        return plan(ClusterPlan::leaders);
    }

    private static CompletableFuture<String> first(
            CompletableFuture<String> step, java.util.function.Supplier<CompletableFuture<String>> then) {
        return step.thenCompose(what -> what.isEmpty() ? then.get() : CompletableFuture.completedFuture(what));
    }

    private CompletableFuture<String> plan(Function<ClusterPlan, ClusterPlan.Next> asked) {
        if (layout.logs() == 1) {
            // All there is to say does not depend on others, and one of them may be slow to answer.
            return carryOut(asked.apply(new ClusterPlan(layout, Map.of(self.id(), membership.view()))));
        }
        List<ClusterMember> others = membership.places().stream()
                .filter(place -> !place.id().equals(self.id()))
                .toList();
        return nodes.views(others).thenCompose(said -> {
            Map<String, ClusterView> views = new HashMap<>(said.views());
            views.put(self.id(), membership.view());
            return carryOut(asked.apply(new ClusterPlan(layout, views)));
        });
    }

    private CompletableFuture<String> carryOut(ClusterPlan.Next next) {
        ClusterMember at = next.at();
        ClusterQuestion question = next.question();
        if (at == null || question == null) {
            return CompletableFuture.completedFuture(next.what());
        }
        CompletableFuture<ClusterView> answer =
                at.id().equals(self.id()) ? here.apply(question) : nodes.step(at, question);
        return answer.handle(
                        (view, failed) -> failed == null ? view.underWay() : refusal(next, KvException.from(failed)))
                .thenCompose(underWay -> {
                    ClusterPlan.Next then = next.then();
                    return !underWay.isEmpty()
                            ? CompletableFuture.completedFuture(underWay)
                            : then == null ? CompletableFuture.completedFuture(next.what()) : carryOut(then);
                });
    }

    private static String refusal(ClusterPlan.Next next, KvException why) {
        if (why.code() == ErrorCode.INVALID_REQUEST) {
            throw why;
        }
        return next.what() + "; it did not work, and is tried again: " + why.getMessage();
    }
}
