package io.nearkv.edge;

import static io.nearkv.edge.Edge.join;
import static io.nearkv.edge.Edge.text;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedProbe;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.FeedRequest.Start;
import io.nearkv.core.Key;
import io.nearkv.core.KvStore;
import io.nearkv.core.Limits;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.Position;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The feed that a cache serves out of its own memory. */
class FeedRelayTest {
    private static final Duration BEAT = Duration.ofMillis(20);

    @TempDir
    Path folder;

    private Edge open() {
        return new Edge(folder, options -> options);
    }

    private static FeedRequest from(Edge edge, Start start) {
        return FeedRequest.of(edge.ns, start).withHeartbeat(BEAT);
    }

    /** Subscribes, requests everything, and returns when the feed has begun. */
    private static FeedProbe watch(KvStore store, FeedRequest request) {
        FeedProbe probe = new FeedProbe(store.watch(request));
        probe.request(Long.MAX_VALUE);
        probe.awaitHeartbeat();
        return probe;
    }

    private static FeedProbe watchFromNow(Edge edge) {
        return watch(edge.cache, from(edge, new Start.Now()));
    }

    private static List<String> keys(List<FeedEvent.Change> changes) {
        return changes.stream().map(change -> String.valueOf(change.key())).toList();
    }

    @Test
    void a_hundred_subscribers_cost_the_tier_above_one_subscription() {
        try (Edge edge = open()) {
            List<FeedProbe> probes = new ArrayList<>();
            for (int i = 0; i < 100; i++) {
                probes.add(watchFromNow(edge));
            }
            for (int i = 0; i < 50; i++) {
                edge.write("k" + i, "v");
            }
            List<String> written = IntStream.range(0, 50).mapToObj(i -> "k" + i).toList();
            for (FeedProbe probe : probes) {
                assertThat(keys(probe.awaitChanges(50))).isEqualTo(written);
            }
            assertThat(edge.engine.stats().subscribers()).isEqualTo(1);
            assertThat(edge.cache.stats().feedSubscribers()).isEqualTo(100);
            probes.forEach(FeedProbe::close);
            assertThat(edge.cache.stats().feedSubscribers()).isZero();
        }
    }

    @Test
    void an_edge_hangs_on_the_edge_above_and_sees_writes_soon() {
        try (Edge edge = open();
                EdgeCache below = EdgeCache.open(
                        edge.cache, EdgeOptions.builder().heartbeat(BEAT).build())) {
            await().until(() -> below.stats().feed().equals("following"));
            assertThat(edge.engine.stats().subscribers()).isEqualTo(1);
            for (int i = 0; i < 20; i++) {
                String value = "v" + i;
                edge.write("k", value);
                await().pollDelay(Duration.ZERO)
                        .pollInterval(Duration.ofMillis(2))
                        .until(() -> value.equals(text(join(below.get(edge.ns, Key.of("k"), ReadOptions.EVENTUAL)))));
            }
            assertThat(edge.engine.stats().subscribers()).isEqualTo(1);
            assertThat(below.stats().changes()).isEqualTo(20);
        }
    }

    @Test
    void who_has_heard_of_a_change_finds_that_the_cache_has_too() {
        try (Edge edge = open();
                FeedProbe feed = watchFromNow(edge)) {
            ReadOptions any = ReadOptions.EVENTUAL;
            edge.write("k", "0");
            for (int i = 1; i <= 200; i++) {
                edge.warm("k", String.valueOf(i - 1));
                edge.write("k", String.valueOf(i));
                Position position = feed.awaitChanges(i + 1).get(i).position();
                assertThat(edge.cache.stats().position()).isEqualTo(position.toString());
                assertThat(text(join(edge.ask("k", any)))).isEqualTo(String.valueOf(i));
            }
        }
    }

