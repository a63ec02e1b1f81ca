package io.nearkv.net.client;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.IoThread;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.NamespaceId;
import io.nearkv.net.transport.EventLoops;
import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.concurrent.FastThreadLocal;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** The lanes of a client, what they share, and the choice between them. Thread-safe. */
final class LanePool implements Backend {
    /** Above the high mark a connection takes no more requests until it is below the low one: what one socket makes us hold. */
    private static final WriteBufferWaterMark WATER_MARKS = new WriteBufferWaterMark(256 * 1024, 1024 * 1024);

    private static final FastThreadLocal<@Nullable Lane> CURRENT_LANE = new FastThreadLocal<>();

    /** Hears of the connections of a pool. The calls come on its event loops, also while the pool is being made. */
    interface Listener {
        /** Hears nothing. */
        Listener NONE = new Listener() {};

        /** A server has passed the checks, and has said who leads. */
        default void greeted(List<String> leaders) {}

        /** A connection stands or is lost. */
        default void changed() {}
    }

    final ClientOptions options;
    final ClientCounters counters = new ClientCounters();

    private final Greeting greeting;
    private final Listener listener;
    private final EventLoops loops;
    private final boolean ownsLoops;
    private final Lane[] lanes;
    private final AtomicLong pendingBytes = new AtomicLong();
    private final AtomicBoolean closed = new AtomicBoolean();
    private volatile boolean refusing;
    private final CountDownLatch terminated = new CountDownLatch(1);

    /** Of the server that was greeted last; 0 while none was, or the last did not tell. */
    private volatile long lineage;

    private volatile int partitions = 1;

    // For those that wait until the client is connected, or idle.
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();

    /** Returns a pool of its own, which connects. */
    static LanePool start(ClientOptions options) {
        LanePool pool = new LanePool(options, Listener.NONE, null);
        pool.start();
        return pool;
    }

    /**
     * Makes a pool, which does not connect yet.
     *
     * @param loopsOf whose event loops it runs on, and which must be closed after it; null for some of its own. With those of another, all lanes ask the first server first
     */
    LanePool(ClientOptions options, Listener listener, @Nullable LanePool loopsOf) {
        this.options = options;
        this.listener = listener;
        this.greeting = new Greeting(
                options.token(),
                options.environment(),
                options.builds(),
                options.check(),
                options.name(),
                options.streamWindowBytes(),
                options.store());
        this.ownsLoops = loopsOf == null;
        this.loops = loopsOf != null
                ? loopsOf.loops
                : EventLoops.start(
                        EventLoops.Kind.AUTO, options.ioThreads(), "nearkv-client-" + options.name(), options.spin());
        this.lanes = new Lane[options.connections()];
        for (int i = 0; i < lanes.length; i++) {
            lanes[i] = new Lane(this, i, anyLoop(), loopsOf == null ? i : 0);
        }
    }

    /** Begins to connect; once. */
    void start() {
        for (Lane lane : lanes) {
            lane.loop.execute(lane.uplink::connect);
        }
    }

    /** Returns one of the event loops. */
    EventLoop anyLoop() {
        return loops.group().next();
    }

    Greeting greeting() {
        return greeting;
    }

    long nanoTime() {
        return options.nanoTime().getAsLong();
    }

    // ---- calls

    /** Starts a call. Its future fails at once if a bound is reached. */
    <T> CompletableFuture<T> call(
            Exchange exchange,
            @Nullable NamespaceId namespace,
            @Nullable Object argument,
            @Nullable Object callOptions,
            Duration timeout,
            long bytes) {
        CallFuture<T> future = new CallFuture<>();
        if (!takeBytes(bytes)) {
            refuse(exchange, future, "more than " + options.maxPendingBytes() + " bytes of values are in flight");
            return future;
        }
        Slot slot = acquire();
        if (slot == null) {
            returnBytes(bytes);
            refuse(
                    exchange,
                    future,
                    "more than " + options.maxRequestsInFlight() + " requests are in flight on each connection");
            return future;
        }
        slot.exchange = exchange;
        slot.future = future;
        slot.namespace = namespace;
        slot.argument = argument;
        slot.options = callOptions;
        slot.deadlineNanos = nanoTime() + timeout.toNanos();
        slot.pendingBytes = bytes;
        future.bind(slot);
        slot.lane.submit(slot);
        return future;
    }

