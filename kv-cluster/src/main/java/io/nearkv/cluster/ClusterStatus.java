package io.nearkv.cluster;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a node of a cluster is doing, as it sees it.
 *
 * @param node its id
 * @param state how it takes part
 * @param leader who leads, or null if it knows of nobody
 * @param term the term of the log
 * @param commitIndex the last entry that a majority has, as far as it knows
 * @param appliedIndex the last entry that is applied to its replica
 * @param version the version of the last change in its replica
 * @param queued commands that wait for an entry
 * @param waiting requests that wait for a leader
 * @param entries entries that it has proposed since it started
 * @param commands commands in these
 * @param unknown writes of which nobody could say whether they happened
 * @param members the nodes of the cluster
 */
public record ClusterStatus(
        String node,
        ClusterView.State state,
        @Nullable String leader,
        long term,
        long commitIndex,
        long appliedIndex,
        long version,
        int queued,
        int waiting,
        long entries,
        long commands,
        long unknown,
        List<ClusterView.Member> members) {
    /** Makes the list read-only. */
    public ClusterStatus {
        members = List.copyOf(members);
    }
}
