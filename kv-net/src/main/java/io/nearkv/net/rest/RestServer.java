package io.nearkv.net.rest;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.IoThread;
import io.nearkv.core.KvException;
import io.nearkv.net.server.KvServer;
import io.nearkv.net.server.ServerContext;
import io.nearkv.net.server.TlsFiles;
import io.nearkv.net.transport.EventLoops;
import io.nearkv.net.transport.TlsContexts;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelOption;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.handler.ssl.ApplicationProtocolNames;
import io.netty.handler.ssl.SslContext;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves the REST API of Workers KV beside a {@link KvServer}, and shares its store, authority, bounds, threads and counters: what is decided there is not decided again here. HTTP/1.1, and over TLS
 * HTTP/2 too. To be closed before its server. Thread-safe.
 */
public final class RestServer implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(RestServer.class);

    private static final int BACKLOG = 1024;
    private static final long POLL_MILLIS = 5;

    /** Pieces of 64 KiB: one on its way, one waiting. */
    private static final WriteBufferWaterMark WATER_MARK = new WriteBufferWaterMark(64 * 1024, 128 * 1024);

    private final RestContext context;
    private final RestAcceptor acceptor;
    private final Channel listener;
    private final AtomicBoolean closed = new AtomicBoolean();

    private RestServer(RestContext context, RestAcceptor acceptor, Channel listener) {
        this.context = context;
        this.acceptor = acceptor;
        this.listener = listener;
    }

    /**
     * Starts to listen.
     *
     * @throws IllegalArgumentException if the certificates cannot be used
     * @throws KvException {@link ErrorCode#UNAVAILABLE} if the address cannot be used
     */
    public static RestServer start(KvServer server, RestOptions options) {
        requireNonNull(options, "options");
        ServerContext shared = server.context();
        TlsFiles files = options.tls();
        RestContext context = new RestContext(shared, options);
        RestAcceptor acceptor = new RestAcceptor(context, files == null ? null : load(files));
        EventLoops loops = shared.loops();
        ChannelFuture bound = new ServerBootstrap()
                .group(loops.group())
                .channel(loops.serverChannel())
                .option(ChannelOption.SO_BACKLOG, BACKLOG)
                .option(ChannelOption.SO_REUSEADDR, true)
                .childOption(ChannelOption.TCP_NODELAY, true)
                .childOption(ChannelOption.SO_KEEPALIVE, true)
                .childOption(ChannelOption.ALLOW_HALF_CLOSURE, true)
                .childOption(ChannelOption.WRITE_BUFFER_WATER_MARK, WATER_MARK)
                .childHandler(acceptor)
                .bind(options.address())
                .awaitUninterruptibly();
        if (!bound.isSuccess()) {
            throw new KvException(
                    ErrorCode.UNAVAILABLE,
                    "cannot listen on " + options.address() + " for HTTP (is another server running there?)",
                    bound.cause());
        }
        RestServer rest = new RestServer(context, acceptor, bound.channel());
        log.atInfo()
                .addKeyValue("address", rest.address())
                .addKeyValue("tls", files != null)
                .log("listening for HTTP");
        return rest;
    }

    private static SslContext load(TlsFiles files) {
        return TlsContexts.load(
                files.certificateChain(),
                files.privateKey(),
                files.clientRoots(),
                ApplicationProtocolNames.HTTP_2,
                ApplicationProtocolNames.HTTP_1_1);
    }

    /** Returns where the server listens; with the port that was free, if 0 was asked for. */
    public InetSocketAddress address() {
        return (InetSocketAddress) listener.localAddress();
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
     * Stops taking connections and requests, ends watches, and waits until what is under way has been answered. Blocks; not for an I/O thread.
     *
     * @return whether all ended in time; what did not is still there, for {@link #close()} to cut
     */
    public boolean drain(Duration timeout) {
        if (Thread.currentThread() instanceof IoThread) {
            throw new IllegalStateException("drain() waits for this I/O thread");
        }
        long deadlineNanos = System.nanoTime() + timeout.toNanos();
        context.startDraining();
        listener.close().awaitUninterruptibly(timeout.toMillis());
        for (RestLoop loop : acceptor.loops()) {
            loop.loop().execute(() -> loop.connections().forEach(RestConnection::drain));
        }
        // Polled, because it happens once in the life of a server and keeps the paths of connections free of a lock.
        CountDownLatch never = new CountDownLatch(1);
        while (context.connections().get() > 0) {
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

    /** Closes the listening socket and all connections at once, without an answer to what is under way. Idempotent. */
    @Override
    public void close() {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        context.startDraining();
        var unused = listener.close();
        for (RestLoop loop : acceptor.loops()) {
            loop.loop().execute(() -> loop.connections().forEach(RestConnection::close));
        }
    }

    /** Returns where it listens; for messages. */
    @Override
    public String toString() {
        return "RestServer[" + address() + "]";
    }
}
