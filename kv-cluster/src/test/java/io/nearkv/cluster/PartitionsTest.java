package io.nearkv.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.ListOptions;
import io.nearkv.core.ListPage;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import java.io.IOException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;

/** Data over several partitions: where they are, how they move, and that nothing of it is noticed. */
class PartitionsTest {
    private static final NamespaceId NAMESPACE = LocalCluster.NAMESPACE.id();
    private static final int PARTITIONS = 4;

    private static LocalCluster cluster(int size) throws IOException {
        return new LocalCluster(
                size,
                size,
                PARTITIONS,
                InstantSource.system(),
                builder -> builder.electionTimeout(Duration.ofMillis(400))
                        .snapshotBytes(1 << 20)
                        .retainedEntries(5));
    }

    private static void put(KvStore store, String key, String value) throws ExecutionException, InterruptedException {
        var unused = store.write(
                        NAMESPACE,
                        new Mutation.Put(Key.of(key), Value.of(value), PutOptions.DEFAULT),
                        WriteOptions.DEFAULT)
                .get();
    }

    private static String get(KvStore store, String key, ReadOptions read)
            throws ExecutionException, InterruptedException {
        return store.get(NAMESPACE, Key.of(key), read).get() instanceof GetResult.Found found
                ? found.value().asString()
                : "";
    }

    private static Map<Integer, List<String>> placement(LocalCluster cluster) {
        Map<Integer, List<String>> placement = new TreeMap<>();
        for (ClusterNode node : cluster.running()) {
            List<ClusterStatus.Log> logs = node.status().logs();
            for (int number = 1; number < logs.size(); number++) {
                if (node.self().id().equals(logs.get(number).part().leader())) {
                    placement.put(
                            number,
                            logs.get(number).part().members().stream()
                                    .map(ClusterView.Member::node)
                                    .sorted()
                                    .toList());
                }
            }
        }
        return placement;
    }

    private static Map<String, Integer> load(LocalCluster cluster) {
        Map<String, Integer> load = new HashMap<>();
        placement(cluster).values().forEach(nodes -> nodes.forEach(node -> load.merge(node, 1, Integer::sum)));
        return load;
    }

    private static void awaitLed(LocalCluster cluster) {
        LocalCluster.await("all partitions are led", () -> placement(cluster).size() == PARTITIONS);
        LocalCluster.await(
                "all nodes serve", () -> cluster.running().stream().allMatch(node -> node.unreadiness() == null));
    }

    private static List<String> list(KvStore store, int limit) throws ExecutionException, InterruptedException {
        List<String> keys = new ArrayList<>();
        ListOptions next = ListOptions.ALL.withLimit(limit);
        while (true) {
            ListPage page = store.list(NAMESPACE, next, ReadOptions.STRONG).get();
            page.keys().forEach(info -> keys.add(info.key().toString()));
            if (page.next() == null) {
                return keys;
            }
            next = next.withCursor(page.next());
        }
    }

    @Test
    void a_partition_is_on_some_nodes_and_every_node_answers_for_all() throws Exception {
        try (LocalCluster cluster = cluster(4)) {
            awaitLed(cluster);
            assertThat(placement(cluster).values()).allMatch(nodes -> nodes.size() == ClusterLayout.DEFAULT_COPIES);
            assertThat(load(cluster).values()).allMatch(count -> count == 3);

            KvStore one = cluster.node("n1").store();
            List<String> keys = new ArrayList<>();
            for (int i = 0; i < 100; i++) {
                String key = "k" + (1000 + i);
                put(one, key, "v" + i);
                keys.add(key);
            }
            for (ClusterNode node : cluster.running()) {
                assertThat(list(node.store(), 7)).isEqualTo(keys);
                for (int i = 0; i < 100; i++) {
                    assertThat(get(node.store(), keys.get(i), ReadOptions.STRONG))
                            .isEqualTo("v" + i);
                }
            }

            cluster.stopAll();
            for (String id : List.of("n1", "n2", "n3")) {
                cluster.start(id);
            }
            awaitLed(cluster);
            assertThat(list(cluster.node("n2").store(), 1000))
                    .as("three of four nodes have a majority of each")
                    .isEqualTo(keys);
        }
    }

    @Test
    void partitions_move_and_are_spread_under_load_and_nobody_notices() throws Exception {
        try (LocalCluster cluster = cluster(3)) {
            awaitLed(cluster);
            MembershipTest.Writer writer = new MembershipTest.Writer(cluster, "n2");
            writer.awaitMore(50);
            ClusterMember fourth = cluster.enlist("n4");
            cluster.start("n4");
            cluster.drive(new ClusterQuestion.Add(fourth));
            assertThat(load(cluster)).as("nothing moves by itself").doesNotContainKey("n4");

            cluster.drive(new ClusterQuestion.Move(2, "n1", "n4"));
            assertThat(placement(cluster).get(2)).containsExactly("n2", "n3", "n4");
            assertThat(cluster.node("n1").status().logs().get(2).part().state()).isEqualTo(ClusterView.State.ABSENT);
            assertThatThrownBy(() -> LocalCluster.ask(cluster.node("n1"), new ClusterQuestion.Move(2, "n1", "n9")))
                    .isInstanceOfSatisfying(
                            KvException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_REQUEST));

            cluster.drive(new ClusterQuestion.Rebalance());
            assertThat(load(cluster).values()).allMatch(count -> count == 3).hasSize(4);
            writer.awaitMore(20);

            cluster.drive(new ClusterQuestion.Remove("n1"));
            assertThat(load(cluster)).doesNotContainKey("n1");
            assertThat(placement(cluster).values()).allMatch(nodes -> nodes.size() == 3);
            cluster.stop("n1");
            writer.awaitMore(20);

            List<String> acknowledged = writer.end();
            KvStore store = cluster.node("n4").store();
            for (String key : acknowledged) {
                assertThat(get(store, key, ReadOptions.STRONG)).as(key).isNotEmpty();
            }
        }
    }

    @Test
    void a_lost_disk_gets_back_what_was_on_it() throws Exception {
        try (LocalCluster cluster = cluster(3)) {
            awaitLed(cluster);
            for (int i = 0; i < 100; i++) {
                put(cluster.node("n1").store(), "k" + i, "v" + i);
            }
            cluster.stop("n3");
            cluster.wipe("n3");
            put(cluster.node("n1").store(), "meanwhile", "x");
            cluster.start("n3");
            cluster.drive(new ClusterQuestion.Add(cluster.member("n3")));
            assertThat(load(cluster)).containsEntry("n3", PARTITIONS);

            cluster.stop("n2");
            awaitLed(cluster);
            KvStore store = cluster.node("n3").store();
            assertThat(get(store, "meanwhile", ReadOptions.STRONG)).isEqualTo("x");
            for (int i = 0; i < 100; i++) {
                assertThat(get(store, "k" + i, ReadOptions.STRONG)).isEqualTo("v" + i);
            }
        }
    }
}
