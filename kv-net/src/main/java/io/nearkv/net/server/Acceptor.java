package io.nearkv.net.server;

import io.nearkv.core.KvException;
import io.nearkv.net.protocol.ErrorCodec;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoop;
import io.netty.channel.socket.SocketChannel;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandler;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Lets connections in, or sends them away: too many in all, or too many of one peer. Thread-safe. */
final class Acceptor extends ChannelInitializer<SocketChannel> {
    private final ServerContext context;
    private final ConcurrentHashMap<EventLoop, LoopState> loops = new ConcurrentHashMap<>();
    private volatile @Nullable SslContext tls;
    private volatile boolean draining;

    Acceptor(ServerContext context, @Nullable SslContext tls) {
        this.context = context;
        this.tls = tls;
    }

    /** New connections use these certificates. */
    void setTls(SslContext newTls) {
        tls = newTls;
    }

    /** From now on, connections that were accepted too late are sent away. */
    void stop() {
        draining = true;
    }

    List<LoopState> loops() {
        return List.copyOf(loops.values());
    }

    @Override
    protected void initChannel(SocketChannel channel) {
        Object peer = Peers.keyOf(channel.remoteAddress());
        if (draining) {
            refuse(channel, ServerConnection.shuttingDown());
            return;
        }
        KvException full = context.tryConnect(peer);
        if (full != null) {
            refuse(channel, full);
            return;
        }
        channel.closeFuture().addListener(closed -> context.disconnected(peer));
        SslContext certificates = tls;
        if (certificates != null) {
            SslHandler handler = certificates.newHandler(channel.alloc());
            // The deadline of HELLO covers the handshake too; this one only frees what is behind it.
            handler.setHandshakeTimeoutMillis(
                    context.limits().helloTimeout().toMillis() + TimeUnit.SECONDS.toMillis(1));
            channel.pipeline().addLast(handler);
        }
        channel.pipeline().addLast(new ServerConnection(context, loopState(channel.eventLoop()), peer));
    }

    private LoopState loopState(EventLoop loop) {
        return loops.computeIfAbsent(loop, newLoop -> new LoopState(newLoop, context.counters(), context.tickMillis()));
    }

    private void refuse(SocketChannel channel, KvException why) {
        if (tls != null) {
            var unused = channel.close(); // nothing can be said before the handshake, which is work
            return;
        }
        ByteBuf last = channel.alloc().directBuffer();
        ErrorCodec.write(last, 0, why);
        channel.writeAndFlush(last).addListener(ChannelFutureListener.CLOSE);
    }
}
