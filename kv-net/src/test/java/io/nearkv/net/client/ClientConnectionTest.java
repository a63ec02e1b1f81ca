package io.nearkv.net.client;

import static io.nearkv.net.client.ClientFixture.KEY;
import static io.nearkv.net.client.ClientFixture.NS;
import static io.nearkv.net.client.ClientFixture.client;
import static io.nearkv.net.client.ClientFixture.failure;
import static io.nearkv.net.client.ClientFixture.failureCode;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.DenialReason;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.GetResult;
import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import io.nearkv.core.Mutation;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import io.nearkv.net.client.ScriptedServer.Script;
import io.nearkv.net.protocol.FrameType;
import io.nearkv.net.wire.Wire;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** How connections are made, checked, lost and replaced. */
class ClientConnectionTest {
    private static final Script ANSWER_MISSING = (c, frame) -> {
        if (frame.is(FrameType.GET)) {
            c.missing(frame.id());
        }
    };

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

    private ScriptedServer serve(Wire.HelloOk.Builder hello) {
        return open(new ScriptedServer(hello.build(), ANSWER_MISSING));
    }

    private KvClient connect(ScriptedServer server, UnaryOperator<KvClientBuilder> options) {
        return open(options.apply(client(server.address())).build());
    }

    private static CompletableFuture<GetResult> get(KvClient client) {
        return client.store().get(NS, KEY, ReadOptions.DEFAULT);
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    // ---- the checks before the first request

    @Test
    void a_server_of_another_environment_gets_no_request() {
        ScriptedServer server = serve(ScriptedServer.hello("staging").setBuildId("build-7"));
        KvClient client = connect(server, options -> options);

        KvException failure = failure(get(client));

        assertThat(failure.code()).isEqualTo(ErrorCode.UNAUTHORIZED);
        KvException.Denial denial = requireNonNull(failure.denial());
        assertThat(denial.reason()).isEqualTo(DenialReason.ENVIRONMENT_MISMATCH);
        assertThat(denial.expectedEnvironment()).isEqualTo("testing");
        assertThat(denial.presentedEnvironment()).isEqualTo("staging");
        assertThat(denial.build()).isEqualTo("build-7");
        assertThat(failure).hasMessageContaining("'testing'").hasMessageContaining("'staging'");
        assertThat(server.received).allMatch(frame -> frame.is(FrameType.HELLO));
        assertThat(client.stats().retries()).isZero();
    }

    @Test
    void a_server_of_a_build_that_is_not_allowed_gets_no_request() {
        ScriptedServer server = serve(ScriptedServer.hello("testing").setBuildId("build-7"));
        KvClient client = connect(server, options -> options.allowedBuilds(Set.of("build-8")));

        KvException failure = failure(get(client));

        assertThat(requireNonNull(failure.denial()).reason()).isEqualTo(DenialReason.BUILD_NOT_AUTHORIZED);
        assertThat(server.received).allMatch(frame -> frame.is(FrameType.HELLO));
        KvClient other = connect(server, options -> options.allowedBuilds(Set.of("build-8", "build-7")));
        assertThat(ClientFixture.await(get(other))).isEqualTo(GetResult.Missing.INSTANCE);
    }

    @Test
    void a_build_token_that_says_something_else_than_the_server_gets_no_request() {
        for (String payload : List.of(
                "{\"aud\":\"staging\",\"build\":\"build-1\"}", "{\"aud\":\"testing\",\"build\":\"build-2\"}", "{}")) {
            ScriptedServer server = serve(ScriptedServer.hello("testing").setBuildToken(FakeToken.ofPayload(payload)));
            KvException failure = failure(get(connect(server, options -> options)));
            assertThat(requireNonNull(failure.denial()).reason()).isEqualTo(DenialReason.BUILD_NOT_AUTHORIZED);
            assertThat(server.received).allMatch(frame -> frame.is(FrameType.HELLO));
        }
    }

    @Test
    void an_environment_that_was_set_counts_more_than_the_one_of_the_token() {
        ScriptedServer server = serve(ScriptedServer.hello("testing"));
        KvClient client = connect(server, options -> options.environment("production"));

        assertThat(failureCode(get(client))).isEqualTo(ErrorCode.UNAUTHORIZED);
    }

    @Test
    void a_server_with_another_protocol_version_gets_no_request() {
        ScriptedServer server = serve(ScriptedServer.hello("testing").setVersion(2));
        assertThat(failureCode(get(connect(server, options -> options)))).isEqualTo(ErrorCode.INVALID_REQUEST);
        assertThat(server.received).allMatch(frame -> frame.is(FrameType.HELLO));
    }

    @Test
    void what_does_not_speak_the_protocol_is_unavailable() throws IOException {
        try (ServerSocket http = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
            Thread thread = new Thread(() -> {
                while (!http.isClosed()) {
                    try (var socket = http.accept()) {
                        socket.getOutputStream()
                                .write("HTTP/1.1 400 Bad Request\r\n\r\n"
                                        .getBytes(java.nio.charset.StandardCharsets.US_ASCII));
                    } catch (IOException e) {
                        assert e.getMessage() != null;
                    }
                }
            });
            thread.setDaemon(true);
            thread.start();
            KvClient client =
                    open(client("kv://127.0.0.1:" + http.getLocalPort()).build());
            assertThat(failureCode(get(client))).isEqualTo(ErrorCode.UNAVAILABLE);
        }
    }

    // ---- servers that are away

    @Test
    void a_server_that_is_not_there_is_unavailable_within_moments() throws IOException {
        KvClient client = open(KvClient.builder()
                .server("kv://127.0.0.1:" + freePort())
                .token(FakeToken.of("testing"))
                .build());
        long before = System.nanoTime();
        KvException failure = failure(get(client));

        assertThat(failure.code()).isEqualTo(ErrorCode.UNAVAILABLE);
        assertThat(failure).hasMessageContaining("cannot connect");
        assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(Duration.ofSeconds(5));
        assertThat(client.stats().failedRounds()).isPositive();
    }

    @Test
    void a_host_without_an_address_is_unavailable() {
        KvClient client = open(client("kv://no-such-host.invalid:7400").build());
        assertThat(failureCode(get(client))).isEqualTo(ErrorCode.UNAVAILABLE);
    }

    @Test
    void a_host_name_is_looked_up() {
        ScriptedServer server = serve(ScriptedServer.hello("testing"));
        KvClient client = open(client("kv://localhost:" + server.port()).build());
        assertThat(ClientFixture.await(get(client))).isEqualTo(GetResult.Missing.INSTANCE);
    }

    @Test
    void a_server_that_never_answers_hello_is_given_up() {
        SilentServer silent = open(new SilentServer());
        KvClient client = open(client(silent.address())
                .connectTimeout(Duration.ofMillis(100))
                .maxAttempts(1)
                .build());
        KvException failure = failure(get(client));
        assertThat(failure.code()).isEqualTo(ErrorCode.UNAVAILABLE);
        assertThat(failure).hasMessageContaining("PT0.1S");
    }

    @Test
    void calls_wait_while_a_connection_is_being_made() throws Exception {
        ScriptedServer server = serve(ScriptedServer.hello("testing"));
        TcpProxy proxy = open(new TcpProxy(server.port()));
        proxy.freeze();
        KvClient client = open(client(proxy.address()).build());
        CompletableFuture<GetResult> call = get(client);
        await().until(() -> proxy.accepted.get() == 1);
        assertThat(call).isNotDone();

        proxy.thaw();

        assertThat(ClientFixture.await(call)).isEqualTo(GetResult.Missing.INSTANCE);
        assertThat(client.stats().retries()).isZero();
    }

    @Test
    void the_next_server_is_asked_when_one_is_away() throws IOException {
        ScriptedServer server = serve(ScriptedServer.hello("testing"));
        SilentServer silent = open(new SilentServer());
        KvClient client = open(client("kv://127.0.0.1:" + freePort())
                .server(silent.address())
                .server(server.address())
                .connectTimeout(Duration.ofMillis(100))
                .build());
        assertThat(ClientFixture.await(get(client))).isEqualTo(GetResult.Missing.INSTANCE);
        assertThat(client.stats().connections().get(0).server()).isEqualTo(server.address());
    }

    @Test
    void a_server_of_another_environment_is_passed_over_if_there_is_a_right_one() {
        ScriptedServer wrong = serve(ScriptedServer.hello("staging"));
        ScriptedServer right = serve(ScriptedServer.hello("testing"));
        KvClient client = open(client(wrong.address()).server(right.address()).build());
        assertThat(ClientFixture.await(get(client))).isEqualTo(GetResult.Missing.INSTANCE);
        assertThat(wrong.received).allMatch(frame -> frame.is(FrameType.HELLO));
    }

    @Test
    void a_server_that_comes_back_is_found_again() throws Exception {
        ScriptedServer server = serve(ScriptedServer.hello("testing"));
        TcpProxy proxy = open(new TcpProxy(server.port()));
        KvClient client = open(client(proxy.address()).build());
        ClientFixture.await(get(client));

        proxy.down();
        await().until(() -> client.stats().connections().get(0).state() == ClientStats.State.BACKOFF);
        assertThat(failureCode(get(client))).isEqualTo(ErrorCode.UNAVAILABLE);
        await().until(() -> client.stats().failedRounds() > 5);
        proxy.restore();

        await().until(() -> client.stats().connections().get(0).state() == ClientStats.State.READY);
        assertThat(ClientFixture.await(get(client))).isEqualTo(GetResult.Missing.INSTANCE);
        assertThat(client.stats().reconnects()).isEqualTo(1);
    }

    @Test
    void a_server_that_ends_every_connection_is_not_asked_without_a_pause() throws Exception {
        ScriptedServer server = open(new ScriptedServer((c, frame) -> c.close()));
        KvClient client = open(client(server.address())
                .backoff(new io.nearkv.core.Backoff(Duration.ofMillis(100), Duration.ofMillis(100)))
                .build());
        client.awaitReady(Duration.ofSeconds(10));
        for (int i = 0; i < 3; i++) {
            var unused = failureCode(get(client));
        }
        // Four attempts a call at most, and at most one connection for each 50 milliseconds.
        assertThat(server.conversations.size()).isLessThanOrEqualTo(13);
    }

    @Test
    void a_dead_peer_is_noticed_by_its_silence() throws Exception {
        ScriptedServer server = serve(ScriptedServer.hello("testing"));
        TcpProxy proxy = open(new TcpProxy(server.port()));
        KvClient client = open(
                client(proxy.address()).pingInterval(Duration.ofMillis(100)).build());
        ClientFixture.await(get(client));
        await().until(() -> client.stats().pings() > 2);
        assertThat(client.stats().deadPeers()).isZero();

        proxy.freeze();
        var write = client.store().write(NS, Mutation.put(KEY, Value.of("v")), WriteOptions.DEFAULT);

        assertThat(failureCode(write)).isEqualTo(ErrorCode.OUTCOME_UNKNOWN);
        assertThat(client.stats().deadPeers()).isEqualTo(1);
    }

    @Test
    void a_peer_that_only_stops_talking_is_left() throws Exception {
        ScriptedServer server = serve(ScriptedServer.hello("testing"));
        TcpProxy proxy = open(new TcpProxy(server.port()));
        KvClient client = open(client(proxy.address()).build());
        ClientFixture.await(get(client));

        proxy.shutDownTowardsClients();

        await().until(() -> client.stats().connected() == 2);
        assertThat(ClientFixture.await(get(client))).isEqualTo(GetResult.Missing.INSTANCE);
    }

    @Test
    void one_byte_at_a_time_is_enough() throws Exception {
        ScriptedServer server = open(new ScriptedServer((c, frame) -> c.found(frame.id(), "a value of some length")));
        TcpProxy proxy = open(new TcpProxy(server.port()));
        proxy.setPieceBytes(1);
        KvClient client = open(client(proxy.address()).build());
        List<CompletableFuture<GetResult>> calls = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            calls.add(get(client));
        }
        calls.forEach(call ->
                assertThat(ClientFixture.await(call).toOptional()).contains(Value.of("a value of some length")));
    }

