package io.nearkv.net.rest;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nearkv.net.rest.Http2Socket.Frame;
import io.nearkv.net.server.GatedStore;
import io.nearkv.net.server.TestCertificates;
import io.nearkv.net.server.TlsFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** HTTP/2 frame by frame: what clients of good manners never do, or do at a moment of their choice. */
class RestHttp2FramesTest extends WithRest {
    @TempDir
    static Path certificates;

    private static @Nullable TestCertificates certificate;

    @BeforeAll
    static void makeCertificate() throws Exception {
        certificate = TestCertificates.create(certificates, "server");
    }

    private RestRig startTls(UnaryOperator<RestRig.Setup> more) {
        TestCertificates known = requireNonNull(certificate, "certificate");
        return use(more.apply(setup().options(
                                options -> options.withTls(new TlsFiles(known.certificate, known.privateKey, null))))
                .start());
    }

    private Http2Socket connect(int windowBytes) throws Exception {
        return new Http2Socket(
                rig().rest.address(), requireNonNull(certificate, "certificate").trustedBy(null), windowBytes);
    }

    private static void expectEnd(Http2Socket socket) {
        assertThatThrownBy(() -> {
                    while (true) {
                        socket.read();
                    }
                })
                .isInstanceOf(IOException.class);
    }

    @Test
    void frames_that_are_no_part_of_a_request_do_it_no_harm() throws Exception {
        startTls(setup -> setup).store.mode(GatedStore.Mode.LATER);
        try (Http2Socket socket = connect(65_535)) {
            byte[] priority = {0, 0, 0, 0, 15};
            for (int stream = 1; stream < 40; stream += 2) {
                socket.send(Http2Socket.PRIORITY, 0, stream, priority);
                socket.request(stream, false, "PUT", value("k" + stream), token());
                socket.send(Http2Socket.PRIORITY, 0, stream, priority);
                socket.send(0xee, 0, stream, new byte[100]); // a type that nobody knows
                socket.send(Http2Socket.DATA, 0, stream, new byte[10]);
                socket.send(Http2Socket.WINDOW_UPDATE, 0, stream, new byte[] {0, 0, 0, 1});
                socket.send(Http2Socket.DATA, Http2Socket.END_STREAM, stream, new byte[0]);
                Frame answer = socket.read(Http2Socket.HEADERS);
                assertThat(answer.stream()).isEqualTo(stream);
                assertThat(answer.status()).isEqualTo(200);
                assertThat(storedBytes("k" + stream)).hasSize(10);
            }
        }
    }

    @Test
    void an_answer_that_the_client_gives_no_room_for_is_dropped_in_the_end() throws Exception {
        startTls(setup -> setup.limits(
                limits -> limits.slowReaderTimeout(Duration.ofMillis(300)).stallTimeout(Duration.ofMillis(300))));
        store("small", 50_000);
        store("big", 500_000);
        try (Http2Socket socket = connect(0)) {
            socket.request(1, true, "GET", value("small"), token());
            socket.request(3, true, "GET", value("big"), token());
            socket.request(5, true, "GET", ns("/watch"), token());
            for (int i = 0; i < 2; i++) {
                Frame reset = socket.read(Http2Socket.RST_STREAM);
                assertThat(reset.stream()).isIn(1, 3);
            }
            // The connection goes on.
            socket.request(7, true, "GET", value("absent"), token());
            assertThat(socket.read(Http2Socket.HEADERS).status()).isEqualTo(404);
        }
    }

    @Test
    void a_body_that_goes_on_after_it_was_refused_is_stopped_without_an_error() throws Exception {
        startTls(setup -> setup);
        try (Http2Socket socket = connect(65_535)) {
            socket.request(1, false, "PUT", value("k"), token(), "content-length", "99999999");
            Frame head = socket.read(Http2Socket.HEADERS);
            assertThat(head.endsStream()).isFalse();
            assertThat(socket.read(Http2Socket.DATA).endsStream()).isTrue();
            socket.send(Http2Socket.DATA, 0, 1, new byte[10_000]);
            Frame stop = socket.read(Http2Socket.RST_STREAM);
            assertThat(stop.errorCode()).isZero(); // NO_ERROR: the answer is whole (RFC 9113, section 8.1)
            socket.request(3, true, "GET", value("k"), token());
            assertThat(socket.read(Http2Socket.HEADERS).status()).isEqualTo(404);
        }
    }

