package io.nearkv.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

/** The change feed: every change once and in order, from any position, no more than was requested. */
public interface FeedContract extends ContractSupport {
    private FeedProbe watchFrom(FeedRequest.Start start) {
        return watch(FeedRequest.of(ns(), start));
    }

    /** Writes a bit of everything and returns the keys and kinds in order. */
    private List<FeedEvent.Change> writeSomeOfEverything() {
        try (FeedProbe feed = watchFromNow()) {
            put("a", "1");
            put("b", bytes(100_000, 1), PutOptions.DEFAULT);
            Object unused = batch(putOf("c", "1"), Mutation.delete(key("a")), putOf("c", "2"), putOf("d", "1"));
            delete("nothing");
            unused = await(store().writeAll(ns(), List.of(putOf("e", "1"), putOf("f", "1")), WriteOptions.DEFAULT));
            try (ValueWriter writer = upload("g", PutOptions.DEFAULT)) {
                writePieces(writer, bytes(70_000, 1), 10_000);
                unused = await(writer.commit());
            }
            return feed.awaitChanges(10);
        }
    }

    @Test
    default void the_feed_brings_every_change_once_and_in_order() {
        List<FeedEvent.Change> changes = writeSomeOfEverything();

        assertThat(changes)
                .extracting(FeedEvent.Change::key, FeedEvent.Change::kind)
                .containsExactly(
                        tuple(key("a"), FeedEvent.Kind.PUT),
                        tuple(key("b"), FeedEvent.Kind.PUT),
                        tuple(key("c"), FeedEvent.Kind.PUT),
                        tuple(key("a"), FeedEvent.Kind.DELETE),
                        tuple(key("c"), FeedEvent.Kind.PUT),
                        tuple(key("d"), FeedEvent.Kind.PUT),
                        tuple(key("nothing"), FeedEvent.Kind.DELETE),
                        tuple(key("e"), FeedEvent.Kind.PUT),
                        tuple(key("f"), FeedEvent.Kind.PUT),
                        tuple(key("g"), FeedEvent.Kind.PUT));
        assertThat(changes).allSatisfy(change -> assertThat(change.namespace()).isEqualTo(ns()));
        assertThat(changes).extracting(FeedEvent.Change::version).isSorted().doesNotHaveDuplicates();
        assertThat(changes.get(9).version()).isEqualTo(found("g").version());
    }

    @Test
    default void the_changes_of_a_batch_come_together_and_only_the_last_ends_the_commit() {
        List<FeedEvent.Change> changes = writeSomeOfEverything();
        assertThat(changes.subList(0, 7))
                .extracting(FeedEvent.Change::endsCommit)
                .containsExactly(true, true, false, false, false, true, true);
        long first = changes.get(2).version();
        long step = versionStep();
        assertThat(changes.subList(2, 6))
                .extracting(FeedEvent.Change::version)
                .containsExactly(first, first + step, first + 2 * step, first + 3 * step);
        assertThat(changes.get(9).endsCommit()).isTrue();
    }

