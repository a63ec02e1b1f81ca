package io.nearkv.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

/** Expiration, to the second: never returned, listed or counted after its time, never missing before it. */
public interface ExpirationContract extends ContractSupport {
    /** Moves the clock to the next whole second. */
    private TestClock wholeSecond() {
        TestClock clock = clock();
        Instant begun = clock.instant().truncatedTo(ChronoUnit.SECONDS);
        if (!begun.equals(clock.instant())) {
            clock.advance(Duration.between(clock.instant(), begun.plusSeconds(1)));
        }
        return clock;
    }

    private void assertGone(String key) {
        assertThat(get(key)).isEqualTo(GetResult.Missing.INSTANCE);
        assertThat(names("")).doesNotContain(key);
        List<GetResult> bulk = await(store().getAll(ns(), List.of(key(key)), reads()));
        assertThat(bulk.get(0)).isEqualTo(GetResult.Missing.INSTANCE);
        OpenResult opened = await(store().open(ns(), key(key), reads()));
        assertThat(opened).isEqualTo(OpenResult.Missing.INSTANCE);
    }

    private void assertThere(String key) {
        assertThat(get(key)).isInstanceOf(GetResult.Found.class);
        assertThat(names("")).contains(key);
        List<GetResult> bulk = await(store().getAll(ns(), List.of(key(key)), reads()));
        assertThat(bulk.get(0)).isInstanceOf(GetResult.Found.class);
        reader(key).close();
    }

    @Test
    default void an_absolute_expiration_is_reported_in_seconds() {
        Instant expiration = Instant.parse("2100-01-01T00:00:00.999Z");
        put("k", "v", PutOptions.expiresAt(expiration));
        assertThat(found("k").expiresAt()).isEqualTo(expiration.getEpochSecond());
        assertThat(page(ListOptions.ALL).keys().get(0).expiresAt()).isEqualTo(expiration.getEpochSecond());
        try (ValueReader reader = reader("k")) {
            assertThat(reader.expiresAt()).isEqualTo(expiration.getEpochSecond());
        }
    }

    @Test
    default void a_ttl_counts_from_the_commit_by_the_clock_of_the_store() {
        TestClock clock = wholeSecond();
        put("k", "v", PutOptions.expiresAfter(Duration.ofSeconds(60)));
        assertThat(found("k").expiresAt()).isEqualTo(clock.epochSecond() + 60);
    }

    @Test
    default void an_entry_is_there_until_the_last_moment_and_gone_at_its_second() {
        TestClock clock = wholeSecond();
        put("absolute", "v", PutOptions.expiresAt(clock.instant().plusSeconds(10)));
        put("ttl", bytes(100_000, 1), PutOptions.expiresAfter(Duration.ofSeconds(10)));

        clock.advance(Duration.ofMillis(9_999));
        assertThere("absolute");
        assertThere("ttl");

        clock.advance(Duration.ofMillis(1));
        assertGone("absolute");
        assertGone("ttl");
    }

    @Test
    default void the_shortest_ttl_is_a_second() {
        TestClock clock = wholeSecond();
        put("k", "v", PutOptions.expiresAfter(Limits.MIN_TTL));
        assertThere("k");
        clock.advance(Duration.ofSeconds(1));
        assertGone("k");
    }

    @Test
    default void an_expiration_that_is_not_a_second_ahead_is_refused() {
        TestClock clock = wholeSecond();
        long now = clock.epochSecond();
        put("k", "old");
        for (long expiration : new long[] {1, now - 1, now}) {
            Mutation late =
                    new Mutation.Put(key("k"), Value.of("new"), new PutOptions(null, expiration, 0, Condition.NONE));
            assertFails(ErrorCode.INVALID_REQUEST, () -> store().write(ns(), late, WriteOptions.DEFAULT));
            assertFails(
                    ErrorCode.INVALID_REQUEST,
                    () -> store().batch(ns(), List.of(putOf("a", "1"), late), WriteOptions.DEFAULT));
            assertFails(
                    ErrorCode.INVALID_REQUEST,
                    () -> store().upload(ns(), key("k"), ((Mutation.Put) late).options(), WriteOptions.DEFAULT)
                            .thenCompose(ValueWriter::commit));
        }
        assertThat(found("k").value()).isEqualTo(Value.of("old"));
        assertThat(names("")).containsExactly("k");
        assertThat(put("k", "new", PutOptions.expiresAt(Instant.ofEpochSecond(now + 1)))
                        .applied())
                .isTrue();
    }

