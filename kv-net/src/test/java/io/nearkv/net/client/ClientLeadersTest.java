package io.nearkv.net.client;

import static io.nearkv.net.client.ClientFixture.await;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KvStore;
import io.nearkv.core.ListOptions;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.Value;
import io.nearkv.core.ValueWriter;
import io.nearkv.core.WriteOptions;
import io.nearkv.net.server.KvServer;
import io.nearkv.net.server.KvServerOptions;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Whom a client asks when the server that it was given says who leads. */
class ClientLeadersTest {
    private static final Key KEY = Key.of("key");
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private final MapFixture below = new MapFixture();
    private final TestIdentity identity = new TestIdentity("testing", below.account());
    private final NamespaceId namespace = requireNonNull(below.store()
                    .admin()
                    .createNamespace(below.account(), "default")
                    .join())
            .id();
    /** Of a node that does not know yet who leads. */
    private volatile List<String> leaders = List.of("");

    private final KvServer home = serve();
    private final KvServer first = serve();
    private final KvServer second = serve();
    private final KvClient client = KvClient.builder()
            .server("kv://" + place(home))
            .token(identity.token)
            .backoff(ClientFixture.BACKOFF)
            .silenceTimeout(PATIENCE) // Silence is another test's.
            .build();
    private final KvStore store = client.store();

    private KvServer serve() {
        return serve(below);
    }

