package io.nearkv.cluster;

import static java.util.Objects.requireNonNull;

import java.util.List;

/**
 * What a node of a cluster is doing, as it sees it.
 *
 * @param node its id
 * @param waiting requests that wait for a leader
 * @param snapshots how many snapshots it is sending
 * @param snapshotBytes how many bytes of snapshots it has sent since it started
 * @param connections how many connections to its log's port are open
 * @param refused how many of them it has refused since it started
 * @param logs by their numbers; the first one is everywhere
 */
public record ClusterStatus(
        String node, int waiting, int snapshots, long snapshotBytes, int connections, long refused, List<Log> logs) {
    /** Makes the list read-only. */
    public ClusterStatus {
        logs = List.copyOf(logs);
        if (logs.isEmpty()) {
            throw new IllegalArgumentException("a status of no log");
        }
    }

    /**
     * What it is doing with a log.
     *
     * @param part how it takes part
     * @param commitIndex the last entry that a majority has, as far as it knows, or -1
     * @param snapshotIndex the last entry in its newest snapshot, or -1
     * @param firstIndex the first entry that is still in the log, or -1
     * @param version the version of the last change in its replica
     * @param queued commands that wait for an entry
     * @param entries entries that it has proposed since it started
     * @param commands commands in these
     * @param unknown writes of which nobody could say whether they happened
     */
    public record Log(
            ClusterView.Part part,
            long commitIndex,
            long snapshotIndex,
            long firstIndex,
            long version,
            int queued,
            long entries,
            long commands,
            long unknown) {
        /** Checks that nothing is missing. */
        public Log {
            requireNonNull(part, "part");
        }
    }

    /** Returns the log that every node has. */
    public Log whole() {
        return logs.get(0);
    }
}
