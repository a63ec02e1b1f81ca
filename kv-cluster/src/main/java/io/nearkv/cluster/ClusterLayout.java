package io.nearkv.cluster;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.AccountInfo;
import io.nearkv.core.NamespaceInfo;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What all nodes of a cluster must agree on from the beginning. Immutable.
 *
 * @param cluster its id; another one is another cluster, with another history
 * @param environment the environment that it serves
 * @param account the account that a new cluster begins with
 * @param namespace the namespace that it begins with
 * @param members the nodes that begin; later ones join by a change of the membership
 * @param partitions over how many logs the keys are spread, for good
 * @param copies how many nodes hold each partition, if there are as many
 * @param backup the backup that it begins with ({@link ClusterBackups.Backup#checksum}), or null if it begins with nothing
 */
public record ClusterLayout(
        UUID cluster,
        String environment,
        AccountInfo account,
        NamespaceInfo namespace,
        List<ClusterMember> members,
        int partitions,
        int copies,
        @Nullable String backup) {
    /** Each is a log of its own, with threads and memory on each node that holds it. */
    public static final int MAX_PARTITIONS = 64;
    /** Survives the loss of one. */
    public static final int DEFAULT_COPIES = 3;
    /** More nodes than this only make every write slower. */
    public static final int MAX_MEMBERS = 15;

    /**
     * Checks that there is at least one member, and that no two share an id or an address.
     *
     * @throws IllegalArgumentException otherwise
     */
    public ClusterLayout {
        requireNonNull(cluster, "cluster");
        requireNonNull(environment, "environment");
        requireNonNull(account, "account");
        if (!namespace.account().equals(account.id())) {
            throw new IllegalArgumentException("the namespace is of another account");
        }
        members = List.copyOf(members);
        if (members.isEmpty() || members.size() > MAX_MEMBERS) {
            throw new IllegalArgumentException("members: " + members.size() + " (expected: 1 to " + MAX_MEMBERS + ")");
        }
        if (partitions < 1 || partitions > MAX_PARTITIONS) {
            throw new IllegalArgumentException(
                    "partitions: " + partitions + " (expected: 1 to " + MAX_PARTITIONS + ")");
        }
        if (copies < 1 || copies > MAX_MEMBERS) {
            throw new IllegalArgumentException("copies: " + copies + " (expected: 1 to " + MAX_MEMBERS + ")");
        }
        Set<String> seen = new HashSet<>();
        for (ClusterMember member : members) {
            if (!seen.add(member.id())) {
                throw new IllegalArgumentException("two members have the id '" + member.id() + "'");
            }
            for (String address : List.of(member.raft(), member.peer(), member.client())) {
                if (!seen.add(address)) {
                    throw new IllegalArgumentException("the address '" + address + "' is given twice");
                }
            }
        }
    }

    /**
     * Returns a copy with these members.
     *
     * @throws IllegalArgumentException as the constructor
     */
    public ClusterLayout withMembers(List<ClusterMember> others) {
        return new ClusterLayout(cluster, environment, account, namespace, others, partitions, copies, backup);
    }

    /** Returns the layout of another cluster that begins with a backup of this one. */
    public ClusterLayout restored(UUID id, String checksum) {
        return new ClusterLayout(id, environment, account, namespace, members, partitions, copies, checksum);
    }

    /** Returns the history that positions of this cluster belong to. */
    public long lineage() {
        return cluster.getMostSignificantBits() ^ cluster.getLeastSignificantBits();
    }

    /**
     * Returns how many logs there are. Log 0 is on every node, and has the list of nodes and the catalogue of namespaces. A single partition is in it too; several have a log each, from 1 on.
     */
    public int logs() {
        return partitions == 1 ? 1 : partitions + 1;
    }

    /** Returns the id of a log; it holds the environment, so that nodes of two environments never talk to each other. */
    UUID log(int number) {
        return UUID.nameUUIDFromBytes((cluster + "/" + environment + "/" + number).getBytes(StandardCharsets.UTF_8));
    }

    /** Returns who of the nodes that begin a cluster begins a log: the same for whoever asks, and evenly spread. */
    List<ClusterView.Member> founders(int number, List<ClusterView.Member> nodes) {
        if (number == 0 || nodes.size() <= copies) {
            return nodes;
        }
        List<ClusterView.Member> sorted = nodes.stream()
                .sorted(Comparator.comparing(ClusterView.Member::node))
                .toList();
        List<ClusterView.Member> chosen = new ArrayList<>();
        for (int i = 0; i < copies; i++) {
            chosen.add(sorted.get((number + i) % sorted.size()));
        }
        return chosen;
    }
}
