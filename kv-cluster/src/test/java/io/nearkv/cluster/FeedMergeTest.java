package io.nearkv.cluster;

import static io.nearkv.cluster.ScriptedPartition.LINEAGE;
import static io.nearkv.cluster.ScriptedPartition.NAMESPACE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedProbe;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.KvException;
import io.nearkv.core.Position;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;

class FeedMergeTest {
    private static final FeedRequest.Start NOW = new FeedRequest.Start.Now();

    private final List<ScriptedPartition> partitions = new ArrayList<>();
    private final List<Integer> learnt = new ArrayList<>();
    private final AtomicLong nanos = new AtomicLong(1);
    private @Nullable KvException unknown;
    private @Nullable FeedMerge merge;

    private FeedMerge merge(int count) {
        List<ShardVersions> versions = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            partitions.add(new ScriptedPartition());
            versions.add(new ShardVersions(count, i));
        }
        FeedMerge made = new FeedMerge(
                partitions.stream().map(ScriptedPartition::store).toList(),
                versions,
                (partition, namespace) -> {
                    learnt.add(partition);
                    return unknown == null
                            ? CompletableFuture.completedFuture(null)
                            : CompletableFuture.failedFuture(unknown);
                },
                nanos::get);
        merge = made;
        return made;
    }

    @AfterEach
    void close() {
        if (merge != null) {
            merge.close();
            merge.awaitEnd();
        }
    }

    private FeedProbe watch(int count, FeedRequest request) {
        FeedMerge made = merge(count);
        return new FeedProbe(subscriber -> made.subscribe(request, subscriber));
    }

    private static FeedRequest request(FeedRequest.Start start) {
        return FeedRequest.of(NAMESPACE, start);
    }

    private static FeedRequest after(long... versions) {
        return request(new FeedRequest.Start.After(position(versions)));
    }

    private static Position position(long... versions) {
        return new Position(LINEAGE, java.util.Arrays.stream(versions).boxed().toList());
    }

    private ScriptedPartition.Feed feed(int partition) {
        return partitions.get(partition).feed();
    }

    private static List<String> keys(FeedProbe probe) {
        return probe.changes().stream()
                .map(change -> String.valueOf(change.key()))
                .toList();
    }

    /** Waits until nothing more comes. */
    private static void settle(FeedProbe probe) {
        await().pollInterval(Duration.ofMillis(10))
                .during(Duration.ofMillis(60))
                .until(() -> probe.events().size(), new SameAsBefore());
    }

    /** Holds when asked about the same number as the last time. */
    private static final class SameAsBefore implements Predicate<Integer> {
        private int before = -1;

        @Override
        public boolean test(Integer now) {
            boolean same = now == before;
            before = now;
            return same;
        }
    }

    @Test
    void positions_say_how_far_the_subscriber_has_come_in_each_partition() {
        try (FeedProbe probe = watch(3, after(10, 20, 30))) {
            probe.request(100);
            feed(1).change(21, "b", true);
            probe.awaitChanges(1);
            feed(0).change(15, "a", true);
            probe.awaitChanges(2);
            feed(1).change(22, "b", true);
            List<FeedEvent.Change> changes = probe.awaitChanges(3);

            assertThat(changes)
                    .extracting(FeedEvent.Change::position)
                    .containsExactly(position(10, 21, 30), position(15, 21, 30), position(15, 22, 30));
            assertThat(changes).extracting(FeedEvent.Change::version).containsExactly(64L, 45L, 67L);
        }
    }

    @Test
    void each_partition_is_asked_for_its_own_part() {
        try (FeedProbe probe = watch(2, after(10, 20).withPrefix("a/").withHeartbeat(Duration.ofSeconds(2)))) {
            assertThat(feed(0).request)
                    .isEqualTo(request(new FeedRequest.Start.After(Position.of(LINEAGE, 10)))
                            .withHeartbeat(Duration.ofMillis(500)));
            assertThat(feed(1).request.start()).isEqualTo(new FeedRequest.Start.After(Position.of(LINEAGE, 20)));
            assertThat(probe.hasEnded()).isFalse();
        }
    }

    @Test
    void nothing_comes_before_it_is_known_where_each_partition_begins() {
        try (FeedProbe probe = watch(3, request(NOW))) {
            probe.request(100);
            feed(0).change(11, "a", true);
            feed(1).heartbeat(20);
            settle(probe);
            assertThat(probe.events()).isEmpty();

            feed(2).change(31, "c", true);

            List<FeedEvent.Change> changes = probe.awaitChanges(2);
            assertThat(changes.get(0).position()).isEqualTo(position(11, 20, 30));
            assertThat(changes.get(1).position()).isEqualTo(position(11, 20, 31));
        }
    }

    @Test
    void nothing_comes_between_the_changes_of_a_commit() {
        try (FeedProbe probe = watch(2, after(0, 0))) {
            probe.request(100);
            feed(0).change(1, "a1", false);
            probe.awaitChanges(1);
            feed(1).change(1, "b1", true);
            feed(1).heartbeat(1);
            settle(probe);
            assertThat(keys(probe)).containsExactly("a1");

            feed(0).change(2, "a2", false);
            feed(0).change(3, "a3", true);

            probe.awaitChanges(4);
            assertThat(keys(probe)).containsExactly("a1", "a2", "a3", "b1");
        }
    }

    @Test
    void a_commit_that_ends_with_a_key_of_another_prefix_holds_nobody_up() {
        try (FeedProbe probe = watch(2, after(0, 0).withPrefix("a/"))) {
            probe.request(100);
            feed(0).change(1, "a/1", false);
            feed(0).change(2, "b/1", true);
            feed(1).change(1, "b/2", true);
            feed(1).change(2, "a/2", true);

            List<FeedEvent.Change> changes = probe.awaitChanges(2);
            assertThat(keys(probe)).containsExactly("a/1", "a/2");
            assertThat(changes.get(1).position()).isEqualTo(position(2, 2));
        }
    }

    @Test
    void a_partition_sends_ahead_so_much_and_no_more() {
        try (FeedProbe probe = watch(2, after(0, 0))) {
            assertThat(feed(0).requested.get()).isEqualTo(MergedFeed.PREFETCH);
            for (int i = 1; i <= MergedFeed.PREFETCH; i++) {
                feed(0).change(i, "a" + i, true);
            }
            settle(probe);
            assertThat(probe.events()).isEmpty();
            assertThat(feed(0).requested.get()).isEqualTo(MergedFeed.PREFETCH);

            probe.request(40);
            probe.awaitChanges(40);
            assertThat(feed(0).requested.get()).isEqualTo(MergedFeed.PREFETCH + MergedFeed.PREFETCH / 2);
            assertThat(feed(1).requested.get()).isEqualTo(MergedFeed.PREFETCH);
        }
    }

    @Test
    void a_busy_partition_does_not_keep_the_others_waiting() {
        try (FeedProbe probe = watch(3, after(0, 0, 0))) {
            for (int i = 1; i <= 50; i++) {
                feed(0).change(i, "a", true);
            }
            for (int i = 1; i <= 3; i++) {
                feed(1).change(i, "b", true);
                feed(2).change(i, "c", true);
            }
            probe.request(9);
            probe.awaitChanges(9);
            assertThat(keys(probe)).containsExactly("a", "b", "c", "a", "b", "c", "a", "b", "c");
        }
    }

    @Test
    void a_heartbeat_comes_when_all_partitions_have_caught_up() {
        FeedRequest everySecond = request(NOW).withHeartbeat(Duration.ofSeconds(1));
        try (FeedProbe probe = watch(2, everySecond)) {
            probe.request(100);
            feed(0).heartbeat(10);
            settle(probe);
            assertThat(probe.heartbeats()).isZero();
            feed(1).change(20, "b", true);
            feed(1).heartbeat(20);
            assertThat(probe.awaitHeartbeat()).isEqualTo(position(10, 20));

            // Not before its time, and not again from what was said before.
            tick(500);
            feed(0).heartbeat(10);
            feed(1).heartbeat(20);
            tick(1000);
            feed(0).heartbeat(11);
            settle(probe);
            assertThat(probe.heartbeats()).isEqualTo(1);
            feed(1).heartbeat(20);
            await().until(() -> probe.heartbeats() == 2);
            assertThat(probe.lastPosition()).isEqualTo(position(11, 20));
        }
    }

    @Test
    void a_heartbeat_says_nothing_that_was_true_long_ago() {
        FeedRequest everySecond = request(NOW).withHeartbeat(Duration.ofSeconds(1));
        try (FeedProbe probe = watch(2, everySecond)) {
            probe.request(100);
            feed(0).heartbeat(10);
            tick(400); // A quarter of a second and half as much again.
            feed(1).heartbeat(20);
            settle(probe);
            assertThat(probe.heartbeats()).isZero();

            feed(0).heartbeat(12);
            assertThat(probe.awaitHeartbeat()).isEqualTo(position(12, 20));
        }
    }

    @Test
    void each_heartbeat_needs_a_new_word_of_each_partition_however_short_the_interval_is() {
        FeedRequest often = request(NOW).withHeartbeat(Duration.ofMillis(20));
        try (FeedProbe probe = watch(2, often)) {
            probe.request(100);
            feed(0).heartbeat(10);
            feed(1).heartbeat(20);
            probe.awaitHeartbeat();
            tick(25);
            feed(0).heartbeat(11);
            settle(probe);
            assertThat(probe.heartbeats()).isEqualTo(1);
            feed(1).heartbeat(20);
            await().until(() -> probe.heartbeats() == 2);
        }
    }

    @Test
    void a_heartbeat_waits_for_what_was_sent_before_it() {
        try (FeedProbe probe = watch(2, request(NOW))) {
            feed(0).heartbeat(10);
            feed(1).change(20, "b", true);
            feed(1).heartbeat(20);
            feed(0).heartbeat(10);
            settle(probe);
            assertThat(probe.events()).isEmpty();
            probe.request(1);
            probe.awaitChanges(1);
            settle(probe);
            assertThat(probe.events()).hasSize(1);
            probe.request(1);
            assertThat(probe.awaitHeartbeat()).isEqualTo(position(10, 20));
        }
    }

    private void tick(int millis) {
        nanos.addAndGet(Duration.ofMillis(millis).toNanos());
    }

    @Test
    void a_partition_that_has_trimmed_what_comes_next_ends_the_feed() {
        try (FeedProbe probe = watch(3, after(10, 20, 30))) {
            feed(0).change(11, "a", true);
            probe.request(1);
            probe.awaitChanges(1);
            feed(1).tooOld(25);
            settle(probe);
            assertThat(probe.events()).as("without demand").hasSize(1);
            feed(2).change(31, "c", true);
            probe.request(5);
            probe.awaitComplete();

            assertThat(probe.events()).hasSize(2).last().isEqualTo(new FeedEvent.TooOld(position(11, 25, 30)));
            assertThat(feed(0).cancelled).isTrue();
            assertThat(feed(2).cancelled).isTrue();
        }
    }

    @Test
    void a_position_of_another_history_is_too_old_with_what_each_partition_has() {
        Position elsewhere = new Position(~LINEAGE, List.of(5L, 6L, 7L));
        try (FeedProbe probe = watch(3, request(new FeedRequest.Start.After(elsewhere)))) {
            probe.request(10);
            feed(0).tooOld(1);
            feed(2).tooOld(3);
            settle(probe);
            assertThat(probe.events()).isEmpty();
            feed(1).tooOld(2);
            probe.awaitComplete();
            assertThat(probe.events()).containsExactly(new FeedEvent.TooOld(position(1, 2, 3)));
        }
    }

    @Test
    void a_position_of_another_number_of_partitions_is_of_another_history() {
        try (FeedProbe probe = watch(2, after(5))) {
            for (int i = 0; i < 2; i++) {
                FeedRequest.Start start = feed(i).request.start();
                assertThat(((FeedRequest.Start.After) start).position().lineage())
                        .isNotEqualTo(LINEAGE);
            }
            probe.request(10);
            feed(1).tooOld(2);
            feed(0).tooOld(1);
            probe.awaitComplete();
            assertThat(probe.events()).containsExactly(new FeedEvent.TooOld(position(1, 2)));
        }
    }

    @Test
    void a_failure_of_one_partition_ends_the_feed_once_without_demand() {
        try (FeedProbe probe = watch(3, after(0, 0, 0))) {
            feed(0).change(1, "a", true);
            feed(1).error(new KvException(ErrorCode.UNAVAILABLE, "gone"));
            feed(2).error(new KvException(ErrorCode.INTERNAL, "too late"));
            assertThat(probe.awaitFailure().code()).isEqualTo(ErrorCode.UNAVAILABLE);
            await().until(() -> feed(0).cancelled);
            assertThat(probe.events()).isEmpty();
            assertThat(partitions).isNotEmpty();
        }
    }

    @Test
    void a_partition_that_completes_ends_the_feed_after_what_it_sent() {
        try (FeedProbe probe = watch(2, after(0, 0))) {
            feed(0).change(1, "a", true);
            feed(0).complete();
            settle(probe);
            assertThat(probe.hasEnded()).isFalse();
            probe.request(10);
            probe.awaitComplete();
            assertThat(probe.events()).hasSize(1);
            assertThat(feed(1).cancelled).isTrue();
        }
    }

    @Test
    void a_partition_that_did_not_know_the_namespace_is_asked_again() {
        try (FeedProbe probe = watch(2, request(NOW))) {
            probe.request(10);
            feed(0).heartbeat(5);
            feed(1).error(new KvException(ErrorCode.NOT_FOUND, "unknown"));

            assertThat(learnt).containsExactly(1);
            // What came in between is of the namespace that it has just learnt, and belongs to "now".
            assertThat(feed(1).request.start()).isEqualTo(new FeedRequest.Start.Oldest());
            feed(1).change(9, "b", true);
            assertThat(probe.awaitChanges(1).get(0).position()).isEqualTo(position(5, 9));
            feed(1).error(new KvException(ErrorCode.NOT_FOUND, "again"));
            assertThat(probe.awaitFailure().code()).isEqualTo(ErrorCode.NOT_FOUND);
        }
    }

    @Test
    void a_namespace_that_nobody_knows_is_not_found() {
        unknown = new KvException(ErrorCode.NOT_FOUND, "no such namespace");
        try (FeedProbe probe = watch(2, after(1, 2))) {
            feed(0).error(new KvException(ErrorCode.NOT_FOUND, "unknown"));
            assertThat(probe.awaitFailure()).isSameAs(unknown);
            await().until(() -> feed(1).cancelled);
        }
    }

    @Test
    void a_cancelled_feed_falls_silent_and_cancels_those_that_greet_late() {
        FeedMerge made = merge(2);
        partitions.get(1).greets = false;
        FeedProbe probe = new FeedProbe(subscriber -> made.subscribe(after(0, 0), subscriber));
        probe.request(100);
        feed(0).change(1, "a", true);
        probe.awaitChanges(1);
        probe.close();
        feed(0).change(2, "a", true);
        partitions.get(1).greet();
        settle(probe);
        assertThat(probe.events()).hasSize(1);
        assertThat(probe.hasEnded()).isFalse();
        assertThat(feed(0).cancelled).isTrue();
        assertThat(feed(1).cancelled).isTrue();
        assertThat(feed(1).requested.get()).isZero();
        assertThat(made.subscribers()).isZero();
    }

    @Test
    void closing_ends_the_feed() {
        FeedProbe probe = watch(2, after(0, 0));
        close();
        assertThat(probe.awaitFailure().code()).isEqualTo(ErrorCode.UNAVAILABLE);
    }

    /** What a subscriber is given that asks for one at a time, or throws. */
    private static final class Greedy implements Flow.Subscriber<FeedEvent> {
        private final int throwsAt;
        final AtomicInteger seen = new AtomicInteger();
        private Flow.@Nullable Subscription subscription;

        Greedy(int throwsAt) {
            this.throwsAt = throwsAt;
        }

        @Override
        public void onSubscribe(Flow.Subscription newSubscription) {
            subscription = newSubscription;
            newSubscription.request(1);
        }

        @Override
        public void onNext(FeedEvent event) {
            if (seen.incrementAndGet() == throwsAt) {
                throw new IllegalStateException("as the test wants");
            }
            if (subscription != null) {
                subscription.request(1);
            }
        }

        @Override
        public void onError(Throwable failure) {
            seen.set(Integer.MIN_VALUE);
        }

        @Override
        public void onComplete() {
            seen.set(Integer.MIN_VALUE);
        }
    }

    @Test
    void a_subscriber_that_asks_for_one_at_a_time_needs_no_deeper_stack() {
        FeedMerge made = merge(2);
        Greedy greedy = new Greedy(-1);
        made.subscribe(after(0, 0), greedy);
        send(feed(0), 100_000, new Random(1));
        await().until(() -> greedy.seen.get() == 100_000);
    }

    @Test
    void a_subscriber_that_throws_gets_nothing_more() {
        FeedMerge made = merge(2);
        Greedy greedy = new Greedy(2);
        made.subscribe(after(0, 0), greedy);
        for (int i = 1; i <= 10; i++) {
            feed(0).change(i, "a", true);
        }
        await().until(() -> feed(0).cancelled && feed(1).cancelled);
        assertThat(greedy.seen.get()).isEqualTo(2);
    }

    @RepeatedTest(5)
    void whatever_partitions_send_comes_once_in_their_order_with_commits_in_one_piece(RepetitionInfo repetition)
            throws Exception {
        Random random = new Random(repetition.getCurrentRepetition());
        int count = 4;
        int each = 1000;
        try (FeedProbe probe = watch(count, after(0, 0, 0, 0))) {
            List<Thread> senders = new ArrayList<>();
            for (int p = 0; p < count; p++) {
                ScriptedPartition.Feed feed = feed(p);
                long seed = random.nextLong();
                Thread sender = new Thread(() -> send(feed, each, new Random(seed)));
                senders.add(sender);
                sender.start();
            }
            int requested = 0;
            while (requested < count * each) {
                int step = Math.min(1 + random.nextInt(2000), count * each - requested);
                probe.request(step);
                requested += step;
                int wanted = requested;
                await().pollInterval(Duration.ofMillis(1))
                        .until(() -> probe.events().size() == wanted);
            }
            for (Thread sender : senders) {
                sender.join(30_000);
            }

            long[] given = new long[count];
            int current = -1;
            List<FeedEvent.Change> changes = probe.changes();
            for (FeedEvent.Change change : changes) {
                int partition = (int) (change.version() % count);
                assertThat(change.version() / count).isEqualTo(++given[partition]);
                assertThat(change.position()).isEqualTo(position(given));
                if (current >= 0) {
                    assertThat(partition).as("commit of one partition").isEqualTo(current);
                }
                current = change.endsCommit() ? -1 : partition;
            }
            assertThat(given).containsOnly(each);
        }
    }

    private static void send(ScriptedPartition.Feed feed, int count, Random random) {
        for (int i = 1; i <= count; i++) {
            while (!feed.mayBeSent()) {
                LockSupport.parkNanos(20_000);
            }
            feed.change(i, "k" + i, i == count || random.nextInt(3) > 0);
        }
    }
}
