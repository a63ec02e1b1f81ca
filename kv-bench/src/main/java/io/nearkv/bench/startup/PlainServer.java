package io.nearkv.bench.startup;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.socket.SocketChannel;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;

/**
 * RocksDB and Netty with nothing around them: the least that a Java server of this kind can start with. A request is one key in one read; the answer is its value, or nothing
 * of it known a single zero byte.
 */
public final class PlainServer {
    private static final byte[] ABSENT = {0};

    private PlainServer() {}

    /** Serves the database in the folder of the first argument on a free port, prints {@code plain ready HOST:PORT}, and ends when killed. */
    public static void main(String[] args) throws Exception {
        RocksDB.loadLibrary();
        RocksDB db = RocksDB.open(new Options().setCreateIfMissing(true), args[0]);
        Channel channel = new ServerBootstrap()
                .group(new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory()))
                .channel(EpollServerSocketChannel.class)
                .childHandler(new ChannelInitializer<SocketChannel>() {
                    @Override
                    protected void initChannel(SocketChannel connection) {
                        connection.pipeline().addLast(new Lookup(db));
                    }
                })
                .bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                .sync()
                .channel();
        System.out.println("plain ready 127.0.0.1:" + ((InetSocketAddress) channel.localAddress()).getPort());
        channel.closeFuture().sync();
    }

    private static final class Lookup extends SimpleChannelInboundHandler<ByteBuf> {
        private final RocksDB db;

        Lookup(RocksDB db) {
            this.db = db;
        }

        @Override
        protected void channelRead0(ChannelHandlerContext context, ByteBuf request) throws RocksDBException {
            byte[] value = db.get(request.toString(StandardCharsets.UTF_8).getBytes(StandardCharsets.UTF_8));
            var unused = context.writeAndFlush(Unpooled.wrappedBuffer(value == null ? ABSENT : value));
        }
    }
}
