package io.nearkv.bench.peer;

import io.nearkv.bench.macro.BatchCaller;
import io.nearkv.bench.macro.Completion;
import io.nearkv.bench.macro.OperationKind;
import io.nearkv.bench.macro.Sender;
import io.nearkv.bench.macro.Target;
import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.socket.SocketChannel;
import io.netty.util.ReferenceCountUtil;
import java.net.InetSocketAddress;
import java.nio.channels.ClosedChannelException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A client of {@link EchoServer}: messages of 128 bytes on one event loop, written once for each burst that is read. No protocol, no correlation, no futures: what
 * remains is Netty and the system. Thread-safe.
 */
public final class EchoTarget implements Target {
    private static final int MESSAGE_BYTES = 128;

    private final MultiThreadIoEventLoopGroup group = new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
    private final List<Connection> connections = new ArrayList<>();

    /** Connects so many times. */
    public EchoTarget(InetSocketAddress address, int connectionCount) throws InterruptedException {
        for (int i = 0; i < connectionCount; i++) {
            Connection connection = new Connection();
            Channel unused = new Bootstrap()
                    .group(group)
                    .channel(EpollSocketChannel.class)
                    .option(ChannelOption.TCP_NODELAY, true)
                    .handler(new ChannelInitializer<SocketChannel>() {
                        @Override
                        protected void initChannel(SocketChannel channel) {
                            channel.pipeline().addLast(connection);
                        }
                    })
                    .connect(address)
                    .sync()
                    .channel();
            connections.add(connection);
        }
    }

    @Override
    public Sender sender(int connection, Completion completion) {
        return new EchoSender(connections.get(connection), completion);
    }

    private static final class EchoSender implements Sender, Runnable {
        private final Connection connection;
        private final Completion completion;

        EchoSender(Connection connection, Completion completion) {
            this.connection = connection;
            this.completion = completion;
        }

        @Override
        public void send(OperationKind kind, int keyIndex) {
            ChannelHandlerContext context = connection.context();
            if (context.executor().inEventLoop()) {
                connection.append(completion);
            } else {
                context.executor().execute(this);
            }
        }

        @Override
        public void run() {
            connection.append(completion);
            connection.flush();
        }
    }

    /** One connection; everything but {@link #context()} runs on its event loop. */
    private static final class Connection extends ChannelInboundHandlerAdapter {
        private final ArrayDeque<Completion> waiting = new ArrayDeque<>();
        private volatile @Nullable ChannelHandlerContext context;
        private @Nullable ByteBuf out;
        private int partial;

        ChannelHandlerContext context() {
            ChannelHandlerContext known = context;
            if (known == null) {
                throw new IllegalStateException("not connected");
            }
            return known;
        }

        @Override
        public void handlerAdded(ChannelHandlerContext newContext) {
            context = newContext;
        }

        void append(Completion completion) {
            waiting.add(completion);
            ByteBuf buffer = out;
            if (buffer == null) {
                buffer = context().alloc().directBuffer(16 * MESSAGE_BYTES);
                out = buffer;
            }
            buffer.writeZero(MESSAGE_BYTES);
        }

        void flush() {
            ByteBuf buffer = out;
            if (buffer != null) {
                out = null;
                var unused = context().writeAndFlush(buffer, context().voidPromise());
            }
        }

        @Override
        public void channelRead(ChannelHandlerContext unused, Object message) {
            partial += ((ByteBuf) message).readableBytes();
            ReferenceCountUtil.release(message);
            while (partial >= MESSAGE_BYTES) {
                partial -= MESSAGE_BYTES;
                waiting.remove().answered(MESSAGE_BYTES);
            }
        }

        @Override
        public void channelReadComplete(ChannelHandlerContext unused) {
            flush();
        }

        @Override
        public void channelInactive(ChannelHandlerContext unused) {
            for (Completion each = waiting.poll(); each != null; each = waiting.poll()) {
                each.failed(new ClosedChannelException());
            }
        }
    }

    @Override
    public BatchCaller caller(int thread) {
        throw new IllegalStateException("an echo is sent without waiting (expected: a closed or open loop)");
    }

    @Override
    public void close() {
        group.shutdownGracefully(0, 2, TimeUnit.SECONDS).awaitUninterruptibly(3000);
    }
}
