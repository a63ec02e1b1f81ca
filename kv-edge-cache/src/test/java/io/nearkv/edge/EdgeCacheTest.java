package io.nearkv.edge;

import static io.nearkv.edge.Edge.failureOf;
import static io.nearkv.edge.Edge.join;
import static io.nearkv.edge.Edge.text;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.FailPolicy;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.Kv;
import io.nearkv.core.KvNamespace;
import io.nearkv.core.KvSession;
import io.nearkv.core.ListOptions;
import io.nearkv.core.Mutation;
import io.nearkv.core.Origin;
import io.nearkv.core.Position;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a cache answers from, and when it asks. */
class EdgeCacheTest {
    @TempDir
    Path folder;

    private Edge open() {
        return new Edge(folder, options -> options);
    }

    @Test
    void the_first_answer_comes_from_upstream_and_the_next_from_memory() {
        try (Edge edge = open()) {
            long version = edge.write("k", "v");
            GetResult first = edge.get("k");
            GetResult second = edge.get("k");

            assertThat(first.origin().source()).isEqualTo(Origin.Source.UPSTREAM);
            assertThat(second.origin().source()).isEqualTo(Origin.Source.MEMORY);
            assertThat(second).isEqualTo(first);
            assertThat(((GetResult.Found) second).version()).isEqualTo(version);
            edge.advance(Duration.ofSeconds(7));
            assertThat(edge.get("k").origin().age()).isEqualTo(Duration.ofSeconds(7));
            assertThat(edge.upstream.opens).hasValue(1);
            assertThat(edge.cache.stats().memoryHits()).isEqualTo(2);
            assertThat(edge.cache.stats().misses()).isEqualTo(1);
        }
    }

    @Test
    void that_a_key_is_not_there_is_kept_until_it_is() {
        try (Edge edge = open()) {
            edge.warm("k", null);
            assertThat(edge.get("k").origin().source()).isEqualTo(Origin.Source.MEMORY);
            edge.write("k", "v");
            await().until(() -> "v".equals(edge.text("k")));
            edge.delete("k");
            await().until(() -> edge.text("k") == null);
        }
    }

    @Test
    void a_write_elsewhere_is_seen_soon_though_the_copy_is_good_for_a_minute() {
        try (Edge edge = open()) {
            edge.write("k", "1");
            edge.warm("k", "1");
            edge.write("k", "2");
            await().until(() -> "2".equals(edge.text("k")));
            assertThat(edge.cache.stats().invalidations()).isEqualTo(1);
        }
    }

    @Test
    void who_writes_through_the_cache_reads_it_at_once() {
        try (Edge edge = open()) {
            edge.upstream.deaf = true; // Not by the feed.
            edge.warm("k", null);
            for (int i = 0; i < 100; i++) {
                String value = "v" + i;
                join(edge.cache.write(edge.ns, Mutation.put(Key.of("k"), Value.of(value)), WriteOptions.BUFFERED));
                assertThat(edge.text("k")).isEqualTo(value);
            }
            join(edge.cache.batch(edge.ns, List.of(Mutation.delete(Key.of("k"))), WriteOptions.BUFFERED));
            assertThat(edge.text("k")).isNull();
        }
    }

    @Test
    void many_who_miss_a_key_at_once_make_one_read() {
        try (Edge edge = open()) {
            edge.write("k", "v");
            edge.awaitCaughtUp(); // Else the change may come while they wait, and who comes after it asks anew.
            edge.upstream.hold();
            List<CompletableFuture<GetResult>> answers = new ArrayList<>();
            for (int i = 0; i < 10_000; i++) {
                answers.add(edge.ask("k", ReadOptions.EVENTUAL));
            }
            edge.upstream.release();
            answers.forEach(answer -> assertThat(text(join(answer))).isEqualTo("v"));
            assertThat(edge.upstream.opens).hasValue(1);
            assertThat(edge.cache.stats().coalesced()).isEqualTo(9_999);
        }
    }

