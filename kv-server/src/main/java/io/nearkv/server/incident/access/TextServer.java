package io.nearkv.server.incident.access;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** A small HTTP server on the loopback whose answers are one line of text: 200 with a result, 503 with the reason why there is none. Thread-safe. */
public final class TextServer implements AutoCloseable {
    private static final int THREADS = 4;

    private final HttpServer server;
    private final ExecutorService threads;

    /** What answers a path. */
    @FunctionalInterface
    public interface Answer {
        /**
         * Returns the line.
         *
         * @param path without the slash before it
         * @throws KvException why there is none
         * @throws InterruptedException if the thread is interrupted
         */
        String to(String path) throws InterruptedException;
    }

    private TextServer(HttpServer server, ExecutorService threads) {
        this.server = server;
        this.threads = threads;
    }

    /** Begins to answer, on a free port. */
    public static TextServer start(String name, Answer answer) {
        try {
            HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 16);
            ExecutorService threads = Executors.newFixedThreadPool(THREADS, task -> {
                Thread thread = new Thread(task, name);
                thread.setDaemon(true);
                return thread;
            });
            server.setExecutor(threads);
            server.createContext("/", exchange -> handle(exchange, answer));
            server.start();
            return new TextServer(server, threads);
        } catch (IOException e) {
            throw new KvException(ErrorCode.UNAVAILABLE, name + " cannot listen: " + e.getMessage(), e);
        }
    }

    private static void handle(HttpExchange exchange, Answer answer) throws IOException {
        try (exchange) {
            int status = 200;
            String line;
            try {
                line = answer.to(exchange.getRequestURI().getPath().substring(1));
            } catch (KvException e) {
                status = 503;
                KvException.Denial denial = e.denial();
                line = (denial == null
                                ? e.code().label()
                                : e.code().httpStatus() + " " + denial.reason().label())
                        + ": " + e.getMessage();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                status = 503;
                line = "closing";
            }
            byte[] body = line.getBytes(UTF_8);
            exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
            exchange.getResponseBody().write(body);
        }
    }

    /** Returns where it answers, such as {@code http://127.0.0.1:40123}. */
    public String url() {
        return "http://127.0.0.1:" + server.getAddress().getPort();
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
