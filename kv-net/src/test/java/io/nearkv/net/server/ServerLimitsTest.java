package io.nearkv.net.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.core.Mutation;
import io.nearkv.core.Value;
import io.nearkv.net.protocol.EntryCodec;
import io.nearkv.net.protocol.FrameType;
import io.nearkv.net.protocol.Protocol;
import io.nearkv.net.server.RawConnection.Answer;
import io.nearkv.net.wire.Wire;
import java.io.IOException;
import java.net.Socket;
import java.net.SocketException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Each bound: what happens at it, that it is counted, and that it does not reach those within it. */
class ServerLimitsTest extends WithServer {
    private static final Duration SHORT = Duration.ofMillis(300);
    private static final Duration LONG = Duration.ofMinutes(5);

    private static void until(java.util.concurrent.Callable<Boolean> condition) {
        await().atMost(PATIENCE).pollDelay(Duration.ZERO).pollInterval(POLL).until(condition);
    }

    private ServerStats stats() {
        return test().server.stats();
    }

    @Test
    void the_defaults_are_these() {
        ServerLimits limits = ServerLimits.DEFAULT;
        assertThat(limits.maxConnections()).isEqualTo(10_000);
        assertThat(limits.maxConnectionsPerPeer()).isEqualTo(1000);
        assertThat(limits.maxRequestsInFlight()).isEqualTo(65_536);
        assertThat(limits.maxRequestsInFlightPerConnection()).isEqualTo(1024);
        assertThat(limits.maxBytesInFlight()).isGreaterThanOrEqualTo(132L << 20);
        assertThat(limits.maxBytesInFlightPerConnection()).isEqualTo(132L << 20);
        assertThat(limits.maxWatchesPerConnection()).isEqualTo(64);
        assertThat(limits.maxFailedHellosPerMinute()).isEqualTo(20);
        assertThat(limits.streamWindowBytes()).isEqualTo(256 * 1024);
        assertThat(limits.writeBufferBytes()).isEqualTo(1024 * 1024);
        assertThat(limits.helloTimeout()).isEqualTo(Duration.ofSeconds(5));
        assertThat(limits.frameTimeout()).isEqualTo(Duration.ofSeconds(10));
        assertThat(limits.idleTimeout()).isEqualTo(Duration.ofMinutes(5));
        assertThat(limits.slowReaderTimeout()).isEqualTo(Duration.ofSeconds(30));
        assertThat(limits.stallTimeout()).isEqualTo(Duration.ofSeconds(30));
        assertThat(limits.toBuilder().build()).isEqualTo(limits);
        // One full batch fits beside other work.
        assertThat(limits.maxBytesInFlightPerConnection()).isGreaterThan(Protocol.MAX_CALL_BYTES);
    }

    @Test
    void a_bound_that_makes_no_sense_is_refused() {
        assertThatThrownBy(
                        () -> ServerLimits.DEFAULT.toBuilder().maxConnections(0).build())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("maxConnections: 0");
        assertThatThrownBy(() -> ServerLimits.DEFAULT.toBuilder()
                        .idleTimeout(Duration.ZERO)
                        .build())
                .hasMessageContaining("idleTimeout");
        assertThatThrownBy(() ->
                        ServerLimits.DEFAULT.toBuilder().streamWindowBytes(1000).build())
                .hasMessageContaining("streamWindowBytes");
    }

    // ---- connections

    @Test
    void one_connection_too_many_is_503_and_there_is_room_again_when_one_ends() throws IOException {
        startWithLimits(limits -> limits.maxConnections(2));
        try (RawConnection first = login();
                RawConnection second = login()) {
            try (RawConnection third = test().connect()) {
                KvException refusal = third.readLastWords();
                assertThat(refusal.code()).isEqualTo(ErrorCode.UNAVAILABLE);
                assertThat(refusal.retryAfter()).isNotNull();
            }
            assertThat(stats().connectionsRefused()).isEqualTo(1);
            assertThat(stats().connections()).isEqualTo(2);
            second.send(Requests.ping(1)).read(FrameType.PONG);
            first.send(Requests.ping(1)).read(FrameType.PONG);
        }
        until(() -> stats().connections() == 0);
        login().close();
        assertThat(stats().connectionsAccepted()).isEqualTo(3);
    }

    @Test
    void one_connection_too_many_of_a_peer_is_429() throws IOException {
        startWithLimits(limits -> limits.maxConnectionsPerPeer(1));
        try (RawConnection first = login()) {
            try (RawConnection second = test().connect()) {
                assertThat(second.readLastWords().code()).isEqualTo(ErrorCode.RATE_LIMITED);
            }
            first.send(Requests.ping(1)).read(FrameType.PONG);
        }
        assertThat(stats().connectionsRefusedPerPeer()).isEqualTo(1);
        until(() -> stats().connections() == 0);
        login().close();
    }

