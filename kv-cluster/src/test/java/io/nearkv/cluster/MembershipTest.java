package io.nearkv.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
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
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** How nodes become members and cease to be, and that nobody is taken for somebody else who had the same name. */
class MembershipTest {
    private static final NamespaceId NAMESPACE = LocalCluster.NAMESPACE.id();

    private static final String PADDING = "x".repeat(10_000);

    private static LocalCluster cluster(int size, int started) throws IOException {
        return new LocalCluster(
                size,
                started,
                1,
                InstantSource.system(),
                builder -> builder.electionTimeout(Duration.ofMillis(400))
                        // Whoever comes late gets a snapshot, because the log does not reach back any more.
                        .snapshotBytes(1 << 20)
                        .retainedEntries(5));
    }

    private static void put(KvStore store, String key) throws ExecutionException, InterruptedException {
        var unused = store.write(
                        NAMESPACE,
                        new Mutation.Put(Key.of(key), Value.of(key + PADDING), PutOptions.DEFAULT),
                        WriteOptions.DEFAULT)
                .get();
    }

    private static boolean has(KvStore store, String key, ReadOptions read)
            throws ExecutionException, InterruptedException {
        return store.get(NAMESPACE, Key.of(key), read).get() instanceof GetResult.Found;
    }

    /** Writes keys without end, each once, and keeps those that were acknowledged; a failure ends it. */
    static final class Writer extends Thread {
        private final LocalCluster cluster;
        private final String via;
        private final AtomicBoolean stop = new AtomicBoolean();
        /** Guarded by itself. */
        private final List<String> acknowledged = new ArrayList<>();

        private volatile String failure = "";

        Writer(LocalCluster cluster, String via) {
            super("writer-" + via);
            this.cluster = cluster;
            this.via = via;
            start();
        }

        @Override
        public void run() {
            try {
                for (int i = 0; !stop.get(); i++) {
                    String key = via + "-" + i;
                    put(cluster.node(via).store(), key);
                    synchronized (acknowledged) {
                        acknowledged.add(key);
                    }
                }
            } catch (ExecutionException | InterruptedException | RuntimeException e) {
                failure = e.toString();
            }
        }

        int count() {
            synchronized (acknowledged) {
                return acknowledged.size();
            }
        }

        void awaitMore(int more) {
            int wanted = count() + more;
            LocalCluster.await(more + " more writes by " + via, () -> count() >= wanted || !failure.isEmpty());
        }

        List<String> end() throws InterruptedException {
            stop.set(true);
            join();
            assertThat(failure).as("no client sees a failure").isEmpty();
            return acknowledged;
        }
    }

    @Test
    void a_node_is_added_under_load_and_the_one_that_leads_is_removed() throws Exception {
        try (LocalCluster cluster = cluster(3, 3)) {
            String leader = cluster.leader().self().id();
            List<String> others = new ArrayList<>(List.of("n1", "n2", "n3"));
            others.remove(leader);
            Writer one = new Writer(cluster, others.get(0));
            Writer two = new Writer(cluster, others.get(1));
            one.awaitMore(150); // Several snapshots.

            ClusterMember fourth = cluster.enlist("n4");
            cluster.start("n4");
            cluster.drive(new ClusterQuestion.Add(fourth));
            assertThat(LocalCluster.ask(cluster.leader(), new ClusterQuestion.View())
                            .whole()
                            .members())
                    .extracting(ClusterView.Member::node)
                    .containsExactlyInAnyOrder("n1", "n2", "n3", "n4");
            one.awaitMore(20);

            LocalCluster.await(
                    "removal",
                    () -> LocalCluster.ask(cluster.node("n4"), new ClusterQuestion.Remove(leader))
                            .underWay()
                            .isEmpty());
            one.awaitMore(20);
            two.awaitMore(20);
            cluster.stop(leader);
            one.awaitMore(20);
            List<String> acknowledged = new ArrayList<>(one.end());
            acknowledged.addAll(two.end());

            // It votes: without one of the others it is half of what is needed.
            cluster.stop(others.get(1));
            KvStore fourthStore = cluster.node("n4").store();
            for (String key : acknowledged) {
                assertThat(has(fourthStore, key, ReadOptions.STRONG)).as(key).isTrue();
            }
        }
    }

