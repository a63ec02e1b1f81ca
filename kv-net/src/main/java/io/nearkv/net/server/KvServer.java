package io.nearkv.net.server;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.IoThread;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.identity.Authority;
import io.nearkv.net.transport.EventLoops;
import io.nearkv.net.transport.TlsContexts;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelOption;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.handler.ssl.SslContext;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves a {@link KvStore} over the wire protocol. The store and the authority stay their owner's: closing the server closes neither. Thread-safe.
 *
 * <p>Every operation passes two guards first: {@link Authority#refusal()} and the grant of the connection's token. Everything that clients can make the server hold is bounded by
 * {@link ServerLimits}.
 */
public final class KvServer implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(KvServer.class);

    private static final int BACKLOG = 1024;
    private static final long POLL_MILLIS = 5;
    private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(5);

    private final ServerContext context;
    private final EventLoops loops;
    private final Acceptor acceptor;
    private final Channel listener;
    private final AtomicBoolean closed = new AtomicBoolean();

    private KvServer(ServerContext context, EventLoops loops, Acceptor acceptor, Channel listener) {
        this.context = context;
        this.loops = loops;
        this.acceptor = acceptor;
        this.listener = listener;
    }

    /**
     * Starts to listen, and serves one store.
     *
     * @throws IllegalArgumentException if the certificates cannot be used
     * @throws KvException {@link ErrorCode#UNAVAILABLE} if the address cannot be used
     */
    public static KvServer start(KvStore store, Authority authority, KvServerOptions options) {
        return start(List.of(store), authority, options);
    }

    /**
     * Starts to listen, and serves several stores.
     *
     * @param stores by the number that a client says in its greeting, from 0 on; the first one is for those that say nothing
     * @throws IllegalArgumentException if the certificates cannot be used
     * @throws KvException {@link ErrorCode#UNAVAILABLE} if the address cannot be used
     */
    public static KvServer start(List<? extends KvStore> stores, Authority authority, KvServerOptions options) {
        requireNonNull(stores, "stores");
        requireNonNull(authority, "authority");
        TlsFiles tlsFiles = options.tls();
        SslContext tls = tlsFiles == null ? null : load(tlsFiles);
        EventLoops loops =
                EventLoops.start(options.transport(), options.eventLoopThreads(), "nearkv-server", options.spin());
        ServerContext context = new ServerContext(options, List.copyOf(stores), authority, loops);
        Acceptor acceptor = new Acceptor(context, tls);
        int high = options.limits().writeBufferBytes();
        ChannelFuture bound = new ServerBootstrap()
                .group(loops.group())
                .channel(loops.serverChannel())
                .option(ChannelOption.SO_BACKLOG, BACKLOG)
                .option(ChannelOption.SO_REUSEADDR, true)
                .childOption(ChannelOption.TCP_NODELAY, true)
                .childOption(ChannelOption.SO_KEEPALIVE, true)
                .childOption(ChannelOption.WRITE_BUFFER_WATER_MARK, new WriteBufferWaterMark(high / 2, high))
                .childHandler(acceptor)
                .bind(options.address())
                .awaitUninterruptibly();
        if (!bound.isSuccess()) {
            loops.close();
            throw new KvException(
                    ErrorCode.UNAVAILABLE,
                    "cannot listen on " + options.address().getHostString() + ":"
                            + options.address().getPort() + ": " + bound.cause().getMessage()
                            + " (expected: an address of this machine, where no other server listens)",
                    bound.cause());
        }
        KvServer server = new KvServer(context, loops, acceptor, bound.channel());
        log.atInfo()
                .addKeyValue("address", server.address())
                .addKeyValue("transport", loops.name())
                .addKeyValue("tls", tls != null)
                .addKeyValue("environment", authority.environment())
                .log("listening");
        return server;
    }

    private static SslContext load(TlsFiles files) {
        return TlsContexts.load(files.certificateChain(), files.privateKey(), files.clientRoots());
    }

    /** Returns where the server listens; with the port that was free, if 0 was asked for. */
    public InetSocketAddress address() {
        return (InetSocketAddress) listener.localAddress();
    }

    /** Returns what this server shares with those of other protocols that stand beside it and end before it. Internal to kv-net. */
    public ServerContext context() {
        return context;
    }

    /** Returns what the server has done and holds. */
    public ServerStats stats() {
        return context.counters().snapshot();
    }

    /** Returns the bounds that the gauges of {@link #stats()} stand beside. */
    public ServerLimits limits() {
        return context.limits();
    }

    /**
     * Reads the certificates again; new connections use them, those that are open go on.
     *
     * @throws IllegalArgumentException if they cannot be used; the old ones stay
     * @throws IllegalStateException if the server has no TLS
     */
    public void reloadTls() {
        TlsFiles files = context.options().tls();
        if (files == null) {
            throw new IllegalStateException("the server has no TLS");
        }
        acceptor.setTls(load(files));
    }

    /**
     * Stops taking connections and requests, tells the clients so, ends their watches, and waits until what is in flight has been answered and the connections are closed. Blocks; not
     * for an I/O thread.
     *
     * @return whether all ended in time; what did not is still there, for {@link #close()} to cut
     */
    public boolean drain(Duration timeout) {
        if (Thread.currentThread() instanceof IoThread) {
            throw new IllegalStateException("drain() waits for this I/O thread");
        }
        long deadlineNanos = System.nanoTime() + timeout.toNanos();
        acceptor.stop();
        listener.close().awaitUninterruptibly(timeout.toMillis());
        for (LoopState loop : acceptor.loops()) {
            loop.loop().execute(() -> loop.connections().forEach(ServerConnection::drain));
        }
        return awaitNoConnections(deadlineNanos);
    }

    private boolean awaitNoConnections(long deadlineNanos) {
        // Polled, because it happens once in the life of a server and keeps the paths of connections free of a lock.
        CountDownLatch never = new CountDownLatch(1);
        while (context.counters().connections.get() > 0) {
            if (System.nanoTime() - deadlineNanos > 0) {
                return false;
            }
            try {
                if (never.await(POLL_MILLIS, TimeUnit.MILLISECONDS)) {
                    return false;
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return false;
            }
        }
        return true;
    }

    /** Closes the listening socket and all connections at once, without an answer to what is in flight. Idempotent. */
    @Override
    public void close() {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        acceptor.stop();
        var unused = listener.close();
        for (LoopState loop : acceptor.loops()) {
            loop.loop().execute(() -> loop.connections().forEach(ServerConnection::abort));
        }
        if (!(Thread.currentThread() instanceof IoThread)) {
            awaitNoConnections(System.nanoTime() + CLOSE_TIMEOUT.toNanos());
        }
        context.courier().close();
        loops.close();
    }

    /** Returns where it listens; for messages. */
    @Override
    public String toString() {
        return "KvServer[" + address() + "]";
    }
}
