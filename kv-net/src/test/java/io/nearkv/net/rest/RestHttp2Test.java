package io.nearkv.net.rest;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nearkv.core.Limits;
import io.nearkv.net.server.GatedStore;
import io.nearkv.net.server.TestCertificates;
import io.nearkv.net.server.TlsFiles;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpClient.Version;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The same over TLS, with the HTTP client of the JDK: HTTP/2 where it asks for it by ALPN, HTTP/1.1 where not. */
class RestHttp2Test extends WithRest {
    @TempDir
    static Path certificates;

    private static @Nullable TestCertificates first;
    private static @Nullable TestCertificates second;

    @BeforeAll
    static void makeCertificates() throws Exception {
        first = TestCertificates.create(certificates, "first");
        second = TestCertificates.create(certificates, "second");
    }

    private static TestCertificates certificate() {
        return requireNonNull(first, "first");
    }

    private RestRig startTls(RestRig.Setup setup) {
        return use(setup.options(options ->
                        options.withTls(new TlsFiles(certificate().certificate, certificate().privateKey, null)))
                .start());
    }

    private static HttpClient client(Version version, TestCertificates trusted) throws Exception {
        return HttpClient.newBuilder()
                .version(version)
                .sslContext(trusted.trustedBy(null))
                .connectTimeout(Duration.ofSeconds(10))
                .build();
    }

    private HttpRequest.Builder to(String path) {
        return HttpRequest.newBuilder(
                        URI.create("https://localhost:" + rig().rest.address().getPort() + path))
                .header("Authorization", "Bearer " + token())
                .timeout(Duration.ofSeconds(30));
    }

    /** The JDK's client keeps its connections until it is collected: what is left is cut before the rig is looked at. */
    private void cutAll() {
        rig().rest.close();
    }

    @ParameterizedTest
    @EnumSource(Version.class)
    void entries_are_put_read_and_listed(Version version) throws Exception {
        for (GatedStore.Mode mode : List.of(GatedStore.Mode.AT_ONCE, GatedStore.Mode.LATER)) {
            startTls(setup()).store.mode(mode);
            HttpClient client = client(version, certificate());
            HttpResponse<String> put =
                    client.send(to(value("k")).PUT(BodyPublishers.ofString("v")).build(), BodyHandlers.ofString());
            assertThat(put.statusCode()).isEqualTo(200);
            assertThat(put.version()).isEqualTo(version);
            HttpResponse<String> got = client.send(to(value("k")).build(), BodyHandlers.ofString());
            assertThat(got.body()).isEqualTo("v");
            assertThat(got.headers().firstValue("etag"))
                    .isEqualTo(put.headers().firstValue("etag"))
                    .isPresent();
            assertThat(client.send(to(value("absent")).build(), BodyHandlers.ofString())
                            .statusCode())
                    .isEqualTo(404);
            assertThat(client.send(
                                    to(value("k"))
                                            .method("HEAD", BodyPublishers.noBody())
                                            .build(),
                                    BodyHandlers.ofString())
                            .headers()
                            .firstValue("content-length"))
                    .contains("1");
            assertThat(client.send(to(ns("/keys")).build(), BodyHandlers.ofString())
                            .body())
                    .contains("\"name\":\"k\"");
            assertThat(client.send(to(value("k")).DELETE().build(), BodyHandlers.ofString())
                            .statusCode())
                    .isEqualTo(200);
            assertThat(client.send(
                                    to(value("k"))
                                            .header("Authorization", "Bearer x")
                                            .build(),
                                    BodyHandlers.ofString())
                            .statusCode())
                    .isIn(200, 404, 401);
            cutAll();
            end();
            folder = folder.resolve("again");
        }
    }

    @ParameterizedTest
    @EnumSource(Version.class)
    void the_largest_value_goes_both_ways(Version version) throws Exception {
        startTls(setup().overEngine());
        HttpClient client = client(version, certificate());
        byte[] value = random(Limits.MAX_VALUE_BYTES);
        assertThat(client.send(
                                to(value("k"))
                                        .PUT(BodyPublishers.ofByteArray(value))
                                        .build(),
                                BodyHandlers.ofString())
                        .statusCode())
                .isEqualTo(200);
        HttpResponse<byte[]> got = client.send(to(value("k")).build(), BodyHandlers.ofByteArray());
        assertThat(got.body()).isEqualTo(value);
        assertThat(client.send(
                                to(value("k"))
                                        .header("Range", "bytes=1000000-1000009")
                                        .build(),
                                BodyHandlers.ofByteArray())
                        .body())
                .isEqualTo(java.util.Arrays.copyOfRange(value, 1_000_000, 1_000_010));
        cutAll();
    }