    @Test
    @EnabledIfSystemProperty(
            named = "nearkv.test.long",
            matches = "true",
            disabledReason = "ClusterIT does it with processes")
    void a_node_whose_disk_was_lost_waits_until_it_is_added_and_gets_everything() throws Exception {
        try (LocalCluster cluster = cluster(3, 3)) {
            ClusterNode follower = cluster.follower();
            String lost = follower.self().id();
            String kept = cluster.leader().self().id();
            for (int i = 0; i < 150; i++) {
                put(cluster.node(kept).store(), "k" + i);
            }
            cluster.stop(lost);
            cluster.wipe(lost);

            cluster.start(lost);
            LocalCluster.await(
                    "it says why",
                    () -> String.valueOf(cluster.node(lost).unreadiness()).contains("with another disk"));
            assertThat(cluster.node(lost).status().whole().part().state()).isEqualTo(ClusterView.State.UNDECIDED);
            put(cluster.node(kept).store(), "meanwhile");

            cluster.drive(new ClusterQuestion.Add(cluster.member(lost)));

            LocalCluster.await("it serves", () -> cluster.node(lost).unreadiness() == null);
            String third = List.of("n1", "n2", "n3").stream()
                    .filter(id -> !id.equals(lost) && !id.equals(kept))
                    .findFirst()
                    .orElseThrow();
            cluster.stop(third);
            put(cluster.node(kept).store(), "without-the-third");
            KvStore store = cluster.node(lost).store();
            assertThat(has(store, "without-the-third", ReadOptions.STRONG)).isTrue();
            assertThat(has(store, "meanwhile", ReadOptions.DEFAULT)).isTrue();
            for (int i = 0; i < 150; i++) {
                assertThat(has(store, "k" + i, ReadOptions.DEFAULT))
                        .as("k%d", i)
                        .isTrue();
            }
        }
    }

