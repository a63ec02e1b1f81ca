package io.nearkv.deploy.control;

import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Which of the nodes follow what they were sent. Immutable.
 *
 * @param nodes one report for each node that was sent to
 * @param elapsed from the first offer to the last answer that counted
 */
public record Coverage(List<NodeReport> nodes, Duration elapsed) {
    /** Makes it read-only. */
    public Coverage {
        nodes = List.copyOf(nodes);
    }

    /** Returns how many nodes follow. */
    public int holding() {
        return (int) nodes.stream()
                .filter(node -> node.state() == NodeReport.State.HOLDS)
                .count();
    }

    /** Returns how many nodes are to follow. */
    public int total() {
        return (int) nodes.stream()
                .filter(node -> node.state() != NodeReport.State.OUTSIDE)
                .count();
    }

    /** Returns whether all of them do. */
    public boolean complete() {
        return missing().isEmpty();
    }

    /** Returns those that do not. */
    public List<NodeReport> missing() {
        return nodes.stream().filter(node -> !node.settled()).toList();
    }

    /** Returns whether some have not answered, so that it is worth to go on. */
    public boolean waits() {
        return nodes.stream().anyMatch(node -> node.state() == NodeReport.State.UNREACHABLE);
    }

    /** Returns a line such as {@code 5/5 in 44 ms}, or {@code 4/5; missing kv://10.0.0.5:7400}. */
    public String summary() {
        return holding() + "/" + total()
                + (complete()
                        ? " in " + elapsed.toMillis() + " ms"
                        : "; missing "
                                + missing().stream().map(NodeReport::endpoint).collect(Collectors.joining(", ")));
    }
}