    // ---- times

    @Test
    void a_hello_that_does_not_come_in_time_is_cut_although_its_bytes_drip() throws IOException {
        startWithLimits(limits -> limits.helloTimeout(SHORT));
        byte[] hello = RawConnection.bytes(out -> io.nearkv.net.protocol.Frames.writeHello(
                out, 1, RawConnection.helloOf(test().token()).build()));
        try (RawConnection silent = test().connect();
                RawConnection dripping = test().connect()) {
            long start = System.nanoTime();
            drip(dripping, hello);
            assertThat(dripping.readLastWords().code()).isEqualTo(ErrorCode.DEADLINE_EXCEEDED);
            assertThat(silent.readLastWords().code()).isEqualTo(ErrorCode.DEADLINE_EXCEEDED);
            assertThat(System.nanoTime() - start).isGreaterThan(SHORT.toNanos() / 2);
        }
        assertThat(stats().connectionsCut()).containsEntry("hello_timeout", 2L);
    }

    /** Sends byte by byte, each well before the timeout, until the server has had enough or all but the last are sent. */
    private void drip(RawConnection connection, byte[] bytes) throws IOException {
        long cutsBefore = cuts();
        for (int i = 0; i < bytes.length - 1; i++) {
            try {
                connection.send(new byte[] {bytes[i]});
            } catch (SocketException cut) {
                return;
            }
            long until = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(20);
            until(() -> System.nanoTime() > until);
            if (cuts() > cutsBefore + 1) {
                return;
            }
        }
    }

    private long cuts() {
        return stats().connectionsCut().values().stream()
                .mapToLong(Long::longValue)
                .sum();
    }

    @Test
    void a_frame_that_drips_is_cut_and_a_pause_between_frames_is_not() throws IOException {
        startWithLimits(limits -> limits.frameTimeout(SHORT));
        try (RawConnection dripping = login();
                RawConnection pausing = login()) {
            drip(dripping, RawConnection.bytes(Requests.put(1, ns(), "k", "v".repeat(200))));
            assertThat(dripping.readLastWords().code()).isEqualTo(ErrorCode.DEADLINE_EXCEEDED);
            pausing.send(Requests.ping(1)).read(FrameType.PONG);
        }
        assertThat(stats().connectionsCut()).containsEntry("frame_timeout", 1L);
    }

    @Test
    void a_silent_connection_is_closed_unless_it_waits_for_an_answer() throws IOException {
        startWithLimits(limits -> limits.idleTimeout(SHORT));
        try (RawConnection waiting = login();
                RawConnection idle = login()) {
            waiting.send(Requests.get(1, ns(), "k")).read(FrameType.MISSING);
            test().store.mode(GatedStore.Mode.HELD);
            waiting.send(Requests.put(2, ns(), "k", "v"));
            assertThat(idle.readLastWords().code()).isEqualTo(ErrorCode.DEADLINE_EXCEEDED);
            long until = System.nanoTime() + SHORT.toNanos();
            until(() -> System.nanoTime() > until);
            // Now, because the other one is idle too once it has its answer.
            assertThat(stats().connectionsCut()).containsEntry("idle", 1L);
            test().store.mode(GatedStore.Mode.AT_ONCE).release();
            waiting.read(FrameType.WRITTEN);
        }
    }

    @Test
    void a_peer_that_does_not_read_is_not_read_from_and_cut_in_the_end() throws IOException {
        startWithLimits(
                limits -> limits.slowReaderTimeout(Duration.ofSeconds(1)).writeBufferBytes(64 * 1024));
        store("k", 65_536);
        try (RawConnection connection = login()) {
            byte[] gets = RawConnection.bytes(out -> {
                for (int i = 0; i < 100; i++) {
                    Requests.get(1, ns(), "k").accept(out);
                }
            });
            assertThatThrownBy(() -> {
                        while (true) {
                            connection.send(gets); // blocks when the server does not read, until it cuts
                        }
                    })
                    .isInstanceOf(SocketException.class);
        }
        assertThat(stats().connectionsCut()).containsEntry("slow_reader", 1L);
        // What was answered before the pause: the buffers of the system, and not the thousands of answers that were
        // asked for.
        assertThat(test().store.directReads.get()).isLessThan(1000);
    }