    @Test
    void a_feed_goes_on_after_any_position_that_the_ring_has() {
        try (Edge edge = open()) {
            for (int i = 0; i < 10; i++) {
                edge.write("k" + i, "v");
            }
            edge.awaitCaughtUp();
            List<FeedEvent.Change> all = new ArrayList<>();
            try (FeedProbe oldest = watch(edge.cache, from(edge, new Start.Oldest()))) {
                all.addAll(oldest.awaitChanges(10));
                assertThat(edge.engine.stats().subscribers())
                        .as("the oldest, upstream has")
                        .isEqualTo(2);
            }
            for (int i = 0; i < 10; i++) {
                Start after = new Start.After(all.get(i).position());
                try (FeedProbe feed = watch(edge.cache, from(edge, after))) {
                    assertThat(feed.awaitChanges(9 - i)).isEqualTo(all.subList(i + 1, 10));
                    assertThat(edge.engine.stats().subscribers()).isEqualTo(1);
                }
            }
        }
    }

    @Test
    void what_the_ring_does_not_have_comes_from_upstream() {
        try (Edge edge = open()) {
            long version = edge.write("a", "v");
            edge.write("b", "v");
            edge.awaitCaughtUp();
            try (EdgeCache late = edge.open()) {
                await().until(() -> late.stats().feed().equals("following"));
                Start after = new Start.After(edge.engine.positionOf(version));
                try (FeedProbe feed = watch(late, from(edge, after));
                        FeedProbe fast =
                                watch(late, from(edge, new Start.Now()).withHeartbeat(FeedRequest.MIN_HEARTBEAT))) {
                    assertThat(keys(feed.awaitChanges(1))).containsExactly("b");
                    assertThat(late.stats().feedSubscribers()).isZero();
                    assertThat(fast.hasEnded()).isFalse();
                }
            }
        }
    }

    @Test
    void each_subscriber_gets_what_it_asked_for_and_still_moves_on() {
        try (Edge edge = open()) {
            NamespaceId other = join(edge.engine.admin().createNamespace(Edge.ACCOUNT.id(), "other"))
                    .id();
            try (FeedProbe some = watch(edge.cache, from(edge, new Start.Now()).withPrefix("a/"));
                    FeedProbe all = watch(
                            edge.cache, FeedRequest.of(null, new Start.Now()).withHeartbeat(BEAT))) {
                edge.write("a/1", "v");
                edge.write("b", "v");
                join(edge.engine.write(other, Mutation.put(Key.of("a/2"), Value.of("v")), WriteOptions.BUFFERED));
                edge.write("a/3", "v");
                long last = edge.write("c", "v");
                assertThat(keys(some.awaitChanges(2))).containsExactly("a/1", "a/3");
                assertThat(keys(all.awaitChanges(5))).containsExactly("a/1", "b", "a/2", "a/3", "c");
                await().until(() -> some.awaitNextHeartbeat().version() == last);
                Object unused = join(edge.engine.admin().deleteNamespace(edge.ns));
                assertThat(some.awaitChanges(3).get(2).kind()).isEqualTo(FeedEvent.Kind.NAMESPACE_DELETED);
                assertThat(edge.engine.stats().subscribers()).isEqualTo(1);
            }
            FeedProbe gone = new FeedProbe(edge.cache.watch(from(edge, new Start.Now())));
            assertThat(gone.awaitFailure().code()).isEqualTo(ErrorCode.NOT_FOUND);
        }
    }

    @Test
    void heartbeats_are_passed_on_as_often_as_the_subscriber_wants_them() {
        try (Edge edge = open();
                FeedProbe often = watchFromNow(edge);
                FeedProbe seldom = watch(edge.cache, from(edge, new Start.Now()).withHeartbeat(BEAT.multipliedBy(5)))) {
            long before = often.heartbeats();
            await().until(() -> often.heartbeats() >= before + 50);
            assertThat(seldom.heartbeats()).isBetween(8L, 13L);
        }
    }

    @Test
    void no_heartbeat_is_made_up_while_upstream_is_silent() {
        try (Edge edge = open();
                FeedProbe feed = watchFromNow(edge)) {
            edge.upstream.deaf = true;
            edge.advance(Duration.ofSeconds(1)); // So that the last one is old.
            long before = feed.heartbeats();
            try (FeedProbe late = new FeedProbe(edge.cache.watch(from(edge, new Start.Now())))) {
                late.request(Long.MAX_VALUE);
                await().during(BEAT.multipliedBy(10)).until(() -> late.heartbeats() == 0);
                assertThat(feed.heartbeats()).isLessThanOrEqualTo(before + 1);
                edge.upstream.deaf = false;
                late.awaitHeartbeat();
            }
        }
    }

