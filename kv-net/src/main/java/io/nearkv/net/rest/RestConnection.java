package io.nearkv.net.rest;

import io.nearkv.net.server.Counters.Cut;
import io.nearkv.net.server.ServerLimits;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.ssl.SslCloseCompletionEvent;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One TCP connection of the HTTP face, whichever version of HTTP it speaks: keeps the clocks that no dripping byte resets, and knows the handlers of the requests (one for HTTP/1.1, one a
 * stream for HTTP/2). Stands first in the pipeline behind TLS. Confined to its event loop.
 */
final class RestConnection extends ChannelDuplexHandler {
    private static final Logger log = LoggerFactory.getLogger(RestConnection.class);

    private final RestContext context;
    private final RestLoop restLoop;
    private final Caller caller;
    private final Set<RestHandler> handlers = new HashSet<>();

    private @Nullable ChannelHandlerContext channelContext;
    private boolean http2;
    private int requests;
    private int watches;
    private boolean hadRequest;
    private boolean headPending;
    private long headSinceNanos;
    private final long connectedNanos = System.nanoTime();
    private long idleSinceNanos = connectedNanos;
    private long unwritableSinceNanos;
    private boolean unwritable;

    RestConnection(RestContext context, RestLoop restLoop, Object peer) {
        this.context = context;
        this.restLoop = restLoop;
        this.caller = new Caller(context.server(), peer);
    }

    RestContext context() {
        return context;
    }

    Caller caller() {
        return caller;
    }

    void speaksHttp2() {
        http2 = true;
    }

    // ---- the channel ----

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        channelContext = ctx;
        restLoop.add(this);
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
        restLoop.remove(this);
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        if (message instanceof ByteBuf bytes) {
            context.server().counters().bytesRead.add(bytes.readableBytes());
        }
        if (requests == 0 && !headPending && !http2) {
            headPending = true;
            headSinceNanos = System.nanoTime();
        }
        ctx.fireChannelRead(message);
    }

    @Override
    public void write(ChannelHandlerContext ctx, Object message, ChannelPromise promise) {
        if (message instanceof ByteBuf bytes) {
            context.server().counters().bytesWritten.add(bytes.readableBytes());
        }
        var unused = ctx.write(message, promise);
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (http2 && (event instanceof ChannelInputShutdownEvent || event instanceof SslCloseCompletionEvent)) {
            close(); // its streams cannot go on: each needs the client's words for its window
        }
        ctx.fireUserEventTriggered(event);
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        if (!(cause instanceof IOException)) {
            // Such as a TLS handshake that failed. Hostile peers cause many of them.
            log.atDebug().setCause(cause).log("connection failed");
        }
        var unused = ctx.close();
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
        unwritable = !ctx.channel().isWritable();
        unwritableSinceNanos = System.nanoTime();
        ctx.fireChannelWritabilityChanged();
    }

    // ---- requests ----

    void add(RestHandler handler) {
        handlers.add(handler);
    }

    void remove(RestHandler handler) {
        handlers.remove(handler);
    }

    void requestBegan() {
        requests++;
        hadRequest = true;
        headPending = false;
    }

    void requestEnded() {
        requests--;
        if (requests == 0) {
            idleSinceNanos = System.nanoTime();
        }
    }

    int watches() {
        return watches;
    }

    void watchBegan() {
        watches++;
    }

    void watchEnded() {
        watches--;
    }

    private List<RestHandler> handlers() {
        return new ArrayList<>(handlers);
    }

    // ---- clocks ----

    void tick(long nowNanos) {
        ServerLimits limits = context.server().limits();
        if (unwritable
                && nowNanos - unwritableSinceNanos > limits.slowReaderTimeout().toNanos()) {
            cut(Cut.SLOW_READER);
            return;
        }
        for (RestHandler handler : handlers()) {
            handler.tick(nowNanos);
        }
        if (requests > 0) {
            return;
        }
        if (headPending && nowNanos - headSinceNanos > limits.frameTimeout().toNanos()) {
            cut(Cut.FRAME_TIMEOUT);
        } else if (!hadRequest
                && nowNanos - connectedNanos > limits.helloTimeout().toNanos()) {
            cut(Cut.HELLO_TIMEOUT);
        } else if (nowNanos - idleSinceNanos > limits.idleTimeout().toNanos()) {
            cut(Cut.IDLE);
        }
    }

    private void cut(Cut why) {
        context.server().counters().count(why);
        log.atDebug().addKeyValue("why", why).log("HTTP connection cut");
        close();
    }

    /** Closes at once: from here on, past the codec of HTTP/2, which would wait for the streams. */
    void close() {
        ChannelHandlerContext ctx = channelContext;
        if (ctx != null) {
            var unused = ctx.close();
        }
    }

    /** What is under way finishes, what has no end ends, and then the connection closes. */
    void drain() {
        for (RestHandler handler : handlers()) {
            handler.drain();
        }
        ChannelHandlerContext ctx = channelContext;
        if (ctx != null && (requests == 0 || http2)) {
            var unused = ctx.channel().close(); // of HTTP/2 the codec says GOAWAY, and waits for the streams
        }
    }
}