    @Test
    void many_streams_share_a_connection() throws Exception {
        startTls(setup()).store.mode(GatedStore.Mode.LATER);
        HttpClient client = client(Version.HTTP_2, certificate());
        assertThat(client.send(to(value("warm")).build(), BodyHandlers.ofString())
                        .statusCode())
                .isEqualTo(404);
        byte[] value = random(500_000);
        for (int round = 0; round < 3; round++) {
            List<CompletableFuture<HttpResponse<byte[]>>> calls = new ArrayList<>();
            for (int i = 0; i < 64; i++) {
                HttpRequest put = to(value("k" + i))
                        .PUT(BodyPublishers.ofByteArray(value))
                        .build();
                HttpRequest get = to(value("k" + i)).build();
                calls.add(client.sendAsync(put, BodyHandlers.ofByteArray())
                        .thenCompose(done -> client.sendAsync(get, BodyHandlers.ofByteArray())));
            }
            for (CompletableFuture<HttpResponse<byte[]>> call : calls) {
                HttpResponse<byte[]> answer = call.get(60, TimeUnit.SECONDS);
                assertThat(answer.version()).isEqualTo(Version.HTTP_2);
                assertThat(answer.body()).isEqualTo(value);
            }
        }
        assertThat(rig().stats().connectionsAccepted()).isEqualTo(1);
        cutAll();
    }

    @ParameterizedTest
    @EnumSource(Version.class)
    void a_body_that_is_too_large_is_refused_early_and_the_client_gets_to_know(Version version) throws Exception {
        startTls(setup());
        HttpClient client = client(version, certificate());
        for (int size : new int[] {Limits.MAX_VALUE_BYTES + 1, 30 * MIB}) {
            HttpRequest put = to(value("k"))
                    .PUT(BodyPublishers.ofInputStream(() -> InputStream.nullInputStream()))
                    .build();
            assertThat(client.send(put, BodyHandlers.ofString()).statusCode()).isEqualTo(200);
            HttpRequest large = to(value("k"))
                    .PUT(BodyPublishers.ofByteArray(new byte[size]))
                    .build();
            assertThat(client.send(large, BodyHandlers.ofString()).statusCode())
                    .as("%s bytes", size)
                    .isEqualTo(413);
            assertThat(client.send(to(value("k")).build(), BodyHandlers.ofString())
                            .body())
                    .isEmpty();
        }
        cutAll();
    }

