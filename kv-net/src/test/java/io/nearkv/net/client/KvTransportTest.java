package io.nearkv.net.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.AccountId;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.MapStore;
import io.nearkv.core.TestClock;
import io.nearkv.core.route.BuildTokenCheck;
import io.nearkv.core.route.DocumentExchange;
import io.nearkv.core.route.DocumentVerdict.Outcome;
import io.nearkv.core.route.LinkRequest;
import io.nearkv.core.route.RouteLink;
import io.nearkv.net.server.FakeDocuments;
import io.nearkv.net.server.KvServer;
import io.nearkv.net.server.KvServerOptions;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** How the routed tier reaches nodes: what a node must prove, and how documents travel along. */
class KvTransportTest {
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private final FakeDocuments there = new FakeDocuments("there");
    private final FakeDocuments here = new FakeDocuments("here");
    private final MapStore map = new MapStore(new MapStore.Data(), new TestClock());
    private TestIdentity identity;
    private KvServer server;
    private KvTransport transport;

    @BeforeEach
    void start() {
        AccountId account = map.admin().createAccount("test").join().id();
        identity = new TestIdentity("production", account);
        server = KvServer.start(
                map,
                identity.authority,
                KvServerOptions.listeningOn(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                        .withEventLoopThreads(1)
                        .withDocuments(there));
        transport = KvTransport.of(KvClient.builder().token(identity.token));
    }

    @AfterEach
    void stop() {
        transport.close();
        server.close();
        identity.close();
        map.close();
    }

    private String endpoint() {
        return "kv://127.0.0.1:" + server.address().getPort();
    }

    private RouteLink link(String build, BuildTokenCheck check, boolean enforced) {
        return transport.connect(new LinkRequest(build, "production", List.of(endpoint()), check, enforced, here));
    }

    @Test
    void a_link_is_ready_once_the_build_is_the_one_that_was_asked_for() throws InterruptedException {
        RouteLink link = link(TestIdentity.BUILD, token -> null, true);
        link.awaitReady(PATIENCE);

        assertThat(link.isReady()).isTrue();
        assertThat(link.refusal()).isNull();
        assertThat(link.store()
                        .admin()
                        .accounts()
                        .handle((all, failure) -> true)
                        .join())
                .isTrue();
        link.close();
        assertThat(link.isReady()).isFalse();
    }

    @Test
    void another_build_is_refused_before_anything_is_sent() {
        RouteLink link = link("another", token -> null, true);

        assertThatThrownBy(() -> link.awaitReady(PATIENCE))
                .isInstanceOfSatisfying(
                        KvException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.UNAUTHORIZED));
        assertThat(link.isReady()).isFalse();
        assertThat(link.refusal()).isNotNull();
    }

    @Test
    void a_build_token_that_does_not_verify_is_refused() {
        KvException bad = new KvException(ErrorCode.UNAUTHORIZED, "not signed by a build key");
        RouteLink link = link(TestIdentity.BUILD, token -> token.isEmpty() ? null : bad, true);

        assertThatThrownBy(() -> link.awaitReady(PATIENCE)).hasMessageContaining("not signed by a build key");
    }

    @Test
    void without_enforcement_what_a_server_states_is_let_pass() throws InterruptedException {
        RouteLink link = link("another", token -> new KvException(ErrorCode.UNAUTHORIZED, "no"), false);
        link.awaitReady(PATIENCE);

        assertThat(link.isReady()).isTrue();
    }

    @Test
    void documents_are_pushed_down_and_offered_up_over_the_connection_that_stands() throws InterruptedException {
        there.offer(FakeDocuments.number(1), "test");
        RouteLink link = link(TestIdentity.BUILD, token -> null, true);
        link.awaitReady(PATIENCE);

        await().untilAsserted(() -> assertThat(here.active()).isEqualTo(1));
        there.offer(FakeDocuments.number(2), "test");
        await().untilAsserted(() -> assertThat(here.active()).isEqualTo(2));
        here.offer(FakeDocuments.number(3), "test");
        await().untilAsserted(() -> assertThat(there.active()).isEqualTo(3));

        link.close();
        await().untilAsserted(() -> assertThat(there.followers()).isZero());
        assertThat(here.followers()).isZero();
    }

    @Test
    void what_was_put_in_force_while_nothing_was_connected_is_offered_with_the_connection() throws Exception {
        here.offer(FakeDocuments.number(9), "test");
        link(TestIdentity.BUILD, token -> null, true).awaitReady(PATIENCE);

        await().untilAsserted(() -> assertThat(there.active()).isEqualTo(9));
    }

    @Test
    void a_node_is_asked_and_offered_to_over_a_connection_of_its_own() {
        assertThat(transport.offer(endpoint(), new byte[0], PATIENCE).outcome()).isEqualTo(Outcome.STATUS);
        assertThat(transport
                        .offer(endpoint(), FakeDocuments.number(6), PATIENCE)
                        .outcome())
                .isEqualTo(Outcome.ACCEPTED);
        assertThat(transport.documents(endpoint(), PATIENCE))
                .singleElement()
                .isEqualTo("6".getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void a_document_too_large_for_a_stranger_travels_with_the_token() {
        byte[] large = new byte[DocumentExchange.MAX_DOCUMENT_BYTES];

        assertThat(transport.offer(endpoint(), large, PATIENCE).reason()).isEqualTo("malformed");
    }

    @Test
    void a_node_that_is_away_is_unavailable_at_once() {
        String gone = endpoint();
        server.close();

        assertThatThrownBy(() -> transport.offer(gone, FakeDocuments.number(1), PATIENCE))
                .isInstanceOfSatisfying(
                        KvException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.UNAVAILABLE));
    }

    @Test
    void routing_without_its_module_says_what_is_missing() {
        KvClientBuilder builder = KvClient.builder().token(identity.token).serviceRoute("route.bundle");

        assertThatThrownBy(builder::build)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("io.nearkv:kv-deploy");
        assertThatThrownBy(() -> builder.server(endpoint()).build())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("the route alone says which servers there are");
    }
}
