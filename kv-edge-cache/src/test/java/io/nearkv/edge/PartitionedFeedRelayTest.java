package io.nearkv.edge;

import static io.nearkv.edge.Edge.join;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedProbe;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.FeedRequest.Start;
import io.nearkv.core.Key;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.Position;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The feed that a cache serves out of its own memory, where upstream has several partitions. */
class PartitionedFeedRelayTest {
    private static final long LINEAGE = 0xC0FFEE;
    private static final int PARTITIONS = 3;
    private static final Duration BEAT = Duration.ofMinutes(1);

    @TempDir
    Path folder;

    /** What upstream has committed, in the order in which its feed brings it. */
    private static final class History {
        final NamespaceId namespace;
        final Long[] versions;
        final Position begin;
        final List<FeedEvent.Change> changes = new ArrayList<>();

        History(NamespaceId namespace, Long... versions) {
            this.namespace = namespace;
            this.versions = versions;
            this.begin = position();
        }

        Position position() {
            return new Position(LINEAGE, Arrays.asList(versions));
        }

        FeedEvent.Change change(int partition, boolean endsCommit) {
            versions[partition]++;
            FeedEvent.Change change = new FeedEvent.Change(
                    position(),
                    versions[partition] * PARTITIONS + partition,
                    namespace,
                    Key.of("k" + changes.size()),
                    FeedEvent.Kind.PUT,
                    endsCommit);
            changes.add(change);
            return change;
        }

        FeedEvent.Heartbeat heartbeat() {
            return new FeedEvent.Heartbeat(position());
        }
    }

    private Edge engine() {
        return new Edge(folder, options -> options);
    }

    private static EdgeCache over(FeedByHand upstream) {
        return EdgeCache.open(upstream, EdgeOptions.builder().heartbeat(BEAT).build());
    }

    private static FeedProbe watch(EdgeCache cache, Start start) {
        return new FeedProbe(cache.watch(FeedRequest.of(null, start).withHeartbeat(BEAT)));
    }

    private static int partition(FeedEvent.Change change) {
        return (int) (change.version() % PARTITIONS);
    }

    /** Returns what a reader gets who has come so far: what it does not have, with the positions that it then has. */
    private static List<FeedEvent.Change> expected(List<FeedEvent.Change> all, Position from) {
        Long[] has = from.versions().toArray(Long[]::new);
        List<FeedEvent.Change> expected = new ArrayList<>();
        for (FeedEvent.Change change : all) {
            long local = change.version() / PARTITIONS;
            if (local > has[partition(change)]) {
                assertThat(local).isEqualTo(has[partition(change)] + 1);
                has[partition(change)] = local;
                expected.add(new FeedEvent.Change(
                        new Position(LINEAGE, Arrays.asList(has)),
                        change.version(),
                        change.namespace(),
                        change.key(),
                        change.kind(),
                        change.endsCommit()));
            }
        }
        return expected;
    }

    @Test
    void who_comes_from_any_position_gets_what_it_does_not_cover_once_and_commits_in_one_piece() {
        try (Edge edge = engine()) {
            for (int seed = 1; seed <= 10; seed++) {
                Random random = new Random(seed);
                FeedByHand upstream = new FeedByHand(edge.engine);
                try (EdgeCache cache = over(upstream)) {
                    History history = new History(edge.ns, 10L, 20L, 30L);
                    upstream.send(history.heartbeat());
                    for (int commit = 0; commit < 40; commit++) {
                        int partition = random.nextInt(PARTITIONS);
                        for (int left = random.nextInt(4); left >= 0; left--) {
                            upstream.send(history.change(partition, left == 0));
                        }
                    }
                    upstream.send(history.heartbeat());
                    for (int reader = 0; reader < 30; reader++) {
                        Long[] from = history.begin.versions().toArray(Long[]::new);
                        for (int i = 0; i < PARTITIONS; i++) {
                            from[i] += random.nextInt((int) (history.versions[i] - from[i]) + 1);
                        }
                        Position position = new Position(LINEAGE, Arrays.asList(from));
                        List<FeedEvent.Change> expected = expected(history.changes, position);
                        try (FeedProbe feed = watch(cache, new Start.After(position))) {
                            feed.request(Long.MAX_VALUE);
                            assertThat(feed.awaitHeartbeat()).isEqualTo(history.position());
                            assertThat(feed.changes())
                                    .as("seed " + seed + " from " + position)
                                    .isEqualTo(expected);
                        }
                    }
                    assertThat(upstream.requests)
                            .as("all were served from memory")
                            .hasSize(1);
                }
            }
        }
    }

    @Test
    void a_reader_goes_on_as_things_happen_after_it_has_left_out_what_it_had() {
        try (Edge edge = engine()) {
            FeedByHand upstream = new FeedByHand(edge.engine);
            try (EdgeCache cache = over(upstream)) {
                History history = new History(edge.ns, 0L, 0L, 0L);
                upstream.send(history.heartbeat());
                upstream.send(history.change(0, true));
                upstream.send(history.change(1, true));
                upstream.send(history.heartbeat());
                Position position = new Position(LINEAGE, List.of(0L, 1L, 0L));
                try (FeedProbe feed = watch(cache, new Start.After(position))) {
                    feed.request(Long.MAX_VALUE);
                    assertThat(feed.awaitChanges(1).get(0).position()).isEqualTo(history.position());
                    upstream.send(history.change(2, false));
                    upstream.send(history.change(2, true));
                    upstream.send(history.change(1, true));
                    upstream.send(history.heartbeat());
                    assertThat(feed.awaitChanges(4)).isEqualTo(expected(history.changes, position));
                    await().untilAsserted(() -> assertThat(feed.events()).endsWith(history.heartbeat()));
                }
            }
        }
    }