    @Test
    void a_load_that_raced_with_a_change_installs_nothing_older_and_nobody_joins_it() {
        try (Edge edge = open()) {
            edge.write("k", "old");
            edge.upstream.hold();
            CompletableFuture<GetResult> before = edge.ask("k", ReadOptions.EVENTUAL); // Has read "old" already.
            edge.write("k", "new");
            edge.awaitCaughtUp();
            CompletableFuture<GetResult> after = edge.ask("k", ReadOptions.EVENTUAL);
            edge.upstream.release();

            assertThat(text(join(before))).isEqualTo("old");
            assertThat(text(join(after))).isEqualTo("new");
            assertThat(edge.text("k")).isEqualTo("new");
        }
    }

    @Test
    void a_session_does_not_join_a_load_from_before_its_write() {
        try (Edge edge = open()) {
            edge.write("k", "old");
            edge.awaitCaughtUp();
            edge.upstream.deaf = true; // The change is still on its way here.
            edge.upstream.hold();
            CompletableFuture<GetResult> before = edge.ask("k", ReadOptions.EVENTUAL);
            Position written = edge.engine.positionOf(edge.write("k", "new"));
            CompletableFuture<GetResult> session = edge.ask("k", ReadOptions.session(written));
            CompletableFuture<List<GetResult>> bulk =
                    edge.cache.getAll(edge.ns, List.of(Key.of("k")), ReadOptions.session(written));
            edge.upstream.release();

            assertThat(text(join(session))).isEqualTo("new");
            assertThat(text(join(bulk).get(0))).isEqualTo("new");
            assertThat(text(join(before))).isEqualTo("old");
            assertThat(edge.text("k")).isEqualTo("new");
            assertThat(edge.upstream.opens).as("one for each time").hasValue(2);
        }
    }

    @Test
    void who_wants_nothing_old_does_not_join_an_old_load() {
        try (Edge edge = open()) {
            edge.write("k", "old");
            edge.awaitCaughtUp();
            edge.upstream.deaf = true;
            edge.upstream.hold();
            CompletableFuture<GetResult> before = edge.ask("k", ReadOptions.bounded(Duration.ofSeconds(10)));
            edge.write("k", "new");
            edge.advance(Duration.ofSeconds(2));
            CompletableFuture<GetResult> joined = edge.ask("k", ReadOptions.bounded(Duration.ofSeconds(10)));
            CompletableFuture<GetResult> bounded = edge.ask("k", ReadOptions.bounded(Duration.ofSeconds(1)));
            edge.upstream.release();

            assertThat(text(join(before))).isEqualTo("old");
            assertThat(text(join(joined))).as("2 s old").isEqualTo("old");
            assertThat(text(join(bounded))).isEqualTo("new");
        }
    }

    @Test
    void a_copy_that_ends_while_its_reader_looks_at_the_feed_is_not_answered() {
        Freshness.Time time = new Freshness.Time(new io.nearkv.core.TestClock(), () -> 0);
        EntryTable table = new EntryTable(1 << 20, time);
        CacheKey key = new CacheKey(new io.nearkv.core.NamespaceId(1, 2), Key.of("k"));
        Position late = Position.of(7, 2);
        Freshness.Feed feed = new Freshness.Feed() {
            private void hear() {
                boolean unused = table.changed(key, 2);
            }

            @Override
            public long generation() {
                return 1;
            }

            @Override
            public Position position() {
                hear();
                return late;
            }

            @Override
            public long currentNanos() {
                hear();
                return 100;
            }
        };
        Freshness freshness = new Freshness(EdgeOptions.DEFAULT);
        for (ReadOptions read : List.of(ReadOptions.session(late), ReadOptions.bounded(Duration.ofNanos(5)))) {
            Load load = new Load(key, null);
            assertThat(table.begin(load)).isNull();
            Entry entry = new Entry(key, GetResult.Found.wrap(new byte[1], null, 2, 0), false, time, 0, 1);
            assertThat(table.install(load, entry)).isTrue();
            assertThat(freshness.mayAnswer(entry, 100, read, feed, 100)).isTrue(); // It is the change itself.
            boolean unused = table.changed(key, 3);
            Entry old = new Entry(key, GetResult.Found.wrap(new byte[1], null, 1, 0), false, time, 0, 1);
            Load again = new Load(key, null);
            assertThat(table.begin(again)).isNull();
            assertThat(table.install(again, old)).isTrue();
            assertThat(freshness.mayAnswer(old, 100, read, feed, 100))
                    .as("%s", read)
                    .isFalse();
        }
    }