    @Test
    void a_drain_says_goodbye_finishes_the_streams_under_way_and_takes_no_new_ones() throws Exception {
        startTls(setup -> setup).store.mode(GatedStore.Mode.HELD);
        try (Http2Socket socket = connect(65_535)) {
            socket.request(1, true, "GET", namespaces(), token());
            eventually().until(() -> rig().store.heldCount() == 1);
            CompletableFuture<Boolean> drained =
                    CompletableFuture.supplyAsync(() -> rig().rest.drain(Duration.ofSeconds(10)));
            Frame goodbye = socket.read(Http2Socket.GOAWAY);
            assertThat(goodbye.errorCode()).isZero();
            assertThat(goodbye.payload().getInt(0)).isGreaterThanOrEqualTo(1);
            socket.request(3, true, "GET", namespaces(), token());
            rig().store.mode(GatedStore.Mode.AT_ONCE).release();
            Frame answer = socket.read(Http2Socket.HEADERS);
            assertThat(answer.stream()).isEqualTo(1);
            assertThat(answer.status()).isEqualTo(200);
            expectEnd(socket);
            assertThat(drained.get(15, TimeUnit.SECONDS)).isTrue();
        }
        assertThat(rig().stats().count("admin", "ok")).isEqualTo(1);
    }

    @Test
    void streams_that_are_reset_at_every_point_leave_nothing_behind() throws Exception {
        startTls(setup -> setup).store.mode(GatedStore.Mode.LATER);
        store("big", 500_000);
        byte[] cancel = {0, 0, 0, 8};
        try (Http2Socket socket = connect(100_000)) {
            int stream = 1;
            for (int i = 0; i < 20; i++) {
                socket.request(stream, false, "PUT", value("k"), token())
                        .send(Http2Socket.RST_STREAM, 0, stream, cancel);
                stream += 2;
                socket.request(stream, false, "PUT", value("k"), token());
                socket.send(Http2Socket.DATA, 0, stream, new byte[3000]);
                socket.send(Http2Socket.RST_STREAM, 0, stream, cancel);
                stream += 2;
                socket.request(stream, true, "GET", value("big"), token())
                        .send(Http2Socket.RST_STREAM, 0, stream, cancel);
                stream += 2;
                socket.request(stream, true, "GET", ns("/watch"), token())
                        .send(Http2Socket.RST_STREAM, 0, stream, cancel);
                stream += 2;
            }
            eventually().untilAsserted(() -> {
                assertThat(rig().stats().requestsInFlight()).isZero();
                assertThat(rig().stats().bytesInFlight()).isZero();
                assertThat(rig().stats().streams()).isZero();
                assertThat(rig().stats().watches()).isZero();
                assertThat(rig().store.openReaders).hasValue(0);
            });
            socket.request(stream, true, "GET", value("absent"), token());
            Frame answer = socket.read(Http2Socket.HEADERS);
            while (answer.stream() != stream) {
                answer = socket.read(Http2Socket.HEADERS);
            }
            assertThat(answer.status()).isEqualTo(404);
        }
    }

    @Test
    void a_client_that_goes_takes_its_streams_with_it() throws Exception {
        startTls(setup -> setup);
        for (int i = 0; i < 5; i++) {
            try (Http2Socket socket = connect(65_535)) {
                socket.request(1, true, "GET", ns("/watch"), token());
                socket.request(3, false, "PUT", value("k"), token());
                assertThat(socket.read(Http2Socket.HEADERS).status()).isEqualTo(200);
            }
            eventually().until(() -> rig().stats().connections() == 0);
        }
    }

    @Test
    void more_streams_than_are_allowed_are_refused_and_frames_against_the_rules_end_the_connection() throws Exception {
        startTls(setup -> setup).store.mode(GatedStore.Mode.HELD);
        try (Http2Socket socket = connect(65_535)) {
            for (int i = 0; i < 101; i++) {
                socket.request(2 * i + 1, true, "GET", namespaces(), token());
            }
            Frame refused = socket.read(Http2Socket.RST_STREAM);
            assertThat(refused.stream()).isEqualTo(201);
            assertThat(refused.errorCode()).isEqualTo(7); // REFUSED_STREAM: safe to ask again
            rig().store.mode(GatedStore.Mode.AT_ONCE).release();
            socket.send(Http2Socket.DATA, 0, 0, new byte[10]);
            assertThat(socket.read(Http2Socket.GOAWAY).errorCode()).isEqualTo(1);
            expectEnd(socket);
        }
    }
}
