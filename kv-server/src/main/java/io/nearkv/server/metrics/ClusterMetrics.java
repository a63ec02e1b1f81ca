package io.nearkv.server.metrics;

import io.nearkv.cluster.ClusterStatus;
import io.nearkv.cluster.ClusterView;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.ToLongFunction;

/** The metrics of a node's part in its cluster. Stateless. */
final class ClusterMetrics {
    private ClusterMetrics() {}

    static void add(MetricPage page, ClusterStatus status) {
        ClusterView.Part whole = status.whole().part();
        page.gauge("nearkv_cluster_leads", "Whether this node leads.", leads(status, whole));
        page.gauge("nearkv_cluster_has_leader", "Whether this node knows who leads.", whole.leader() == null ? 0 : 1);
        page.gauge("nearkv_cluster_term", "Term of the log: grows with every election.", whole.term());
        page.gauge(
                "nearkv_cluster_commit_index",
                "Last entry of the log that a majority has.",
                status.whole().commitIndex());
        page.gauge("nearkv_cluster_applied_index", "Last entry that is applied to the replica.", whole.appliedIndex());
        page.gauge(
                "nearkv_cluster_snapshot_index",
                "Last entry in the newest snapshot, -1 if there is none.",
                status.whole().snapshotIndex());
        page.gauge(
                "nearkv_cluster_log_first_index",
                "First entry that is still in the log.",
                status.whole().firstIndex());
        page.gauge(
                "nearkv_cluster_version",
                "Version of the last change in the replica.",
                status.whole().version());
        page.gauge(
                "nearkv_cluster_queued_commands",
                "Commands that wait for an entry of the log.",
                sum(status, ClusterStatus.Log::queued));
        page.gauge("nearkv_cluster_waiting_requests", "Requests that wait for a leader.", status.waiting());
        page.gauge(
                "nearkv_cluster_snapshots_sending",
                "Snapshots that this node is sending to others.",
                status.snapshots());
        page.counter(
                "nearkv_cluster_snapshot_sent_bytes",
                "Bytes of snapshots that this node has sent.",
                status.snapshotBytes());
        page.gauge(
                "nearkv_cluster_log_connections",
                "Open connections of other nodes to the log's port.",
                status.connections());
        page.counter(
                "nearkv_cluster_log_connections_refused",
                "Connections to the log's port that were closed at once, because there were too many.",
                status.refused());
        page.counter(
                "nearkv_cluster_entries",
                "Entries that this node has proposed.",
                sum(status, ClusterStatus.Log::entries));
        page.counter("nearkv_cluster_commands", "Commands in these entries.", sum(status, ClusterStatus.Log::commands));
        page.counter(
                "nearkv_cluster_unknown_outcomes",
                "Writes of which nobody could say whether they happened.",
                sum(status, ClusterStatus.Log::unknown));
        page.gauge(
                "nearkv_cluster_member",
                "Whether this node is a member: it votes, and its replica counts.",
                whole.state() == ClusterView.State.MEMBER ? 1 : 0);
        Map<String, Double> members = new LinkedHashMap<>();
        for (ClusterView.Member member : whole.members()) {
            members.put(member.node(), (double) member.committed());
        }
        page.gauges(
                "nearkv_cluster_member_commit_index",
                "Last entry that a member is known to have, -1 if nothing is known of it.",
                "member",
                members);
        lags(page, status);
        partitions(page, status);
    }

    /** Only who leads knows it of all. */
    private static void lags(MetricPage page, ClusterStatus status) {
        Map<String, Map<String, Long>> lags = new LinkedHashMap<>();
        for (int number = 0; number < status.logs().size(); number++) {
            ClusterStatus.Log log = status.logs().get(number);
            if (leads(status, log.part()) == 1) {
                Map<String, Long> members = new LinkedHashMap<>();
                for (ClusterView.Member member : log.part().members()) {
                    members.put(member.node(), Math.max(0, log.commitIndex() - member.committed()));
                }
                lags.put(String.valueOf(number), members);
            }
        }
        page.gauges(
                "nearkv_cluster_member_lag_entries",
                "Committed entries of a log that this node leads of which a member is not known to know.",
                "partition",
                "member",
                lags);
    }

    /** Where there are several: each that this node holds. */
    private static void partitions(MetricPage page, ClusterStatus status) {
        Map<String, Number> leads = new LinkedHashMap<>();
        Map<String, Number> led = new LinkedHashMap<>();
        Map<String, Number> terms = new LinkedHashMap<>();
        Map<String, Number> snapshots = new LinkedHashMap<>();
        Map<String, Number> first = new LinkedHashMap<>();
        Map<String, Number> members = new LinkedHashMap<>();
        Map<String, Number> committed = new LinkedHashMap<>();
        Map<String, Number> applied = new LinkedHashMap<>();
        Map<String, Number> queued = new LinkedHashMap<>();
        for (int number = 1; number < status.logs().size(); number++) {
            ClusterStatus.Log log = status.logs().get(number);
            String label = String.valueOf(number);
            if (log.part().state() != ClusterView.State.ABSENT) {
                leads.put(label, leads(status, log.part()));
                led.put(label, log.part().leader() == null ? 0 : 1);
                terms.put(label, log.part().term());
                snapshots.put(label, log.snapshotIndex());
                first.put(label, log.firstIndex());
                members.put(label, log.part().state() == ClusterView.State.MEMBER ? 1 : 0);
                committed.put(label, log.commitIndex());
                applied.put(label, log.part().appliedIndex());
                queued.put(label, log.queued());
            }
        }
        String label = "partition";
        page.gauges("nearkv_cluster_partition_leads", "Whether this node leads the partition.", label, leads);
        page.gauges(
                "nearkv_cluster_partition_has_leader", "Whether this node knows who leads the partition.", label, led);
        page.gauges(
                "nearkv_cluster_partition_term",
                "Term of the partition's log: grows with every election.",
                label,
                terms);
        page.gauges(
                "nearkv_cluster_partition_snapshot_index",
                "Last entry in the newest snapshot of the partition, -1 if there is none.",
                label,
                snapshots);
        page.gauges(
                "nearkv_cluster_partition_log_first_index",
                "First entry that is still in the partition's log.",
                label,
                first);
        page.gauges(
                "nearkv_cluster_partition_member",
                "Whether this node is a member of the partition, and does not only begin to be one.",
                label,
                members);
        page.gauges(
                "nearkv_cluster_partition_commit_index",
                "Last entry of the partition's log that a majority has.",
                label,
                committed);
        page.gauges(
                "nearkv_cluster_partition_applied_index",
                "Last entry of the partition's log that is applied to the replica.",
                label,
                applied);
        page.gauges(
                "nearkv_cluster_partition_queued_commands",
                "Commands that wait for an entry of the partition's log.",
                label,
                queued);
    }

    private static int leads(ClusterStatus status, ClusterView.Part part) {
        return status.node().equals(part.leader()) ? 1 : 0;
    }

    private static long sum(ClusterStatus status, ToLongFunction<ClusterStatus.Log> count) {
        return status.logs().stream().mapToLong(count).sum();
    }
}