    // ---- ends that are announced

    @Test
    void a_server_that_leaves_finishes_what_it_has_and_new_calls_go_elsewhere() {
        List<Integer> held = new java.util.concurrent.CopyOnWriteArrayList<>();
        ScriptedServer leaving = open(new ScriptedServer((c, frame) -> {
            if (frame.is(FrameType.PUT)) {
                held.add(frame.id());
            }
        }));
        ScriptedServer other = serve(ScriptedServer.hello("testing"));
        KvClient client = open(client(leaving.address()).server(other.address()).build());
        var write = client.store().write(NS, Mutation.put(KEY, Value.of("v")), WriteOptions.DEFAULT);
        await().until(() -> held.size() == 1);

        leaving.conversations.get(0).goAway();
        await().until(() -> client.stats().goAways() == 1);

        assertThat(ClientFixture.await(get(client))).isEqualTo(GetResult.Missing.INSTANCE);
        assertThat(other.received(FrameType.GET)).hasSize(1);
        assertThat(write).isNotDone();
        leaving.conversations.get(0).written(held.get(0), 3);
        assertThat(ClientFixture.await(write).orThrow()).isEqualTo(3);
        assertThat(client.stats().connectionsLost()).isZero();
    }

    @Test
    void what_a_leaving_server_refuses_is_sent_elsewhere_at_once_and_costs_no_budget() throws Exception {
        ScriptedServer leaving = open(new ScriptedServer((c, frame) -> {
            c.goAway();
            c.error(frame.id(), ErrorCode.UNAVAILABLE);
        }));
        ScriptedServer other = serve(ScriptedServer.hello("testing"));
        KvClient client = open(
                client(leaving.address()).server(other.address()).retryBudget(0).build());
        client.awaitReady(Duration.ofSeconds(10));
        assertThat(ClientFixture.await(get(client))).isEqualTo(GetResult.Missing.INSTANCE);
        assertThat(other.received(FrameType.GET)).hasSize(1);
        assertThat(client.stats().retriesRefused()).isZero();
    }