    private KvServer serve(MapFixture below) {
        return KvServer.start(
                below.store(),
                identity.authority,
                KvServerOptions.listeningOn(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                        .withEventLoopThreads(1)
                        .withIdentity("test", () -> below.store().positionOf(0).lineage())
                        .withLeaders(() -> leaders));
    }

    private static String place(KvServer server) {
        return "127.0.0.1:" + server.address().getPort();
    }

    @AfterEach
    void close() {
        client.close();
        home.close();
        first.close();
        second.close();
        below.close();
        identity.close();
    }

    private void lead(KvServer server) throws InterruptedException {
        leaders = List.of(place(server));
        client.awaitReady(PATIENCE);
        // As the client connects to it by itself when it looks the next time.
        awaitConnected(server);
    }

    private void awaitConnected(KvServer server) {
        await().atMost(PATIENCE)
                .until(() -> client.stats().connections().stream()
                        .anyMatch(each -> ("kv://" + place(server)).equals(each.server())));
    }

    private void put() {
        Object unused = await(store.write(namespace, Mutation.put(KEY, Value.of("v")), WriteOptions.BUFFERED));
    }

    private void get(ReadOptions options) {
        assertThat(await(store.get(namespace, KEY, options))).isInstanceOf(GetResult.Found.class);
    }

    private static long count(KvServer server, String operation) {
        return server.stats().operations().getOrDefault(operation, java.util.Map.of()).values().stream()
                .mapToLong(Long::longValue)
                .sum();
    }

    /** Asserts that an operation adds to what one server has done, and to nobody else. */
    private void asserts(KvServer asked, String operation, Runnable call) {
        List<KvServer> all = List.of(home, first, second);
        List<LongSupplier> counts = all.stream()
                .<LongSupplier>map(server -> () -> count(server, operation))
                .toList();
        List<Long> before = counts.stream().map(LongSupplier::getAsLong).toList();
        call.run();
        for (int i = 0; i < all.size(); i++) {
            KvServer server = all.get(i);
            long expected = before.get(i) + (server == asked ? 1 : 0);
            LongSupplier count = counts.get(i);
            // A server counts after it has answered.
            await().atMost(PATIENCE).until(() -> count.getAsLong() == expected);
        }
    }

    @Test
    void writes_go_to_the_leader_and_so_does_what_must_be_new() throws InterruptedException {
        lead(first);

        asserts(first, "put", this::put);
        asserts(first, "get", () -> get(ReadOptions.STRONG));
        asserts(first, "get", () -> get(ReadOptions.bounded(Duration.ZERO)));
        asserts(first, "upload", this::upload);
        asserts(first, "write_all", () -> {
            Object unused =
                    await(store.writeAll(namespace, List.of(Mutation.put(KEY, Value.of("w"))), WriteOptions.BUFFERED));
        });
        asserts(first, "batch", () -> {
            Object unused =
                    await(store.batch(namespace, List.of(Mutation.put(KEY, Value.of("b"))), WriteOptions.BUFFERED));
        });
    }

    private void upload() {
        try (ValueWriter writer = await(store.upload(namespace, KEY, PutOptions.DEFAULT, WriteOptions.BUFFERED))) {
            Object unused = await(writer.write(ByteBuffer.wrap(new byte[1000])));
            unused = await(writer.commit());
        }
    }

    @Test
    void weak_reads_stay_at_home_until_something_was_written() throws InterruptedException {
        Object unused = below.store()
                .write(namespace, Mutation.put(KEY, Value.of("v")), WriteOptions.BUFFERED)
                .join();
        lead(first);

        asserts(home, "get", () -> get(ReadOptions.EVENTUAL));
        asserts(home, "list", this::list);
        asserts(first, "put", this::put);
        asserts(first, "get", () -> get(ReadOptions.EVENTUAL));
        asserts(
                first,
                "get_all",
                () -> assertThat(await(store.getAll(namespace, List.of(KEY), ReadOptions.EVENTUAL)))
                        .hasSize(1));
        asserts(first, "list", this::list);
        assertThat(await(store.admin().namespace(namespace)).id()).isEqualTo(namespace);
        assertThat(count(first, "admin")).isZero();
    }

    private void list() {
        assertThat(await(store.list(namespace, ListOptions.ALL, ReadOptions.EVENTUAL))
                        .keys())
                .hasSize(1);
    }

    @Test
    void nothing_fails_when_the_leader_goes_and_the_next_one_is_found() throws InterruptedException {
        lead(first);
        asserts(first, "put", this::put);

        first.close();
        put();
        get(ReadOptions.STRONG);
        leaders = List.of(place(second));
        awaitConnected(second);
        asserts(second, "put", this::put);
        asserts(second, "get", () -> get(ReadOptions.EVENTUAL));
    }

    @Test
    void a_leader_that_cannot_be_reached_is_done_without() throws InterruptedException {
        String nobody;
        try (KvServer gone = serve()) {
            nobody = place(gone);
        }
        for (String said : List.of(nobody, "", "no address at all", "127.0.0.1:0")) {
            lead(first);
            leaders = List.of(said);
            long looks = count(home, "admin");
            await().atMost(PATIENCE).until(() -> count(home, "admin") > looks + 1);
            asserts(home, "put", this::put);
        }
        assertThat(client.stats().connections())
                .as("what is astray is given up in the end, and is bounded until then")
                .hasSizeLessThan(10);
    }

    @Test
    void a_leader_that_hangs_costs_a_weak_read_half_of_its_time() throws Exception {
        try (TcpProxy proxy = new TcpProxy(first.address().getPort())) {
            leaders = List.of(proxy.address().substring("kv://".length()));
            client.awaitReady(PATIENCE);
            await().atMost(PATIENCE)
                    .until(() -> client.stats().connections().stream()
                            .anyMatch(each -> proxy.address().equals(each.server())));
            asserts(first, "put", this::put);
            proxy.freeze();
            asserts(home, "get", () -> get(ReadOptions.EVENTUAL.withTimeout(Duration.ofSeconds(4))));
        }
    }

    @Test
    void another_store_at_the_address_of_a_leader_is_not_asked() throws InterruptedException {
        try (MapFixture other = new MapFixture();
                KvServer stranger = serve(other)) {
            leaders = List.of(place(stranger));
            client.awaitReady(PATIENCE);
            awaitConnected(stranger);
            asserts(home, "put", this::put);
            assertThat(count(stranger, "put")).isZero();
        }
    }

    @Test
    void a_client_with_an_executor_of_its_own_ends_in_order() throws InterruptedException {
        leaders = List.of(place(first));
        ExecutorService executor = Executors.newSingleThreadExecutor();
        try {
            KvClient busy = KvClient.builder()
                    .server("kv://" + place(home))
                    .token(identity.token)
                    .callbackExecutor(executor)
                    .build();
            busy.awaitReady(PATIENCE);
            await().atMost(PATIENCE).until(() -> busy.stats().connections().size() > 1);
            KvStore its = busy.store();
            for (int i = 0; i < 100; i++) {
                CompletableFuture<?> unused =
                        its.write(namespace, Mutation.put(KEY, Value.of("v")), WriteOptions.BUFFERED);
            }
            busy.close();
            assertThat(busy.stats().requestsInFlight()).isZero();
            assertThatThrownBy(() -> its.get(namespace, KEY, ReadOptions.EVENTUAL))
                    .isInstanceOf(IllegalStateException.class);
        } finally {
            executor.shutdownNow();
        }
    }

    @Test
    void a_leader_that_is_at_home_needs_no_other_connection() throws InterruptedException {
        leaders = List.of(place(home));
        client.awaitReady(PATIENCE);
        await().atMost(PATIENCE).until(() -> count(home, "admin") > 1);

        asserts(home, "put", this::put);
        assertThat(client.stats().connections()).hasSize(1);
    }

    @Test
    void servers_that_name_no_leader_are_asked_as_ever() throws InterruptedException {
        leaders = List.of();
        try (KvClient plain = KvClient.builder()
                .server("kv://" + place(second))
                .token(identity.token)
                .build()) {
            plain.awaitReady(PATIENCE);

            asserts(second, "put", () -> {
                Object unused =
                        await(plain.store().write(namespace, Mutation.put(KEY, Value.of("v")), WriteOptions.BUFFERED));
            });
            assertThat(count(second, "admin")).as("nobody asks for leaders").isZero();
            assertThat(plain.stats().connections()).hasSize(1);
        }
    }
}
