package io.nearkv.cluster;

import static java.util.Objects.requireNonNull;

import java.util.regex.Pattern;

/**
 * A node of a cluster and where it is reached. Immutable.
 *
 * @param id its name, 1 to 63 letters, digits, dots, dashes and underscores; never used again for another disk
 * @param raft HOST:PORT at which the nodes replicate
 * @param peer HOST:PORT at which the nodes hand requests to each other
 * @param client HOST:PORT at which it serves clients
 */
public record ClusterMember(String id, String raft, String peer, String client) {
    private static final Pattern ID = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,62}");
    private static final Pattern ADDRESS = Pattern.compile("(\\[[0-9A-Fa-f:.]+]|[A-Za-z0-9._-]+):\\d{1,5}");

    /**
     * Checks the id and the addresses.
     *
     * @throws IllegalArgumentException if one is malformed
     */
    public ClusterMember {
        if (!ID.matcher(requireNonNull(id, "id")).matches()) {
            throw new IllegalArgumentException(
                    "id: '" + id + "' (expected: 1 to 63 letters, digits, dots, dashes and underscores)");
        }
        check("raft", raft);
        check("peer", peer);
        check("client", client);
    }

    private static void check(String what, String address) {
        if (!ADDRESS.matcher(requireNonNull(address, what)).matches()
                || Integer.parseInt(address.substring(address.lastIndexOf(':') + 1)) > 65535) {
            throw new IllegalArgumentException(what + ": '" + address + "' (expected: HOST:PORT)");
        }
    }
}
