package io.nearkv.server.control;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.util.Objects.requireNonNull;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.Value;
import io.nearkv.deploy.control.Alert;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HexFormat;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Posts each alert to one URL, in the order in which they were raised, on a thread of its own: who raises an alert never waits for it. What cannot be delivered is tried again with jittered backoff, a
 * bounded number of times; what waits is bounded, and the oldest makes room. An alert may arrive twice, with the same id. The format of the request and its signature is in {@code docs/rollouts.md},
 * section 10. Thread-safe.
 */
public final class AlertWebhook implements Consumer<Alert>, AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(AlertWebhook.class);

    /** Shortest secret in bytes: shorter ones can be guessed. */
    private static final int MIN_SECRET_BYTES = 16;
    /** Longest secret in bytes: a longer one is some other file. */
    private static final int MAX_SECRET_BYTES = 4_096;

    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(3);
    /** How long {@link #close()} waits for what is still to be delivered. */
    private static final Duration LAST_WORDS = Duration.ofSeconds(2);

    private static final String ALGORITHM = "HmacSHA256";

    /**
     * How it delivers.
     *
     * @param maxQueued alerts that wait; the oldest makes room for one more
     * @param maxAttempts how often one alert is tried
     * @param timeout how long one attempt may take, its answer included
     * @param firstPause about how long it waits after the first attempt; twice that after the next, and so on
     * @param lastPause most that it waits
     */
    record Pace(int maxQueued, int maxAttempts, Duration timeout, Duration firstPause, Duration lastPause) {
        /** About three minutes for one alert; a receiver that hangs holds up the next for one minute and a half. */
        static final Pace DEFAULT =
                new Pace(256, 12, Duration.ofSeconds(5), Duration.ofMillis(200), Duration.ofSeconds(30));
    }

    /**
     * What has become of the alerts since the start.
     *
     * @param sent answered with 2xx
     * @param failed given up: refused, or tried too often
     * @param dropped made room for others, or were still there at the end
     * @param retried attempts that were not the first of their alert
     * @param queued wait now
     */
    record Counts(long sent, long failed, long dropped, long retried, int queued) {}

    private enum Outcome {
        SENT,
        REFUSED,
        AGAIN
    }

    private final URI url;
    private final @Nullable SecretKeySpec secret;
    private final InstantSource clock;
    private final Pace pace;
    private final HttpClient http;
    private final Thread thread;
    private final Object lock = new Object();

    @GuardedBy("lock")
    private final Deque<Alert> queue = new ArrayDeque<>();

    @GuardedBy("lock")
    private boolean closing;

    @GuardedBy("lock")
    private long sent;

    @GuardedBy("lock")
    private long failed;

    @GuardedBy("lock")
    private long dropped;

    @GuardedBy("lock")
    private long retried;

    private AlertWebhook(URI url, @Nullable SecretKeySpec secret, InstantSource clock, Pace pace) {
        this.url = url;
        this.secret = secret;
        this.clock = clock;
        this.pace = pace;
        this.http = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .followRedirects(HttpClient.Redirect.NEVER)
                .connectTimeout(CONNECT_TIMEOUT)
                .build();
        this.thread = new Thread(this::run, "nearkv-alerts");
        thread.setDaemon(true);
    }

    /**
     * Begins to wait for alerts; connects to nobody yet.
     *
     * @param url {@code http} or {@code https}, without a user's name in it
     * @param secretFile a file with the secret that requests are signed with, 16 to 4,096 bytes, white space at the end left out; null for requests without a signature
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if URL or secret cannot be used, {@link ErrorCode#NOT_FOUND} if the file cannot be read
     */
    static AlertWebhook start(URI url, @Nullable Path secretFile, InstantSource clock) {
        return start(url, secretFile, clock, Pace.DEFAULT);
    }

    static AlertWebhook start(URI url, @Nullable Path secretFile, InstantSource clock, Pace pace) {
        String scheme = url.getScheme();
        if (!("http".equalsIgnoreCase(scheme) || "https".equalsIgnoreCase(scheme))
                || url.getHost() == null
                || url.getRawUserInfo() != null
                || url.getRawFragment() != null) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "the webhook's URL cannot be used (expected: https://HOST/PATH or http://HOST/PATH, without a user's name)");
        }
        AlertWebhook webhook = new AlertWebhook(
                url, secretFile == null ? null : secret(secretFile), requireNonNull(clock, "clock"), pace);
        webhook.thread.start();
        return webhook;
    }

    private static SecretKeySpec secret(Path file) {
        Value content;
        try {
            if (Files.size(file) > MAX_SECRET_BYTES) {
                throw new KvException(
                        ErrorCode.INVALID_REQUEST,
                        "'" + file + "' is no secret (expected: at most " + MAX_SECRET_BYTES + " bytes)");
            }
            content = Value.wrap(Files.readAllBytes(file));
        } catch (IOException e) {
            throw new KvException(
                    ErrorCode.NOT_FOUND, "the webhook's secret cannot be read from '" + file + "'; give a file", e);
        }
        byte[] bytes = content.toByteArray();
        int length = bytes.length;
        while (length > 0 && bytes[length - 1] >= 0 && bytes[length - 1] <= ' ') {
            length--;
        }
        if (length < MIN_SECRET_BYTES) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "the secret in '" + file + "' has " + length + " bytes (expected: at least " + MIN_SECRET_BYTES
                            + "; make one: openssl rand -hex 32)");
        }
        return new SecretKeySpec(bytes, 0, length, ALGORITHM);
    }

    /** Takes an alert, and returns at once. */
    @Override
    public void accept(Alert alert) {
        synchronized (lock) {
            if (closing) {
                dropped++;
                return;
            }
            if (queue.size() >= pace.maxQueued()) {
                queue.removeFirst();
                dropped++;
            }
            queue.addLast(alert);
            lock.notifyAll();
        }
    }

    Counts counts() {
        synchronized (lock) {
            return new Counts(sent, failed, dropped, retried, queue.size());
        }
    }

    int maxQueued() {
        return pace.maxQueued();
    }

    private void run() {
        try {
            for (Alert alert = next(); alert != null; alert = next()) {
                deliver(alert);
            }
        } catch (InterruptedException e) {
            // Closed while somebody did not answer.
        }
    }

    /** Returns the next alert, or null at the end. */
    private @Nullable Alert next() throws InterruptedException {
        synchronized (lock) {
            while (queue.isEmpty() && !closing) {
                lock.wait();
            }
            return queue.pollFirst();
        }
    }

    private void deliver(Alert alert) throws InterruptedException {
        byte[] body = ControlJson.write(ControlJson.alert(alert));
        for (int attempt = 1; ; attempt++) {
            Outcome outcome = attempt(alert, body);
            synchronized (lock) {
                if (outcome == Outcome.SENT) {
                    sent++;
                    return;
                }
                if (outcome == Outcome.REFUSED || attempt >= pace.maxAttempts() || closing) {
                    failed++;
                    // Without path and query: with many services they are the secret.
                    log.atWarn()
                            .addKeyValue("host", url.getHost())
                            .addKeyValue("id", alert.id())
                            .addKeyValue("attempts", attempt)
                            .addKeyValue("refused", outcome == Outcome.REFUSED)
                            .log("an alert could not be delivered to the webhook");
                    return;
                }
                retried++;
                pause(attempt);
            }
        }
    }

    /** Waits for a half to the whole of the pause that is due, so that many control planes do not come back at once. */
    @GuardedBy("lock")
    private void pause(int attempt) throws InterruptedException {
        long full = Math.min(pace.lastPause().toNanos(), pace.firstPause().toNanos() << Math.min(attempt - 1, 20));
        long until = System.nanoTime() + full / 2 + ThreadLocalRandom.current().nextLong(full / 2 + 1);
        for (long left = until - System.nanoTime(); left > 0 && !closing; left = until - System.nanoTime()) {
            TimeUnit.NANOSECONDS.timedWait(lock, left);
        }
    }

    private Outcome attempt(Alert alert, byte[] body) throws InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(url)
                .timeout(pace.timeout())
                .header("Content-Type", "application/json")
                .header("User-Agent", "nearkv")
                .header("KV-Alert-Id", alert.id())
                .POST(HttpRequest.BodyPublishers.ofByteArray(body));
        if (secret != null) {
            // Anew for each attempt: a receiver that was down for long would find the first one too old.
            request.header("KV-Signature", signature(secret, Math.floorDiv(clock.millis(), 1_000L), body));
        }
        CompletableFuture<HttpResponse<Void>> answer =
                http.sendAsync(request.build(), HttpResponse.BodyHandlers.discarding());
        try {
            // The request's own timeout ends with the head of the answer; a receiver may hang in its body.
            int status =
                    answer.get(pace.timeout().toNanos(), TimeUnit.NANOSECONDS).statusCode();
            boolean again = status >= 500 || status == 408 || status == 425 || status == 429;
            return status >= 200 && status < 300 ? Outcome.SENT : again ? Outcome.AGAIN : Outcome.REFUSED;
        } catch (ExecutionException | TimeoutException e) {
            log.atDebug()
                    .addKeyValue("host", url.getHost())
                    .addKeyValue("id", alert.id())
                    .log("no answer of the webhook");
            return Outcome.AGAIN;
        } finally {
            boolean unused = answer.cancel(true);
        }
    }

    /** Returns the value of the header: when it was signed, in seconds since 1970, and the HMAC-SHA256 of that, a dot, and the body. */
    private static String signature(SecretKeySpec secret, long seconds, byte[] body) {
        try {
            Mac mac = Mac.getInstance(ALGORITHM);
            mac.init(secret);
            ByteArrayOutputStream signed = new ByteArrayOutputStream();
            signed.writeBytes((seconds + ".").getBytes(US_ASCII));
            signed.writeBytes(body);
            return "t=" + seconds + ",v1=" + HexFormat.of().formatHex(mac.doFinal(signed.toByteArray()));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every JDK has " + ALGORITHM, e);
        }
    }

    /** Tries once to deliver what waits, for at most two seconds; the rest is counted as dropped. Idempotent. */
    @Override
    public void close() {
        synchronized (lock) {
            closing = true;
            lock.notifyAll();
        }
        try {
            thread.join(LAST_WORDS.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        thread.interrupt();
        synchronized (lock) {
            dropped += queue.size();
            queue.clear();
        }
    }
}
