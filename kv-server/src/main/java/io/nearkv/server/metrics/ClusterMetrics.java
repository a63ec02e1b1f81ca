package io.nearkv.server.metrics;

import io.nearkv.cluster.ClusterStatus;
import io.nearkv.cluster.ClusterView;
import java.util.LinkedHashMap;
import java.util.Map;

/** The metrics of a node's part in its cluster. Stateless. */
final class ClusterMetrics {
    private ClusterMetrics() {}

    static void add(MetricPage page, ClusterStatus status) {
        boolean leads = status.node().equals(status.leader());
        page.gauge("nearkv_cluster_leads", "Whether this node leads.", leads ? 1 : 0);
        page.gauge("nearkv_cluster_has_leader", "Whether this node knows who leads.", status.leader() == null ? 0 : 1);
        page.gauge("nearkv_cluster_term", "Term of the log: grows with every election.", status.term());
        page.gauge("nearkv_cluster_commit_index", "Last entry of the log that a majority has.", status.commitIndex());
        page.gauge("nearkv_cluster_applied_index", "Last entry that is applied to the replica.", status.appliedIndex());
        page.gauge("nearkv_cluster_version", "Version of the last change in the replica.", status.version());
        page.gauge("nearkv_cluster_queued_commands", "Commands that wait for an entry of the log.", status.queued());
        page.gauge("nearkv_cluster_waiting_requests", "Requests that wait for a leader.", status.waiting());
        page.counter("nearkv_cluster_entries", "Entries that this node has proposed.", status.entries());
        page.counter("nearkv_cluster_commands", "Commands in these entries.", status.commands());
        page.counter(
                "nearkv_cluster_unknown_outcomes",
                "Writes of which nobody could say whether they happened.",
                status.unknown());
        page.gauge(
                "nearkv_cluster_member",
                "Whether this node is a member: it votes, and its replica counts.",
                status.state() == ClusterView.State.MEMBER ? 1 : 0);
        Map<String, Double> members = new LinkedHashMap<>();
        for (ClusterView.Member member : status.members()) {
            members.put(member.node(), (double) member.committed());
        }
        page.gauges(
                "nearkv_cluster_member_commit_index",
                "Last entry that a member is known to have, -1 if nothing is known of it.",
                "member",
                members);
    }
}
