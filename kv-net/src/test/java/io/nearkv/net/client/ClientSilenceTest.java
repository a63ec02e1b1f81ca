package io.nearkv.net.client;

import static io.nearkv.net.client.ClientFixture.KEY;
import static io.nearkv.net.client.ClientFixture.NS;
import static io.nearkv.net.client.ClientFixture.failure;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedProbe;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.Mutation;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.WriteResult;
import io.nearkv.net.protocol.FrameType;
import io.nearkv.net.server.GatedStore;
import io.nearkv.net.server.KvServer;
import io.nearkv.net.server.KvServerOptions;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.LockSupport;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Servers that hang, or that the network cuts off without a word: connections stay open and nothing comes. */
class ClientSilenceTest {
    private static final Duration LONG = Duration.ofSeconds(30);
    /** Short enough for tests, long enough for a busy machine. */
    private static final Duration HALF_SECOND = Duration.ofMillis(500);
    /** Twice the default timeout and a tick, which makes 2.25 seconds, and something for a busy machine. Without the watch it is 10 seconds or more. */
    private static final Duration SOON = Duration.ofMillis(3_500);

    private final List<AutoCloseable> opened = new ArrayList<>();

    @AfterEach
    void close() throws Exception {
        for (int i = opened.size() - 1; i >= 0; i--) {
            opened.get(i).close();
        }
    }

    private <T extends AutoCloseable> T open(T resource) {
        opened.add(resource);
        return resource;
    }

    private Served serve() {
        return open(new Served(options -> options));
    }

    private static String address(KvServer server) {
        return "kv://127.0.0.1:" + server.address().getPort();
    }

    /** Returns a client of the server behind the proxy and of a second one, connected to the first. */
    private KvClient clientOfTwo(Served served, UnaryOperator<KvClientBuilder> options) throws InterruptedException {
        KvServer second = open(served.serve());
        KvClient client = open(options.apply(served.client(served.proxy.address())
                        .server(address(second))
                        .timeout(LONG))
                .build());
        client.awaitReady(LONG);
        assertThat(serverOf(client)).isEqualTo(served.proxy.address());
        return client;
    }

    private static @org.jspecify.annotations.Nullable String serverOf(KvClient client) {
        return client.stats().connections().get(0).server();
    }

    private static CompletableFuture<GetResult> get(Served served, KvClient client) {
        return client.store().get(served.namespace, KEY, ReadOptions.STRONG.withTimeout(LONG));
    }

    private static Duration since(long nanos) {
        return Duration.ofNanos(System.nanoTime() - nanos);
    }

    private static void put(Served served, String key) {
        ClientFixture.await(served.below
                .store()
                .write(served.namespace, Mutation.put(Key.of(key), Value.of("v")), WriteOptions.DEFAULT));
    }

    // ---- silence

    @Test
    void calls_go_on_at_the_next_server_soon_after_one_has_fallen_silent() throws Exception {
        Served served = serve();
        KvClient client = clientOfTwo(served, options -> options);
        ClientFixture.await(get(served, client));

        served.proxy.freeze();
        long frozenAt = System.nanoTime();
        CompletableFuture<GetResult> read = get(served, client);
        CompletableFuture<WriteResult> write = client.store()
                .write(served.namespace, Mutation.put(KEY, Value.of("v")), WriteOptions.DEFAULT.withTimeout(LONG));

        assertThat(ClientFixture.await(read)).isEqualTo(GetResult.Missing.INSTANCE);
        Duration untilServed = since(frozenAt);
        KvException lost = failure(write);
        assertThat(untilServed).isLessThan(SOON);
        assertThat(lost.code()).isEqualTo(ErrorCode.OUTCOME_UNKNOWN);
        assertThat(lost).hasMessageContaining("silent");
        assertThat(serverOf(client)).isNotEqualTo(served.proxy.address());
        ClientFixture.await(get(served, client));
        assertThat(client.stats().deadPeers()).isEqualTo(1);
        assertThat(client.stats().connectionsLost()).isEqualTo(1);
        assertThat(client.stats().connected()).isEqualTo(2);
    }

    @Test
    void a_call_that_has_timed_out_does_not_end_the_search_for_a_server_that_answers() throws Exception {
        Served served = serve();
        KvClient client = clientOfTwo(served, options -> options.silenceTimeout(HALF_SECOND));
        served.proxy.freeze();

        KvException late = failure(
                client.store().get(served.namespace, KEY, ReadOptions.STRONG.withTimeout(Duration.ofMillis(50))));

        assertThat(late.code()).isEqualTo(ErrorCode.DEADLINE_EXCEEDED);
        await().atMost(SOON).until(() -> client.stats().connected() == 2);
        ClientFixture.await(get(served, client));
    }