    @Test
    default void the_position_of_a_version_is_that_of_its_change() {
        List<FeedEvent.Change> changes = writeSomeOfEverything();

        assertThat(changes)
                .allSatisfy(change ->
                        assertThat(store().positionOf(change.version())).isEqualTo(change.position()));
        assertThat(found("g").version()).isEqualTo(changes.get(9).version());
        Position written = store().positionOf(put("h", "1"));
        assertThat(written.covers(changes.get(9).position())).isTrue();
        assertThat(await(store().get(ns(), key("h"), ReadOptions.session(written))))
                .isInstanceOf(GetResult.Found.class);
        assertThatThrownBy(() -> store().positionOf(-1)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    default void a_reader_goes_on_after_any_position_also_inside_a_batch() {
        List<FeedEvent.Change> changes = writeSomeOfEverything();
        for (int i = 0; i < changes.size(); i++) {
            Position position = Position.parse(changes.get(i).position().toString());
            try (FeedProbe feed = watchFrom(new FeedRequest.Start.After(position))) {
                feed.request(Long.MAX_VALUE);
                assertThat(feed.awaitChanges(changes.size() - 1 - i)).isEqualTo(changes.subList(i + 1, changes.size()));
            }
        }
    }

    @Test
    default void oldest_begins_with_what_was_written_before() {
        List<FeedEvent.Change> changes = writeSomeOfEverything();
        try (FeedProbe feed = watchFrom(new FeedRequest.Start.Oldest())) {
            feed.request(Long.MAX_VALUE);
            assertThat(feed.awaitChanges(changes.size())).isEqualTo(changes);
        }
    }

    @Test
    default void now_begins_with_the_next_change() {
        put("before", "v");
        try (FeedProbe feed = watchFromNow()) {
            put("after", "v");
            assertThat(feed.awaitChanges(1).get(0).key()).isEqualTo(key("after"));
        }
    }

    @Test
    default void an_acknowledged_write_is_in_the_feed_of_who_asks_afterwards() {
        for (int i = 0; i < 20; i++) {
            long version = put("k" + i, "v");
            try (FeedProbe feed = watchFrom(new FeedRequest.Start.Oldest())) {
                feed.request(Long.MAX_VALUE);
                Position caughtUp = feed.awaitHeartbeat();
                List<FeedEvent.Change> changes = feed.changes();
                assertThat(changes.get(changes.size() - 1).version()).isEqualTo(version);
                assertThat(caughtUp.covers(changes.get(changes.size() - 1).position()))
                        .isTrue();
            }
        }
    }

    @Test
    default void the_feed_of_everything_has_no_gap() {
        try (FeedProbe feed = watch(FeedRequest.of(null, new FeedRequest.Start.Now()))) {
            feed.request(Long.MAX_VALUE);
            feed.awaitHeartbeat();
            put("a", "1");
            NamespaceId other = await(store().admin().createNamespace(fixture().account(), "feed of " + ns()))
                    .id();
            Object unused = await(store().write(other, Mutation.put(key("x"), Value.of("1")), WriteOptions.DEFAULT));
            unused = await(store().admin().renameNamespace(other, "renamed of " + ns()));
            put("b", "1", PutOptions.when(Condition.IF_PRESENT));
            unused = batch(putOf("c", "1"), putOf("d", "1"));
            unused = await(store().admin().deleteNamespace(other));
            long last = put("e", "1");

            List<FeedEvent.Change> changes = feed.awaitChanges(6);
            assertThat(changes)
                    .extracting(FeedEvent.Change::namespace)
                    .containsExactly(ns(), other, ns(), ns(), other, ns());
            assertThat(changes.get(4).kind()).isEqualTo(FeedEvent.Kind.NAMESPACE_DELETED);
            assertThat(changes.get(4).key()).isNull();
            List<FeedEvent.Change> all = feed.allChanges();
            long first = all.get(0).version();
            assertThat(all)
                    .extracting(FeedEvent.Change::version)
                    .containsExactlyElementsOf(IntStream.range(0, all.size())
                            .mapToObj(i -> first + i)
                            .toList());
            assertThat(all.get(all.size() - 1).version()).isEqualTo(last);
        }
    }

    @Test
    default void a_feed_with_a_prefix_brings_its_keys_only_and_still_moves_on() {
        FeedRequest request = FeedRequest.of(ns(), new FeedRequest.Start.Now())
                .withPrefix("a/")
                .withHeartbeat(Duration.ofMillis(50));
        try (FeedProbe feed = watch(request)) {
            feed.request(Long.MAX_VALUE);
            Position begin = feed.awaitHeartbeat();
            put("a/1", "v");
            put("a", "v");
            put("b/1", "v");
            put("a/%", "v");
            delete("a/1");
            put("b", "v");
            assertThat(feed.awaitChanges(3))
                    .extracting(FeedEvent.Change::key, FeedEvent.Change::kind)
                    .containsExactly(
                            tuple(key("a/1"), FeedEvent.Kind.PUT),
                            tuple(key("a/%"), FeedEvent.Kind.PUT),
                            tuple(key("a/1"), FeedEvent.Kind.DELETE));
            feed.awaitNextHeartbeat();
            Position end = feed.awaitNextHeartbeat();
            assertThat(end.covers(begin)).isTrue();
            assertThat(end).isNotEqualTo(feed.changes().get(2).position());
        }
    }

    @Test
    default void a_watcher_of_a_namespace_is_told_when_it_is_deleted_whatever_its_prefix() {
        try (FeedProbe all = watchFromNow();
                FeedProbe some =
                        watch(FeedRequest.of(ns(), new FeedRequest.Start.Now()).withPrefix("a/"))) {
            some.request(Long.MAX_VALUE);
            some.awaitHeartbeat();
            put("b", "v");
            Object unused = await(store().admin().deleteNamespace(ns()));
            assertThat(all.awaitChanges(2).get(1).kind()).isEqualTo(FeedEvent.Kind.NAMESPACE_DELETED);
            assertThat(some.awaitChanges(1).get(0).kind()).isEqualTo(FeedEvent.Kind.NAMESPACE_DELETED);
        }
    }

    @Test
    default void heartbeats_come_while_nothing_else_does() {
        FeedRequest request = FeedRequest.of(ns(), new FeedRequest.Start.Now()).withHeartbeat(Duration.ofMillis(20));
        try (FeedProbe feed = watch(request)) {
            feed.request(Long.MAX_VALUE);
            Position first = feed.awaitHeartbeat();
            Position second = feed.awaitNextHeartbeat();
            assertThat(second).isEqualTo(feed.awaitNextHeartbeat()).isEqualTo(first);
            long version = put("k", "v");
            FeedEvent.Change change = feed.awaitChanges(1).get(0);
            assertThat(change.version()).isEqualTo(version);
            feed.awaitNextHeartbeat();
            assertThat(feed.awaitNextHeartbeat().covers(change.position())).isTrue();
        }
    }

    @Test
    default void a_position_of_another_history_is_too_old() {
        put("a", "v");
        Position here;
        try (FeedProbe feed = watchFromNow()) {
            here = feed.lastPosition();
        }
        Position elsewhere = new Position(~here.lineage(), here.versions());
        FeedProbe feed = watchFrom(new FeedRequest.Start.After(elsewhere));
        feed.request(10);
        feed.awaitComplete();

        assertThat(feed.events()).hasSize(1);
        assertThat(feed.events().get(0)).isInstanceOf(FeedEvent.TooOld.class);
        Position oldest = ((FeedEvent.TooOld) feed.events().get(0)).oldest();
        assertThat(oldest.lineage()).isEqualTo(here.lineage());
        try (FeedProbe again = watchFrom(new FeedRequest.Start.After(oldest))) {
            again.request(Long.MAX_VALUE);
            again.awaitChanges(1);
        }
    }

    @Test
    default void nothing_comes_that_was_not_requested() {
        FeedRequest request = FeedRequest.of(ns(), new FeedRequest.Start.Oldest());
        for (int i = 0; i < 10; i++) {
            put("k" + i, "v");
        }
        // Heartbeats are paid from the same demand, so none may come between the changes.
        try (FeedProbe slow = watch(request.withHeartbeat(Limits.MAX_TIMEOUT));
                FeedProbe fast = watch(request.withHeartbeat(Duration.ofMillis(10)))) {
            fast.request(Long.MAX_VALUE);
            int requested = 0;
            for (int step : new int[] {1, 1, 3, 4}) {
                slow.request(step);
                requested += step;
                slow.awaitChanges(requested);
                fast.awaitNextHeartbeat();
                fast.awaitNextHeartbeat();
                assertThat(slow.events()).hasSize(requested);
            }
            slow.request(100);
            slow.awaitChanges(10);
            assertThat(slow.heartbeats()).isLessThanOrEqualTo(1);
        }
    }

    @Test
    default void each_subscriber_gets_its_own_feed() {
        var feed = store().watch(FeedRequest.of(ns(), new FeedRequest.Start.Oldest()));
        put("a", "v");
        try (FeedProbe first = new FeedProbe(feed)) {
            first.request(Long.MAX_VALUE);
            first.awaitChanges(1);
            put("b", "v");
            try (FeedProbe second = new FeedProbe(feed)) {
                second.request(Long.MAX_VALUE);
                second.awaitChanges(2);
            }
            put("c", "v");
            first.awaitChanges(3);
        }
    }

    @Test
    default void a_cancelled_feed_falls_silent() {
        FeedRequest request = FeedRequest.of(ns(), new FeedRequest.Start.Now()).withHeartbeat(Duration.ofMillis(10));
        FeedProbe cancelled = watch(request);
        cancelled.request(Long.MAX_VALUE);
        cancelled.awaitHeartbeat();
        cancelled.close();
        cancelled.close();
        try (FeedProbe other = watchFromNow()) {
            put("a", "v");
            other.awaitChanges(1);
            // What was on its way may still have come; after it nothing may.
            int atRest = Awaitility.await()
                    .during(Duration.ofMillis(100))
                    .atMost(Duration.ofSeconds(20))
                    .until(() -> cancelled.events().size(), new Unchanged());
            put("b", "v");
            other.awaitChanges(2);
            assertThat(cancelled.events()).hasSize(atRest);
            assertThat(cancelled.hasEnded()).isFalse();
        }
    }

    @Test
    default void requesting_nothing_is_an_error() {
        FeedProbe feed = watchFrom(new FeedRequest.Start.Now());
        feed.request(0);
        assertThat(feed.awaitEnd()).isEqualTo("error");
        feed.close();
    }

    @Test
    default void a_reader_that_is_slower_than_the_writers_gets_everything() {
        int writes = LONG ? 50_000 : 3_000;
        put("first", "v"); // Writes that wait until a store knows a new namespace may be overtaken by later ones.
        // Heartbeats are paid from the same demand, so none may come on the way.
        FeedRequest request = FeedRequest.of(ns(), new FeedRequest.Start.Now()).withHeartbeat(Limits.MAX_TIMEOUT);
        try (FeedProbe feed = watch(request)) {
            feed.request(1);
            feed.awaitHeartbeat();
            List<CompletableFuture<WriteResult>> answers = new ArrayList<>();
            for (int i = 0; i < writes; i++) {
                answers.add(store().write(ns(), putOf("k" + i % 100, "v" + i), WriteOptions.BUFFERED));
                if (answers.size() == 500) {
                    answers.forEach(this::await);
                    answers.clear();
                }
            }
            answers.forEach(this::await);
            int requested = 0;
            for (int step = 1; requested < writes; step = Math.min(1000, step * 3)) {
                int count = Math.min(step, writes - requested);
                feed.request(count);
                requested += count;
                Object unused = feed.awaitChanges(requested);
            }
            assertThat(feed.changes())
                    .extracting(change -> String.valueOf(change.key()))
                    .containsExactlyElementsOf(IntStream.range(0, writes)
                            .mapToObj(i -> "k" + i % 100)
                            .toList());
        }
    }

    @Test
    default void a_position_is_good_after_reopening() throws Exception {
        if (!fixture().canReopen()) {
            return;
        }
        List<FeedEvent.Change> changes = writeSomeOfEverything();
        fixture().reopen();
        put("later", "v");
        try (FeedProbe feed =
                watchFrom(new FeedRequest.Start.After(changes.get(3).position()))) {
            feed.request(Long.MAX_VALUE);
            List<FeedEvent.Change> after = feed.awaitChanges(7);
            assertThat(after.subList(0, 6)).isEqualTo(changes.subList(4, 10));
            assertThat(after.get(6).key()).isEqualTo(key("later"));
        }
    }
}
