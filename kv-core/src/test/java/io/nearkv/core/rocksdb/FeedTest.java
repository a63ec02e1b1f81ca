package io.nearkv.core.rocksdb;

import static io.nearkv.core.rocksdb.Engine.await;
import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedProbe;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.Key;
import io.nearkv.core.Mutation;
import io.nearkv.core.Position;
import io.nearkv.core.PutOptions;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The change feed: exact from every position, bounded by retention, and cheap for those who are slow. */
class FeedTest {
    @TempDir
    Path folder;

    private @Nullable Engine opened;

    private Engine open(UnaryOperator<RocksStoreOptions.Builder> options) {
        Engine engine = new Engine(folder, options);
        opened = engine;
        return engine;
    }

    @AfterEach
    void close() {
        if (opened != null) {
            opened.close();
        }
    }

    private static FeedProbe watch(Engine engine, FeedRequest.Start start, long demand) {
        FeedProbe probe = new FeedProbe(engine.store.watch(engine.feed(start)));
        if (demand > 0) {
            probe.request(demand);
        }
        return probe;
    }

    private static List<Mutation> puts(int count) {
        List<Mutation> puts = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            puts.add(Mutation.put(Key.of("b" + i), Value.of("v")));
        }
        return puts;
    }

    @Test
    void a_feed_goes_on_exactly_at_every_position_inside_batches_and_after_reopening() {
        Engine engine = open(options -> options);
        engine.assertApplied(engine.put("a", "v"));
        Object unused = await(engine.store.batch(engine.ns, puts(5), WriteOptions.DEFAULT));
        engine.assertApplied(engine.delete("a"));
        unused = await(engine.store.writeAll(engine.ns, puts(3), WriteOptions.DEFAULT));
        engine.reopen();
        engine.assertApplied(engine.put("z", "v"));
        long last = engine.store.position().version();
        assertThat(last).isEqualTo(11);

        for (long from = 0; from <= last; from++) {
            Position position = Position.of(engine.store.position().lineage(), from);
            FeedProbe feed = watch(engine, new FeedRequest.Start.After(position), Long.MAX_VALUE);
            Position heartbeat = feed.awaitHeartbeat();
            List<FeedEvent.Change> changes = feed.changes();
            assertThat(heartbeat.version()).isEqualTo(last);
            assertThat(changes).hasSize((int) (last - from));
            for (int i = 0; i < changes.size(); i++) {
                FeedEvent.Change change = changes.get(i);
                assertThat(change.version()).isEqualTo(from + 1 + i);
                assertThat(change.position().version()).isEqualTo(change.version());
                // Within the batch, versions 2 to 6, only the last change ends the commit.
                assertThat(change.endsCommit()).isEqualTo(change.version() < 2 || change.version() > 5);
            }
            feed.close();
        }
    }

    @Test
    void what_is_over_the_retained_bytes_is_trimmed_and_its_reader_told() {
        Engine engine = open(options -> options.feedRetainBytes(16 << 10));
        for (int i = 0; i < 200; i++) {
            Object unused = await(engine.store.batch(engine.ns, puts(20), WriteOptions.BUFFERED));
        }
        RocksStoreStats stats = engine.store.stats();
        assertThat(stats.oldestVersion()).isPositive();
        assertThat(stats.feedBytes()).isBetween(16L << 10, 24L << 10);
        long lineage = engine.store.position().lineage();

        for (long from : new long[] {0, stats.oldestVersion() - 1}) {
            FeedProbe late = watch(engine, new FeedRequest.Start.After(Position.of(lineage, from)), 10);
            assertThat(late.awaitEnd()).isEqualTo("complete");
            assertThat(late.events())
                    .containsExactly(new FeedEvent.TooOld(Position.of(lineage, stats.oldestVersion())));
        }
        for (boolean reopened : new boolean[] {false, true}) {
            if (reopened) {
                engine.reopen();
                assertThat(engine.store.stats().oldestVersion()).isEqualTo(stats.oldestVersion());
                assertThat(engine.store.stats().feedBytes()).isEqualTo(stats.feedBytes());
            }
            Position oldest = Position.of(lineage, stats.oldestVersion());
            FeedProbe whole = watch(engine, new FeedRequest.Start.After(oldest), Long.MAX_VALUE);
            assertThat(whole.awaitHeartbeat().version()).isEqualTo(4000);
            assertThat(whole.changes()).hasSize((int) (4000 - stats.oldestVersion()));
            whole.close();
            FeedProbe fromOldest = watch(engine, new FeedRequest.Start.Oldest(), Long.MAX_VALUE);
            Object unused = fromOldest.awaitHeartbeat();
            assertThat(fromOldest.changes()).hasSize((int) (4000 - stats.oldestVersion()));
            fromOldest.close();
        }
    }

    @Test
    void what_is_too_old_is_trimmed_also_when_nobody_writes() {
        Engine engine = open(options -> options.feedRetainTime(Duration.ofHours(1)));
        engine.assertApplied(engine.put("a", "v"));
        engine.clock.advance(Duration.ofMinutes(59));
        engine.assertApplied(engine.put("b", "v"));
        engine.clock.advance(Duration.ofMinutes(2));
        Awaitility.await().until(() -> engine.store.stats().oldestVersion() == 1);
        engine.clock.advance(Duration.ofMinutes(60));
        Awaitility.await().until(() -> engine.store.stats().oldestVersion() == 2);
        assertThat(engine.records("changes")).isZero();
        assertThat(engine.hasMeta(MetaRecords.SEGMENT)).isFalse();
        engine.reopen();
        assertThat(engine.store.position().version())
                .as("the version outlives its record")
                .isEqualTo(2);
        engine.assertApplied(engine.put("c", "v"));
        assertThat(engine.store.position().version()).isEqualTo(3);
    }

    @Test
    void positions_of_the_future_and_of_other_histories_are_too_old() {
        Engine engine = open(options -> options);
        engine.assertApplied(engine.put("a", "v"));
        long lineage = engine.store.position().lineage();
        for (Position wrong : List.of(Position.of(lineage, 2), Position.of(lineage + 1, 0))) {
            FeedProbe feed = watch(engine, new FeedRequest.Start.After(wrong), 1);
            assertThat(feed.awaitEnd()).isEqualTo("complete");
            assertThat(feed.events()).containsExactly(new FeedEvent.TooOld(Position.of(lineage, 0)));
        }
    }

    @Test
    void a_slow_subscriber_reads_from_disk_and_misses_nothing() {
        Engine engine = open(options -> options);
        FeedProbe slow = watch(engine, new FeedRequest.Start.Now(), 1);
        Object unused = slow.awaitHeartbeat();
        FeedProbe quick = watch(engine, new FeedRequest.Start.Now(), Long.MAX_VALUE);
        unused = quick.awaitHeartbeat();
        for (int i = 0; i < 100; i++) { // More than the ring in memory holds.
            List<Mutation> wide = new ArrayList<>();
            for (int k = 0; k < 100; k++) {
                wide.add(Mutation.put(Key.of("k".repeat(480) + i + "-" + k), Value.empty()));
            }
            unused = await(engine.store.batch(engine.ns, wide, WriteOptions.BUFFERED));
        }
        assertThat(quick.awaitChanges(10_000)).hasSize(10_000);

        slow.request(10_000);

        List<FeedEvent.Change> changes = slow.awaitChanges(10_000);
        for (int i = 0; i < 10_000; i++) {
            assertThat(changes.get(i).version()).isEqualTo(i + 1);
        }
        slow.close();
        quick.close();
        Awaitility.await().until(() -> engine.store.stats().subscribers() == 0);
    }

    @Test
    void a_subscriber_that_is_overtaken_by_retention_is_told_and_ends() {
        Engine engine = open(options -> options.feedRetainBytes(16 << 10));
        FeedProbe slow = watch(engine, new FeedRequest.Start.Now(), 1);
        Object unused = slow.awaitHeartbeat();
        for (int i = 0; i < 200; i++) {
            unused = await(engine.store.batch(engine.ns, puts(20), WriteOptions.BUFFERED));
        }
        slow.request(Long.MAX_VALUE);
        assertThat(slow.awaitEnd()).isEqualTo("complete");
        assertThat(slow.changes()).isEmpty();
        assertThat(slow.events().get(1)).isInstanceOf(FeedEvent.TooOld.class);
    }

    @Test
    void subscribers_are_bounded() {
        Engine engine = open(options -> options.maxSubscribers(1));
        FeedProbe first = watch(engine, new FeedRequest.Start.Now(), 10);
        Object unused = first.awaitHeartbeat();
        FeedProbe second = watch(engine, new FeedRequest.Start.Now(), 10);
        assertThat(second.awaitFailure().code()).isEqualTo(ErrorCode.UNAVAILABLE);
        first.close();
        Awaitility.await().until(() -> engine.store.stats().subscribers() == 0);
        FeedProbe third = watch(engine, new FeedRequest.Start.Now(), 10);
        unused = third.awaitHeartbeat();
        third.close();
    }

    @Test
    void expirations_are_swept_and_told_once_also_in_numbers_and_after_reopening() {
        Engine engine = open(options -> options.sweepInterval(Duration.ofMillis(20)));
        FeedProbe feed = watch(engine, new FeedRequest.Start.Oldest(), Long.MAX_VALUE);
        List<Mutation> mutations = new ArrayList<>();
        for (int i = 0; i < 2000; i++) {
            mutations.add(
                    new Mutation.Put(Key.of("e" + i), Value.of("v"), PutOptions.expiresAfter(Duration.ofSeconds(10))));
        }
        Object unused = await(engine.store.writeAll(engine.ns, mutations, WriteOptions.DEFAULT));
        engine.assertApplied(engine.put("e0", "kept")); // Its record in the list is stale now.
        engine.assertApplied(engine.put("e1", "later", PutOptions.expiresAfter(Duration.ofSeconds(20))));
        engine.assertApplied(engine.put("large", Engine.bytes(100_000, 1)));

        engine.clock.advance(Duration.ofSeconds(10));

        Awaitility.await().until(() -> engine.records("expiry") == 1);
        assertThat(engine.records("entries")).isEqualTo(3);
        assertThat(engine.text("e0")).isEqualTo("kept");
        assertThat(engine.text("e1")).isEqualTo("later");
        engine.reopen();
        engine.clock.advance(Duration.ofSeconds(10));
        Awaitility.await().until(() -> engine.records("expiry") == 0);
        feed.close();
        FeedProbe all = watch(engine, new FeedRequest.Start.Oldest(), Long.MAX_VALUE);
        unused = all.awaitHeartbeat();
        List<FeedEvent.Change> expirations = all.allChanges().stream()
                .filter(change -> change.kind() == FeedEvent.Kind.EXPIRE)
                .toList();
        assertThat(expirations).hasSize(1999).doesNotHaveDuplicates();
        assertThat(expirations)
                .extracting(change -> String.valueOf(change.key()))
                .doesNotContain("e0");
        all.close();
    }
}