    @Test
    void what_one_connection_finds_out_the_others_to_that_server_need_not_find_out_again() {
        Served served = serve();
        KvClient client = open(served.client(served.proxy.address())
                .connections(2)
                .silenceTimeout(HALF_SECOND)
                .build());
        await().atMost(LONG).until(() -> client.stats().connected() == 2);
        served.proxy.freeze();

        // Not a read, which would be tried again on the other one.
        CompletableFuture<WriteResult> write = client.store()
                .write(served.namespace, Mutation.put(KEY, Value.of("v")), WriteOptions.DEFAULT.withTimeout(LONG));

        // Nothing is asked on the other one, which would be pinged after ten seconds.
        await().atMost(SOON).until(() -> client.stats().deadPeers() == 2);
        assertThat(failure(write).code()).isEqualTo(ErrorCode.OUTCOME_UNKNOWN);
    }

    @Test
    void a_feed_goes_on_at_the_next_server_without_a_gap() throws Exception {
        Served served = serve();
        KvClient client = clientOfTwo(served, options -> options.silenceTimeout(HALF_SECOND));
        try (FeedProbe probe = new FeedProbe(client.store()
                .watch(FeedRequest.of(served.namespace, new FeedRequest.Start.Oldest())
                        .withHeartbeat(Duration.ofMinutes(1))))) {
            probe.request(Long.MAX_VALUE);
            put(served, "a");
            probe.awaitChanges(1);

            served.proxy.freeze();
            put(served, "b");
            await().atMost(SOON).until(() -> client.stats().feedsResumed() == 1);
            put(served, "c");

            assertThat(probe.awaitChanges(3))
                    .extracting(FeedEvent.Change::key)
                    .containsExactly(Key.of("a"), Key.of("b"), Key.of("c"));
            assertThat(client.stats().deadPeers()).isEqualTo(1);
        }
    }

    @Test
    void a_dead_server_of_an_idle_client_is_noticed_by_the_next_ping() throws Exception {
        Served served = serve();
        KvClient client = clientOfTwo(
                served, options -> options.silenceTimeout(HALF_SECOND).pingInterval(HALF_SECOND));
        served.proxy.freeze();

        await().atMost(SOON).until(() -> client.stats().connected() == 2);
        assertThat(client.stats().deadPeers()).isEqualTo(1);
    }

    // ---- connecting

    @Test
    void servers_that_take_connections_and_say_nothing_hold_up_the_next_for_moments() throws Exception {
        Served served = serve();
        SilentServer first = open(new SilentServer());
        SilentServer second = open(new SilentServer());
        long before = System.nanoTime();
        KvClient client = open(served.client(first.address())
                .server(second.address())
                .server(address(served.server))
                .build());

        client.awaitReady(LONG);

        assertThat(since(before)).isLessThan(SOON);
        assertThat(serverOf(client)).isEqualTo(address(served.server));
        assertThat(client.stats().failedRounds()).isZero();
    }

    @Test
    void a_slow_server_is_taken_if_the_one_that_was_asked_beside_it_is_none() throws Exception {
        Served served = serve();
        SilentServer second = open(new SilentServer());
        served.proxy.freeze();
        KvClient client = open(served.client(served.proxy.address())
                .server(second.address())
                .silenceTimeout(Duration.ofMillis(100))
                .connectTimeout(LONG)
                .build());
        await().until(() -> second.hasConnection());

        served.proxy.thaw();

        client.awaitReady(LONG);
        assertThat(serverOf(client)).isEqualTo(served.proxy.address());
        await().until(second::isLeft);
    }

    // ---- no false alarms