    @Test
    void a_peer_that_reads_again_gets_all_answers() throws Exception {
        startWithLimits(limits -> limits.writeBufferBytes(64 * 1024));
        byte[] value = store("k", 65_536);
        int count = 1000;
        try (RawConnection connection = login()) {
            Thread sender = new Thread(() -> {
                try {
                    for (int i = 1; i <= count; i++) {
                        connection.send(Requests.get(i, ns(), "k"));
                    }
                } catch (IOException e) {
                    throw new java.io.UncheckedIOException(e);
                }
            });
            sender.start();
            until(() -> test().store.directReads.get() > 10);
            for (int i = 1; i <= count; i++) {
                Answer answer = connection.read(FrameType.FOUND);
                assertThat(answer.id()).isEqualTo(i);
                assertThat(answer.body()).hasSize(18 + value.length);
            }
            sender.join();
        }
    }

    @Test
    void a_stream_whose_peer_stands_still_is_ended() throws IOException {
        startWithLimits(limits -> limits.stallTimeout(SHORT));
        store("big", 1_000_000);
        try (RawConnection connection = login()) {
            connection.send(
                    Requests.putStream(1, ns(), "up", Protocol.UNKNOWN_LENGTH),
                    Requests.data(1, false, new byte[1000]),
                    Requests.get(2, ns(), "big"));
            List<Integer> ended = new ArrayList<>();
            while (ended.size() < 2) {
                Answer answer = connection.read();
                if (answer.type() == FrameType.ERROR) {
                    assertThat(answer.error().code()).isEqualTo(ErrorCode.DEADLINE_EXCEEDED);
                    ended.add(answer.id());
                }
            }
            assertThat(ended).containsExactlyInAnyOrder(1, 2);
        }
        assertThat(stats().stalledStreams()).isEqualTo(2);
    }

    @Test
    void a_store_that_does_not_keep_the_deadline_is_answered_for() throws IOException {
        start();
        try (RawConnection connection = login()) {
            connection.send(Requests.get(1, ns(), "k")).read(FrameType.MISSING);
            test().store.mode(GatedStore.Mode.HELD);
            connection.send(out -> io.nearkv.net.protocol.PutFrame.write(
                    out,
                    2,
                    ns(),
                    (Mutation.Put) Mutation.put(Key.of("k"), Value.of("v")),
                    io.nearkv.core.WriteOptions.DEFAULT.withTimeout(Duration.ofMillis(10))));
            assertThat(connection.read().error().code()).isEqualTo(ErrorCode.DEADLINE_EXCEEDED);
        }
    }

    // ---- in flight

    @Test
    void one_request_too_many_on_a_connection_is_503_at_once() throws IOException {
        startWithLimits(limits -> limits.maxRequestsInFlightPerConnection(2));
        try (RawConnection connection = login()) {
            overload(connection);
            test().store.mode(GatedStore.Mode.AT_ONCE).release();
            connection.read(FrameType.WRITTEN);
            connection.read(FrameType.WRITTEN);
            connection.send(Requests.put(9, ns(), "d", "4")).read(FrameType.WRITTEN);
        }
    }

    @Test
    void one_request_too_many_in_all_is_503_at_once() throws IOException {
        startWithLimits(limits -> limits.maxRequestsInFlight(2));
        try (RawConnection connection = login();
                RawConnection other = login()) {
            overload(connection);
            other.send(Requests.put(9, ns(), "d", "4"));
            assertThat(other.read().error().code()).isEqualTo(ErrorCode.UNAVAILABLE);
            test().store.mode(GatedStore.Mode.AT_ONCE).release();
        }
    }