    // ---- waiting for it

    @Test
    void waiting_for_a_client_ends_when_it_is_connected() throws Exception {
        ScriptedServer server = serve(ScriptedServer.hello("testing"));
        KvClient client = connect(server, options -> options);
        client.awaitReady(Duration.ofSeconds(10));
        assertThat(client.stats().connections().get(0).state()).isEqualTo(ClientStats.State.READY);
    }

    @Test
    void waiting_for_a_client_ends_at_once_if_it_is_denied() {
        KvClient client = connect(serve(ScriptedServer.hello("staging")), options -> options);
        assertThatThrownBy(() -> client.awaitReady(Duration.ofMinutes(5)))
                .isInstanceOfSatisfying(
                        KvException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.UNAUTHORIZED));
    }

    @Test
    void waiting_for_a_client_ends_when_the_time_is_over() {
        SilentServer silent = open(new SilentServer());
        KvClient client = open(client(silent.address()).build());
        assertThatThrownBy(() -> client.awaitReady(Duration.ofMillis(50)))
                .isInstanceOfSatisfying(
                        KvException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.UNAVAILABLE));
    }

    // ---- closing

    @Test
    void closing_waits_for_calls_in_flight() throws Exception {
        ScriptedServer server = open(new ScriptedServer((c, frame) -> {
            if (frame.is(FrameType.GET)) {
                CompletableFuture.delayedExecutor(200, TimeUnit.MILLISECONDS).execute(() -> c.missing(frame.id()));
            }
        }));
        KvClient client = connect(server, options -> options.closeTimeout(Duration.ofSeconds(20)));
        client.awaitReady(Duration.ofSeconds(10));
        CompletableFuture<GetResult> call = get(client);

        client.close();

        assertThat(call).isCompletedWithValue(GetResult.Missing.INSTANCE);
        assertThatThrownBy(() -> get(client)).isInstanceOf(IllegalStateException.class);
        client.close();
    }

    @Test
    void what_is_not_answered_when_the_client_closes_fails_with_what_is_known() {
        ScriptedServer server = open(new ScriptedServer((c, frame) -> {}));
        KvClient client = connect(server, options -> options.closeTimeout(Duration.ofMillis(10)));
        CompletableFuture<GetResult> read = get(client);
        var write = client.store().write(NS, Mutation.put(KEY, Value.of("v")), WriteOptions.DEFAULT);
        await().until(() -> server.received(FrameType.PUT).size() == 1);

        client.close();

        assertThat(read).isCompletedExceptionally();
        assertThat(failureCode(read)).isEqualTo(ErrorCode.UNAVAILABLE);
        assertThat(failureCode(write)).isEqualTo(ErrorCode.OUTCOME_UNKNOWN);
        assertThat(client.stats().requestsInFlight()).isZero();
    }

    @Test
    void a_client_may_be_closed_on_its_own_event_loop() {
        ScriptedServer server = serve(ScriptedServer.hello("testing"));
        KvClient client = connect(server, options -> options);
        CompletableFuture<Void> closed = get(client).thenAccept(result -> client.close());
        ClientFixture.await(closed);
        await().until(() -> client.stats().connections().get(0).state() == ClientStats.State.CLOSED);
    }

    // ---- the face

    @Test
    void blocking_calls_on_an_event_loop_fail_at_once() {
        ScriptedServer server = serve(ScriptedServer.hello("testing"));
        Kv kv = open(KvClient.connect(server.address(), FakeToken.of("testing")));
        assertThat(kv.account()).isEqualTo(FakeToken.ACCOUNT);
        Thread here = Thread.currentThread();
        Object said;
        do {
            said = ClientFixture.await(kv.store()
                    .get(NS, KEY, ReadOptions.DEFAULT)
                    .<Object>handle((result, failure) -> {
                        if (Thread.currentThread() == here) {
                            return here; // The answer was there before the callback.
                        }
                        try {
                            return kv.namespace(NS.toString()).get("k");
                        } catch (IllegalStateException e) {
                            return e;
                        }
                    }));
        } while (said == here);
        assertThat(said).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void futures_complete_on_the_executor_that_was_given() {
        ScriptedServer server = serve(ScriptedServer.hello("testing"));
        List<Thread> threads = new java.util.concurrent.CopyOnWriteArrayList<>();
        KvClient client = connect(
                server,
                options -> options.callbackExecutor(task -> {
                    Thread thread = new Thread(task, "callback");
                    threads.add(thread);
                    thread.start();
                }));
        CompletableFuture<String> name =
                get(client).thenApply(result -> Thread.currentThread().getName());
        // It may have been complete before the callback was added, and then it runs here.
        assertThat(ClientFixture.await(name))
                .isIn("callback", Thread.currentThread().getName());
        assertThat(threads).hasSize(1);
    }
}
