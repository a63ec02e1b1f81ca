package io.nearkv.net.rest;

import io.nearkv.core.KvException;
import io.nearkv.net.server.Peers;
import io.nearkv.net.server.ServerLimits;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.EventLoop;
import io.netty.channel.socket.SocketChannel;
import io.netty.handler.codec.http.HttpResponseEncoder;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2FrameCodecBuilder;
import io.netty.handler.codec.http2.Http2MultiplexHandler;
import io.netty.handler.codec.http2.Http2Settings;
import io.netty.handler.codec.http2.Http2StreamFrameToHttpObjectCodec;
import io.netty.handler.ssl.ApplicationProtocolNames;
import io.netty.handler.ssl.ApplicationProtocolNegotiationHandler;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandler;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Lets connections in, or sends them away, and gives each the handlers of the version of HTTP that it speaks. Thread-safe. */
final class RestAcceptor extends ChannelInitializer<SocketChannel> {
    private static final int MAX_STREAMS = 100;
    /** Longer than any drain: who drains decides when it is over, and closes. */
    private static final long GRACE_MILLIS = TimeUnit.HOURS.toMillis(1);

    private static final int MAX_HEADER_LIST_BYTES = 16 * 1024;

    private final RestContext context;
    private final ConcurrentHashMap<EventLoop, RestLoop> loops = new ConcurrentHashMap<>();
    private volatile @Nullable SslContext tls;

    RestAcceptor(RestContext context, @Nullable SslContext tls) {
        this.context = context;
        this.tls = tls;
    }

    /** New connections use these certificates. */
    void setTls(SslContext newTls) {
        tls = newTls;
    }

    List<RestLoop> loops() {
        return List.copyOf(loops.values());
    }

    @Override
    protected void initChannel(SocketChannel channel) {
        Object peer = Peers.keyOf(channel.remoteAddress());
        if (context.isDraining()) {
            var unused = channel.close();
            return;
        }
        KvException full = context.server().tryConnect(peer);
        if (full != null) {
            // Nothing has been asked yet, so there is nothing to answer: the client tries again, or elsewhere.
            var unused = channel.close();
            return;
        }
        context.connections().incrementAndGet();
        channel.closeFuture().addListener(closed -> {
            context.connections().decrementAndGet();
            context.server().disconnected(peer);
        });
        ServerLimits limits = context.server().limits();
        RestConnection connection = new RestConnection(context, loop(channel.eventLoop()), peer);
        SslContext certificates = tls;
        if (certificates == null) {
            speakHttp1(channel.pipeline().addLast(connection), connection);
            return;
        }
        SslHandler handler = certificates.newHandler(channel.alloc());
        // The deadline of the first request covers the handshake too; this one only frees what is behind it.
        handler.setHandshakeTimeoutMillis(limits.helloTimeout().toMillis() + TimeUnit.SECONDS.toMillis(1));
        channel.pipeline()
                .addLast(handler)
                .addLast(connection)
                .addLast(new ApplicationProtocolNegotiationHandler(ApplicationProtocolNames.HTTP_1_1) {
                    @Override
                    protected void handshakeFailure(ChannelHandlerContext ctx, Throwable cause) {
                        var unused = ctx.close(); // hostile peers cause many of them; the default warns of each
                    }

                    @Override
                    protected void configurePipeline(ChannelHandlerContext ctx, String protocol) {
                        if (protocol.equals(ApplicationProtocolNames.HTTP_2)) {
                            speakHttp2(ctx.pipeline(), connection);
                        } else {
                            speakHttp1(ctx.pipeline(), connection);
                        }
                    }
                });
    }

    private void speakHttp1(ChannelPipeline pipeline, RestConnection connection) {
        pipeline.addLast(HttpRules.decoder()).addLast(new HttpResponseEncoder());
        addHandlers(pipeline, connection, false);
    }

    private void speakHttp2(ChannelPipeline pipeline, RestConnection connection) {
        connection.speaksHttp2();
        pipeline.addLast(Http2FrameCodecBuilder.forServer()
                        .initialSettings(Http2Settings.defaultSettings()
                                .maxConcurrentStreams(MAX_STREAMS)
                                .maxHeaderListSize(MAX_HEADER_LIST_BYTES))
                        // Its default here is none at all: GOAWAY, and then the streams under way are cut.
                        .gracefulShutdownTimeoutMillis(GRACE_MILLIS)
                        .build())
                .addLast(new Http2MultiplexHandler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel stream) {
                        stream.pipeline().addLast(new Http2StreamFrameToHttpObjectCodec(true));
                        addHandlers(stream.pipeline(), connection, true);
                    }
                }))
                .addLast(new ChannelInboundHandlerAdapter() {
                    @Override
                    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
                        // What the multiplexer passes on to here. Of an error of the protocol the codec says GOAWAY
                        // with
                        // the reason, and closes; closing first would say that there is none.
                        if (!(cause instanceof Http2Exception)) {
                            connection.exceptionCaught(ctx, cause);
                        }
                    }
                });
    }

    private void addHandlers(ChannelPipeline pipeline, RestConnection connection, boolean http2) {
        pipeline.addLast(new RestHandler(connection, http2));
    }

    private RestLoop loop(EventLoop eventLoop) {
        return loops.computeIfAbsent(
                eventLoop, newLoop -> new RestLoop(newLoop, context.server().tickMillis()));
    }
}