    @Test
    default void the_latest_expiration_is_the_year_9999() {
        PutOptions latest = PutOptions.expiresAt(Instant.ofEpochSecond(Limits.MAX_EXPIRATION_EPOCH_SECOND));
        put("k", "v", latest);
        assertThat(found("k").expiresAt()).isEqualTo(Limits.MAX_EXPIRATION_EPOCH_SECOND);

        PutOptions beyond = PutOptions.expiresAfter(Duration.ofSeconds(Limits.MAX_EXPIRATION_EPOCH_SECOND));
        assertFails(
                ErrorCode.INVALID_REQUEST,
                () -> store().write(ns(), new Mutation.Put(key("k"), Value.of("x"), beyond), WriteOptions.DEFAULT));
    }

    @Test
    default void a_put_without_expiration_takes_it_away() {
        TestClock clock = wholeSecond();
        put("k", "v", PutOptions.expiresAfter(Duration.ofSeconds(5)));
        put("k", "v");
        clock.advance(Duration.ofSeconds(100));
        assertThere("k");
    }

    @Test
    default void a_later_put_moves_the_expiration() {
        TestClock clock = wholeSecond();
        put("later", "v", PutOptions.expiresAfter(Duration.ofSeconds(5)));
        put("later", "v", PutOptions.expiresAfter(Duration.ofSeconds(50)));
        put("sooner", "v", PutOptions.expiresAfter(Duration.ofSeconds(50)));
        put("sooner", "v", PutOptions.expiresAfter(Duration.ofSeconds(5)));
        clock.advance(Duration.ofSeconds(5));
        boolean unused = fixture().sweep();
        assertThere("later");
        assertGone("sooner");
    }

    @Test
    default void expired_entries_do_not_count_on_a_page() {
        TestClock clock = wholeSecond();
        for (int i = 0; i < 30; i++) {
            put("k" + i, "v", i % 3 == 0 ? PutOptions.DEFAULT : PutOptions.expiresAfter(Duration.ofSeconds(5)));
        }
        clock.advance(Duration.ofSeconds(5));
        assertThat(listAll(ListOptions.ALL.withLimit(4))).hasSize(10);
        ListPage page = page(ListOptions.ALL.withLimit(10));
        assertThat(page.keys().size()).isLessThanOrEqualTo(10);
    }

    @Test
    default void a_cursor_at_a_key_that_expired_still_goes_on() {
        TestClock clock = wholeSecond();
        put("a", "v");
        put("b", "v", PutOptions.expiresAfter(Duration.ofSeconds(5)));
        put("c", "v");
        clock.advance(Duration.ofSeconds(5));
        assertThat(listAll(ListOptions.ALL.withCursor(Cursor.after(key("b")))))
                .extracting(KeyInfo::name)
                .containsExactly("c");
    }

    @Test
    default void an_entry_that_expired_can_be_written_and_deleted() {
        TestClock clock = wholeSecond();
        long version =
                put("k", "old", PutOptions.expiresAfter(Duration.ofSeconds(5))).orThrow();
        clock.advance(Duration.ofSeconds(6));
        assertThat(put("k", "new")).isGreaterThan(version);
        boolean unused = fixture().sweep();
        assertThere("k");
        put("k", "old", PutOptions.expiresAfter(Duration.ofSeconds(5)));
        clock.advance(Duration.ofSeconds(6));
        delete("k");
        assertGone("k");
    }

    @Test
    default void the_feed_tells_of_an_entry_that_the_store_removed_once() {
        TestClock clock = wholeSecond();
        put("stays", "v", PutOptions.expiresAfter(Duration.ofHours(1)));
        put("k", bytes(100_000, 3), PutOptions.expiresAfter(Duration.ofSeconds(5)));
        clock.advance(Duration.ofSeconds(5));
        assumeTrue(fixture().sweep(), "the store removes expired entries when it likes");

        try (FeedProbe feed = watch(FeedRequest.of(ns(), new FeedRequest.Start.Oldest()))) {
            feed.request(Long.MAX_VALUE);
            Awaitility.await()
                    .atMost(Duration.ofSeconds(20))
                    .until(() -> feed.allChanges().size() > 2);
            long last = put("end", "v");
            List<FeedEvent.Change> all = Awaitility.await()
                    .until(
                            feed::allChanges,
                            changes -> changes.get(changes.size() - 1).version() == last);
            assertThat(all)
                    .extracting(FeedEvent.Change::key, FeedEvent.Change::kind)
                    .containsExactly(
                            org.assertj.core.groups.Tuple.tuple(key("stays"), FeedEvent.Kind.PUT),
                            org.assertj.core.groups.Tuple.tuple(key("k"), FeedEvent.Kind.PUT),
                            org.assertj.core.groups.Tuple.tuple(key("k"), FeedEvent.Kind.EXPIRE),
                            org.assertj.core.groups.Tuple.tuple(key("end"), FeedEvent.Kind.PUT));
        }
    }
}
