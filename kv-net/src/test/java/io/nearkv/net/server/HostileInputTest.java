package io.nearkv.net.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.google.protobuf.ByteString;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.net.protocol.EntryCodec;
import io.nearkv.net.protocol.FrameType;
import io.nearkv.net.protocol.Frames;
import io.nearkv.net.protocol.GetFrame;
import io.nearkv.net.protocol.Protocol;
import io.nearkv.net.server.RawConnection.Answer;
import io.nearkv.net.wire.Wire;
import io.netty.buffer.ByteBuf;
import java.io.IOException;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Peers that break the rules: each is answered or cut, and the server goes on serving the others. */
class HostileInputTest extends WithServer {
    @AfterEach
    void others_are_still_served() throws IOException {
        try (RawConnection other = login()) {
            other.send(Requests.put(1, ns(), "other", "v")).read(FrameType.WRITTEN);
            other.send(Requests.get(2, ns(), "other")).read(FrameType.FOUND);
        }
    }

    // ---- before HELLO

    static List<Consumer<ByteBuf>> notHello() {
        return List.of(
                Requests.ping(1),
                out -> Frames.writeEmpty(out, FrameType.CANCEL, 1),
                out -> Frames.writeHeader(out, FrameType.GET, 0, 1, 0),
                out -> Frames.writeHeader(out, FrameType.CALL, 0, 1, 0),
                out -> Frames.writeHeader(out, FrameType.DATA, 0, 1, 0),
                out -> Frames.writeHeader(out, 0x99, 0, 1, 0));
    }

