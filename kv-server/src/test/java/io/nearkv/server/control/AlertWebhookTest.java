package io.nearkv.server.control;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import com.sun.net.httpserver.HttpServer;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.deploy.control.Alert;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Alerts to a real HTTP server. */
class AlertWebhookTest {
    private static final String SECRET = "a secret of some length";
    private static final Duration BOUND = Duration.ofSeconds(20);
    private static final AlertWebhook.Pace QUICK =
            new AlertWebhook.Pace(4, 1_000, Duration.ofMillis(300), Duration.ofMillis(5), Duration.ofMillis(50));

    private record Received(String id, String signature, String body) {}

    @TempDir
    private Path folder;

    private final List<Received> received = new CopyOnWriteArrayList<>();
    private final AtomicInteger status = new AtomicInteger(204);
    private final AtomicInteger elsewhere = new AtomicInteger();
    private final CountDownLatch hanging = new CountDownLatch(1);
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private volatile boolean hangs;
    private @Nullable HttpServer server;
    private @Nullable AlertWebhook webhook;
    private int port;

    @BeforeEach
    void start() throws IOException {
        listen(0);
    }

    @AfterEach
    void stop() {
        hanging.countDown();
        if (webhook != null) {
            webhook.close();
        }
        if (server != null) {
            server.stop(0);
        }
        threads.shutdownNow();
    }