    /** Starts a stream, whose exchange takes care of everything that a future would. Returns false if a bound is reached. */
    boolean start(Exchange exchange) {
        Slot slot = acquire();
        if (slot == null) {
            counters.refusedFull.increment();
            return false;
        }
        slot.exchange = exchange;
        slot.deadlineNanos = Slot.NO_DEADLINE;
        slot.lane.submit(slot);
        return true;
    }

    /** Runs a task later, on some event loop; never if the client is closed before. */
    void schedule(Runnable task, Duration delay) {
        try {
            var unused = loops.group().schedule(task, delay.toNanos(), TimeUnit.NANOSECONDS);
        } catch (RejectedExecutionException e) {
            assert isClosed();
        }
    }

    private void refuse(Exchange exchange, CompletableFuture<?> future, String reason) {
        counters.refusedFull.increment();
        counters.failed(exchange.operation, ErrorCode.UNAVAILABLE);
        future.completeExceptionally(unavailable("too much at once: " + reason, null));
    }

    private @Nullable Slot acquire() {
        int first = firstChoice();
        Slot slot = lanes[first].slots.acquire();
        for (int i = 1; slot == null && i < lanes.length; i++) {
            slot = lanes[(first + i) % lanes.length].slots.acquire();
        }
        return slot;
    }

    /**
     * Returns the lane that a call of this thread should take. What an answer leads to goes back where the answer came from, and joins the same write. Otherwise one thread
     * keeps to one lane: many calls on one connection cost less than few calls on many.
     */
    private int firstChoice() {
        int count = lanes.length;
        if (count == 1) {
            return 0;
        }
        Thread thread = Thread.currentThread();
        int choice = (int) (thread.getId() % count);
        if (thread instanceof IoThread) {
            Lane current = CURRENT_LANE.get();
            if (current != null && current.pool == this) {
                choice = current.number();
            }
        }
        for (int i = 0; i < count; i++) {
            int candidate = (choice + i) % count;
            if (lanes[candidate].isReady()) {
                return candidate;
            }
        }
        return choice;
    }

    void setCurrentLane(@Nullable Lane lane) {
        CURRENT_LANE.set(lane);
    }

    /** Moves a call that waits for another attempt to a lane that is connected. Returns false, and does nothing, if there is none. */
    boolean moveToReadyLane(Slot from) {
        for (Lane lane : lanes) {
            if (lane != from.lane && lane.isReady()) {
                Slot to = lane.slots.acquire();
                if (to != null) {
                    to.take(from);
                    lane.submit(to);
                    return true;
                }
            }
        }
        return false;
    }

    private boolean takeBytes(long bytes) {
        if (bytes == 0) {
            return true;
        }
        while (true) {
            long before = pendingBytes.get();
            // One call that is larger than the bound goes alone.
            if (before > 0 && before + bytes > options.maxPendingBytes()) {
                return false;
            }
            if (pendingBytes.compareAndSet(before, before + bytes)) {
                return true;
            }
        }
    }

    void returnBytes(long bytes) {
        if (bytes != 0) {
            pendingBytes.addAndGet(-bytes);
        }
    }

    // ---- answers

    /** Completes a future here, or where the builder has said. */
    @SuppressWarnings("unchecked") // The exchange that the call was started with gives the type that its future has.
    void complete(CompletableFuture<?> future, @Nullable Object answer) {
        Executor executor = options.callbackExecutor();
        if (executor == null) {
            ((CompletableFuture<Object>) future).complete(answer);
        } else {
            execute(executor, () -> ((CompletableFuture<Object>) future).complete(answer));
        }
    }

    void completeExceptionally(CompletableFuture<?> future, KvException failure) {
        Executor executor = options.callbackExecutor();
        if (executor == null) {
            future.completeExceptionally(failure);
        } else {
            execute(executor, () -> future.completeExceptionally(failure));
        }
    }

    private static void execute(Executor executor, Runnable completion) {
        try {
            executor.execute(completion);
        } catch (RejectedExecutionException e) {
            // Better on the wrong thread than never.
            completion.run();
        }
    }

    KvException unavailable(String message, @Nullable Throwable cause) {
        return new KvException(ErrorCode.UNAVAILABLE, message, cause);
    }

    KvException closedFailure() {
        return unavailable("the client is closed", null);
    }

    // ---- connections

