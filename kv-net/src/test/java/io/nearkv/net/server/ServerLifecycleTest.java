package io.nearkv.net.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.NamespaceId;
import io.nearkv.net.protocol.FrameType;
import io.nearkv.net.protocol.Protocol;
import io.nearkv.net.transport.EventLoops;
import io.nearkv.net.wire.Wire;
import java.io.IOException;
import java.net.ConnectException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Start, drain and end of a server, on each transport. */
class ServerLifecycleTest extends WithServer {
    @Test
    void a_draining_server_finishes_what_is_in_flight_and_refuses_what_comes() throws IOException {
        start();
        try (RawConnection connection = login()) {
            connection.send(Requests.get(1, ns(), "k")).read(FrameType.MISSING);
            connection
                    .send(Requests.watch(
                            2, Wire.WatchRequest.newBuilder().setCredits(5).build()))
                    .read(FrameType.EVENTS);
            test().store.mode(GatedStore.Mode.HELD);
            connection.send(Requests.put(3, ns(), "k", "v"), Requests.ping(1)).read(FrameType.PONG);
            CompletableFuture<Boolean> drained =
                    CompletableFuture.supplyAsync(() -> test().server.drain(Duration.ofSeconds(10)));

            RawConnection.Answer first = connection.read();
            while (first.type() == FrameType.EVENTS) {
                first = connection.read();
            }
            assertThat(FrameType.name(first.type())).isEqualTo("GOAWAY");
            assertThat(first.id()).isZero();
            RawConnection.Answer watch = connection.read();
            assertThat(watch.id()).isEqualTo(2);
            assertThat(watch.error().code()).isEqualTo(ErrorCode.UNAVAILABLE);
            connection.send(Requests.put(4, ns(), "late", "v"));
            assertThat(connection.read().error().code()).isEqualTo(ErrorCode.UNAVAILABLE);
            assertThatThrownBy(() -> test().connect()).hasRootCauseInstanceOf(ConnectException.class);
            assertThat(drained).isNotDone();

            test().store.mode(GatedStore.Mode.AT_ONCE).release();
            connection.read(FrameType.WRITTEN);
            connection.expectEnd();
            assertThat(drained.join()).isTrue();
        }
    }

    @Test
    void a_drain_that_takes_too_long_is_given_up() throws IOException {
        start();
        try (RawConnection connection = login()) {
            connection.send(Requests.get(1, ns(), "k")).read(FrameType.MISSING);
            test().store.mode(GatedStore.Mode.HELD);
            connection.send(Requests.put(3, ns(), "k", "v"), Requests.ping(1)).read(FrameType.PONG);

            assertThat(test().server.drain(Duration.ofMillis(100))).isFalse();
            test().server.close();
            connection.read(FrameType.GOAWAY);
            connection.expectEnd();
        }
    }

    @Test
    void what_fails_after_it_was_given_up_disturbs_no_other_request() throws Exception {
        start();
        NamespaceId doomed = test().map
                .admin()
                .createNamespace(test().account, "doomed")
                .join()
                .id();
        try (RawConnection connection = login();
                RawConnection other = login()) {
            connection.send(Requests.get(1, ns(), "k")).read(FrameType.MISSING);
            connection.send(Requests.get(1, doomed, "k")).read(FrameType.MISSING);
            other.send(Requests.get(1, ns(), "k")).read(FrameType.MISSING);
            test().map.admin().deleteNamespace(doomed).join();
            test().store.mode(GatedStore.Mode.HELD);
            connection.send(
                    Requests.putStream(2, doomed, "k", Protocol.UNKNOWN_LENGTH),
                    Requests.put(3, ns(), "k", "v"),
                    Requests.cancel(2));
            assertThat(connection.read().error().code()).isEqualTo(ErrorCode.DEADLINE_EXCEEDED);

            // The event loop stands still while the failure and the answer come, so that it finds them together.
            CountDownLatch standing = new CountDownLatch(1);
            CountDownLatch released = new CountDownLatch(1);
            test().store.beforeDirectRead(() -> {
                standing.countDown();
                awaitQuietly(released);
            });
            other.send(Requests.get(2, ns(), "k"));
            assertThat(standing.await(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
            test().store.mode(GatedStore.Mode.AT_ONCE).release();
            released.countDown();

            other.read(FrameType.FOUND);
            assertThat(connection.read(FrameType.WRITTEN).id()).isEqualTo(3);
        }
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            assertThat(latch.await(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new AssertionError("interrupted", e);
        }
    }

    @Test
    void every_transport_serves() throws IOException {
        for (EventLoops.Kind kind : EventLoops.Kind.values()) {
            for (Duration spin : new Duration[] {Duration.ZERO, KvServerOptions.ADAPTIVE_SPIN}) {
                use(TestServer.start(
                        folder.resolve(kind + "-" + spin.toNanos()),
                        options -> options.withTransport(kind).withSpin(spin).withEventLoopThreads(2)));
                try (RawConnection one = login();
                        RawConnection two = login()) {
                    for (int i = 0; i < 50; i++) {
                        one.send(Requests.put(1, ns(), "k" + i, "v")).read(FrameType.WRITTEN);
                        two.send(Requests.get(1, ns(), "k" + i)).read(FrameType.FOUND);
                    }
                }
                everything_is_given_back();
            }
        }
    }

    @Test
    void an_address_that_is_taken_is_told() {
        start();
        assertThatThrownBy(() ->
                        KvServer.start(test().store, test().authority, KvServerOptions.listeningOn(test().address())))
                .isInstanceOfSatisfying(
                        KvException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.UNAVAILABLE))
                .hasMessageContaining(String.valueOf(test().address().getPort()));
    }

    @Test
    void close_can_be_called_again_and_cuts_everything() throws IOException {
        start();
        try (RawConnection connection = login()) {
            test().server.close();
            test().server.close();
            connection.expectEnd();
        }
        await().until(() -> test().server.stats().connections() == 0);
    }

    @Test
    void a_store_that_is_closed_is_503() throws IOException {
        start();
        try (RawConnection connection = login()) {
            test().map.close();
            connection.send(Requests.put(1, ns(), "k", "v"));
            assertThat(connection.read().error().code()).isEqualTo(ErrorCode.UNAVAILABLE);
        }
    }

    @Test
    void options_that_make_no_sense_are_refused() {
        KvServerOptions options = KvServerOptions.listeningOn(new java.net.InetSocketAddress(0));
        assertThat(options.spin()).isZero();
        assertThat(options.tls()).isNull();
        assertThat(options.limits()).isEqualTo(ServerLimits.DEFAULT);
        assertThatThrownBy(() -> options.withEventLoopThreads(0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> options.withSpin(Duration.ofSeconds(1))).isInstanceOf(IllegalArgumentException.class);
    }
}
