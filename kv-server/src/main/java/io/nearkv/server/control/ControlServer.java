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
    /** What a proxy says of the caller: then the caller is not on this machine, although the connection is from here. */
    private static final List<String> FORWARDED = List.of("Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via");

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
            Map<String, ?> failure;
            try {
                send(exchange, answer(exchange));
                return;
            } catch (RefusedException e) {
                failure = ControlJson.refusal(e);
                status = 409;
            } catch (KvException e) {
                failure = ControlJson.error(e);
                status = e.code().httpStatus();
                if (e.retryAfter() != null) {
                    long seconds = (e.retryAfter().toMillis() + 999) / 1_000;
                    exchange.getResponseHeaders().set("Retry-After", Long.toString(seconds));
                }
            } catch (IllegalArgumentException e) {
                failure = ControlJson.error(
                        new KvException(ErrorCode.INVALID_REQUEST, String.valueOf(e.getMessage()), e));
                status = ErrorCode.INVALID_REQUEST.httpStatus();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                failure = ControlJson.error(new KvException(ErrorCode.UNAVAILABLE, "the control plane is closing", e));
                status = ErrorCode.UNAVAILABLE.httpStatus();
            } catch (RuntimeException e) {
                log.atError()
                        .addKeyValue("path", exchange.getRequestURI().getPath())
                        .setCause(e)
                        .log("a request has failed");
                failure = ControlJson.error(new KvException(ErrorCode.INTERNAL, "unexpected failure; see the log", e));
                status = ErrorCode.INTERNAL.httpStatus();
            }
            send(exchange, status, "application/json", ControlJson.write(failure));
        }
    }

    private static void send(HttpExchange exchange, ControlApi.Answer answer) throws IOException {
        if (answer instanceof ControlApi.Answer.Page page) {
            // Nothing from elsewhere, and no frame around it.
            exchange.getResponseHeaders()
                    .set(
                            "Content-Security-Policy",
                            "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'unsafe-inline';"
                                    + " connect-src 'self'; frame-ancestors 'none'");
            send(exchange, 200, page.type(), page.text().getBytes(UTF_8));
        } else if (answer instanceof ControlApi.Answer.Json json) {
            send(exchange, 200, "application/json", ControlJson.write(json.members()));
        }
    }

    private static void send(HttpExchange exchange, int status, String type, byte[] body) throws IOException {
        exchange.getResponseHeaders().set("Content-Type", type);
        exchange.getResponseHeaders().set("Cache-Control", "no-store");
        exchange.getResponseHeaders().set("X-Content-Type-Options", "nosniff");
        exchange.getResponseHeaders().set("Referrer-Policy", "no-referrer");
        exchange.sendResponseHeaders(status, body.length);
        exchange.getResponseBody().write(body);
    }

    private ControlApi.Answer answer(HttpExchange exchange) throws IOException, RefusedException, InterruptedException {
        String method = exchange.getRequestMethod();
        String path = exchange.getRequestURI().getPath();
        ControlApi.Endpoint endpoint = api.find(method, path);
        // Who may not ask learns nothing of what there is and what is not.
        String caller = mayAskWithoutToken(exchange, endpoint)
                ? ""
                : caller(exchange.getRequestHeaders().get("Authorization"));
        if (endpoint == null) {
            throw ControlApi.nothing(method, path);
        }
        byte[] body = exchange.getRequestBody().readNBytes(MAX_BODY_BYTES + 1);
        if (body.length > MAX_BODY_BYTES) {
            throw new KvException(
                    ErrorCode.TOO_LARGE,
                    "the body is longer than " + MAX_BODY_BYTES + " bytes (expected: at most that)");
        }
        String query = exchange.getRequestURI().getQuery();
        return api.answer(
                endpoint,
                new ControlApi.Request(method, path, query == null ? "" : query, new String(body, UTF_8), caller));
    }

    /** What changes nothing may be looked at on this machine without a token; who shows one must be allowed, there as well. */
    private static boolean mayAskWithoutToken(HttpExchange exchange, ControlApi.@Nullable Endpoint endpoint) {
        if (endpoint == null) {
            return false;
        }
        if (endpoint.access() == ControlApi.Access.OPEN) {
            return true;
        }
        return endpoint.access() == ControlApi.Access.LOOK
                && !exchange.getRequestHeaders().containsKey("Authorization")
                && exchange.getRemoteAddress().getAddress().isLoopbackAddress()
                && FORWARDED.stream().noneMatch(exchange.getRequestHeaders()::containsKey);
    }

    /** Returns whom the token was made for, if it is an administrator's of the operating account: not of a customer's. */
    private String caller(@Nullable List<String> headers) {
        String header = headers == null || headers.size() != 1 ? "" : headers.get(0);
        Grant grant = authority.authenticate(
                header.startsWith(BEARER) ? header.substring(BEARER.length()).strip() : "");
        if (!grant.account().equals(api.account())) {
            // To another account there is nothing here: not even a name of whose it is.
            throw new KvException(
                    ErrorCode.NOT_FOUND, "there is nothing here for the account of this token; check the URL");
        }
        if (!grant.permissions().allowsEverywhere(Permission.ADMIN)) {
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