    @Test
    void positions_that_the_ring_does_not_reach_in_every_partition_go_upstream() {
        try (Edge edge = engine()) {
            FeedByHand upstream = new FeedByHand(edge.engine);
            try (EdgeCache cache = over(upstream)) {
                History history = new History(edge.ns, 5L, 5L, 5L);
                upstream.send(history.heartbeat());
                upstream.send(history.change(0, true));
                List<Position> beyond = List.of(
                        new Position(LINEAGE, List.of(6L, 5L, 4L)),
                        new Position(LINEAGE, List.of(6L, 6L, 5L)),
                        new Position(LINEAGE + 1, List.of(6L, 5L, 5L)),
                        Position.of(LINEAGE, 6));
                for (Position position : beyond) {
                    try (FeedProbe feed = watch(cache, new Start.After(position))) {
                        feed.request(1);
                        assertThat(upstream.requests
                                        .get(upstream.requests.size() - 1)
                                        .start())
                                .isEqualTo(new Start.After(position));
                    }
                }
                assertThat(upstream.requests).hasSize(1 + beyond.size());
            }
        }
    }

    @Test
    void who_was_overtaken_goes_on_upstream_with_its_own_position() {
        try (Edge edge = engine()) {
            FeedByHand upstream = new FeedByHand(edge.engine);
            try (EdgeCache cache = over(upstream)) {
                History history = new History(edge.ns, 0L, 0L, 0L);
                upstream.send(history.heartbeat());
                upstream.send(history.change(0, true));
                upstream.send(history.change(0, true));
                upstream.send(history.change(1, true));
                Position position = new Position(LINEAGE, List.of(0L, 1L, 0L));
                try (FeedProbe slow = watch(cache, new Start.After(position))) {
                    slow.request(1);
                    Position reached = slow.awaitChanges(1).get(0).position();
                    assertThat(reached).isEqualTo(new Position(LINEAGE, List.of(1L, 1L, 0L)));
                    for (int i = 0; i < FeedRelay.RING_EVENTS + 10; i++) {
                        upstream.send(history.change(2, true));
                    }
                    slow.request(1);
                    await().until(() -> upstream.requests.size() == 2);
                    assertThat(upstream.requests.get(1).start()).isEqualTo(new Start.After(reached));
                }
                try (FeedProbe late = watch(cache, new Start.After(history.begin))) {
                    late.request(1);
                    assertThat(upstream.requests).hasSize(3);
                }
            }
        }
    }

    @Test
    void who_was_told_of_a_write_does_not_get_it_but_what_other_partitions_have_had_before_it() {
        try (Edge edge = engine()) {
            FeedByHand upstream = new FeedByHand(edge.engine);
            try (EdgeCache cache = over(upstream)) {
                long before = edge.write("k", "v");
                while (before < 10) {
                    before = edge.write("k", "v");
                }
                int partition = (int) ((before + 1) % PARTITIONS);
                Long[] versions = {1L, 1L, 1L};
                versions[partition] = (before + 1) / PARTITIONS - 1;
                History history = new History(edge.ns, versions);
                upstream.send(history.heartbeat());
                Mutation mine = Mutation.put(Key.of("mine"), Value.of("v"));
                assertThat(join(cache.write(edge.ns, mine, WriteOptions.BUFFERED))
                                .orThrow())
                        .isEqualTo(before + 1);
                try (FeedProbe feed = watch(cache, new Start.Now())) {
                    feed.request(Long.MAX_VALUE);
                    upstream.send(history.change((partition + 1) % PARTITIONS, true));
                    upstream.send(history.change(partition, true)); // Mine.
                    upstream.send(history.change(partition, true));
                    upstream.send(history.heartbeat());
                    assertThat(feed.awaitHeartbeat()).isEqualTo(history.position());
                    assertThat(feed.changes())
                            .extracting(FeedEvent.Change::version)
                            .containsExactly(
                                    history.changes.get(0).version(),
                                    history.changes.get(2).version());
                    assertThat(feed.changes().get(0).position())
                            .as("it knows of mine")
                            .isEqualTo(history.changes.get(1).position());
                    assertThat(upstream.requests).hasSize(1);
                }
            }
        }
    }

    @Test
    void a_version_that_is_missing_in_one_partition_is_a_gap() {
        try (Edge edge = engine()) {
            FeedByHand upstream = new FeedByHand(edge.engine);
            try (EdgeCache cache = over(upstream)) {
                History history = new History(edge.ns, 0L, 0L, 0L);
                upstream.send(history.heartbeat());
                FeedProbe feed = watch(cache, new Start.Now());
                feed.request(Long.MAX_VALUE);
                upstream.send(history.change(0, true));
                feed.awaitChanges(1);
                history.versions[1]++;
                FeedEvent.Change next = history.change(0, true);
                upstream.send(next);
                feed.awaitComplete();
                assertThat(feed.events()).endsWith(new FeedEvent.TooOld(next.position()));
            }
        }
    }
}
