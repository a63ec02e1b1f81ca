package io.nearkv.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Streams of values and feeds of changes on the face of applications. */
class KvStreamsAndFeedsTest {
    private static final FeedRequest.Start NOW = new FeedRequest.Start.Now();

    private final MapStoreFixture tier = new MapStoreFixture();
    private final FaultyStore store = new FaultyStore(tier.store());
    private final Kv kv = Kv.over(store, tier.account());
    private final KvNamespace config = kv.namespace("config");

    @BeforeEach
    void create() {
        kv.namespaces().create("config");
    }

    @AfterEach
    void close() {
        kv.close();
    }

    private static byte[] random(int size) {
        byte[] bytes = new byte[size];
        new Random(size).nextBytes(bytes);
        return bytes;
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 65_535, 65_536, 65_537, 1_000_000})
    void a_value_goes_in_and_out_as_a_stream(int size) throws IOException {
        byte[] bytes = random(size);
        config.put("k", new ByteArrayInputStream(bytes), PutOptions.metadata(Metadata.ofJson("1")));
        try (ValueInputStream in = config.openStream("k").orElseThrow()) {
            assertThat(in.length()).isEqualTo(size);
            assertThat(in.metadata()).isEqualTo(Metadata.ofJson("1"));
            assertThat(in.readAllBytes()).isEqualTo(bytes);
            assertThat(in.read()).isEqualTo(-1);
        }
        assertThat(config.openStream("nothing")).isEmpty();
    }

    @Test
    void single_bytes_and_odd_pieces_come_out_in_order() throws IOException {
        byte[] bytes = random(200_000);
        try (ValueOutputStream out = config.upload("k", PutOptions.DEFAULT)) {
            out.write(bytes[0]);
            out.write(bytes, 1, 100_000);
            out.flush();
            out.write(bytes, 100_001, 99_999);
            assertThat(config.get("k")).isEqualTo(GetResult.Missing.INSTANCE);
            assertThat(out.commit().applied()).isTrue();
        }
        ByteArrayOutputStream copy = new ByteArrayOutputStream();
        try (InputStream in = config.openStream("k").orElseThrow()) {
            copy.write(in.read());
            copy.writeBytes(in.readNBytes(77_777));
            in.transferTo(copy);
        }
        assertThat(copy.toByteArray()).isEqualTo(bytes);
    }

    @Test
    void a_stream_that_fails_on_the_way_leaves_the_key_as_it_was() {
        config.put("k", "old");
        InputStream broken = new InputStream() {
            private int left = 300_000;

            @Override
            public int read() throws IOException {
                if (left-- == 0) {
                    throw new IOException("broken");
                }
                return 1;
            }

            @Override
            public int read(byte[] target, int offset, int length) throws IOException {
                if (length > 0) {
                    target[offset] = (byte) read();
                }
                return Math.min(1, length);
            }
        };
        assertThatThrownBy(() -> config.put("k", broken)).isInstanceOf(IOException.class);
        assertThat(config.getString("k")).contains("old");
    }

    @Test
    void a_stream_closed_without_a_commit_writes_nothing() throws IOException {
        try (ValueOutputStream out = config.upload("k", PutOptions.DEFAULT)) {
            out.write(random(100_000));
        }
        assertThat(config.get("k")).isEqualTo(GetResult.Missing.INSTANCE);
        try (ValueOutputStream out = config.upload("k", PutOptions.DEFAULT)) {
            out.write(random(10));
            assertThat(out.commit(PutOptions.metadata(Metadata.ofJson("2"))).applied())
                    .isTrue();
        }
        assertThat(config.listPage(ListOptions.ALL).keys().get(0).metadata()).isEqualTo(Metadata.ofJson("2"));
    }

    @Test
    void a_stream_larger_than_a_value_is_refused() {
        assertThatExceptionOfType(KvException.class)
                .isThrownBy(() -> config.put("k", new ByteArrayInputStream(new byte[Limits.MAX_VALUE_BYTES + 1])))
                .extracting(KvException::code)
                .isEqualTo(ErrorCode.TOO_LARGE);
        assertThat(config.get("k")).isEqualTo(GetResult.Missing.INSTANCE);
    }

    @Test
    void a_stream_whose_piece_failed_cannot_be_committed() {
        try (ValueOutputStream out = config.upload("k", PutOptions.DEFAULT)) {
            assertThatExceptionOfType(KvException.class)
                    .isThrownBy(() -> out.write(new byte[Limits.MAX_VALUE_BYTES + Limits.CHUNK_BYTES]));
            assertThatIllegalStateException().isThrownBy(out::commit);
            assertThatIllegalStateException().isThrownBy(() -> out.write(1));
        }
    }

    // Feeds

    private static List<String> take(FeedIterator feed, int count) {
        List<String> keys = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            keys.add(String.valueOf(((FeedEvent.Change) feed.next()).key()));
        }
        return keys;
    }

    @Test
    void what_is_written_after_watch_has_returned_comes() {
        for (int i = 0; i < 20; i++) {
            try (FeedIterator feed = config.watch("a/", NOW)) {
                assertThat(feed.position()).isPresent();
                config.put("b", "v");
                config.put("a/" + i, "v");
                assertThat(take(feed, 1)).containsExactly("a/" + i);
            }
        }
    }

    @Test
    void a_feed_goes_on_from_a_position() {
        config.put("a", "1");
        config.put("b", "1");
        config.put("c", "1");
        Position position;
        try (FeedIterator feed = config.watch("", new FeedRequest.Start.Oldest())) {
            assertThat(take(feed, 2)).containsExactly("a", "b");
            assertThat(feed.hasNext()).isTrue();
            position = feed.position().orElseThrow();
        }
        try (FeedIterator feed = config.watch("", new FeedRequest.Start.After(position))) {
            assertThat(take(feed, 1)).containsExactly("c");
            assertThat(feed.poll(Duration.ofMillis(30))).isEmpty();
        }
    }

    @Test
    void a_reader_slower_than_the_writers_gets_everything() {
        try (FeedIterator feed = config.watch("", NOW)) {
            List<String> keys = IntStream.range(0, 3000).mapToObj(i -> "k" + i).toList();
            keys.forEach(key -> config.put(key, "v"));
            assertThat(take(feed, 3000)).isEqualTo(keys);
        }
    }

    @Test
    void a_feed_that_breaks_goes_on_where_it_was_without_gap_or_repetition() {
        store.eventsBeforeFailure = 7;
        List<String> keys = IntStream.range(0, 40).mapToObj(i -> "k" + i).toList();
        keys.forEach(key -> config.put(key, "v"));
        try (FeedIterator feed = config.watch("", new FeedRequest.Start.Oldest())) {
            assertThat(take(feed, 40)).isEqualTo(keys);
            assertThat(store.subscriptions.get()).isGreaterThan(5);
        }
    }

    @Test
    void the_publisher_goes_on_too_and_keeps_to_what_was_requested() {
        store.eventsBeforeFailure = 3;
        IntStream.range(0, 20).forEach(i -> config.put("k" + i, "v"));
        try (FeedProbe probe =
                new FeedProbe(config.async().watch("", new FeedRequest.Start.Oldest(), Limits.MAX_TIMEOUT))) {
            probe.request(5);
            probe.awaitChanges(5);
            probe.request(6);
            probe.awaitChanges(11);
            probe.request(Long.MAX_VALUE);
            assertThat(probe.awaitChanges(20))
                    .extracting(change -> String.valueOf(change.key()))
                    .containsExactlyElementsOf(
                            IntStream.range(0, 20).mapToObj(i -> "k" + i).toList());
        }
    }

    @Test
    void too_old_is_the_last_event() {
        config.put("k", "v");
        Position elsewhere = Position.of(12345, 1);
        try (FeedIterator feed = config.watch("", new FeedRequest.Start.After(elsewhere))) {
            assertThat(feed.next()).isInstanceOf(FeedEvent.TooOld.class);
            assertThat(feed.hasNext()).isFalse();
            assertThatThrownBy(feed::next).isInstanceOf(NoSuchElementException.class);
            assertThat(feed.poll(Duration.ofMillis(1))).isEmpty();
        }
    }

    @Test
    void a_feed_of_an_unknown_namespace_fails() {
        assertThatExceptionOfType(KvException.class)
                .isThrownBy(() -> kv.namespace("nothing").watch("", NOW))
                .extracting(KvException::code)
                .isEqualTo(ErrorCode.NOT_FOUND);
        try (FeedIterator feed = kv.namespace("nothing").watch("", new FeedRequest.Start.Oldest())) {
            assertThatExceptionOfType(KvException.class).isThrownBy(feed::hasNext);
        }
    }

    @Test
    void a_feed_finds_a_namespace_that_was_created_again() {
        config.put("k", "v");
        KvAdmin elsewhere = tier.store().admin();
        elsewhere.deleteNamespace(config.info().id()).join();
        elsewhere.createNamespace(tier.account(), "config").join();
        try (FeedIterator feed = config.watch("", NOW)) {
            config.put("new", "v");
            assertThat(take(feed, 1)).containsExactly("new");
        }
    }

    @Test
    void closing_ends_a_wait_in_another_thread() {
        FeedIterator feed = config.watch("", NOW);
        CompletableFuture<Boolean> waiting = CompletableFuture.supplyAsync(feed::hasNext);
        feed.close();
        assertThat(waiting).succeedsWithin(Duration.ofSeconds(10)).isEqualTo(false);
        feed.close();
    }

    @Test
    void the_end_of_the_store_ends_the_feed_with_unavailable() {
        try (FeedIterator feed = config.watch("", NOW)) {
            kv.close();
            assertThatExceptionOfType(KvException.class)
                    .isThrownBy(feed::hasNext)
                    .extracting(KvException::code)
                    .isEqualTo(ErrorCode.UNAVAILABLE);
        }
    }
}