    @Test
    void not_there_that_raced_with_a_write_is_not_kept() {
        try (Edge edge = open()) {
            edge.upstream.hold();
            CompletableFuture<GetResult> before = edge.ask("k", ReadOptions.EVENTUAL);
            edge.write("k", "v");
            edge.awaitCaughtUp();
            edge.upstream.release();

            assertThat(text(join(before))).isNull();
            assertThat(edge.text("k")).isEqualTo("v");
        }
    }

    @Test
    void a_copy_is_good_for_as_long_as_the_read_says() {
        try (Edge edge = open()) {
            edge.upstream.deaf = true;
            edge.write("k", "1");
            edge.warm("k", "1");
            edge.write("k", "2");

            edge.advance(Duration.ofSeconds(40));
            assertThat(edge.text("k")).as("within 60 s, without a feed").isEqualTo("1");
            assertThat(text(join(edge.ask("k", ReadOptions.EVENTUAL.withCacheTtl(Duration.ofSeconds(30))))))
                    .as("a read that wants 30 s")
                    .isEqualTo("2");
            edge.write("k", "3");
            edge.advance(Duration.ofSeconds(61));
            assertThat(edge.text("k")).isEqualTo("3");
            edge.write("k", "4");
            assertThat(text(join(edge.ask("k", ReadOptions.EVENTUAL.withCacheTtl(Duration.ZERO)))))
                    .as("a read that wants no copy")
                    .isNotEqualTo("1");
        }
    }

    @Test
    void an_entry_that_is_read_is_refreshed_before_it_is_too_old() {
        try (Edge edge = open()) {
            edge.write("k", "v");
            edge.warm("k", "v");
            edge.advance(Duration.ofSeconds(50));
            assertThat(edge.get("k").origin().source()).isEqualTo(Origin.Source.MEMORY);
            await().until(() -> edge.upstream.opens.get() == 2);
            await().until(() -> edge.get("k").origin().age().isZero());
            edge.advance(Duration.ofSeconds(40));
            assertThat(edge.get("k").origin().source())
                    .as("90 s after the first load, 40 after the refresh")
                    .isEqualTo(Origin.Source.MEMORY);
            assertThat(edge.cache.stats().refreshes()).isEqualTo(1);
        }
    }

    @Test
    void while_nobody_answers_an_old_copy_is_served_and_says_so() {
        try (Edge edge = open()) {
            edge.write("k", "v");
            edge.warm("k", "v");
            edge.warm("absent", null);
            edge.upstream.cut();

            assertThat(edge.get("k").origin().source()).as("still fresh").isEqualTo(Origin.Source.MEMORY);
            edge.advance(Duration.ofMinutes(10));
            GetResult stale = edge.get("k");
            assertThat(text(stale)).isEqualTo("v");
            assertThat(stale.origin().source()).isEqualTo(Origin.Source.STALE);
            assertThat(stale.origin().age()).isEqualTo(Duration.ofMinutes(10));
            assertThat(edge.get("absent").origin().source()).isEqualTo(Origin.Source.STALE);
            assertThat(failureOf(edge.ask("other", ReadOptions.EVENTUAL)).code())
                    .isEqualTo(ErrorCode.UNAVAILABLE);
            assertThat(failureOf(edge.ask("k", ReadOptions.EVENTUAL.withStaleIfError(Duration.ofMinutes(1))))
                            .code())
                    .as("who takes less")
                    .isEqualTo(ErrorCode.UNAVAILABLE);
            assertThat(failureOf(edge.ask("k", ReadOptions.STRONG)).code()).isEqualTo(ErrorCode.UNAVAILABLE);
            edge.advance(Duration.ofHours(1));
            assertThat(failureOf(edge.ask("k", ReadOptions.EVENTUAL)).code())
                    .as("older than anybody wants it")
                    .isEqualTo(ErrorCode.UNAVAILABLE);
            assertThat(edge.cache.stats().staleAnswers()).isEqualTo(2);
        }
    }

