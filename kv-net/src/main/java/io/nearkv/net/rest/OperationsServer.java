package io.nearkv.net.rest;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.net.transport.EventLoops;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.socket.SocketChannel;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What those who run the process ask it, over HTTP/1.1: {@code /healthz} (is it alive), {@code /readyz} (may it be sent traffic) and {@code /metrics}. Nobody is authenticated, so it
 * belongs on loopback or a private network; it changes nothing and tells no data. Thread-safe.
 *
 * <p>It has one event loop of its own, so that it answers while the others are busy, and one thread for the metrics, whose gathering may wait for locks of the engine. What clients can
 * make it hold is small: {@link #MAX_CONNECTIONS} connections, heads of {@link OperationsConnection#MAX_HEAD_BYTES}, no bodies, and for each step a time that dripping bytes do not prolong.
 */
public final class OperationsServer implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(OperationsServer.class);

    /** Some collectors, some probes, and one person who looks. */
    static final int MAX_CONNECTIONS = 32;

    private static final int BACKLOG = 64;

    private final EventLoops loops;
    private final Supplier<Readiness> readiness;
    private final MetricsText metrics;
    private final OperationsTimeouts timeouts;
    private final ExecutorService writer;
    /** Oldest first. Confined to the event loop. */
    private final Set<OperationsConnection> connections = new LinkedHashSet<>();

    private final AtomicBoolean closed = new AtomicBoolean();
    private final Channel listener;

    private OperationsServer(
            InetSocketAddress address,
            Supplier<Readiness> readiness,
            MetricsText metrics,
            OperationsTimeouts timeouts) {
        this.readiness = requireNonNull(readiness, "readiness");
        this.metrics = requireNonNull(metrics, "metrics");
        this.timeouts = timeouts;
        this.loops = EventLoops.start(EventLoops.Kind.AUTO, 1, "nearkv-ops", Duration.ZERO);
        ChannelFuture bound = new ServerBootstrap()
                .group(loops.group())
                .channel(loops.serverChannel())
                .option(ChannelOption.SO_BACKLOG, BACKLOG)
                .option(ChannelOption.SO_REUSEADDR, true)
                .childOption(ChannelOption.TCP_NODELAY, true)
                .childHandler(new ChannelInitializer<SocketChannel>() {
                    @Override
                    protected void initChannel(SocketChannel channel) {
                        accept(channel);
                    }
                })
                .bind(address)
                .awaitUninterruptibly();
        if (!bound.isSuccess()) {
            loops.close();
            throw new KvException(
                    ErrorCode.UNAVAILABLE,
                    "cannot listen on " + address + " for health and metrics: "
                            + bound.cause().getMessage(),
                    bound.cause());
        }
        this.listener = bound.channel();
        // Each connection asks for one thing at a time, so the queue is never full.
        this.writer = new ThreadPoolExecutor(
                0, 1, 10, TimeUnit.SECONDS, new ArrayBlockingQueue<>(MAX_CONNECTIONS), OperationsServer::thread);
    }

    private static Thread thread(Runnable task) {
        Thread thread = new Thread(task, "nearkv-metrics");
        thread.setDaemon(true);
        return thread;
    }

    /**
     * Starts to listen.
     *
     * @param address where; port 0 for one that is free
     * @param readiness says whether the process may be sent traffic; called on the event loop, so it must not wait for anything
     * @param metrics writes the metrics; called on a thread of its own, one call at a time
     * @throws KvException {@link ErrorCode#UNAVAILABLE} if the address cannot be used
     */
    public static OperationsServer start(
            InetSocketAddress address, Supplier<Readiness> readiness, MetricsText metrics) {
        return start(address, readiness, metrics, OperationsTimeouts.DEFAULT);
    }

    static OperationsServer start(
            InetSocketAddress address,
            Supplier<Readiness> readiness,
            MetricsText metrics,
            OperationsTimeouts timeouts) {
        OperationsServer server =
                new OperationsServer(requireNonNull(address, "address"), readiness, metrics, timeouts);
        log.atInfo().addKeyValue("address", server.address()).log("health and metrics");
        return server;
    }

    /** Returns where the server listens; with the port that was free, if 0 was asked for. */
    public InetSocketAddress address() {
        return (InetSocketAddress) listener.localAddress();
    }

    OperationsTimeouts timeouts() {
        return timeouts;
    }

    Readiness readiness() {
        return readiness.get();
    }

    /** Has the metrics written; completes on another thread. */
    CompletableFuture<MetricsText.Page> metrics(@Nullable String accept) {
        try {
            return CompletableFuture.supplyAsync(() -> metrics.write(accept), writer);
        } catch (RejectedExecutionException e) {
            return CompletableFuture.failedFuture(
                    new KvException(ErrorCode.UNAVAILABLE, "the server is shutting down", e));
        }
    }

    // ---- the event loop ----

    private void accept(SocketChannel channel) {
        if (connections.size() >= MAX_CONNECTIONS && !makeRoom()) {
            var unused = channel.close();
            return;
        }
        OperationsConnection connection = new OperationsConnection(this, channel);
        connections.add(connection);
        channel.closeFuture().addListener(done -> connections.remove(connection));
        connection.open();
    }

    /** A collector that keeps its connection open must not keep a probe out: who has waited longest for its next request goes. */
    private boolean makeRoom() {
        for (OperationsConnection connection : connections) {
            if (connection.isIdle()) {
                connections.remove(connection);
                connection.abort();
                return true;
            }
        }
        return false;
    }

    /** Closes the listening socket and all connections. Idempotent. */
    @Override
    public void close() {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        var unused = listener.close();
        loops.group().execute(() -> Set.copyOf(connections).forEach(OperationsConnection::abort));
        loops.close();
        writer.shutdownNow();
    }

    /** Returns where it listens; for messages. */
    @Override
    public String toString() {
        return "OperationsServer[" + address() + "]";
    }
}
