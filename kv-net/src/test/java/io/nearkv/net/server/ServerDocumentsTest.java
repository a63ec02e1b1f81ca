package io.nearkv.net.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.route.DocumentExchange;
import io.nearkv.core.route.DocumentVerdict;
import io.nearkv.core.route.DocumentVerdict.Outcome;
import io.nearkv.net.protocol.FrameType;
import io.nearkv.net.protocol.Frames;
import io.nearkv.net.protocol.VerdictCodec;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Signed documents at a server: who may offer, who may follow, and what bounds both. */
class ServerDocumentsTest {
    @TempDir
    Path folder;

    private final FakeDocuments documents = new FakeDocuments("node-1");
    private TestServer server;

    @BeforeEach
    void start() {
        server = TestServer.start(folder.resolve("data"), options -> options.withDocuments(documents));
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private static DocumentVerdict offer(RawConnection connection, byte[] document) throws IOException {
        RawConnection.Answer answer = connection
                .send(out -> VerdictCodec.writeDocument(out, FrameType.OFFER, 7, document))
                .read();
        assertThat(answer.type()).as(answer.toString()).isEqualTo(FrameType.VERDICT);
        assertThat(answer.id()).isEqualTo(7);
        return answer.read(VerdictCodec::read);
    }

    @Test
    void a_document_is_taken_from_anybody_because_it_speaks_for_itself() throws IOException {
        try (RawConnection stranger = server.connect()) {
            assertThat(offer(stranger, FakeDocuments.number(5)))
                    .isEqualTo(new DocumentVerdict(Outcome.ACCEPTED, "", "", 1, 5, "ab", "b=10000", "node-1"));
            assertThat(offer(stranger, FakeDocuments.number(5)).outcome()).isEqualTo(Outcome.KNOWN);
            assertThat(offer(stranger, FakeDocuments.number(4)).reason()).isEqualTo("not_newer");
        }
    }

    @Test
    void an_empty_offer_asks_for_the_status_alone() throws IOException {
        try (RawConnection stranger = server.connect()) {
            assertThat(offer(stranger, new byte[0]).outcome()).isEqualTo(Outcome.STATUS);
        }
        assertThat(documents.offered).isEmpty();
    }

    @Test
    void a_connection_that_has_offered_may_still_say_hello() throws IOException {
        try (RawConnection connection = server.connect()) {
            assertThat(offer(connection, FakeDocuments.number(1)).outcome()).isEqualTo(Outcome.ACCEPTED);
            assertThat(connection.hello(server.token()).getEnvironment()).isEqualTo("production");
            assertThat(offer(connection, FakeDocuments.number(2)).outcome()).isEqualTo(Outcome.ACCEPTED);
        }
    }

    @Test
    void a_stranger_cannot_follow() throws IOException {
        try (RawConnection stranger = server.connect()) {
            stranger.send(out -> Frames.writeEmpty(out, FrameType.FOLLOW, 3));

            assertThat(stranger.read().error().code()).isEqualTo(ErrorCode.INVALID_REQUEST);
        }
        assertThat(documents.followers()).isZero();
    }

    @Test
    void a_follower_gets_what_is_in_force_and_then_what_is_put_in_force() throws IOException {
        documents.offer(FakeDocuments.number(3), "test");
        try (RawConnection connection = server.login()) {
            connection.send(out -> Frames.writeEmpty(out, FrameType.FOLLOW, 3));

            assertThat(text(connection.read())).isEqualTo("3");
            assertThat(connection.read().read(VerdictCodec::read).seq()).isEqualTo(3);

            documents.offer(FakeDocuments.number(4), "test");

            assertThat(text(connection.read())).isEqualTo("4");
        }
        await().untilAsserted(() -> assertThat(documents.followers()).isZero());
    }

    private static String text(RawConnection.Answer answer) {
        assertThat(answer.type()).as(answer.toString()).isEqualTo(FrameType.DOCUMENT);
        return new String(answer.body(), StandardCharsets.UTF_8);
    }

    @Test
    void a_document_over_the_limit_is_refused_and_the_connection_goes_on() throws IOException {
        try (RawConnection connection = server.login()) {
            byte[] huge = new byte[DocumentExchange.MAX_DOCUMENT_BYTES + 1];
            KvException refusal = connection
                    .send(out -> VerdictCodec.writeDocument(out, FrameType.OFFER, 9, huge))
                    .read()
                    .error();

            assertThat(refusal.code()).isEqualTo(ErrorCode.TOO_LARGE);
            assertThat(offer(connection, FakeDocuments.number(2)).outcome()).isEqualTo(Outcome.ACCEPTED);
        }
        assertThat(documents.offered).hasSize(1);
    }

    @Test
    void garbage_of_strangers_is_limited_like_wrong_tokens() throws IOException {
        try (RawConnection known = server.login()) {
            assertThat(offer(known, FakeDocuments.number(1)).outcome()).isEqualTo(Outcome.ACCEPTED);
        }
        KvException limited = null;
        for (int i = 0; i < 100 && limited == null; i++) {
            try (RawConnection stranger = server.connect()) {
                RawConnection.Answer answer = stranger.send(out -> VerdictCodec.writeDocument(
                                out, FrameType.OFFER, 7, "x".getBytes(StandardCharsets.UTF_8)))
                        .read();
                limited = answer.type() == FrameType.ERROR ? answer.error() : null;
            }
        }

        assertThat(limited).isNotNull();
        assertThat(java.util.Objects.requireNonNull(limited).code()).isEqualTo(ErrorCode.RATE_LIMITED);
        assertThat(documents.offered).hasSizeLessThan(60);
    }

    @Test
    void questions_to_a_node_without_routes_are_not_garbage() throws IOException {
        try (TestServer plain = TestServer.start(folder.resolve("plain"))) {
            for (int i = 0; i < 60; i++) {
                try (RawConnection stranger = plain.connect()) {
                    assertThat(offer(stranger, new byte[0]).reason()).isEqualTo("unsupported");
                }
            }
        }
    }

    @Test
    void a_node_without_routes_says_so() throws IOException {
        try (TestServer plain = TestServer.start(folder.resolve("plain"));
                RawConnection stranger = plain.connect()) {
            assertThat(offer(stranger, FakeDocuments.number(1)).reason()).isEqualTo("unsupported");
        }
    }
}