    @Test
    void an_expired_entry_is_not_served_stale() {
        try (Edge edge = open()) {
            join(edge.engine.write(
                    edge.ns,
                    new Mutation.Put(Key.of("k"), Value.of("v"), PutOptions.expiresAfter(Duration.ofSeconds(30))),
                    WriteOptions.BUFFERED));
            edge.warm("k", "v");
            edge.upstream.cut();
            edge.advance(Duration.ofSeconds(29));
            assertThat(edge.text("k")).isEqualTo("v");
            edge.advance(Duration.ofSeconds(1));
            assertThat(failureOf(edge.ask("k", ReadOptions.EVENTUAL)).code()).isEqualTo(ErrorCode.UNAVAILABLE);
        }
    }

    @Test
    void a_slow_upstream_does_not_keep_a_reader_who_would_take_an_old_copy() {
        try (Edge edge = open()) {
            edge.write("k", "v");
            edge.warm("k", "v");
            edge.advance(Duration.ofMinutes(2));
            edge.upstream.hold();
            assertThat(edge.get("k").origin().source()).isEqualTo(Origin.Source.STALE);
            assertThat(failureOf(edge.ask("other", ReadOptions.EVENTUAL.withTimeout(Duration.ofMillis(50))))
                            .code())
                    .isEqualTo(ErrorCode.DEADLINE_EXCEEDED);
        }
    }

    @Test
    void an_upstream_that_does_not_answer_is_left_alone_for_a_while() {
        try (Edge edge = open()) {
            edge.upstream.cut();
            for (int i = 0; i < 1000; i++) {
                assertThat(failureOf(edge.ask("k" + i, ReadOptions.EVENTUAL)).code())
                        .isEqualTo(ErrorCode.UNAVAILABLE);
            }
            // Each asks once more for something old; and the feed has found out too.
            assertThat(edge.upstream.opens.get()).isLessThanOrEqualTo(2 * Circuit.FAILURES_TO_OPEN);
            assertThat(edge.cache.stats().upstreamAnswers()).isFalse();
            edge.upstream.mend();
            edge.advance(Duration.ofSeconds(5));
            assertThat(edge.text("k1")).isNull();
            assertThat(edge.cache.stats().upstreamAnswers()).isTrue();
        }
    }

    @Test
    void no_more_reads_than_allowed_are_sent_upstream_at_once() {
        try (Edge edge = new Edge(folder, options -> options.maxLoads(16))) {
            edge.upstream.hold();
            List<CompletableFuture<GetResult>> answers = IntStream.range(0, 1000)
                    .mapToObj(i -> edge.ask("k" + i, ReadOptions.EVENTUAL))
                    .toList();
            assertThat(answers)
                    .filteredOn(CompletableFuture::isCompletedExceptionally)
                    .hasSize(984);
            edge.upstream.release();
            assertThat(edge.upstream.mostAtOnce).hasValue(16);
            assertThat(failureOf(answers.get(999)).code()).isEqualTo(ErrorCode.UNAVAILABLE);
            await().until(() -> edge.text("k999") == null);
        }
    }

    @Test
    void after_a_short_cut_the_feed_goes_on_and_nothing_is_asked_again() {
        try (Edge edge = open()) {
            edge.write("a", "1");
            edge.write("b", "1");
            edge.warm("a", "1");
            edge.warm("b", "1");
            edge.upstream.cut();
            edge.write("b", "2");
            await().until(() -> edge.cache.stats().feed().equals("lost"));
            edge.upstream.mend();
            edge.awaitFollowing();
            edge.awaitCaughtUp();

            int opens = edge.upstream.opens.get();
            assertThat(edge.text("a")).isEqualTo("1");
            assertThat(edge.upstream.opens).hasValue(opens);
            assertThat(edge.text("b")).isEqualTo("2");
            assertThat(edge.upstream.versionCalls).hasValue(0);
            assertThat(edge.cache.stats().generation()).isEqualTo(1);
        }
    }