    @ParameterizedTest
    @MethodSource("notHello")
    void anything_before_hello_ends_the_connection(Consumer<ByteBuf> frame) throws IOException {
        start();
        try (RawConnection connection = test().connect()) {
            assertThat(connection.send(frame).readLastWords().code()).isEqualTo(ErrorCode.INVALID_REQUEST);
        }
        assertThat(test().server.stats().connectionsCut()).containsEntry("protocol_error", 1L);
        assertThat(test().store.calls).hasValue(0);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
                "\u0016\u0003\u0001\u0002\u0000\u0001",
                "*1\r\n$4\r\nPING\r\n"
            })
    void another_protocol_ends_the_connection(String text) throws IOException {
        start();
        try (RawConnection connection = test().connect()) {
            connection.send(text.getBytes(StandardCharsets.ISO_8859_1));
            assertThat(connection.readLastWords().code()).isEqualTo(ErrorCode.INVALID_REQUEST);
        }
    }

    @Test
    void a_hello_without_the_magic_bytes_ends_the_connection() throws IOException {
        start();
        try (RawConnection connection = test().connect()) {
            connection.send(out -> {
                Frames.writeHeader(out, FrameType.HELLO, 0, 1, 4);
                out.writeInt(Protocol.MAGIC + 1);
            });
            connection.readLastWords();
        }
    }

    @Test
    void a_hello_that_is_not_protobuf_is_400() throws IOException {
        start();
        try (RawConnection connection = test().connect()) {
            connection.send(out -> {
                Frames.writeHeader(out, FrameType.HELLO, 0, 1, 8);
                out.writeInt(Protocol.MAGIC).writeInt(-1);
            });
            assertThat(connection.readLastWords().code()).isEqualTo(ErrorCode.INVALID_REQUEST);
        }
    }

    @Test
    void a_hello_of_other_versions_is_told_which_are_known() throws IOException {
        start();
        try (RawConnection connection = test().connect()) {
            connection.sendHello(RawConnection.helloOf(test().token())
                    .setMinVersion(2)
                    .setMaxVersion(9)
                    .build());
            assertThat(connection.readLastWords()).hasMessageContaining("1 to 1");
        }
    }

    @Test
    void a_hello_over_16_KiB_is_refused_before_it_is_there() throws IOException {
        start();
        try (RawConnection connection = test().connect()) {
            connection.send(out -> out.writeInt(Protocol.MAX_HELLO_FRAME_BYTES));
            connection.readLastWords();
        }
    }

    @Test
    void a_second_hello_ends_the_connection() throws IOException {
        start();
        try (RawConnection connection = login()) {
            connection.sendHello(test().token()).readLastWords();
        }
    }

    // ---- framing

    @ParameterizedTest
    @ValueSource(ints = {0, 7, -1, Integer.MIN_VALUE, Integer.MAX_VALUE, Protocol.MAX_FRAME_BYTES - 3})
    void an_impossible_length_ends_the_connection(int length) throws IOException {
        start();
        try (RawConnection connection = login()) {
            connection.send(Requests.ping(1), out -> out.writeInt(length));
            connection.read(FrameType.PONG);
            assertThat(connection.readLastWords().code()).isEqualTo(ErrorCode.INVALID_REQUEST);
        }
    }

    @Test
    void an_extension_longer_than_its_frame_ends_the_connection() throws IOException {
        start();
        try (RawConnection connection = login()) {
            connection.send(
                    out -> out.writeInt(8).writeInt(FrameType.GET << 24 | 9).writeInt(1));
            connection.readLastWords();
        }
    }

    @Test
    void a_connection_that_ends_in_the_middle_of_a_frame_is_forgotten() throws IOException {
        start();
        byte[] put = RawConnection.bytes(Requests.put(1, ns(), "half", "v".repeat(1000)));
        for (int cut : new int[] {1, 4, 11, 12, 40, put.length - 1}) {
            try (RawConnection connection = login()) {
                connection.send(java.util.Arrays.copyOf(put, cut));
            }
        }
        try (RawConnection connection = login()) {
            connection.send(Requests.get(1, ns(), "half")).read(FrameType.MISSING);
        }
    }

    @Test
    void a_correlation_id_of_0_ends_the_connection() throws IOException {
        start();
        try (RawConnection connection = login()) {
            connection.send(Requests.get(0, ns(), "k")).readLastWords();
        }
    }

    @Test
    void a_correlation_id_in_flight_twice_ends_the_connection() throws IOException {
        start().store.mode(GatedStore.Mode.HELD);
        try (RawConnection connection = login()) {
            connection.send(Requests.put(7, ns(), "a", "1"), Requests.put(7, ns(), "b", "2"));
            assertThat(connection.readLastWords()).hasMessageContaining("7");
        }
        test().store.mode(GatedStore.Mode.AT_ONCE).release();
    }

    @Test
    void a_correlation_id_can_be_used_again_after_its_last_frame() throws IOException {
        start();
        try (RawConnection connection = login()) {
            for (int i = 0; i < 100; i++) {
                connection.send(Requests.put(7, ns(), "a", "1")).read(FrameType.WRITTEN);
                connection.send(Requests.get(7, ns(), "a")).read(FrameType.FOUND);
            }
        }
    }

    // ---- bodies

    static List<Integer> requestTypes() {
        return List.of(FrameType.GET, FrameType.PUT, FrameType.DELETE, FrameType.PUT_STREAM, FrameType.CALL);
    }

    @ParameterizedTest
    @MethodSource("requestTypes")
    void a_body_that_is_too_short_or_garbage_is_400_and_the_connection_goes_on(int type) throws IOException {
        start();
        try (RawConnection connection = login()) {
            Random random = new Random(type);
            for (int length = 0; length < 200; length++) {
                byte[] body = new byte[length];
                random.nextBytes(body);
                connection.send(out -> {
                    Frames.writeHeader(out, type, 0, 9, body.length);
                    out.writeBytes(body);
                });
                assertThat(connection.read().error().code())
                        .isIn(ErrorCode.INVALID_REQUEST, ErrorCode.TOO_LARGE, ErrorCode.NOT_FOUND);
            }
        }
    }

    static List<Wire.WatchRequest> badWatches() {
        return List.of(
                Wire.WatchRequest.newBuilder()
                        .setNamespace(ByteString.copyFromUtf8("short"))
                        .build(),
                Wire.WatchRequest.newBuilder().setHeartbeatMillis(9).build(),
                Wire.WatchRequest.newBuilder().setHeartbeatMillis(-1).build(),
                Wire.WatchRequest.newBuilder().setCredits(-1).build(),
                Wire.WatchRequest.newBuilder()
                        .setAfter(Wire.Position.getDefaultInstance())
                        .build());
    }

    @ParameterizedTest
    @MethodSource("badWatches")
    void a_watch_that_makes_no_sense_is_400(Wire.WatchRequest request) throws IOException {
        start();
        try (RawConnection connection = login()) {
            assertThat(connection
                            .send(Requests.watch(5, request))
                            .read()
                            .error()
                            .code())
                    .isEqualTo(ErrorCode.INVALID_REQUEST);
        }
    }

    @Test
    void a_call_that_brings_other_bytes_than_it_announced_is_400() throws IOException {
        start();
        try (RawConnection connection = login()) {
            connection.send(continuedCall(5, 70_000), Requests.data(5, true, new byte[10]));
            assertThat(connection.read().error().code()).isEqualTo(ErrorCode.INVALID_REQUEST);
            connection.send(continuedCall(6, 70_000), Requests.data(6, false, new byte[65_536]));
            connection.send(Requests.data(6, true, new byte[65_536]));
            assertThat(Requests.afterCredits(connection).error().code()).isEqualTo(ErrorCode.INVALID_REQUEST);
        }
    }

    @Test
    void a_call_that_announces_more_than_any_call_has_is_413_before_it_comes() throws IOException {
        start();
        try (RawConnection connection = login()) {
            connection.send(continuedCall(5, (int) Protocol.MAX_CALL_BYTES + 1));
            assertThat(connection.read().error().code()).isEqualTo(ErrorCode.TOO_LARGE);
            connection.send(continuedCall(6, -1));
            assertThat(connection.read().error().code()).isEqualTo(ErrorCode.TOO_LARGE);
        }
    }

    /** A bulk read that says that its body has so many bytes. */
    private Consumer<ByteBuf> continuedCall(int id, int totalBytes) {
        Wire.CallHeader header = Requests.getAll(ns());
        return out -> {
            int size = header.getSerializedSize();
            Frames.writeHeader(out, FrameType.CALL, FrameType.FLAG_CONTINUED, id, 4 + 1 + size);
            out.writeInt(totalBytes).writeByte(size).writeBytes(header.toByteArray());
        };
    }

    @Test
    void more_items_than_a_call_may_have_are_413() throws IOException {
        start();
        try (RawConnection connection = login()) {
            List<io.nearkv.core.Key> keys = java.util.Collections.nCopies(10_001, io.nearkv.core.Key.of("k"));
            assertThat(Requests.call(connection, 5, Requests.getAll(ns()), keys, EntryCodec::toWire)
                            .error()
                            .code())
                    .isEqualTo(ErrorCode.TOO_LARGE);
        }
    }

    // ---- flow control

    @Test
    void data_beyond_the_window_ends_the_connection() throws IOException {
        start().store.mode(GatedStore.Mode.HELD);
        try (RawConnection connection = loginWithKnownNamespace()) {
            connection.send(Requests.putStream(3, ns(), "big", Protocol.UNKNOWN_LENGTH));
            byte[] piece = new byte[65_536];
            for (int i = 0; i < 4; i++) {
                connection.send(Requests.data(3, false, piece));
            }
            connection.send(Requests.data(3, false, piece, 0, 1));
            assertThat(connection.readLastWords()).hasMessageContaining("granted");
        }
        test().store.mode(GatedStore.Mode.AT_ONCE).release();
    }

    /** The namespace is looked up while the store still answers. */
    private RawConnection loginWithKnownNamespace() throws IOException {
        test().store.mode(GatedStore.Mode.AT_ONCE);
        RawConnection connection = login();
        connection.send(Requests.get(1, ns(), "k")).read(FrameType.MISSING);
        test().store.mode(GatedStore.Mode.HELD);
        return connection;
    }

    @Test
    void data_beyond_the_window_ends_the_connection_also_while_the_namespace_is_looked_up() throws IOException {
        start().store.mode(GatedStore.Mode.HELD);
        try (RawConnection connection = login()) {
            connection.send(Requests.putStream(3, ns(), "big", Protocol.UNKNOWN_LENGTH));
            byte[] piece = new byte[65_536];
            for (int i = 0; i < 8; i++) {
                try {
                    connection.send(Requests.data(3, false, piece));
                } catch (SocketException alreadyCut) {
                    assertThat(i).isGreaterThan(3);
                }
            }
            assertThat(connection.readLastWords()).hasMessageContaining("window");
        }
        test().store.mode(GatedStore.Mode.AT_ONCE).release();
    }

    @Test
    void data_after_the_end_ends_the_connection() throws IOException {
        start().store.mode(GatedStore.Mode.HELD);
        try (RawConnection connection = loginWithKnownNamespace()) {
            connection.send(
                    Requests.putStream(3, ns(), "big", Protocol.UNKNOWN_LENGTH),
                    Requests.data(3, true, new byte[1]),
                    Requests.data(3, true, new byte[1]));
            connection.readLastWords();
        }
        test().store.mode(GatedStore.Mode.AT_ONCE).release();
    }

    @Test
    void credit_beyond_2_to_the_31_ends_the_connection() throws IOException {
        start();
        store("big", 1_000_000);
        try (RawConnection connection = login()) {
            connection.send(Requests.get(3, ns(), "big")).read(FrameType.FOUND_STREAM);
            connection.send(Requests.credit(3, Integer.MAX_VALUE), Requests.credit(3, Integer.MAX_VALUE));
            KvException last = null;
            while (last == null) {
                Answer answer = connection.read();
                if (answer.type() == FrameType.ERROR) {
                    last = answer.error();
                } else if (answer.flags() == FrameType.FLAG_END) {
                    return; // all of it went before the second credit came, which then means nothing
                }
            }
            assertThat(last.code()).isEqualTo(ErrorCode.INVALID_REQUEST);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, -1})
    void credit_of_nothing_ends_the_connection(int credit) throws IOException {
        start();
        try (RawConnection connection = login()) {
            connection.send(Requests.credit(3, credit)).readLastWords();
        }
    }

    // ---- floods

    @Test
    void a_flood_of_what_means_nothing_is_taken_without_an_answer() throws IOException {
        start();
        try (RawConnection connection = login()) {
            List<Consumer<ByteBuf>> burst = new ArrayList<>();
            for (int i = 1; i <= 5000; i++) {
                burst.add(Requests.cancel(i));
                burst.add(Requests.data(i, true, new byte[3]));
                burst.add(Requests.credit(i, 5));
            }
            @SuppressWarnings({"unchecked", "rawtypes"}) // an array of a generic type
            Consumer<ByteBuf>[] frames = burst.toArray(new Consumer[0]);
            for (int round = 0; round < 20; round++) {
                connection.send(frames);
            }
            connection.send(Requests.ping(1)).read(FrameType.PONG);
        }
    }

    @Test
    void requests_that_are_cancelled_at_once_get_one_last_frame_each() throws IOException {
        start();
        store("big", 300_000);
        try (RawConnection connection = login()) {
            for (int round = 0; round < 200; round++) {
                connection.send(Requests.get(5, ns(), "big"), Requests.cancel(5), Requests.ping(round));
                int last = 0;
                Answer answer = connection.read();
                while (answer.type() != FrameType.PONG) {
                    last += answer.type() == FrameType.ERROR ? 1 : 0;
                    answer = connection.read();
                }
                assertThat(last).isEqualTo(1);
            }
        }
    }

    @Test
    void random_bytes_do_no_harm() throws IOException {
        start();
        Random random = new Random(42);
        for (int round = 0; round < 60; round++) {
            try (RawConnection connection = round % 2 == 0 ? login() : test().connect()) {
                byte[] bytes = new byte[random.nextInt(5000)];
                random.nextBytes(bytes);
                try {
                    connection.send(bytes);
                } catch (SocketException cut) {
                    assertThat(round).isNotNegative();
                }
            }
        }
    }

    @Test
    void random_frames_do_no_harm() throws IOException {
        start();
        Random random = new Random(43);
        int[] types = {1, 2, 3, 4, 5, 6, 7, 8, 0x10, 0x11, 0x12, 0x13, 0x14, 0x21, 0x22, 0x26, 0x28, 0x2f, 0x7f, 0x80};
        for (int round = 0; round < 100; round++) {
            try (RawConnection connection = login()) {
                connection.send(RawConnection.bytes(out -> {
                    for (int i = 0; i < 50; i++) {
                        byte[] body = new byte[random.nextInt(120)];
                        if (random.nextBoolean()) {
                            random.nextBytes(body);
                        }
                        Frames.writeHeader(
                                out,
                                types[random.nextInt(types.length)],
                                random.nextInt(4) == 0 ? random.nextInt(256) : 0,
                                random.nextInt(6),
                                body.length);
                        out.writeBytes(body);
                    }
                }));
            } catch (SocketException cut) {
                assertThat(round).isNotNegative();
            }
        }
    }

    @Test
    void answers_of_many_connections_are_not_mixed_up() throws IOException {
        start();
        List<RawConnection> connections = new ArrayList<>();
        try {
            for (int i = 0; i < 20; i++) {
                store("k" + i, i);
                connections.add(login());
            }
            for (int i = 0; i < 20; i++) {
                byte[] get = RawConnection.bytes(Requests.get(100 + i, ns(), "k" + i));
                connections.get(i).send(java.util.Arrays.copyOf(get, 20));
            }
            for (int i = 19; i >= 0; i--) {
                byte[] get = RawConnection.bytes(Requests.get(100 + i, ns(), "k" + i));
                connections.get(i).send(java.util.Arrays.copyOfRange(get, 20, get.length));
            }
            for (int i = 0; i < 20; i++) {
                Answer answer = connections.get(i).read(FrameType.FOUND);
                assertThat(answer.id()).isEqualTo(100 + i);
                assertThat(answer.body()).hasSize(18 + i);
            }
        } finally {
            for (RawConnection connection : connections) {
                connection.close();
            }
        }
    }

    @Test
    void a_connection_that_vanishes_with_requests_in_flight_leaves_nothing() throws IOException {
        start();
        store("big", 1_000_000);
        try (RawConnection connection = loginWithKnownNamespace()) {
            connection.send(
                    Requests.put(11, ns(), "a", "1"),
                    Requests.get(12, ns(), "big"),
                    Requests.putStream(13, ns(), "b", Protocol.UNKNOWN_LENGTH),
                    Requests.data(13, false, new byte[10_000]),
                    Requests.watch(
                            14, Wire.WatchRequest.newBuilder().setCredits(10).build()),
                    out -> Frames.writeHeader(out, FrameType.CALL, 0, 15, 0));
            connection.read(FrameType.ERROR);
            await().atMost(Duration.ofSeconds(10))
                    .until(() -> test().server.stats().requestsInFlight() == 4);
        }
        await().atMost(Duration.ofSeconds(10)).until(() -> test().server.stats().connections() == 0);
        test().store.mode(GatedStore.Mode.AT_ONCE).release();
    }

    @Test
    void a_get_with_a_wrong_key_length_is_400() throws IOException {
        start();
        try (RawConnection connection = login()) {
            byte[] get = RawConnection.bytes(Requests.get(1, ns(), "key"));
            get[Protocol.HEADER_BYTES + GetFrame.FIXED_BYTES - 1] = 4;
            assertThat(connection.send(get).read().error().code()).isEqualTo(ErrorCode.INVALID_REQUEST);
        }
    }
}