    @Test
    void a_node_that_has_lost_its_disk_is_no_half_of_a_majority() throws Exception {
        try (LocalCluster cluster = cluster(3, 3)) {
            ClusterNode leader = cluster.leader();
            String first = leader.self().id();
            List<String> others = new ArrayList<>(List.of("n1", "n2", "n3"));
            others.remove(first);
            String second = others.get(0);
            String behind = others.get(1);
            cluster.stop(behind);
            put(leader.store(), "acknowledged");
            cluster.stop(first);
            cluster.stop(second);
            cluster.wipe(first);

            cluster.start(first);
            cluster.start(behind);

            // One has never seen the write, the other has forgotten it.
            LocalCluster.await(
                    "the first waits",
                    () -> String.valueOf(cluster.node(first).unreadiness()).contains("another disk"));
            assertThatThrownBy(() -> cluster.node(behind)
                            .store()
                            .get(
                                    NAMESPACE,
                                    Key.of("acknowledged"),
                                    ReadOptions.STRONG.withTimeout(Duration.ofMillis(1500)))
                            .get())
                    .cause()
                    .isInstanceOfSatisfying(
                            KvException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.UNAVAILABLE));
            assertThat(cluster.running()).noneMatch(node -> node.leads(0));

            cluster.start(second);
            assertThat(cluster.leader().self().id()).isEqualTo(second);
            assertThat(has(cluster.node(behind).store(), "acknowledged", ReadOptions.STRONG))
                    .isTrue();
        }
    }

    @Test
    @EnabledIfSystemProperty(
            named = "nearkv.test.long",
            matches = "true",
            disabledReason = "ClusterIT does it with processes")
    void a_cluster_begins_when_all_its_nodes_are_there_once() throws Exception {
        try (LocalCluster cluster = cluster(3, 2)) {
            LocalCluster.await(
                    "they say for whom they wait",
                    () -> cluster.running().stream()
                            .allMatch(node -> String.valueOf(node.unreadiness()).contains("n3 cannot be reached")));
            cluster.stop("n1");
            cluster.start("n3");
            cluster.start("n1");
            put(cluster.leader().store(), "k");

            cluster.stopAll();
            cluster.start("n1");
            cluster.start("n2");
            assertThat(has(cluster.leader().store(), "k", ReadOptions.STRONG))
                    .as("later a majority is enough")
                    .isTrue();
        }
    }

    @Test
    void nobody_is_removed_on_whom_the_majority_hangs() throws Exception {
        try (LocalCluster cluster = cluster(3, 3)) {
            ClusterNode leader = cluster.leader();
            List<String> others = new ArrayList<>(List.of("n1", "n2", "n3"));
            others.remove(leader.self().id());
            cluster.stop(others.get(0));
            assertThatThrownBy(() -> LocalCluster.ask(leader, new ClusterQuestion.Remove(others.get(1))))
                    .isInstanceOfSatisfying(
                            KvException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_REQUEST))
                    .hasMessageContaining(others.get(0) + " cannot be reached");
            put(leader.store(), "k");

            cluster.drive(new ClusterQuestion.Remove(others.get(0)));
            put(leader.store(), "with-two");
            assertThatThrownBy(() -> LocalCluster.ask(leader, new ClusterQuestion.Transfer(0, "n9")))
                    .hasMessageContaining("n9' is no member");
            var unused = LocalCluster.ask(leader, new ClusterQuestion.Transfer(0, others.get(1)));
            LocalCluster.await(
                    "the other leads", () -> cluster.node(others.get(1)).leads(0));

            // Who was away learns from the others that it was removed, and may come back.
            String removed = others.get(0);
            cluster.start(removed);
            LocalCluster.await(
                    "it says so",
                    () -> String.valueOf(cluster.node(removed).unreadiness()).contains("it is no member"));
            assertThat(has(cluster.node(removed).store(), "with-two", ReadOptions.DEFAULT))
                    .as("it hands on, however weak the read")
                    .isTrue();
            cluster.drive(new ClusterQuestion.Add(cluster.member(removed)));
            LocalCluster.await("it serves", () -> cluster.node(removed).unreadiness() == null);
        }
    }

    @Test
    void questions_and_views_come_back_as_they_were_and_anything_else_is_told() {
        ClusterMember place = new ClusterMember("n1", "h:1", "h:2", "h:3");
        for (ClusterQuestion question : List.of(
                new ClusterQuestion.View(),
                new ClusterQuestion.Add(place),
                new ClusterQuestion.Remove("n1"),
                new ClusterQuestion.Move(3, "n1", "n2"),
                new ClusterQuestion.Rebalance(),
                new ClusterQuestion.Transfer(0, null),
                new ClusterQuestion.Transfer(5, "n1"),
                new ClusterQuestion.Join(1, place),
                new ClusterQuestion.Leave(1, "n1"),
                new ClusterQuestion.Host(1),
                new ClusterQuestion.Drop(64),
                new ClusterQuestion.Adopt(2, LocalCluster.NAMESPACE))) {
            assertThat(ClusterQuestion.decode(question.encode())).isEqualTo(question);
        }
        ClusterView view = new ClusterView(
                java.util.UUID.randomUUID(),
                "n1",
                "abcdefgh",
                List.of(),
                List.of(
                        new ClusterView.Part(
                                ClusterView.State.MEMBER,
                                List.of(new ClusterView.Member(place, "abcdefgh", 7)),
                                null,
                                3,
                                9),
                        new ClusterView.Part(ClusterView.State.ABSENT, List.of(), "n2", 4, -1)),
                "something");
        assertThat(ClusterView.decode(view.encode())).isEqualTo(view);
        for (Value garbage :
                List.of(Value.empty(), Value.of("x"), Value.of(new byte[] {0, 3, 'a', 'd', 'd', 0, 1, '?'}))) {
            assertThatThrownBy(() -> ClusterQuestion.decode(garbage))
                    .isInstanceOfSatisfying(
                            KvException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_REQUEST));
            assertThatThrownBy(() -> ClusterView.decode(garbage)).isInstanceOf(KvException.class);
        }
    }
}
