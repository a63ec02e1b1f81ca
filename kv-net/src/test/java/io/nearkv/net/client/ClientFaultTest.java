package io.nearkv.net.client;

import static io.nearkv.net.client.ClientFixture.await;
import static io.nearkv.net.client.ClientFixture.failureCode;
import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.Condition;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedProbe;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.Mutation;
import io.nearkv.core.OpenResult;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.Value;
import io.nearkv.core.ValueReader;
import io.nearkv.core.ValueWriter;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.WriteResult;
import io.nearkv.net.server.KvServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The client and the real server over a network that fails. */
class ClientFaultTest {
    private static final Duration LONG = Duration.ofSeconds(30);

    private final List<AutoCloseable> opened = new ArrayList<>();

    @AfterEach
    void close() throws Exception {
        for (int i = opened.size() - 1; i >= 0; i--) {
            opened.get(i).close();
        }
    }

    private Served serve(UnaryOperator<KvClientBuilder> options) {
        Served served = new Served(options);
        opened.add(served);
        return served;
    }

    private static Value bytes(int size, long seed) {
        byte[] bytes = new byte[size];
        new Random(seed).nextBytes(bytes);
        return Value.wrap(bytes);
    }

    private static Value readAll(ValueReader reader) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        while (true) {
            ByteBuffer piece = await(reader.read());
            if (!piece.hasRemaining()) {
                return Value.wrap(all.toByteArray());
            }
            byte[] copy = new byte[piece.remaining()];
            piece.get(copy);
            all.writeBytes(copy);
        }
    }

    // ---- calls

    @Test
    void no_answer_meets_another_call_and_nothing_acknowledged_is_lost_while_connections_are_cut() {
        Served served = serve(options -> options.connections(2).retryBudget(1).maxAttempts(10));
        AtomicBoolean stop = new AtomicBoolean();
        ConcurrentLinkedQueue<String> wrong = new ConcurrentLinkedQueue<>();
        AtomicInteger answers = new AtomicInteger();
        AtomicInteger unknown = new AtomicInteger();
        List<CompletableFuture<Void>> loops = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            Key key = Key.of("worker-" + i);
            loops.add(CompletableFuture.runAsync(
                    () -> work(served, key, stop, wrong, answers, unknown),
                    task -> new Thread(task, "worker").start()));
        }
        for (int cuts = 0; cuts < 15; cuts++) {
            int before = answers.get();
            Awaitility.await().atMost(LONG).until(() -> answers.get() > before + 40);
            served.proxy.cut();
        }
        stop.set(true);
        loops.forEach(ClientFixture::await);

        assertThat(wrong).isEmpty();
        Awaitility.await().until(() -> served.client.stats().requestsInFlight() == 0);
        assertThat(served.client.stats().connectionsLost()).isGreaterThanOrEqualTo(15);
        assertThat(served.client.stats().pendingBytes()).isZero();
    }

    /** Writes a counter, each time on the condition of the version that was there before, and reads it back. */
    private static void work(
            Served served,
            Key key,
            AtomicBoolean stop,
            ConcurrentLinkedQueue<String> wrong,
            AtomicInteger answers,
            AtomicInteger unknown) {
        long count = 0;
        long version = 0;
        while (!stop.get()) {
            try {
                Condition condition = version == 0 ? Condition.IF_ABSENT : Condition.ifVersion(version);
                Mutation put = new Mutation.Put(key, Value.of(key + ":" + (count + 1)), PutOptions.when(condition));
                WriteResult result = await(served.store.write(served.namespace, put, WriteOptions.DEFAULT));
                if (result instanceof WriteResult.Applied applied) {
                    count++;
                    version = applied.version();
                } else {
                    wrong.add(key + ": a condition failed that held: " + result);
                }
            } catch (KvException e) {
                if (e.code() == ErrorCode.OUTCOME_UNKNOWN) {
                    unknown.incrementAndGet();
                } else if (e.code() != ErrorCode.UNAVAILABLE) {
                    wrong.add(key + ": " + e);
                }
            }
            try {
                GetResult result = await(served.store.get(served.namespace, key, ReadOptions.STRONG));
                if (result instanceof GetResult.Found found) {
                    String text = found.value().asString();
                    long stored = Long.parseLong(text.substring(text.indexOf(':') + 1));
                    if (!text.startsWith(key + ":") || stored < count || stored > count + 1) {
                        wrong.add(key + ": found " + text + " after " + count + " acknowledged writes");
                    }
                    count = stored;
                    version = found.version();
                } else if (count > 0) {
                    wrong.add(key + ": missing after " + count + " acknowledged writes");
                }
                answers.incrementAndGet();
            } catch (KvException e) {
                if (e.code() != ErrorCode.UNAVAILABLE) {
                    wrong.add(key + ": " + e);
                }
            }
        }
    }

    @Test
    void a_server_that_drains_loses_nothing() {
        Served served = serve(options -> options);
        KvServer second = served.serve();
        opened.add(second);
        KvClient client = served.client(
                        "kv://127.0.0.1:" + served.server.address().getPort())
                .server("kv://127.0.0.1:" + second.address().getPort())
                .retryBudget(0)
                .build();
        opened.add(client);
        AtomicBoolean stop = new AtomicBoolean();
        AtomicInteger answers = new AtomicInteger();
        ConcurrentLinkedQueue<Throwable> failures = new ConcurrentLinkedQueue<>();
        List<CompletableFuture<Void>> loops = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            Key key = Key.of("k" + i);
            loops.add(CompletableFuture.runAsync(
                    () -> {
                        while (!stop.get()) {
                            try {
                                await(client.store()
                                        .write(
                                                served.namespace,
                                                Mutation.put(key, Value.of("v")),
                                                WriteOptions.DEFAULT));
                                await(client.store().get(served.namespace, key, ReadOptions.STRONG));
                                answers.incrementAndGet();
                            } catch (KvException e) {
                                failures.add(e);
                            }
                        }
                    },
                    task -> new Thread(task, "worker").start()));
        }
        Awaitility.await().atMost(LONG).until(() -> answers.get() > 100);

        assertThat(served.server.drain(LONG)).isTrue();

        int before = answers.get();
        Awaitility.await().atMost(LONG).until(() -> answers.get() > before + 100);
        stop.set(true);
        loops.forEach(ClientFixture::await);
        assertThat(failures).isEmpty();
        assertThat(client.stats().goAways()).isEqualTo(1);
    }

    @Test
    void a_call_over_a_frozen_network_ends_at_its_deadline_and_later_ones_go_on_after_it_thaws() {
        Served served = serve(options -> options);
        Mutation put = Mutation.put(Key.of("k"), Value.of("v"));
        await(served.store.write(served.namespace, put, WriteOptions.DEFAULT));
        served.proxy.freeze();

        assertThat(failureCode(served.store.write(
                        served.namespace, put, WriteOptions.DEFAULT.withTimeout(Duration.ofMillis(100)))))
                .isEqualTo(ErrorCode.DEADLINE_EXCEEDED);

        served.proxy.thaw();
        assertThat(await(served.store.get(served.namespace, Key.of("k"), ReadOptions.STRONG))
                        .toOptional())
                .contains(Value.of("v"));
        Awaitility.await().until(() -> served.client.stats().requestsInFlight() == 0);
        assertThat(served.client.stats().lateAnswers()).isEqualTo(1);
        assertThat(served.client.stats().connectionsLost()).isZero();
    }

    // ---- large values

    @Test
    void large_values_pass_a_network_that_carries_odd_pieces() {
        Served served = serve(options -> options.streamWindowBytes(64 * 1024));
        served.proxy.setPieceBytes(1013);
        Key key = Key.of("large");
        Value value = bytes(3_000_001, 1);

        await(served.store.write(served.namespace, Mutation.put(key, value), WriteOptions.DEFAULT));
        assertThat(await(served.store.get(served.namespace, key, ReadOptions.STRONG))
                        .toOptional())
                .contains(value);
        OpenResult opened = await(served.store.open(served.namespace, key, ReadOptions.STRONG));
        try (ValueReader reader = ((OpenResult.Opened) opened).reader()) {
            assertThat(readAll(reader)).isEqualTo(value);
        }
        Awaitility.await().until(() -> served.client.stats().requestsInFlight() == 0);
    }

    @Test
    void a_large_value_that_is_cut_off_is_read_again_from_the_start() {
        Served served = serve(options -> options.retryBudget(1).maxAttempts(10));
        Key key = Key.of("large");
        Value value = bytes(20_000_000, 2);
        await(served.below.store().write(served.namespace, Mutation.put(key, value), WriteOptions.DEFAULT));
        // Small pieces take their time, so that the cut comes in the middle.
        served.proxy.setPieceBytes(500);
        CompletableFuture<GetResult> get =
                served.store.get(served.namespace, key, ReadOptions.STRONG.withTimeout(LONG));
        Awaitility.await()
                .pollInterval(Duration.ofMillis(1))
                .atMost(LONG)
                .until(() -> served.proxy.bytesToClient.get() > 500_000);
        served.proxy.cut();

        assertThat(await(get).toOptional()).contains(value);
        assertThat(served.client.stats().retries()).isPositive();
    }

    @Test
    void a_reader_that_is_cut_off_fails_and_never_ends_as_if_it_had_all() {
        Served served = serve(options -> options);
        Key key = Key.of("large");
        await(served.below
                .store()
                .write(served.namespace, Mutation.put(key, bytes(5_000_000, 3)), WriteOptions.DEFAULT));
        OpenResult opened = await(served.store.open(served.namespace, key, ReadOptions.STRONG));
        try (ValueReader reader = ((OpenResult.Opened) opened).reader()) {
            await(reader.read());
            served.proxy.cut();
            Awaitility.await().until(() -> served.client.stats().connectionsLost() == 1);
            assertThat(failureCode(reader.read())).isEqualTo(ErrorCode.UNAVAILABLE);
        }
    }

    @Test
    void a_reader_holds_no_more_than_its_window_while_nobody_reads() {
        Served served = serve(options -> options.streamWindowBytes(128 * 1024));
        Key key = Key.of("large");
        await(served.below
                .store()
                .write(served.namespace, Mutation.put(key, bytes(10_000_000, 4)), WriteOptions.DEFAULT));
        OpenResult opened = await(served.store.open(served.namespace, key, ReadOptions.STRONG));
        try (ValueReader reader = ((OpenResult.Opened) opened).reader()) {
            // Other calls pass by; when they are answered, all that was granted has come.
            for (int i = 0; i < 20; i++) {
                await(served.store.get(served.namespace, Key.of("other"), ReadOptions.STRONG));
            }
            assertThat(served.proxy.bytesToClient.get()).isBetween(64L * 1024, 140L * 1024);
            assertThat(readAll(reader).length()).isEqualTo(10_000_000);
        }
    }

    @Test
    void a_reader_that_is_closed_early_frees_its_place() {
        Served served = serve(options -> options.maxRequestsInFlight(2));
        Key key = Key.of("large");
        await(served.below
                .store()
                .write(served.namespace, Mutation.put(key, bytes(2_000_000, 5)), WriteOptions.DEFAULT));
        for (int i = 0; i < 10; i++) {
            OpenResult opened = await(served.store.open(served.namespace, key, ReadOptions.STRONG));
            ((OpenResult.Opened) opened).reader().close();
            Awaitility.await().until(() -> served.client.stats().requestsInFlight() == 0);
        }
    }

    @Test
    void an_upload_that_is_cut_off_leaves_nothing_and_says_so() {
        Served served = serve(options -> options);
        Key key = Key.of("large");
        try (ValueWriter writer =
                await(served.store.upload(served.namespace, key, PutOptions.DEFAULT, WriteOptions.DEFAULT))) {
            await(writer.write(bytes(300_000, 6).asByteBuffer()));
            served.proxy.cut();
            Awaitility.await().until(() -> served.client.stats().connectionsLost() == 1);
            // Before the commit was sent, nothing can have happened.
            assertThat(failureCode(writer.commit())).isEqualTo(ErrorCode.UNAVAILABLE);
        }
        assertThat(await(served.store.get(served.namespace, key, ReadOptions.STRONG)))
                .isEqualTo(GetResult.Missing.INSTANCE);
    }

    @Test
    void the_outcome_of_a_commit_that_is_cut_off_is_unknown() {
        Served served = serve(options -> options);
        Key key = Key.of("large");
        try (ValueWriter writer =
                await(served.store.upload(served.namespace, key, PutOptions.DEFAULT, WriteOptions.DEFAULT))) {
            await(writer.write(bytes(100_000, 7).asByteBuffer()));
            served.proxy.freeze();
            CompletableFuture<WriteResult> commit = writer.commit();
            // The last frame has left as soon as another call can be seen to be written behind it.
            CompletableFuture<GetResult> behind = served.store.get(served.namespace, key, ReadOptions.STRONG);
            Awaitility.await().during(Duration.ofMillis(50)).until(() -> !behind.isDone());
            served.proxy.cut();
            served.proxy.thaw();
            assertThat(failureCode(commit)).isEqualTo(ErrorCode.OUTCOME_UNKNOWN);
        }
    }

    @Test
    void a_large_batch_and_a_large_bulk_read_pass_in_pieces() {
        Served served = serve(options -> options.streamWindowBytes(64 * 1024));
        List<Mutation> batch = new ArrayList<>();
        List<Key> keys = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            Key key = Key.of("k" + i);
            keys.add(key);
            batch.add(Mutation.put(key, bytes(50_000 + i, i)));
        }
        assertThat(await(served.store.batch(served.namespace, batch, WriteOptions.DEFAULT))
                        .applied())
                .isTrue();
        List<GetResult> results = await(served.store.getAll(served.namespace, keys, ReadOptions.STRONG));
        for (int i = 0; i < 40; i++) {
            assertThat(results.get(i).toOptional()).contains(bytes(50_000 + i, i));
        }
    }

    // ---- feeds

    @Test
    void a_feed_brings_every_change_once_and_in_order_while_connections_are_cut() {
        Served served = serve(options -> options.connections(2));
        int total = 0;
        try (FeedProbe probe =
                new FeedProbe(served.store.watch(FeedRequest.of(served.namespace, new FeedRequest.Start.Oldest())
                        .withHeartbeat(Duration.ofMinutes(1))))) {
            probe.request(Long.MAX_VALUE);
            for (int round = 0; round < 20; round++) {
                for (int i = 0; i < 10; i++) {
                    put(served, "k" + total++);
                }
                probe.awaitChanges(total);
                served.proxy.cut();
                for (int i = 0; i < 10; i++) {
                    put(served, "k" + total++);
                }
            }
            List<FeedEvent.Change> changes = probe.awaitChanges(total);
            for (int i = 0; i < total; i++) {
                assertThat(changes.get(i).key()).isEqualTo(Key.of("k" + i));
            }
            assertThat(served.client.stats().feedsResumed()).isGreaterThanOrEqualTo(19);
        }
    }

    @Test
    void a_feed_goes_on_when_its_server_drains() throws IOException {
        Served served = serve(options -> options);
        KvServer second = served.serve();
        opened.add(second);
        try (FeedProbe probe =
                new FeedProbe(served.store.watch(FeedRequest.of(served.namespace, new FeedRequest.Start.Oldest())))) {
            probe.request(Long.MAX_VALUE);
            put(served, "a");
            probe.awaitChanges(1);
            served.proxy.setTarget(second.address().getPort());

            assertThat(served.server.drain(LONG)).isTrue();
            put(served, "b");

            assertThat(probe.awaitChanges(2).get(1).key()).isEqualTo(Key.of("b"));
        }
    }

    private static void put(Served served, String key) {
        await(served.below
                .store()
                .write(served.namespace, Mutation.put(Key.of(key), Value.of("v")), WriteOptions.DEFAULT));
    }

    @Test
    void a_feed_whose_subscriber_asks_for_nothing_waits_across_cuts() {
        Served served = serve(options -> options);
        try (FeedProbe probe =
                new FeedProbe(served.store.watch(FeedRequest.of(served.namespace, new FeedRequest.Start.Oldest())))) {
            for (int i = 0; i < 5; i++) {
                put(served, "k" + i);
            }
            probe.request(2);
            probe.awaitChanges(2);
            served.proxy.cut();
            Awaitility.await().until(() -> served.client.stats().feedsResumed() > 0);
            probe.request(1);
            probe.awaitChanges(3);
            probe.request(2);
            assertThat(probe.awaitChanges(5)).extracting(FeedEvent.Change::key).doesNotHaveDuplicates();
        }
    }

    @Test
    void a_feed_of_a_closed_client_fails() {
        Served served = serve(options -> options);
        FeedProbe probe =
                new FeedProbe(served.store.watch(FeedRequest.of(served.namespace, new FeedRequest.Start.Now())));
        probe.request(1);
        probe.awaitHeartbeat();
        served.client.close();
        assertThat(probe.awaitFailure().code()).isEqualTo(ErrorCode.UNAVAILABLE);
    }

    @Test
    void a_subscriber_that_throws_ends_its_feed_and_nothing_else() {
        Served served = serve(options -> options);
        CompletableFuture<Void> reached = new CompletableFuture<>();
        served.store
                .watch(FeedRequest.of(served.namespace, new FeedRequest.Start.Now()))
                .subscribe(new java.util.concurrent.Flow.Subscriber<>() {
                    @Override
                    public void onSubscribe(java.util.concurrent.Flow.Subscription subscription) {
                        subscription.request(10);
                    }

                    @Override
                    public void onNext(FeedEvent event) {
                        reached.complete(null);
                        throw new IllegalArgumentException("on purpose");
                    }

                    @Override
                    public void onError(Throwable failure) {}

                    @Override
                    public void onComplete() {}
                });
        var unused = reached.orTimeout(20, TimeUnit.SECONDS).join();
        Awaitility.await().until(() -> served.client.stats().requestsInFlight() == 0);
        assertThat(await(served.store.get(served.namespace, Key.of("k"), ReadOptions.STRONG)))
                .isEqualTo(GetResult.Missing.INSTANCE);
        assertThat(served.client.stats().connectionsLost()).isZero();
    }
}