    @Test
    void a_slow_call_on_a_healthy_server_is_not_cut_off() throws Exception {
        Served served = serve();
        GatedStore slow = new GatedStore(served.below.store()).mode(GatedStore.Mode.HELD);
        KvServer server = open(KvServer.start(
                slow,
                served.identity.authority,
                KvServerOptions.listeningOn(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                        .withEventLoopThreads(1)));
        KvClient client =
                open(served.client(address(server)).silenceTimeout(HALF_SECOND).build());

        CompletableFuture<GetResult> read = get(served, client);
        // A ping for each silent timeout; unanswered, the second would not be sent.
        await().atMost(LONG).until(() -> client.stats().pings() == 6);
        assertThat(read).isNotDone();
        slow.mode(GatedStore.Mode.AT_ONCE).release();

        assertThat(ClientFixture.await(read)).isEqualTo(GetResult.Missing.INSTANCE);
        assertThat(client.stats().deadPeers()).isZero();
        assertThat(client.stats().connected()).isEqualTo(1);
    }

    @Test
    void a_pause_of_the_client_costs_no_connection() throws Exception {
        List<ScriptedServer.Received> held = new java.util.concurrent.CopyOnWriteArrayList<>();
        ScriptedServer server = open(new ScriptedServer((c, frame) -> {
            if (frame.is(FrameType.GET)) {
                held.add(frame);
            }
        }));
        TcpProxy proxy = open(new TcpProxy(server.port()));
        KvClient client = open(ClientFixture.client(proxy.address())
                .silenceTimeout(HALF_SECOND)
                .build());
        CompletableFuture<GetResult> read = client.store().get(NS, KEY, ReadOptions.STRONG.withTimeout(LONG));
        await().until(() -> held.size() == 1);
        proxy.freeze();
        long pings = client.stats().pings();
        await().pollInterval(Duration.ofMillis(5)).until(() -> client.stats().pings() > pings);

        // What happens on the event loop is like a collection: nothing of the client goes on. During the first pause
        // the next tick and the end of the second call fall due, so the second pause
        // comes after the last look at the sockets and right before the tick, and in it comes the answer to the ping.
        CompletableFuture<Void> first = timedOut(client, Duration.ofMillis(40), () -> pause(HALF_SECOND));
        CompletableFuture<Void> second = timedOut(client, Duration.ofMillis(60), () -> {
            proxy.thaw();
            pause(HALF_SECOND.multipliedBy(3));
        });
        ClientFixture.await(first);
        ClientFixture.await(second);
        server.conversations.get(0).missing(held.get(0).id());

        assertThat(ClientFixture.await(read)).isEqualTo(GetResult.Missing.INSTANCE);
        assertThat(client.stats().deadPeers()).isZero();
        assertThat(client.stats().connected()).isEqualTo(1);
    }

    /** Makes a call that is not answered in time, and does this on the event loop then. */
    private static CompletableFuture<Void> timedOut(KvClient client, Duration timeout, Runnable then) {
        return client.store()
                .get(NS, KEY, ReadOptions.STRONG.withTimeout(timeout))
                .handle((answer, failure) -> {
                    then.run();
                    return null;
                });
    }

    private static void pause(Duration time) {
        long until = System.nanoTime() + time.toNanos();
        for (long left = time.toNanos(); left > 0; left = until - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }

    @Test
    void requests_on_their_way_over_a_slow_network_are_not_taken_for_silence() throws Exception {
        List<Integer> held = new java.util.concurrent.CopyOnWriteArrayList<>();
        ScriptedServer server = open(new ScriptedServer((c, frame) -> {
            if (!frame.is(FrameType.PUT)) {
                return;
            }
            held.add(frame.id());
            if (held.size() == 100) {
                held.forEach(id -> c.written(id, 1));
            } else if (held.size() > 100) {
                c.written(frame.id(), 1);
            }
        }));
        TcpProxy proxy = open(new TcpProxy(server.port(), 64 * 1024));
        // 4 MiB in a second, so the first answer takes one and a half. The systems at both ends and the connection hold
        // 5 MB, and a ping waits behind all that.
        proxy.slowDownUp(Duration.ofNanos(15_625_000));
        KvClient client = open(ClientFixture.client(proxy.address())
                .silenceTimeout(HALF_SECOND)
                .build());
        client.awaitReady(LONG);
        List<CompletableFuture<WriteResult>> writes = new ArrayList<>();
        for (int i = 0; i < 190; i++) {
            Mutation put = Mutation.put(KEY, Value.wrap(new byte[60_000]));
            writes.add(client.store().write(NS, put, WriteOptions.DEFAULT.withTimeout(LONG)));
        }

        writes.forEach(write -> assertThat(ClientFixture.await(write).orThrow()).isEqualTo(1));
        assertThat(client.stats().deadPeers()).isZero();
    }

    @Test
    void an_idle_connection_is_not_pinged_before_its_time() {
        Served served = serve();
        KvClient client = open(served.client(address(served.server))
                .silenceTimeout(Duration.ofMillis(100))
                .build());
        ClientFixture.await(get(served, client));

        await().during(Duration.ofSeconds(1)).until(() -> client.stats().pings() == 0);
        assertThat(client.stats().connected()).isEqualTo(1);
    }
}