    @Test
    void a_cut_is_no_gap_for_those_below_either() {
        try (Edge edge = open();
                FeedProbe feed = watchFromNow(edge)) {
            edge.write("a", "v");
            feed.awaitChanges(1);
            edge.upstream.cut();
            await().until(() -> edge.cache.stats().feed().equals("lost"));
            edge.write("b", "v");
            assertThat(new FeedProbe(edge.cache.watch(from(edge, new Start.Now())))
                            .awaitFailure()
                            .code())
                    .as("new ones have to ask upstream, which does not answer")
                    .isEqualTo(ErrorCode.UNAVAILABLE);
            edge.upstream.mend();
            edge.write("c", "v");
            assertThat(keys(feed.awaitChanges(3))).containsExactly("a", "b", "c");
            assertThat(feed.hasEnded()).isFalse();
            assertThat(edge.cache.stats().feedSubscribers()).isEqualTo(1);
        }
    }

    @Test
    void after_a_gap_those_below_are_told_that_they_have_missed_something() {
        try (Edge edge = new Edge(folder, engine -> engine.feedRetainTime(Duration.ofMinutes(1)), options -> options);
                FeedProbe feed = watchFromNow(edge);
                FeedProbe idle = new FeedProbe(edge.cache.watch(from(edge, new Start.Now())))) {
            edge.write("a", "v");
            feed.awaitChanges(1);
            edge.upstream.cut();
            await().until(() -> edge.cache.stats().feed().equals("lost"));
            long missed = edge.write("b", "v");
            edge.clock.advance(Duration.ofMinutes(5));
            edge.write("c", "v");
            await().until(() -> edge.engine.stats().oldestVersion() >= missed);
            edge.upstream.mend();

            feed.awaitComplete();
            List<FeedEvent> events = feed.events();
            assertThat(keys(feed.changes())).containsExactly("a");
            FeedEvent.TooOld last = (FeedEvent.TooOld) events.get(events.size() - 1);
            assertThat(last.oldest()).isEqualTo(edge.engine.position());
            assertThat(idle.hasEnded()).as("it has requested nothing").isFalse();
            idle.request(1);
            idle.awaitComplete();
            assertThat(idle.events()).containsExactly(last);
            try (FeedProbe again = watch(edge.cache, from(edge, new Start.After(last.oldest())))) {
                edge.write("d", "v");
                assertThat(keys(again.awaitChanges(1))).containsExactly("d");
                assertThat(edge.engine.stats().subscribers()).isEqualTo(1);
            }
        }
    }

    @Test
    void a_subscriber_that_the_ring_has_overtaken_goes_on_upstream_and_misses_nothing() {
        int writes = FeedRelay.RING_EVENTS + 2000;
        try (Edge edge = open()) {
            FeedRequest rare = from(edge, new Start.Now()).withHeartbeat(Limits.MAX_TIMEOUT);
            try (FeedProbe slow = new FeedProbe(edge.cache.watch(rare))) {
                slow.request(1);
                slow.awaitHeartbeat();
                for (int from = 0; from < writes; from += 1000) {
                    int first = from;
                    List<Mutation> mutations = IntStream.range(first, Math.min(writes, first + 1000))
                            .mapToObj(i -> Mutation.put(Key.of("k" + i), Value.of("v")))
                            .toList();
                    Object unused = join(edge.engine.writeAll(edge.ns, mutations, WriteOptions.BUFFERED));
                }
                edge.awaitCaughtUp();
                assertThat(edge.engine.stats().subscribers()).isEqualTo(1);
                int requested = 0;
                for (int step : new int[] {1, 100, 10_000, writes - 10_101}) {
                    slow.request(step);
                    requested += step;
                    assertThat(slow.awaitChanges(requested)).hasSize(requested);
                }
                assertThat(keys(slow.changes()))
                        .isEqualTo(IntStream.range(0, writes)
                                .mapToObj(i -> "k" + i)
                                .toList());
                assertThat(edge.engine.stats().subscribers()).isEqualTo(2);
            }
            await().until(() -> edge.engine.stats().subscribers() == 1);
        }
    }