    @Test
    void after_a_gap_everything_is_vouched_for_by_version_and_not_loaded_again() {
        try (Edge edge = new Edge(folder, engine -> engine.feedRetainTime(Duration.ofMinutes(1)), options -> options)) {
            List<Key> keys =
                    IntStream.range(0, 2500).mapToObj(i -> Key.of("k" + i)).toList();
            for (Key key : keys) {
                edge.write(key.toString(), "1");
            }
            for (List<Key> part : List.of(keys.subList(0, 1000), keys.subList(1000, 2000), keys.subList(2000, 2500))) {
                assertThat(join(edge.cache.getAll(edge.ns, part, ReadOptions.EVENTUAL)))
                        .allMatch(result -> "1".equals(text(result)));
            }
            edge.warm("k7", "1");
            edge.awaitCaughtUp();
            edge.upstream.cut();
            await().until(() -> edge.cache.stats().feed().equals("lost"));
            edge.write("k3", "2");
            edge.delete("k4");
            // What the feed would need is no longer kept.
            edge.clock.advance(Duration.ofMinutes(5));
            edge.write("other", "x");
            await().until(() -> edge.engine.stats().oldestVersion() >= 2502);
            int opens = edge.upstream.opens.get();
            edge.upstream.mend();
            await().until(() -> edge.cache.stats().generation() == 2);
            await().until(() -> edge.cache.stats().revalidated() == 2498);

            assertThat(edge.text("k7")).isEqualTo("1");
            assertThat(edge.text("k2499")).isEqualTo("1");
            assertThat(edge.upstream.opens).as("nothing was loaded again").hasValue(opens);
            assertThat(edge.upstream.versionCalls)
                    .as("a thousand keys at a time")
                    .hasValue(3);
            assertThat(edge.text("k3")).isEqualTo("2");
            assertThat(edge.text("k4")).isNull();
        }
    }

    @Test
    void what_was_cached_before_a_gap_is_not_answered_from_until_somebody_vouches_for_it() {
        try (Edge edge = new Edge(folder, engine -> engine.feedRetainTime(Duration.ofMinutes(1)), options -> options)) {
            edge.write("k", "1");
            edge.warm("k", "1");
            edge.upstream.cut();
            await().until(() -> edge.cache.stats().feed().equals("lost"));
            edge.write("k", "2");
            edge.clock.advance(Duration.ofMinutes(5));
            edge.write("other", "x");
            await().until(() -> edge.engine.stats().oldestVersion() >= 2);
            assertThat(edge.text("k")).as("nobody knows of the gap yet").isEqualTo("1");
            edge.upstream.mend();
            await().until(() -> edge.cache.stats().generation() == 2);
            assertThat(edge.text("k")).isEqualTo("2");
        }
    }

    @Test
    void a_session_reads_its_writes_and_never_goes_back_from_edge_to_edge() {
        try (Edge edge = open();
                EdgeCache other = edge.open()) {
            await().until(() -> other.stats().feed().equals("following"));
            for (int i = 0; i < 200; i++) {
                String value = "v" + i;
                KvSession session = KvSession.begin();
                Kv here = session.over(Kv.over(edge.cache, Edge.ACCOUNT.id()));
                Kv there = KvSession.resume("").over(Kv.over(other, Edge.ACCOUNT.id()));
                assertThat(there.namespace("test").get("k")).isNotNull(); // Cached there.
                here.namespace("test").withWriteOptions(WriteOptions.BUFFERED).put("k", value);
                Kv handedOn = KvSession.resume(session.token()).over(Kv.over(other, Edge.ACCOUNT.id()));
                assertThat(handedOn.namespace("test").getString("k")).contains(value);
            }
            assertThat(other.stats().memoryHits()).isPositive();
        }
    }

    @Test
    void a_session_that_has_seen_a_key_gone_does_not_see_it_again() {
        try (Edge edge = open();
                EdgeCache behind = edge.open()) {
            await().until(() -> behind.stats().feed().equals("following"));
            edge.write("k", "v");
            assertThat(text(join(behind.get(edge.ns, Key.of("k"), ReadOptions.EVENTUAL))))
                    .isEqualTo("v");
            KvSession session = KvSession.begin();
            edge.upstream.deaf = true; // Both, from now on.
            edge.delete("k");
            assertThat(text(join(session.over(edge.cache).get(edge.ns, Key.of("k"), ReadOptions.EVENTUAL))))
                    .isNull();
            assertThat(session.token()).isNotEmpty();
            assertThat(text(join(behind.get(edge.ns, Key.of("k"), ReadOptions.EVENTUAL))))
                    .as("outside the session, the copy is still there")
                    .isEqualTo("v");
            assertThat(text(join(session.over((io.nearkv.core.KvStore) behind)
                            .get(edge.ns, Key.of("k"), ReadOptions.EVENTUAL))))
                    .isNull();
        }
    }

