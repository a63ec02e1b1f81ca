package io.nearkv.net.client;

import static io.nearkv.net.client.ClientFixture.await;
import static io.nearkv.net.client.ClientFixture.failureCode;
import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KvStore;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import io.nearkv.net.server.KvServer;
import io.nearkv.net.server.KvServerOptions;
import io.nearkv.net.server.TlsFiles;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** The client over TLS, with certificates made by the keytool of the JDK. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ClientTlsTest {
    private static final char[] PASSWORD = "changeit".toCharArray();

    @TempDir
    static Path folder;

    private final MapFixture below = new MapFixture();
    private final TestIdentity identity = new TestIdentity("testing", below.account());
    private final NamespaceId namespace =
            await(below.store().admin().createNamespace(below.account(), "t")).id();

    /** Certificate and key as PEM files. */
    private record Pair(Path certificate, Path key) {}

    private @Nullable Pair server;
    private @Nullable Pair client;
    private @Nullable Pair stranger;

    @BeforeAll
    void makeCertificates() throws Exception {
        server = make("server", "dns:localhost,ip:127.0.0.1");
        client = make("client", "dns:client");
        stranger = make("stranger", "dns:elsewhere.example");
    }

    @AfterAll
    void close() {
        below.close();
        identity.close();
    }

    private Pair make(String name, String names) throws Exception {
        Path store = folder.resolve(name + ".p12");
        Process keytool = new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "keytool")
                                .toString(),
                        "-genkeypair",
                        "-alias",
                        name,
                        "-keyalg",
                        "EC",
                        "-groupname",
                        "secp256r1",
                        "-dname",
                        "CN=" + name,
                        "-ext",
                        "san=" + names,
                        "-validity",
                        "2",
                        "-storetype",
                        "PKCS12",
                        "-keystore",
                        store.toString(),
                        "-storepass",
                        new String(PASSWORD)))
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve(name + ".log").toFile())
                .start();
        assertThat(keytool.waitFor()).isZero();
        KeyStore keys = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(store)) {
            keys.load(in, PASSWORD);
        }
        Certificate certificate = keys.getCertificate(name);
        return new Pair(
                pem(name + ".crt", "CERTIFICATE", certificate.getEncoded()),
                pem(name + ".key", "PRIVATE KEY", keys.getKey(name, PASSWORD).getEncoded()));
    }

    private Path pem(String file, String type, byte[] bytes) throws Exception {
        String text = "-----BEGIN " + type + "-----\n"
                + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(bytes) + "\n-----END " + type + "-----\n";
        return Files.writeString(folder.resolve(file), text, StandardCharsets.US_ASCII);
    }

    private KvServer serve(Pair shown, @Nullable Path clientRoots) {
        return KvServer.start(
                below.store(),
                identity.authority,
                KvServerOptions.listeningOn(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                        .withEventLoopThreads(1)
                        .withTls(new TlsFiles(shown.certificate(), shown.key(), clientRoots)));
    }

    private KvClientBuilder connect(String host, KvServer to) {
        return KvClient.builder()
                .server("kvs://" + host + ":" + to.address().getPort())
                .token(identity.token)
                .maxAttempts(1);
    }

    private Pair server() {
        return Slot.required(server);
    }

    @Test
    void small_and_large_values_pass() {
        try (KvServer running = serve(server(), null);
                KvClient over = connect("localhost", running)
                        .trust(server().certificate())
                        .build()) {
            KvStore store = over.store();
            List<Integer> sizes = new ArrayList<>(List.of(0, 1, 1000, 65_536, 65_537, 5_000_000));
            for (int size : sizes) {
                Key key = Key.of("k" + size);
                byte[] bytes = new byte[size];
                new java.util.Random(size).nextBytes(bytes);
                await(store.write(namespace, Mutation.put(key, Value.of(bytes)), WriteOptions.DEFAULT));
                assertThat(await(store.get(namespace, key, ReadOptions.STRONG)).toOptional())
                        .contains(Value.of(bytes));
            }
        }
    }

    @Test
    void a_certificate_that_is_not_trusted_is_refused() {
        try (KvServer running = serve(server(), null);
                KvClient over = connect("localhost", running)
                        .trust(Slot.required(client).certificate())
                        .build()) {
            assertThat(failureCode(over.store().get(namespace, Key.of("k"), ReadOptions.DEFAULT)))
                    .isEqualTo(ErrorCode.UNAVAILABLE);
            assertThat(over.stats().connected()).isZero();
        }
    }

    @Test
    void a_certificate_of_another_host_is_refused() {
        Pair other = Slot.required(stranger);
        try (KvServer running = serve(other, null);
                KvClient over =
                        connect("localhost", running).trust(other.certificate()).build()) {
            assertThat(failureCode(over.store().get(namespace, Key.of("k"), ReadOptions.DEFAULT)))
                    .isEqualTo(ErrorCode.UNAVAILABLE);
        }
    }

    @Test
    void a_server_that_asks_for_a_certificate_takes_the_right_one_only() {
        Pair own = Slot.required(client);
        Pair other = Slot.required(stranger);
        try (KvServer running = serve(server(), own.certificate());
                KvClient without = connect("127.0.0.1", running)
                        .trust(server().certificate())
                        .build();
                KvClient wrong = connect("127.0.0.1", running)
                        .trust(server().certificate())
                        .clientCertificate(other.certificate(), other.key())
                        .build();
                KvClient right = connect("127.0.0.1", running)
                        .trust(server().certificate())
                        .clientCertificate(own.certificate(), own.key())
                        .build()) {
            assertThat(failureCode(without.store().get(namespace, Key.of("absent"), ReadOptions.DEFAULT)))
                    .isEqualTo(ErrorCode.UNAVAILABLE);
            assertThat(failureCode(wrong.store().get(namespace, Key.of("absent"), ReadOptions.DEFAULT)))
                    .isEqualTo(ErrorCode.UNAVAILABLE);
            assertThat(await(right.store().get(namespace, Key.of("absent"), ReadOptions.DEFAULT)))
                    .isEqualTo(GetResult.Missing.INSTANCE);
        }
    }
}