    ChannelFuture openChannel(EventLoop loop, InetSocketAddress address, ServerAddress server, Session session) {
        SslContext tls = options.tls();
        return new Bootstrap()
                .group(loop)
                .channel(loops.socketChannel())
                .option(ChannelOption.TCP_NODELAY, true)
                .option(ChannelOption.SO_KEEPALIVE, true)
                .option(ChannelOption.WRITE_BUFFER_WATER_MARK, WATER_MARKS)
                .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, (int)
                        options.connectTimeout().toMillis())
                .handler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        if (server.tls()) {
                            // With the name of the server, which its certificate must have.
                            SslHandler handler =
                                    Slot.required(tls).newHandler(channel.alloc(), server.host(), server.port());
                            handler.setHandshakeTimeoutMillis(0); // The connect timeout covers it.
                            channel.pipeline().addLast(handler);
                        }
                        channel.pipeline().addLast(session);
                    }
                })
                .connect(address);
    }

    /** Notes to which history the versions of a server belong that has passed the checks. */
    void greeted(long newLineage, int newPartitions, List<String> leaders) {
        if (newPartitions > 0) {
            partitions = newPartitions;
        }
        lineage = newLineage;
        listener.greeted(leaders);
    }

    /** Returns of how many partitions the positions of the servers are. */
    int partitions() {
        return partitions;
    }

    /** Returns the history that versions belong to, or 0 if it is not known. */
    long knownLineage() {
        return lineage;
    }

    /**
     * Returns the history that versions belong to.
     *
     * @throws KvException {@link ErrorCode#UNAVAILABLE} if it is not known
     */
    long lineage() {
        long known = lineage;
        if (known == 0) {
            throw unavailable("no server has told yet to which history its versions belong", null);
        }
        return known;
    }

    /** Returns whether a connection stands that has passed the checks; any thread. */
    boolean isReady() {
        for (Lane lane : lanes) {
            if (lane.isReady()) {
                return true;
            }
        }
        return false;
    }

    /** Returns why the last attempt to connect has failed, or null while none has, or a connection stands; any thread. */
    @Nullable
    KvException lastFailure() {
        KvException failure = null;
        for (Lane lane : lanes) {
            switch (lane.uplink.state()) {
                case READY -> {
                    return null;
                }
                case BACKOFF, CLOSED -> failure = lane.uplink.lastFailure();
                case CONNECTING -> failure = lane.uplink.failedRounds() > 0 ? lane.uplink.lastFailure() : failure;
            }
        }
        return failure;
    }

    @Override
    public @Nullable KvException notConnected() {
        return lastFailure();
    }

    /** Notes that a server is silent on the connection of a lane: the others look, too. */
    void onSuspicion(Lane finder, ServerAddress suspect) {
        for (Lane lane : lanes) {
            if (lane == finder) {
                continue;
            }
            try {
                lane.loop.execute(() -> {
                    Session current = lane.uplink.session();
                    if (current != null) {
                        current.onSuspicion(suspect);
                    }
                });
            } catch (RejectedExecutionException e) {
                assert isClosed();
            }
        }
    }

    /** Returns whether a connection stands to this server; any thread. */
    boolean isAt(ServerAddress server) {
        for (Lane lane : lanes) {
            if (server.equals(lane.uplink.connectedTo())) {
                return true;
            }
        }
        return false;
    }

    /** Returns whether all connections stand, and to this server; any thread. */
    boolean isOnlyAt(ServerAddress server) {
        for (Lane lane : lanes) {
            if (!server.equals(lane.uplink.connectedTo())) {
                return false;
            }
        }
        return true;
    }

    /** Returns whether a connection stands to any server but this one; any thread. */
    boolean isElsewhere(ServerAddress server) {
        for (Lane lane : lanes) {
            ServerAddress at = lane.uplink.connectedTo();
            if (at != null && !at.equals(server)) {
                return true;
            }
        }
        return false;
    }

    /** Returns whether no call and no stream is under way; any thread. */
    boolean isIdle() {
        for (Lane lane : lanes) {
            if (lane.slots.inUse() > 0) {
                return false;
            }
        }
        return true;
    }

    /** Wakes those that wait for a lane to change its state. */
    void onLaneChanged() {
        lock.lock();
        try {
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        listener.changed();
    }

    /**
     * Waits until one lane is connected.
     *
     * @throws KvException why not: what the last round found if that is a denial, else once the time is over
     */
    @Override
    public void awaitReady(Duration timeout) throws InterruptedException {
        long deadline = System.nanoTime() + timeout.toNanos();
        lock.lock();
        try {
            while (true) {
                KvException failure = null;
                for (Lane lane : lanes) {
                    if (lane.isReady()) {
                        return;
                    }
                    if (lane.uplink.state() == Uplink.State.BACKOFF) {
                        failure = lane.uplink.lastFailure();
                    }
                }
                if (failure != null && failure.code().retry() == ErrorCode.Retry.OTHER_CREDENTIALS) {
                    throw failure;
                }
                if (isClosed()) {
                    throw new IllegalStateException("the client is closed");
                }
                long left = deadline - System.nanoTime();
                if (left <= 0) {
                    throw failure != null ? failure : unavailable("not connected within " + timeout, null);
                }
                long unused = changed.awaitNanos(left);
            }
        } finally {
            lock.unlock();
        }
    }

    // ---- closing

    boolean isClosed() {
        return refusing;
    }

    /** Takes no more calls; {@link #close} follows. */
    void refuseCalls() {
        refusing = true;
    }

    void checkOpen() {
        if (refusing) {
            throw new IllegalStateException("the client is closed");
        }
    }

    /** Takes no more calls, waits a while for those in flight, then ends everything. Idempotent. Does not wait on an I/O thread. */
    @Override
    public void close() {
        close(System.nanoTime() + options.closeTimeout().toNanos());
    }

    /** Closes it as {@link #close()}, and waits for calls in flight until a time of {@link System#nanoTime}. */
    void close(long deadlineNanos) {
        boolean mayWait = !(Thread.currentThread() instanceof IoThread);
        refuseCalls();
        if (closed.compareAndSet(false, true)) {
            if (mayWait) {
                awaitIdle(deadlineNanos);
            }
            List<CompletableFuture<?>> closings = new ArrayList<>();
            for (Lane lane : lanes) {
                if (lane.loop.inEventLoop()) {
                    lane.close();
                } else {
                    closings.add(CompletableFuture.runAsync(lane::close, lane.loop));
                }
            }
            if (mayWait) {
                closings.forEach(CompletableFuture::join);
            }
            if (ownsLoops) {
                loops.close();
            }
            onLaneChanged();
            terminated.countDown();
        } else if (mayWait) {
            awaitTermination();
        }
    }

    /** Waits for the calls in flight, but not for feeds and open streams, which have no end of their own. */
    private void awaitIdle(long deadline) {
        boolean interrupted = false;
        lock.lock();
        try {
            long left = deadline - System.nanoTime();
            while (left > 0 && calls() > 0) {
                // Nobody signals the end of a call, which is too frequent for that.
                long unused = changed.awaitNanos(Math.min(left, TimeUnit.MILLISECONDS.toNanos(2)));
                left = deadline - System.nanoTime();
            }
        } catch (InterruptedException e) {
            interrupted = true;
        } finally {
            lock.unlock();
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void awaitTermination() {
        try {
            boolean unused = terminated.await(10, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private int calls() {
        int calls = 0;
        for (Lane lane : lanes) {
            calls += lane.callsInFlight();
        }
        return calls;
    }

    @Override
    public KvStore store() {
        return new RemoteStore(this);
    }

    @Override
    public ClientStats stats() {
        List<ClientStats.Connection> connections = new ArrayList<>();
        int inFlight = 0;
        for (Lane lane : lanes) {
            ServerAddress server = lane.uplink.connectedTo();
            connections.add(new ClientStats.Connection(
                    ClientStats.State.valueOf(lane.uplink.state().name()),
                    server == null ? null : server.toString(),
                    lane.slots.inUse()));
            inFlight += lane.slots.inUse();
        }
        return new ClientStats(
                counters.calls(),
                counters.retries.sum(),
                counters.budgetExhausted.sum(),
                counters.refusedFull.sum(),
                inFlight,
                lanes.length * options.maxRequestsInFlight(),
                pendingBytes.get(),
                options.maxPendingBytes(),
                counters.connected.sum(),
                counters.reconnected.sum(),
                counters.connectionsLost.sum(),
                counters.failedRounds.sum(),
                counters.goAways.sum(),
                counters.pings.sum(),
                counters.deadPeers.sum(),
                counters.lateAnswers.sum(),
                counters.strayFrames.sum(),
                counters.feedsResumed.sum(),
                connections);
    }
}