    @Test
    void a_bounded_read_is_answered_from_a_copy_only_while_the_feed_is_that_close() {
        try (Edge edge = open()) {
            ReadOptions bounded = ReadOptions.bounded(Duration.ofSeconds(1));
            edge.write("k", "1");
            edge.warm("k", "1");
            edge.advance(Duration.ofSeconds(10));
            edge.awaitCaughtUp();
            await().until(() -> edge.cache.stats().feedAgeMillis() < 500);
            int opens = edge.upstream.opens.get();
            assertThat(text(join(edge.ask("k", bounded)))).isEqualTo("1");
            assertThat(edge.upstream.opens).as("the feed has just spoken").hasValue(opens);

            edge.upstream.deaf = true;
            edge.advance(Duration.ofSeconds(2));
            edge.write("k", "2");
            assertThat(text(join(edge.ask("k", bounded)))).isEqualTo("2");
            edge.advance(Duration.ofSeconds(2));
            edge.upstream.cut();
            assertThat(failureOf(edge.ask("k", bounded)).code())
                    .as("better no answer than an old one")
                    .isEqualTo(ErrorCode.UNAVAILABLE);
        }
    }

    @Test
    void pages_of_a_listing_are_kept_for_a_moment_and_a_change_takes_away_those_it_is_on() {
        try (Edge edge = open()) {
            edge.write("a/1", "v");
            edge.write("b/1", "v");
            edge.awaitCaughtUp();
            assertThat(names(edge, "a/")).containsExactly("a/1");
            assertThat(names(edge, "b/")).containsExactly("b/1");
            assertThat(names(edge, "a/")).containsExactly("a/1");
            assertThat(edge.upstream.lists).hasValue(2);
            edge.write("a/2", "v");
            await().until(() -> names(edge, "a/").equals(List.of("a/1", "a/2")));
            int lists = edge.upstream.lists.get();
            assertThat(names(edge, "b/")).containsExactly("b/1");
            assertThat(edge.upstream.lists).hasValue(lists);
            edge.advance(Duration.ofSeconds(3));
            assertThat(names(edge, "b/")).containsExactly("b/1");
            assertThat(edge.upstream.lists).hasValue(lists + 1);
        }
    }

    private static List<String> names(Edge edge, String prefix) {
        return join(edge.cache.list(edge.ns, ListOptions.prefix(prefix), ReadOptions.EVENTUAL)).keys().stream()
                .map(info -> info.name())
                .toList();
    }

    @Test
    void a_reader_says_what_it_wants_when_nothing_can_be_read() {
        try (Edge edge = open()) {
            edge.write("k", "v");
            edge.warm("k", "v");
            KvNamespace namespace = Kv.over(edge.cache, Edge.ACCOUNT.id()).namespace("test");
            assertThat(namespace.getString("k")).contains("v");
            edge.upstream.cut();
            edge.advance(Duration.ofMinutes(90));

            assertThat(failureOf(namespace.async().get("k")).code()).isEqualTo(ErrorCode.UNAVAILABLE);
            GetResult.Found open = (GetResult.Found) namespace
                    .withFailPolicy(FailPolicy.open(Value.of("default")))
                    .get("k");
            assertThat(open.value().asString()).isEqualTo("default");
            assertThat(open.version()).isZero();
            assertThat(open.origin().source()).isEqualTo(Origin.Source.SUBSTITUTE);
            GetResult stale = namespace
                    .withFailPolicy(FailPolicy.staleUpTo(Duration.ofHours(24)))
                    .get("k");
            assertThat(text(stale)).isEqualTo("v");
            assertThat(stale.origin().source()).isEqualTo(Origin.Source.STALE);
        }
    }

    @Test
    void a_namespace_that_is_deleted_is_forgotten() {
        try (Edge edge = open()) {
            edge.write("k", "v");
            edge.warm("k", "v");
            join(edge.cache.admin().namespace(edge.ns));
            Object unused = join(edge.engine.admin().deleteNamespace(edge.ns));
            await().until(() -> edge.cache.stats().entries() == 0);
            assertThat(failureOf(edge.ask("k", ReadOptions.EVENTUAL)).code()).isEqualTo(ErrorCode.NOT_FOUND);
            assertThat(failureOf(edge.cache.admin().namespace(edge.ns)).code()).isEqualTo(ErrorCode.NOT_FOUND);
        }
    }