    @Test
    void closing_ends_all_feeds() {
        try (Edge edge = open()) {
            FeedProbe reading = watchFromNow(edge);
            FeedProbe idle = new FeedProbe(edge.cache.watch(from(edge, new Start.Now())));
            edge.cache.close();
            assertThat(reading.awaitFailure().code()).isEqualTo(ErrorCode.UNAVAILABLE);
            assertThat(idle.awaitFailure().code()).isEqualTo(ErrorCode.UNAVAILABLE);
        }
    }

    @Test
    void who_was_told_of_a_write_does_not_get_it_as_the_next_change() {
        try (Edge edge = open()) {
            FeedByHand upstream = new FeedByHand(edge.engine);
            try (EdgeCache cache = EdgeCache.open(
                    upstream,
                    EdgeOptions.builder().heartbeat(Duration.ofMinutes(1)).build())) {
                Position begin = edge.engine.position();
                upstream.send(new FeedEvent.Heartbeat(begin));
                WriteOptions buffered = WriteOptions.BUFFERED;
                long version = join(cache.write(edge.ns, Mutation.put(Key.of("mine"), Value.of("v")), buffered))
                        .orThrow();
                FeedRequest all = FeedRequest.of(edge.ns, new Start.Now()).withHeartbeat(Duration.ofMinutes(1));
                try (FeedProbe feed = new FeedProbe(cache.watch(all))) {
                    feed.request(Long.MAX_VALUE);
                    upstream.change(edge.ns, edge.engine.positionOf(version), "mine");
                    upstream.change(edge.ns, edge.engine.positionOf(version + 1), "next");
                    assertThat(keys(feed.awaitChanges(1))).containsExactly("next");
                    assertThat(feed.heartbeats())
                            .as("the one that was older than the write")
                            .isZero();
                    upstream.send(new FeedEvent.Heartbeat(edge.engine.positionOf(version + 1)));
                    feed.awaitHeartbeat();
                }
            }
        }
    }

    @Test
    void a_feed_of_another_history_is_a_gap() {
        try (Edge edge = open()) {
            FeedByHand upstream = new FeedByHand(edge.engine);
            try (EdgeCache cache = EdgeCache.open(
                    upstream, EdgeOptions.builder().heartbeat(BEAT).build())) {
                upstream.send(new FeedEvent.Heartbeat(Position.of(1, 10)));
                FeedProbe feed = watch(cache, from(edge, new Start.Now()));
                upstream.change(edge.ns, Position.of(1, 11), "a");
                feed.awaitChanges(1);
                upstream.send(new FeedEvent.Heartbeat(Position.of(2, 12)));
                assertThat(feed.hasEnded())
                        .as("where the other begins is not known yet")
                        .isFalse();
                upstream.send(new FeedEvent.Heartbeat(Position.of(2, 14)));
                feed.awaitComplete();
                assertThat(feed.events()).endsWith(new FeedEvent.TooOld(Position.of(2, 14)));
            }
        }
    }

    @Test
    void a_heartbeat_comes_before_the_change_that_came_after_it() {
        try (Edge edge = open()) {
            FeedByHand upstream = new FeedByHand(edge.engine);
            try (EdgeCache cache = EdgeCache.open(
                    upstream,
                    EdgeOptions.builder().heartbeat(Duration.ofMinutes(1)).build())) {
                upstream.send(new FeedEvent.Heartbeat(Position.of(1, 10)));
                FeedRequest all = FeedRequest.of(edge.ns, new Start.Now()).withHeartbeat(Duration.ofMinutes(1));
                try (FeedProbe feed = new FeedProbe(cache.watch(all))) {
                    upstream.change(edge.ns, Position.of(1, 11), "a");
                    upstream.send(new FeedEvent.Heartbeat(Position.of(1, 11)));
                    upstream.change(edge.ns, Position.of(1, 12), "b");
                    feed.request(Long.MAX_VALUE);
                    feed.awaitChanges(2);
                    assertThat(feed.events())
                            .extracting(event -> event instanceof FeedEvent.Change change
                                    ? String.valueOf(change.key())
                                    : "heartbeat at "
                                            + ((FeedEvent.Heartbeat) event)
                                                    .position()
                                                    .version())
                            .containsExactly("a", "heartbeat at 11", "b");
                }
            }
        }
    }
}