    private void overload(RawConnection connection) throws IOException {
        connection.send(Requests.get(1, ns(), "k")).read(FrameType.MISSING);
        test().store.mode(GatedStore.Mode.HELD);
        long start = System.nanoTime();
        connection.send(
                Requests.put(1, ns(), "a", "1"), Requests.put(2, ns(), "b", "2"), Requests.put(3, ns(), "c", "3"));
        Answer answer = connection.read();
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(2));
        assertThat(answer.id()).isEqualTo(3);
        assertThat(answer.error().code()).isEqualTo(ErrorCode.UNAVAILABLE);
        assertThat(answer.error().retryAfter()).isEqualTo(Duration.ofMillis(50));
        assertThat(stats().requestsInFlight()).isEqualTo(2);
        assertThat(stats().bytesInFlight()).isPositive();
        assertThat(stats().shed()).isEqualTo(1);
    }

    @Test
    void bytes_in_flight_are_bounded_per_connection_and_in_all() throws IOException {
        for (boolean total : new boolean[] {false, true}) {
            startWithLimits(limits -> total
                    ? limits.maxBytesInFlight(Protocol.MAX_FRAME_BYTES)
                    : limits.maxBytesInFlightPerConnection(Protocol.MAX_FRAME_BYTES));
            try (RawConnection connection = login()) {
                connection.send(Requests.get(1, ns(), "k")).read(FrameType.MISSING);
                test().store.mode(GatedStore.Mode.HELD);
                String value = "v".repeat(60_000);
                connection.send(
                        Requests.put(1, ns(), "a", value),
                        Requests.put(2, ns(), "b", value),
                        Requests.put(3, ns(), "c", value));
                Answer answer = connection.read();
                assertThat(answer.id()).isEqualTo(3);
                assertThat(answer.error().code()).isEqualTo(ErrorCode.UNAVAILABLE);
                assertThat(stats().bytesInFlight()).isBetween(120_000L, (long) Protocol.MAX_FRAME_BYTES);

                // What can never fit is not worth a retry.
                assertThat(Requests.call(
                                        connection,
                                        4,
                                        Requests.writeAll(ns()),
                                        List.of(Mutation.put(Key.of("k"), Value.wrap(new byte[200_000]))),
                                        EntryCodec::toWire)
                                .error()
                                .code())
                        .isEqualTo(ErrorCode.TOO_LARGE);
                test().store.mode(GatedStore.Mode.AT_ONCE).release();
            }
            everything_is_given_back();
            folder = folder.resolve("next");
        }
    }

    @Test
    void watches_are_bounded() throws IOException {
        startWithLimits(limits -> limits.maxWatchesPerConnection(1));
        Wire.WatchRequest request =
                Wire.WatchRequest.newBuilder().setCredits(10).build();
        try (RawConnection connection = login()) {
            connection.send(Requests.watch(1, request)).read(FrameType.EVENTS);
            assertThat(stats().watches()).isEqualTo(1);
            connection.send(Requests.watch(2, request));
            Answer answer = connection.read();
            while (answer.id() == 1) {
                answer = connection.read();
            }
            assertThat(answer.error().code()).isEqualTo(ErrorCode.UNAVAILABLE);
        }
    }

    // ---- failed HELLOs

    @Test
    void an_address_that_guesses_tokens_is_slowed_down_and_good_tokens_are_not() throws IOException {
        startWithLimits(limits -> limits.maxFailedHellosPerMinute(3));
        String known = test().token();
        try (RawConnection good = test().connect()) {
            good.hello(known);
        }
        for (int i = 0; i < 3; i++) {
            try (RawConnection guess = test().connect()) {
                assertThat(guess.sendHello("guess" + i).readLastWords().code()).isEqualTo(ErrorCode.UNAUTHORIZED);
            }
        }
        try (RawConnection guess = test().connect();
                RawConnection good = test().connect()) {
            KvException slowed = guess.sendHello("guess").readLastWords();
            assertThat(slowed.code()).isEqualTo(ErrorCode.RATE_LIMITED);
            assertThat(slowed.retryAfter()).isBetween(Duration.ofSeconds(1), Duration.ofMinutes(1));
            good.hello(known);
        }
        assertThat(stats().failedHellos()).isEqualTo(3);
        assertThat(stats().rateLimitedHellos()).isEqualTo(1);
    }

    @Test
    void answers_for_a_peer_that_does_not_read_still_count_as_in_flight() throws IOException {
        startWithLimits(limits -> limits.writeBufferBytes(1024).slowReaderTimeout(LONG));
        store("k", 60_000);
        try (RawConnection connection = new RawConnection(smallSocket(), test().address())) {
            connection.hello(test().token());
            connection.send(Requests.delete(1, ns(), "none")).read(FrameType.WRITTEN);
            test().store.mode(GatedStore.Mode.HELD);
            for (int i = 1; i <= 200; i++) {
                int id = i;
                connection.send(out -> io.nearkv.net.protocol.GetFrame.write(
                        out, id, ns(), Key.of("k"), io.nearkv.core.ReadOptions.STRONG));
            }
            until(() -> test().store.heldCount() == 200);
            assertThat(stats().bytesInFlight()).isEqualTo(200L * Limits.CHUNK_BYTES);
            test().store.mode(GatedStore.Mode.AT_ONCE).release();
            until(() -> stats().requestsInFlight() == 0);
            assertThat(stats().bytesInFlight()).isPositive();
            for (int i = 0; i < 200; i++) {
                connection.read(FrameType.FOUND);
            }
            until(() -> stats().bytesInFlight() == 0);
        }
    }

    private static Socket smallSocket() throws IOException {
        Socket socket = new Socket();
        socket.setReceiveBufferSize(4096);
        return socket;
    }
}
