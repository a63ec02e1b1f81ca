package io.nearkv.cluster;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** The nodes of the cluster, to be asked about it. Thread-safe. */
final class Nodes {
    private static final Duration VIEW_PATIENCE = Duration.ofSeconds(2);
    private static final Duration STEP_PATIENCE = Duration.ofSeconds(40);

    private final ClusterLayout layout;
    private final PeerStores peers;

    Nodes(ClusterLayout layout, PeerStores peers) {
        this.layout = layout;
        this.peers = peers;
    }

    PeerStores stores() {
        return peers;
    }

    /** Asks a node how it looks from there. */
    CompletableFuture<ClusterView> view(ClusterMember node) {
        return ask(node, new ClusterQuestion.View(), VIEW_PATIENCE);
    }

    /** Has a node take a step. */
    CompletableFuture<ClusterView> step(ClusterMember node, ClusterQuestion step) {
        return ask(node, step, STEP_PATIENCE);
    }

    private CompletableFuture<ClusterView> ask(ClusterMember node, ClusterQuestion question, Duration patience) {
        try {
            return peers.store(node, 0)
                    .admin()
                    .ask(question.encode())
                    .orTimeout(patience.toMillis(), TimeUnit.MILLISECONDS)
                    .thenApply(answer -> checked(node, ClusterView.decode(answer)));
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private ClusterView checked(ClusterMember node, ClusterView view) {
        if (!view.cluster().equals(layout.cluster()) || !view.node().equals(node.id())) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    node.peer() + " is node '" + view.node() + "' of cluster " + view.cluster() + " (expected: node '"
                            + node.id() + "' of cluster " + layout.cluster() + ")");
        }
        return view;
    }

    /**
     * What nodes have said.
     *
     * @param views of those that have answered, by their names
     * @param silent the names of the others
     */
    record Said(Map<String, ClusterView> views, List<String> silent) {}

    /** Asks some nodes how it looks from there; never fails. */
    CompletableFuture<Said> views(Collection<ClusterMember> nodes) {
        Map<String, CompletableFuture<ClusterView>> asked = new LinkedHashMap<>();
        for (ClusterMember node : nodes) {
            asked.put(node.id(), view(node));
        }
        return CompletableFuture.allOf(asked.values().toArray(CompletableFuture[]::new))
                .handle((nothing, failed) -> {
                    Map<String, ClusterView> views = new LinkedHashMap<>();
                    List<String> silent = new ArrayList<>();
                    asked.forEach((name, answer) -> {
                        if (answer.isCompletedExceptionally()) {
                            silent.add(name);
                        } else {
                            views.put(name, answer.join());
                        }
                    });
                    return new Said(views, silent.stream().sorted().toList());
                });
    }
}