    @Test
    void what_a_namespace_is_stays_known_while_nobody_answers() {
        try (Edge edge = open()) {
            assertThat(join(edge.cache.admin().namespace(edge.ns)).title()).isEqualTo("test");
            edge.upstream.cut();
            edge.advance(Duration.ofHours(5));
            assertThat(join(edge.cache.admin().namespace(edge.ns)).title()).isEqualTo("test");
        }
    }

    @Test
    void memory_is_bounded_by_bytes() {
        try (Edge edge = open()) {
            Value big = Value.of(new byte[100_000]);
            for (int i = 0; i < 500; i++) {
                join(edge.cache.write(edge.ns, Mutation.put(Key.of("k" + i), big), WriteOptions.BUFFERED));
                Object unused = edge.get("k" + i);
            }
            edge.cache.tableForTests().cleanUp();
            assertThat(edge.cache.stats().memoryBytes()).isBetween(1L, 16L << 20);
            assertThat(edge.cache.stats().evictions()).isPositive();
        }
    }

    @Test
    void a_value_that_is_too_large_goes_through_and_is_not_kept() {
        try (Edge edge = open()) {
            byte[] large = new byte[3 << 20];
            large[77] = 7;
            join(edge.cache.write(edge.ns, Mutation.put(Key.of("k"), Value.of(large)), WriteOptions.BUFFERED));
            assertThat(((GetResult.Found) edge.get("k")).value()).isEqualTo(Value.of(large));
            assertThat(edge.cache.stats().entries()).isZero();
        }
    }

    @Test
    void an_edge_on_an_edge_gets_what_that_one_still_has() {
        try (Edge edge = open();
                EdgeCache lower = EdgeCache.open(
                        new Upstream(edge.cache),
                        EdgeOptions.builder()
                                .memoryBytes(1 << 20)
                                .heartbeat(Duration.ofMillis(20))
                                .clock(edge.clock)
                                .ticker(edge.nanos::get)
                                .build())) {
            await().until(() -> lower.stats().feed().equals("following"));
            edge.write("k", "v");
            edge.awaitCaughtUp();
            edge.warm("k", "v");
            edge.upstream.cut();
            edge.advance(Duration.ofMinutes(10));
            GetResult answer = join(lower.get(edge.ns, Key.of("k"), ReadOptions.EVENTUAL));
            assertThat(text(answer)).isEqualTo("v");
            assertThat(answer.origin().source()).isEqualTo(Origin.Source.STALE);
            assertThat(answer.origin().age()).isEqualTo(Duration.ofMinutes(10));
        }
    }

    @Test
    void before_the_engine_nobody_is_kept_from_asking_it() {
        try (Edge edge = new Edge(folder, options -> options.coherent(true))) {
            edge.upstream.cut(); // As an engine that recovers from a failed write.
            for (int i = 0; i < 20; i++) {
                assertThat(failureOf(edge.ask("k" + i, ReadOptions.EVENTUAL)).code())
                        .isEqualTo(ErrorCode.UNAVAILABLE);
            }
            edge.upstream.mend();
            assertThat(edge.text("k")).isNull();
        }
    }

    @Test
    void before_the_engine_even_a_read_that_must_see_everything_is_answered_from_memory() {
        try (Edge edge = new Edge(folder, options -> options.coherent(true))) {
            for (int i = 0; i < 100; i++) {
                String value = "v" + i;
                join(edge.cache.write(edge.ns, Mutation.put(Key.of("k"), Value.of(value)), WriteOptions.BUFFERED));
                assertThat(text(join(edge.ask("k", ReadOptions.STRONG)))).isEqualTo(value);
            }
            int opens = edge.upstream.opens.get();
            GetResult hit = join(edge.ask("k", ReadOptions.STRONG));
            assertThat(edge.upstream.opens).hasValue(opens);
            assertThat(hit.origin().source()).isEqualTo(Origin.Source.OWNER);
        }
    }
}
