package io.nearkv.server.control;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.nearkv.core.DenialReason;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.KvException.Denial;
import io.nearkv.core.identity.Authority;
import io.nearkv.core.identity.Grant;
import io.nearkv.core.identity.Permission;
import io.nearkv.deploy.control.RefusedException;
import io.nearkv.server.config.ListenAddress;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The HTTP face of a control plane: a few requests a minute by operators and their programs, each with an administrator's token, which is verified here and offline. The JDK's own
 * server, because nothing that the store's network brings along is to be needed for a deployment.
 */
public final class ControlServer implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(ControlServer.class);

    /** Requests that are worked on at once; a change of a route takes some seconds. */
    private static final int THREADS = 8;
    /** Requests that wait; more are refused by closing their connection. */
    private static final int QUEUE = 64;
    /** Largest body in bytes: a manifest of 64 KiB in base64, and room. */
    private static final int MAX_BODY_BYTES = 128 * 1024;

    private static final String BEARER = "Bearer ";

    private final HttpServer server;
    private final ThreadPoolExecutor threads;
    private final ControlApi api;
    private final Authority authority;
    private final String url;

    private ControlServer(
            HttpServer server, ThreadPoolExecutor threads, ControlApi api, Authority authority, String url) {
        this.server = server;
        this.threads = threads;
        this.api = api;
        this.authority = authority;
        this.url = url;
    }

    /**
     * Begins to answer.
     *
     * @param authority verifies the tokens
     * @throws KvException {@link ErrorCode#UNAVAILABLE} if the address is taken
     */
    public static ControlServer start(ControlApi api, Authority authority, ListenAddress listen) {
        // Read once by the JDK's server; without them a client that says nothing keeps a thread for ever.
        setIfAbsent("sun.net.httpserver.maxReqTime", "30");
        setIfAbsent("sun.net.httpserver.maxRspTime", "120");
        setIfAbsent("jdk.httpserver.maxConnections", "128");
        try {
            HttpServer server = HttpServer.create(listen.resolve(), 16);
            ThreadPoolExecutor threads = new ThreadPoolExecutor(
                    THREADS, THREADS, 10, TimeUnit.SECONDS, new ArrayBlockingQueue<>(QUEUE), task -> {
                        Thread thread = new Thread(task, "nearkv-control-http");
                        thread.setDaemon(true);
                        return thread;
                    });
            threads.allowCoreThreadTimeOut(true);
            server.setExecutor(threads);
            InetSocketAddress bound = server.getAddress();
            ControlServer started = new ControlServer(
                    server,
                    threads,
                    api,
                    requireNonNull(authority, "authority"),
                    "http://" + new ListenAddress(listen.host(), bound.getPort()));
            server.createContext("/", started::handle);
            server.createContext("/ui", started::look);
            server.createContext("/metrics", started::look);
            server.start();
            return started;
        } catch (IOException e) {
            throw new KvException(
                    ErrorCode.UNAVAILABLE,
                    "cannot listen on " + listen + ": " + e.getMessage() + " (expected: an address that is free)",
                    e);
        }
    }

    private static void setIfAbsent(String property, String value) {
        if (System.getProperty(property) == null) {
            System.setProperty(property, value);
        }
    }

    /** Returns where it answers, such as {@code http://127.0.0.1:7410}. */
    public String url() {
        return url;
    }

    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            int status;
            Map<String, ?> answer;
            try {
                answer = answer(exchange);
                status = 200;
            } catch (RefusedException e) {
                answer = ControlJson.refusal(e);
                status = 409;
            } catch (KvException e) {
                answer = ControlJson.error(e);
                status = e.code().httpStatus();
            } catch (IllegalArgumentException e) {
                answer = ControlJson.error(
                        new KvException(ErrorCode.INVALID_REQUEST, String.valueOf(e.getMessage()), e));
                status = ErrorCode.INVALID_REQUEST.httpStatus();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                answer = ControlJson.error(new KvException(ErrorCode.UNAVAILABLE, "the control plane is closing", e));
                status = ErrorCode.UNAVAILABLE.httpStatus();
            } catch (RuntimeException e) {
                log.atError()
                        .addKeyValue("path", exchange.getRequestURI().getPath())
                        .setCause(e)
                        .log("a request has failed");
                answer = ControlJson.error(new KvException(ErrorCode.INTERNAL, "unexpected failure; see the log", e));
                status = ErrorCode.INTERNAL.httpStatus();
            }
            send(exchange, status, "application/json", ControlJson.write(answer));
        }
    }

    private static void send(HttpExchange exchange, int status, String type, byte[] body) throws IOException {
        exchange.getResponseHeaders().set("Content-Type", type);
        exchange.getResponseHeaders().set("Cache-Control", "no-store");
        exchange.getResponseHeaders().set("X-Content-Type-Options", "nosniff");
        exchange.sendResponseHeaders(status, body.length);
        exchange.getResponseBody().write(body);
    }

    /** The page of operations and the metrics: to be looked at by everybody who reaches this address, and changed by nobody. */
    private void look(HttpExchange exchange) throws IOException {
        try (exchange) {
            if (!exchange.getRequestMethod().equals("GET")) {
                send(exchange, 405, "text/plain", "GET alone\n".getBytes(UTF_8));
            } else if (exchange.getRequestURI().getPath().equals("/metrics")) {
                send(exchange, 200, "text/plain; version=0.0.4", metrics().getBytes(UTF_8));
            } else {
                // Nothing from elsewhere, and no frame around it.
                exchange.getResponseHeaders()
                        .set(
                                "Content-Security-Policy",
                                "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'unsafe-inline';"
                                        + " connect-src 'self'; frame-ancestors 'none'");
                send(exchange, 200, "text/html; charset=utf-8", page());
            }
        }
    }

    private static byte[] page() throws IOException {
        try (InputStream in = ControlServer.class.getResourceAsStream("operations.html")) {
            return requireNonNull(in, "operations.html").readAllBytes();
        }
    }

    private String metrics() {
        StringBuilder page = new StringBuilder();
        page.append("# HELP nearkv_control_alerts_total Alerts since the start, by kind.\n");
        page.append("# TYPE nearkv_control_alerts_total counter\n");
        api.alertCounts()
                .forEach((kind, count) -> page.append("nearkv_control_alerts_total{")
                        .append(api.labels())
                        .append(",kind=\"")
                        .append(kind)
                        .append("\"} ")
                        .append(count)
                        .append('\n'));
        return page.append(api.metrics()).toString();
    }

    private Map<String, ?> answer(HttpExchange exchange) throws IOException, RefusedException, InterruptedException {
        String path = exchange.getRequestURI().getPath();
        if (path.equals("/healthz")) {
            return Map.of("status", "ok");
        }
        if (path.equals("/v1/view") && exchange.getRequestMethod().equals("GET")) {
            return api.view();
        }
        String caller = caller(exchange.getRequestHeaders().get("Authorization"));
        byte[] body = exchange.getRequestBody().readNBytes(MAX_BODY_BYTES + 1);
        if (body.length > MAX_BODY_BYTES) {
            throw new KvException(
                    ErrorCode.TOO_LARGE,
                    "the body is longer than " + MAX_BODY_BYTES + " bytes (expected: at most that)");
        }
        String query = exchange.getRequestURI().getQuery();
        return api.answer(new ControlApi.Request(
                exchange.getRequestMethod(), path, query == null ? "" : query, new String(body, UTF_8), caller));
    }

    /** Returns whom the token was made for, if it is an administrator's of the operating account: not of a customer's. */
    private String caller(@Nullable List<String> headers) {
        String header = headers == null || headers.size() != 1 ? "" : headers.get(0);
        Grant grant = authority.authenticate(
                header.startsWith(BEARER) ? header.substring(BEARER.length()).strip() : "");
        if (!grant.account().equals(api.account()) || !grant.permissions().allowsEverywhere(Permission.ADMIN)) {
            throw KvException.denied(
                    new Denial(DenialReason.SCOPE, authority.environment(), grant.environment(), null),
                    "the token of '" + grant.subject() + "' may not deploy (expected: an administrator's of account "
                            + api.account() + ")");
        }
        return grant.subject();
    }

    /** Stops answering; requests under way may end within a second. Idempotent. */
    @Override
    public void close() {
        server.stop(1);
        threads.shutdownNow();
    }
}
