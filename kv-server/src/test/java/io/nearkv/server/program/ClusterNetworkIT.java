package io.nearkv.server.program;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.Kv;
import io.nearkv.net.client.KvClientBuilder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The network between the processes of a cluster fails, in both directions or in one; their clients reach all of them. */
class ClusterNetworkIT {
    private static final int ROUNDS = Integer.getInteger("nearkv.test.rounds", 1);
    /** In every build the cut in which the others have no reason to elect somebody, until the leader notices that it hears nobody. */
    private static final boolean LONG = Boolean.getBoolean("nearkv.test.long");

    private static final List<String> NODES = List.of("n1", "n2", "n3");
    /** Far more than it takes, on a machine that does other things too. */
    private static final Duration LONGEST_GAP = Duration.ofSeconds(20);

    @TempDir
    Path folder;

    /** What is lost between the node that leads and the others. */
    private enum Cut {
        ALL,
        WHAT_THE_LEADER_SENDS,
        WHAT_THE_LEADER_IS_SENT,
        /** One follower hears the leader, and is not heard. */
        WHAT_A_FOLLOWER_SENDS,
        /** The other follower is the only one that both can talk to. */
        BETWEEN_THE_LEADER_AND_ONE;

        void make(NodeNetworks networks, String leader, List<String> followers) throws Exception {
            for (String follower : this == BETWEEN_THE_LEADER_AND_ONE ? followers.subList(0, 1) : followers) {
                if (this == ALL || this == WHAT_THE_LEADER_SENDS || this == BETWEEN_THE_LEADER_AND_ONE) {
                    networks.cut(leader, follower);
                }
                if (this == ALL || this == WHAT_THE_LEADER_IS_SENT || this == BETWEEN_THE_LEADER_AND_ONE) {
                    networks.cut(follower, leader);
                }
            }
            if (this == WHAT_A_FOLLOWER_SENDS) {
                networks.cut(followers.get(0), leader);
                networks.cut(followers.get(0), followers.get(1));
            }
        }
    }

    @Test
    void nothing_acknowledged_is_lost_and_no_read_is_stale_whatever_the_network_loses() throws Exception {
        try (NodeNetworks networks = NodeNetworks.of(NODES.toArray(String[]::new));
                ClusterProcesses cluster = ClusterProcesses.init(
                                folder,
                                NODES.stream()
                                        .map(node -> node + "=" + networks.host(node) + ":7000")
                                        .toList())
                        .launchedBy(networks::launcher)) {
            cluster.start(NODES.toArray(String[]::new));
            for (int round = 0; round < ROUNDS; round++) {
                for (Cut cut : LONG ? Cut.values() : new Cut[] {Cut.WHAT_THE_LEADER_IS_SENT}) {
                    cutAndHeal(networks, cluster, cut, "r" + round + "-" + cut);
                }
            }
        }
    }

    private static void cutAndHeal(NodeNetworks networks, ClusterProcesses cluster, Cut cut, String name)
            throws Exception {
        String leader = cluster.awaitLeader();
        List<String> followers =
                NODES.stream().filter(node -> !node.equals(leader)).toList();
        List<Kv> connections = new ArrayList<>();
        try (RecordedClients clients = new RecordedClients(name)) {
            for (String node : NODES) {
                // Each prefers a node, and knows the others.
                Kv kv = client(cluster, node).build().kv();
                connections.add(kv);
                clients.writing(kv);
            }
            for (String node : List.of(leader, followers.get(0))) {
                Kv kv = cluster.client(node)
                        .timeout(Duration.ofSeconds(2))
                        .build()
                        .kv();
                connections.add(kv);
                clients.reading(kv);
            }
            clients.awaitWrites(50);
            clients.awaitReads(50);
            Duration unused = clients.longestGap();

            cut.make(networks, leader, followers);
            // Longer than any timeout among the nodes, so that what is acknowledged later is so while they are cut off.
            Thread.sleep(4_000);
            clients.awaitWrites(50);
            Duration whileCut = clients.longestGap();
            networks.heal();
            clients.awaitWrites(50);
            cluster.awaitLeader();
            clients.awaitWrites(50);
            clients.awaitReads(50);
            Duration afterwards = clients.longestGap();
            System.out.println(cut + ": " + whileCut.toMillis() + " ms without an acknowledged write when it was cut, "
                    + afterwards.toMillis() + " ms when it was healed");
            clients.check();
            cluster.awaitSame();
            assertThat(whileCut).isLessThan(LONGEST_GAP);
            assertThat(afterwards).isLessThan(LONGEST_GAP);
        } finally {
            networks.heal();
            connections.forEach(Kv::close);
        }
    }

    private static KvClientBuilder client(ClusterProcesses cluster, String first) throws Exception {
        return cluster.client(Stream.concat(Stream.of(first), NODES.stream().filter(node -> !node.equals(first)))
                        .toArray(String[]::new))
                .timeout(Duration.ofSeconds(2));
    }
}
