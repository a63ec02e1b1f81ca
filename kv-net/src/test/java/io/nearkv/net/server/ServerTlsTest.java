package io.nearkv.net.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nearkv.net.protocol.FoundFrame;
import io.nearkv.net.protocol.FrameType;
import io.nearkv.net.transport.TlsContexts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.Test;

/** The same over TLS. */
class ServerTlsTest extends WithServer {
    private TestServer start(TlsFiles files) {
        return use(TestServer.start(
                folder.resolve("data"),
                options -> options.withTls(files)
                        .withLimits(ServerLimits.DEFAULT.toBuilder()
                                .helloTimeout(Duration.ofSeconds(2))
                                .build())));
    }

    private RawConnection connect(SSLContext context, String... protocols) throws IOException {
        SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket();
        if (protocols.length > 0) {
            socket.setEnabledProtocols(protocols);
        }
        return new RawConnection(socket, test().address());
    }

    @Test
    void requests_go_over_tls_1_3_and_1_2() throws Exception {
        TestCertificates server = TestCertificates.create(folder, "server");
        start(new TlsFiles(server.certificate, server.privateKey, null));
        byte[] value = store("k", 60_000);
        for (String protocol : new String[] {"TLSv1.3", "TLSv1.2"}) {
            try (RawConnection connection = connect(server.trustedBy(null), protocol)) {
                connection.hello(test().token());
                for (int i = 1; i < 50; i++) {
                    assertThat(connection
                                    .send(Requests.get(i, ns(), "k"))
                                    .read(FrameType.FOUND)
                                    .read(FoundFrame::read)
                                    .value()
                                    .toByteArray())
                            .isEqualTo(value);
                }
                assertThat(((SSLSocket) connection.socket).getSession().getProtocol())
                        .isEqualTo(protocol);
                assertThat(((SSLSocket) connection.socket).getSession().getCipherSuite())
                        .containsAnyOf("GCM", "CHACHA20");
            }
        }
    }

    @Test
    void a_refused_hello_is_told_over_tls_too() throws Exception {
        TestCertificates server = TestCertificates.create(folder, "server");
        start(new TlsFiles(server.certificate, server.privateKey, null));
        try (RawConnection connection = connect(server.trustedBy(null))) {
            assertThat(connection.sendHello("bad").readLastWords().denial()).isNotNull();
        }
    }

    @Test
    void a_client_without_the_certificate_that_is_asked_for_does_not_come_in() throws Exception {
        TestCertificates server = TestCertificates.create(folder, "server");
        TestCertificates client = TestCertificates.create(folder, "client");
        start(new TlsFiles(server.certificate, server.privateKey, client.certificate));
        try (RawConnection known = connect(server.trustedBy(client))) {
            known.hello(test().token());
        }
        for (SSLContext stranger : new SSLContext[] {server.trustedBy(null), server.trustedBy(server)}) {
            try (RawConnection unknown = connect(stranger)) {
                assertThatThrownBy(() -> unknown.hello(test().token())).isInstanceOf(IOException.class);
            }
        }
        assertThat(test().server.stats().count("hello", "ok")).isEqualTo(1);
    }

    @Test
    void a_handshake_that_does_not_come_in_time_is_cut() throws Exception {
        TestCertificates server = TestCertificates.create(folder, "server");
        start(new TlsFiles(server.certificate, server.privateKey, null));
        long start = System.nanoTime();
        try (RawConnection plain = test().connect()) {
            plain.send(new byte[] {0x16, 3, 1});
            plain.expectEnd();
        }
        assertThat(System.nanoTime() - start).isGreaterThan(TimeUnit.SECONDS.toNanos(1));
        assertThat(test().server.stats().connectionsCut()).containsEntry("hello_timeout", 1L);
    }

    @Test
    void new_certificates_are_used_without_a_restart() throws Exception {
        TestCertificates first = TestCertificates.create(folder, "first");
        TestCertificates second = TestCertificates.create(folder, "second");
        TlsFiles files = new TlsFiles(folder.resolve("live.crt"), folder.resolve("live.key"), null);
        Files.copy(first.certificate, files.certificateChain());
        Files.copy(first.privateKey, files.privateKey());
        start(files);
        try (RawConnection before = connect(first.trustedBy(null))) {
            before.hello(test().token());
            Files.copy(second.certificate, files.certificateChain(), StandardCopyOption.REPLACE_EXISTING);
            Files.copy(second.privateKey, files.privateKey(), StandardCopyOption.REPLACE_EXISTING);
            test().server.reloadTls();

            try (RawConnection after = connect(second.trustedBy(null))) {
                after.hello(test().token());
            }
            before.send(Requests.ping(1)).read(FrameType.PONG);

            Files.writeString(files.privateKey(), "garbage");
            assertThatThrownBy(() -> test().server.reloadTls()).isInstanceOf(IllegalArgumentException.class);
            try (RawConnection still = connect(second.trustedBy(null))) {
                still.hello(test().token());
            }
        }
    }

    @Test
    void files_that_are_missing_are_named() {
        TlsFiles files = new TlsFiles(folder.resolve("none.crt"), folder.resolve("none.key"), null);
        assertThatThrownBy(() -> TlsContexts.load(files.certificateChain(), files.privateKey(), files.clientRoots()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("certificateChain")
                .hasMessageContaining("none.crt");
    }
}
