package io.nearkv.cluster;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.AccountInfo;
import io.nearkv.core.NamespaceInfo;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;

/**
 * What all nodes of a cluster must agree on from the beginning. Immutable.
 *
 * @param cluster its id; another one is another cluster, with another history
 * @param environment the environment that it serves
 * @param account the account that a new cluster begins with
 * @param namespace the namespace that it begins with
 * @param members the nodes that begin; later ones join by a change of the membership
 */
public record ClusterLayout(
        UUID cluster, String environment, AccountInfo account, NamespaceInfo namespace, List<ClusterMember> members) {
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
        return new ClusterLayout(cluster, environment, account, namespace, others);
    }

    /** Returns the history that positions of this cluster belong to. */
    public long lineage() {
        return cluster.getMostSignificantBits() ^ cluster.getLeastSignificantBits();
    }

    /** Returns the id of the log; it holds the environment, so that nodes of two environments never talk to each other. */
    UUID log() {
        return UUID.nameUUIDFromBytes((cluster + "/" + environment + "/0").getBytes(StandardCharsets.UTF_8));
    }
}
