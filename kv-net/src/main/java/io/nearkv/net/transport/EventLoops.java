package io.nearkv.net.transport;

import io.netty.channel.EventLoopGroup;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import java.nio.channels.spi.SelectorProvider;
import java.time.Duration;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** A group of event loops and the channel classes that go with it: epoll where the platform has it, else NIO. Thread-safe. */
public final class EventLoops {
    /** Which system interface to use. */
    public enum Kind {
        /** Epoll if the platform has it, else NIO. */
        AUTO,
        /** What every platform has. */
        NIO
    }

    private static final long CLOSE_TIMEOUT_MILLIS = 5_000;

    private final EventLoopGroup group;
    private final boolean epoll;

    private EventLoops(EventLoopGroup group, boolean epoll) {
        this.group = group;
        this.epoll = epoll;
    }

    /**
     * Starts event loops, on daemon threads.
     *
     * @param kind which system interface
     * @param threads how many, at least 1
     * @param threadName what the threads are called, before a dash and a number
     * @param spin how long a loop looks for more work without pause after the last event before it blocks; zero for not at all. Takes a lone request from 75 us
     *     to about 15 and keeps a core busy, so it wants cores to spare
     */
    public static EventLoops start(Kind kind, int threads, String threadName, Duration spin) {
        boolean epoll = kind == Kind.AUTO && Epoll.isAvailable();
        AtomicInteger count = new AtomicInteger();
        ThreadFactory threadFactory = task -> new EventLoopThread(task, threadName + "-" + count.getAndIncrement());
        SpinStrategy.Factory strategies = new SpinStrategy.Factory(spin.toNanos());
        IoHandlerFactory handlers = epoll
                ? EpollIoHandler.newFactory(0, strategies)
                : NioIoHandler.newFactory(SelectorProvider.provider(), strategies);
        return new EventLoops(new MultiThreadIoEventLoopGroup(threads, threadFactory, handlers), epoll);
    }

    /** Returns the group; it is closed with {@link #close()} alone. */
    public EventLoopGroup group() {
        return group;
    }

    /** Returns the channel class of listening sockets. */
    public Class<? extends ServerChannel> serverChannel() {
        return epoll ? EpollServerSocketChannel.class : NioServerSocketChannel.class;
    }

    /** Returns the channel class of connections. */
    public Class<? extends SocketChannel> socketChannel() {
        return epoll ? EpollSocketChannel.class : NioSocketChannel.class;
    }

    /** Returns {@code epoll} or {@code nio}. */
    public String name() {
        return epoll ? "epoll" : "nio";
    }

    /** Ends all loops, with what they still have to do, within a few seconds. Idempotent; does not wait when called on one of its own threads. */
    public void close() {
        Future<?> closed = group.shutdownGracefully(0, CLOSE_TIMEOUT_MILLIS, TimeUnit.MILLISECONDS);
        if (!(Thread.currentThread() instanceof EventLoopThread)) {
            group.terminationFuture().awaitUninterruptibly(CLOSE_TIMEOUT_MILLIS);
        }
        assert closed != null;
    }
}
