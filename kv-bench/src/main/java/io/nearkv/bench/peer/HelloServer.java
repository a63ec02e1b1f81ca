package io.nearkv.bench.peer;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.socket.SocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.util.ReferenceCountUtil;
import java.net.InetAddress;
import java.net.InetSocketAddress;

/** The HTTP server of Netty's own examples: its codec, and the same answer to everything. What no server on that codec can be faster than. */
public final class HelloServer {
    private HelloServer() {}

    /**
     * Serves on a free port of the loopback interface, prints {@code hello ready HOST:PORT}, and ends with its standard input.
     *
     * @param args how many bytes the answer has, and how many event loops there are
     */
    public static void main(String[] args) throws Exception {
        ByteBuf body = Unpooled.unreleasableBuffer(Unpooled.directBuffer(Integer.parseInt(args[0]))
                .writeZero(Integer.parseInt(args[0]))
                .asReadOnly());
        MultiThreadIoEventLoopGroup group =
                new MultiThreadIoEventLoopGroup(Integer.parseInt(args[1]), EpollIoHandler.newFactory());
        Channel channel = new ServerBootstrap()
                .group(group)
                .channel(EpollServerSocketChannel.class)
                .option(ChannelOption.SO_BACKLOG, 1024)
                .childOption(ChannelOption.TCP_NODELAY, true)
                .childHandler(new ChannelInitializer<SocketChannel>() {
                    @Override
                    protected void initChannel(SocketChannel connection) {
                        connection.pipeline().addLast(new HttpServerCodec()).addLast(new Hello(body));
                    }
                })
                .bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                .sync()
                .channel();
        System.out.println("hello ready 127.0.0.1:" + ((InetSocketAddress) channel.localAddress()).getPort());
        while (System.in.read() >= 0) {
            // Nothing is said here; the end is the signal.
        }
        group.shutdownGracefully().sync();
    }

    private static final class Hello extends ChannelInboundHandlerAdapter {
        private final ByteBuf body;

        Hello(ByteBuf body) {
            this.body = body;
        }

        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            if (message instanceof HttpRequest) {
                FullHttpResponse response =
                        new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK, body.duplicate());
                response.headers()
                        .set(HttpHeaderNames.CONTENT_TYPE, "application/octet-stream")
                        .setInt(HttpHeaderNames.CONTENT_LENGTH, body.readableBytes());
                var unused = context.write(response);
            }
            ReferenceCountUtil.release(message);
        }

        @Override
        public void channelReadComplete(ChannelHandlerContext context) {
            context.flush();
        }
    }
}
