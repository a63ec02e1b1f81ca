package io.nearkv.server.control;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.deploy.model.ServiceId;
import java.io.IOException;
import java.io.Serial;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Map;

/** Asks a control plane. Used by one thread. */
public final class ControlClient {
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);
    private static final int MAX_ANSWER_BYTES = 64 * 1024 * 1024;

    private final HttpClient http;
    private final String url;
    private final String token;
    private final Duration timeout;

    /** What was asked for is refused by checks; the answer has the findings. */
    public static final class Refused extends RuntimeException {
        @Serial
        private static final long serialVersionUID = 1;

        private final transient ControlAnswer error;

        private Refused(ControlAnswer error) {
            super(error.text("message"), null, false, false);
            this.error = error;
        }

        /** Returns {@code findings} (each with {@code check}, {@code code}, {@code found}, {@code advice}) and {@code unchanged}. */
        public ControlAnswer error() {
            return error;
        }
    }

    /**
     * Creates a client; connects to nobody yet.
     *
     * @param url such as {@code http://127.0.0.1:7410}
     * @param token an administrator's
     * @param timeout how long one request may take
     */
    public ControlClient(String url, String token, Duration timeout) {
        this.url = requireNonNull(url, "url");
        this.token = requireNonNull(token, "token");
        this.timeout = requireNonNull(timeout, "timeout");
        this.http = HttpClient.newBuilder().connectTimeout(CONNECT_TIMEOUT).build();
    }

    /** Returns where the control plane is. */
    public String url() {
        return url;
    }

    /** Returns the names of the services whose control plane this is. */
    public ControlAnswer services() throws InterruptedException {
        return send("GET", "/v1/services", "");
    }

    /** Asks about a service. */
    public ControlAnswer get(ServiceId service, String what) throws InterruptedException {
        return send("GET", path(service, what), "");
    }

    /** Asks for a change. */
    public ControlAnswer post(ServiceId service, String what, Map<String, ?> body) throws InterruptedException {
        return send("POST", path(service, what), new String(ControlJson.write(body), UTF_8));
    }

    private static String path(ServiceId service, String what) {
        return "/v1/services/" + service + (what.isEmpty() ? "" : "/" + what);
    }

    private ControlAnswer send(String method, String path, String body) throws InterruptedException {
        HttpResponse<byte[]> response;
        try {
            HttpRequest request = HttpRequest.newBuilder(URI.create(url + path))
                    .timeout(timeout)
                    .header("Authorization", "Bearer " + token)
                    .method(method, HttpRequest.BodyPublishers.ofString(body))
                    .build();
            response = http.send(request, HttpResponse.BodyHandlers.ofByteArray());
        } catch (IllegalArgumentException e) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST, "control plane '" + url + "' (expected: http://HOST:PORT)", e);
        } catch (IOException e) {
            throw new KvException(
                    ErrorCode.UNAVAILABLE,
                    "the control plane at " + url + " cannot be reached: " + e
                            + "; nodes, rollback and break-glass do not need it",
                    e);
        }
        byte[] answer = response.body();
        if (answer.length > MAX_ANSWER_BYTES) {
            throw new KvException(ErrorCode.INTERNAL, "the control plane's answer is too long");
        }
        ControlAnswer parsed = ControlAnswer.parse(new String(answer, UTF_8));
        if (response.statusCode() == 200) {
            return parsed;
        }
        throw failure(parsed.part("error"));
    }

    private static RuntimeException failure(ControlAnswer error) {
        String code = error.text("code");
        if (code.equals("refused")) {
            return new Refused(error);
        }
        for (ErrorCode known : ErrorCode.values()) {
            if (known.label().equals(code)) {
                return new KvException(known, error.text("message"));
            }
        }
        return new KvException(ErrorCode.INTERNAL, code + ": " + error.text("message"));
    }
}