    private void listen(int at) throws IOException {
        HttpServer started = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), at), 16);
        started.createContext("/alerts", exchange -> {
            try (exchange) {
                String body = new String(exchange.getRequestBody().readAllBytes(), UTF_8);
                received.add(new Received(
                        String.valueOf(exchange.getRequestHeaders().getFirst("KV-Alert-Id")),
                        String.valueOf(exchange.getRequestHeaders().getFirst("KV-Signature")),
                        body));
                if (hangs) {
                    hanging.await();
                }
                exchange.getResponseHeaders().set("Location", "/elsewhere");
                exchange.sendResponseHeaders(status.get(), -1);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        started.createContext("/elsewhere", exchange -> {
            try (exchange) {
                elsewhere.incrementAndGet();
                exchange.sendResponseHeaders(204, -1);
            }
        });
        started.setExecutor(threads);
        started.start();
        port = started.getAddress().getPort();
        server = started;
    }

    private AlertWebhook open(AlertWebhook.Pace pace) throws IOException {
        Path secret = Files.writeString(folder.resolve("secret"), SECRET + "\n");
        AlertWebhook opened = AlertWebhook.start(
                URI.create("http://127.0.0.1:" + port + "/alerts"), secret, InstantSource.system(), pace);
        webhook = opened;
        return opened;
    }

    private static Alert alert(int number) {
        return new Alert(
                "run-" + number,
                1_000,
                "rolling_back",
                "default/kv/production",
                "p2vd9xk4mq7ab",
                "step 2",
                "errors",
                "candidate 1.31 % vs known-good 0.10 %");
    }

    private static String hmac(String text) throws Exception {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(SECRET.getBytes(UTF_8), "HmacSHA256"));
        return HexFormat.of().formatHex(mac.doFinal(text.getBytes(UTF_8)));
    }

    @Test
    void an_alert_arrives_and_its_signature_can_be_verified() throws Exception {
        AlertWebhook open = open(AlertWebhook.Pace.DEFAULT);
        long before = System.nanoTime();

        open.accept(alert(1));

        await().atMost(BOUND).until(() -> open.counts().sent() == 1);
        assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(Duration.ofSeconds(5));
        Received one = received.get(0);
        assertThat(one.id()).isEqualTo("run-1");
        assertThat(one.body()).contains("\"id\":\"run-1\"").contains("\"kind\":\"rolling_back\"");
        assertThat(one.signature()).matches("t=\\d+,v1=[0-9a-f]{64}");
        String time = one.signature().substring(2, one.signature().indexOf(','));
        assertThat(one.signature()).isEqualTo("t=" + time + ",v1=" + hmac(time + "." + one.body()));
        assertThat(Math.abs(Long.parseLong(time) - System.currentTimeMillis() / 1_000))
                .isLessThan(300);
    }

    @Test
    void what_could_not_be_delivered_arrives_in_order_when_the_receiver_is_back() throws Exception {
        AlertWebhook open = open(QUICK);
        requireServer().stop(0);
        open.accept(alert(1));
        open.accept(alert(2));
        await().atMost(BOUND).until(() -> open.counts().retried() > 2);
        assertThat(open.counts().sent()).isZero();

        listen(port);

        await().atMost(BOUND).until(() -> open.counts().sent() == 2);
        assertThat(received).extracting(Received::id).containsExactly("run-1", "run-2");
    }

    @Test
    void a_receiver_that_hangs_makes_nobody_wait_and_the_oldest_makes_room() throws Exception {
        hangs = true;
        AlertWebhook open = open(QUICK);
        open.accept(alert(0));
        await().atMost(BOUND).until(() -> !received.isEmpty());

        long before = System.nanoTime();
        for (int i = 1; i <= 1_000; i++) {
            open.accept(alert(i));
        }
        assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(Duration.ofSeconds(1));
        assertThat(open.counts().dropped()).isEqualTo(996);
        assertThat(open.counts().queued()).isEqualTo(4);
        await().atMost(BOUND).until(() -> open.counts().retried() > 0);

        hangs = false;
        hanging.countDown();
        await().atMost(BOUND).until(() -> open.counts().sent() == 5);
        assertThat(received).extracting(Received::id).endsWith("run-997", "run-998", "run-999", "run-1000");
    }

    @Test
    void it_gives_up_after_some_attempts() throws Exception {
        status.set(503);
        AlertWebhook open = open(new AlertWebhook.Pace(4, 3, BOUND, Duration.ofMillis(2), Duration.ofMillis(5)));

        open.accept(alert(1));

        await().atMost(BOUND).until(() -> open.counts().failed() == 1);
        assertThat(received).hasSize(3);
        assertThat(received).extracting(Received::id).containsOnly("run-1");
    }

    @Test
    void redirects_are_not_followed_and_refusals_not_tried_again() throws Exception {
        AlertWebhook open = open(QUICK);
        status.set(302);
        open.accept(alert(1));
        await().atMost(BOUND).until(() -> open.counts().failed() == 1);
        status.set(403);
        open.accept(alert(2));
        await().atMost(BOUND).until(() -> open.counts().failed() == 2);

        assertThat(received).hasSize(2);
        assertThat(elsewhere).hasValue(0);
    }

    @Test
    void what_waits_at_the_end_is_tried_once_more() throws Exception {
        AlertWebhook open = open(QUICK);
        open.accept(alert(1));
        open.accept(alert(2));

        open.close();

        assertThat(open.counts().sent()).isEqualTo(2);
        open.accept(alert(3));
        assertThat(open.counts().dropped()).isEqualTo(1);
    }

    @Test
    void a_secret_that_can_be_guessed_and_urls_that_are_none_are_refused_without_telling_them() throws Exception {
        Path weak = Files.writeString(folder.resolve("weak"), "guess me \n\n");
        URI url = URI.create("http://127.0.0.1:" + port + "/alerts");
        KvException refused =
                catchThrowableOfType(KvException.class, () -> AlertWebhook.start(url, weak, InstantSource.system()));
        assertThat(refused.code()).isEqualTo(ErrorCode.INVALID_REQUEST);
        assertThat(refused).hasMessageContaining("8 bytes").hasMessageNotContaining("guess");
        for (String bad : List.of("ftp://example.com/x", "https://user:hidden@example.com/x", "/hidden", "http:x")) {
            KvException each = catchThrowableOfType(
                    KvException.class, () -> AlertWebhook.start(URI.create(bad), null, InstantSource.system()));
            assertThat(each.code()).isEqualTo(ErrorCode.INVALID_REQUEST);
            assertThat(each).hasMessageNotContaining("hidden");
        }
    }

    private HttpServer requireServer() {
        return java.util.Objects.requireNonNull(server, "server");
    }
}