    @ParameterizedTest
    @EnumSource(Version.class)
    void a_watch_streams_and_a_drain_ends_it_with_a_goodbye(Version version) throws Exception {
        startTls(setup());
        HttpClient client = client(version, certificate());
        HttpResponse<InputStream> events =
                client.send(to(ns("/watch?from=oldest")).build(), BodyHandlers.ofInputStream());
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(events.body(), StandardCharsets.UTF_8))) {
            for (int i = 0; i < 100; i++) {
                store("k" + i, "v");
                String line = lines.readLine();
                while (line != null && !line.startsWith("data: ")) {
                    line = lines.readLine();
                }
                assertThat(line).contains("\"k" + i + "\"");
            }
            CompletableFuture<Boolean> drained =
                    CompletableFuture.supplyAsync(() -> rig().rest.drain(Duration.ofSeconds(10)));
            String line = lines.readLine();
            while (line != null) {
                line = lines.readLine();
            }
            assertThat(drained.get(15, TimeUnit.SECONDS)).isTrue();
        }
        assertThatThrownBy(() -> client.send(to(value("k")).build(), BodyHandlers.ofString()))
                .isInstanceOf(IOException.class);
    }

    @Test
    void streams_that_their_client_gives_up_leave_nothing_behind() throws Exception {
        startTls(setup()).store.mode(GatedStore.Mode.LATER);
        store("big", 10 * MIB);
        HttpClient client = client(Version.HTTP_2, certificate());
        assertThat(client.send(to(value("absent")).build(), BodyHandlers.ofString())
                        .statusCode())
                .isEqualTo(404);
        for (int i = 0; i < 20; i++) {
            HttpResponse<InputStream> download = client.send(to(value("big")).build(), BodyHandlers.ofInputStream());
            assertThat(download.body().readNBytes(100_000)).hasSize(100_000);
            download.body().close(); // resets the stream
            HttpResponse<InputStream> watch = client.send(to(ns("/watch")).build(), BodyHandlers.ofInputStream());
            watch.body().close();
        }
        eventually().untilAsserted(() -> {
            assertThat(rig().stats().streams()).isZero();
            assertThat(rig().stats().watches()).isZero();
            assertThat(rig().stats().requestsInFlight()).isZero();
            assertThat(rig().stats().bytesInFlight()).isZero();
            assertThat(rig().store.openReaders).hasValue(0);
        });
        assertThat(client.send(to(value("absent")).build(), BodyHandlers.ofString())
                        .statusCode())
                .isEqualTo(404);
        assertThat(rig().stats().connectionsAccepted()).isEqualTo(1);
        cutAll();
    }

    @Test
    void close_cuts_connections_with_streams_at_once() throws Exception {
        startTls(setup());
        HttpClient client = client(Version.HTTP_2, certificate());
        HttpResponse<InputStream> watch = client.send(to(ns("/watch")).build(), BodyHandlers.ofInputStream());
        assertThat(watch.statusCode()).isEqualTo(200);
        long before = System.nanoTime();
        rig().rest.close();
        eventually().until(() -> rig().stats().connections() == 0);
        assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(Duration.ofSeconds(5));
        assertThatThrownBy(() -> watch.body().readAllBytes()).isInstanceOf(IOException.class);
    }

    @Test
    void certificates_are_read_again() throws Exception {
        TestCertificates old = certificate();
        TestCertificates renewed = requireNonNull(second, "second");
        Path chain = Files.copy(old.certificate, folder.resolve("tls.crt"));
        Path key = Files.copy(old.privateKey, folder.resolve("tls.key"));
        use(setup().options(options -> options.withTls(new TlsFiles(chain, key, null)))
                .start());
        HttpClient before = client(Version.HTTP_2, old);
        HttpRequest get = to(value("k")).build();
        assertThat(before.send(get, BodyHandlers.ofString()).statusCode()).isEqualTo(404);

        Files.copy(renewed.certificate, chain, StandardCopyOption.REPLACE_EXISTING);
        assertThatThrownBy(() -> rig().rest.reloadTls()).isInstanceOf(IllegalArgumentException.class);
        assertThat(client(Version.HTTP_2, old)
                        .send(get, BodyHandlers.ofString())
                        .statusCode())
                .isEqualTo(404);
        Files.copy(renewed.privateKey, key, StandardCopyOption.REPLACE_EXISTING);
        rig().rest.reloadTls();

        assertThat(before.send(get, BodyHandlers.ofString()).statusCode()).isEqualTo(404);
        assertThat(client(Version.HTTP_2, renewed)
                        .send(get, BodyHandlers.ofString())
                        .statusCode())
                .isEqualTo(404);
        assertThatThrownBy(() -> client(Version.HTTP_2, old).send(get, BodyHandlers.ofString()))
                .isInstanceOf(IOException.class);
        cutAll();
    }

    @Test
    void a_refusal_that_closes_is_read_over_tls_too() throws Exception {
        startTls(setup());
        SSLContext context = certificate().trustedBy(null);
        for (String request : List.of(
                "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                "PUT " + value("k") + " HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n")) {
            try (SSLSocket socket = (SSLSocket) context.getSocketFactory()
                            .createSocket("localhost", rig().rest.address().getPort());
                    HttpSocket http = HttpSocket.over(socket)) {
                http.send(HttpSocket.latin1(request), random(200_000));
                Answer refused = http.read();
                assertThat(refused.status()).isIn(400, 401);
                assertThat(refused.closes()).isTrue();
                http.expectEnd();
            }
        }
    }

    @Test
    void plain_http_on_the_tls_port_and_silence_are_cut() throws Exception {
        startTls(setup().limits(limits -> limits.helloTimeout(Duration.ofMillis(300))));
        try (HttpSocket plain = rig().connect();
                HttpSocket silent = rig().connect()) {
            plain.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
            byte[] said = plain.socket.getInputStream().readNBytes(5);
            assertThat(new String(said, StandardCharsets.ISO_8859_1)).isNotEqualTo("HTTP/"); // an alert, or nothing
            silent.expectEnd();
        }
        eventually().until(() -> rig().stats().connections() == 0);
    }
}
