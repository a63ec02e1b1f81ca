package io.nearkv.net.server;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.net.protocol.ErrorCodec;
import io.nearkv.net.protocol.FrameReader;
import io.nearkv.net.protocol.FrameType;
import io.nearkv.net.protocol.Frames;
import io.nearkv.net.protocol.Protocol;
import io.nearkv.net.protocol.ProtocolException;
import io.nearkv.net.server.Counters.Cut;
import io.nearkv.net.wire.Wire;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.ssl.SslHandler;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One connection: reads frames in place, gathers answers in one buffer, and keeps the clocks. What the frames mean is {@link Session}'s. Confined to its event loop.
 *
 * <p>Reading: bytes that make no whole frame yet stay in {@code cumulation}. While answers wait for a peer that does not read, {@code paused} is set, and nothing
 * is read or decoded. Writing: frames are appended to {@code out}, which is written when the burst that was read is worked off, when a batch of completions is, or when
 * it is large.
 */
final class ServerConnection extends ChannelInboundHandlerAdapter {
    private static final Logger log = LoggerFactory.getLogger(ServerConnection.class);

    /** Answers are handed to the socket when there are so many bytes of them, even in the middle of a burst. */
    private static final int FLUSH_BYTES = 64 * 1024;

    /**
     * So many requests of one burst are worked off before their answers leave. The peer then goes on while the rest is being answered; with one write for a burst of any length
     * both ends would take turns, each idle while the other works. Enough of them that a write costs little for each.
     */
    private static final int REQUESTS_PER_WRITE = 16;

    private static final int MIN_OUT_BYTES = 1024;

    /** How long a closing connection waits for its peer to read the last words and close. */
    private static final long LINGER_NANOS = TimeUnit.SECONDS.toNanos(1);

    private enum State {
        /** Nothing but HELLO is understood. */
        AWAITING_HELLO,
        /** Serving. */
        OPEN,
        /** GOAWAY is sent: what is in flight finishes, what comes is refused. */
        DRAINING,
        /** The last words are written; what comes is thrown away. */
        CLOSING,
        /** Over. */
        CLOSED
    }

    private final ServerContext context;
    private final LoopState loopState;
    private final Object peer;
    private final FrameReader frame = new FrameReader(Protocol.MAX_HELLO_FRAME_BYTES);

    private State state = State.AWAITING_HELLO;
    private @Nullable ChannelHandlerContext channelContext;
    private @Nullable Session session;
    private @Nullable DocumentTraffic documents;
    private @Nullable ByteBuf cumulation;
    private @Nullable ByteBuf out;
    private int outGuess = MIN_OUT_BYTES;
    private boolean walking;
    private boolean paused;
    private boolean isDirty;

    private final long connectedNanos = System.nanoTime();
    private long lastFrameNanos = connectedNanos;
    private long partialSinceNanos;
    private boolean partial;
    private long closingSinceNanos;
    private long writeMarkNanos;
    private boolean writeMarked;

    ServerConnection(ServerContext context, LoopState loopState, Object peer) {
        this.context = context;
        this.loopState = loopState;
        this.peer = peer;
    }

    ServerContext context() {
        return context;
    }

    LoopState loopState() {
        return loopState;
    }

    private ChannelHandlerContext channelContext() {
        ChannelHandlerContext known = channelContext;
        if (known == null) {
            throw new IllegalStateException("the connection is not open yet");
        }
        return known;
    }

    // ---- events of the channel ----

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        channelContext = ctx;
        loopState.add(this);
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
        closed();
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        closed();
        ctx.fireChannelInactive();
    }

    private void closed() {
        if (state == State.CLOSED) {
            return;
        }
        state = State.CLOSED;
        loopState.requestClock().publish();
        loopState.remove(this);
        Session ended = session;
        if (ended != null) {
            ended.closed();
        }
        DocumentTraffic traffic = documents;
        if (traffic != null) {
            traffic.closed();
        }
        releaseInput();
        if (out != null) {
            out.release();
            out = null;
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        ByteBuf in = (ByteBuf) message;
        context.counters().bytesRead.add(in.readableBytes());
        if (state == State.CLOSING || state == State.CLOSED) {
            in.release();
            return;
        }
        cumulation = cumulation == null ? in : merged(ctx, cumulation, in);
        walk();
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        flush();
        ctx.fireChannelReadComplete();
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
        if (ctx.channel().isWritable()) {
            // Not at once: this comes in the middle of a flush, which may be in the middle of anything.
            ctx.executor().execute(this::writableAgain);
        }
        ctx.fireChannelWritabilityChanged();
    }

    private void writableAgain() {
        ChannelHandlerContext ctx = channelContext();
        if (!reading() || !ctx.channel().isWritable()) {
            return;
        }
        Session live = session;
        if (live != null) {
            live.writable();
        }
        if (documents != null) {
            documents.writable();
        }
        if (paused) {
            paused = false;
            walk();
            if (!paused && reading()) {
                ctx.channel().config().setAutoRead(true);
            }
        }
        flush();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        if (!(cause instanceof IOException)) {
            // Such as a TLS handshake that failed. Hostile peers cause many of them.
            log.atDebug().setCause(cause).log("connection failed");
        }
        var unused = ctx.close();
    }

    // ---- reading ----

    /** Decodes what there is. */
    private void walk() {
        ByteBuf in = cumulation;
        if (in == null || walking) {
            return;
        }
        walking = true;
        loopState.requestClock().start();
        try {
            int unwritten = 0;
            while (!paused && reading() && frame.next(in)) {
                partial = false;
                handle(in);
                ByteBuf answers = out;
                if (answers != null && (++unwritten == REQUESTS_PER_WRITE || answers.readableBytes() >= FLUSH_BYTES)) {
                    unwritten = 0;
                    flush();
                    pauseIfCongested();
                }
            }
            keepRest(in);
        } catch (ProtocolException e) {
            protocolError(e);
        } finally {
            walking = false;
        }
        if (!reading()) {
            releaseInput();
        }
    }

    private boolean reading() {
        return state != State.CLOSING && state != State.CLOSED;
    }

    private void handle(ByteBuf in) {
        Session live = session;
        if (live != null) {
            live.handle(in, frame);
        } else if (frame.type() == FrameType.HELLO) {
            hello(in);
        } else if (frame.type() == FrameType.OFFER) {
            documents().offer(in, frame, true);
        } else {
            throw new ProtocolException(FrameType.name(frame.type()) + " before HELLO");
        }
    }

    /** Returns what has to do with signed documents. */
    DocumentTraffic documents() {
        DocumentTraffic known = documents;
        if (known == null) {
            known = new DocumentTraffic(this, peer);
            documents = known;
        }
        return known;
    }

    private void hello(ByteBuf in) {
        if (frame.correlationId() == 0) {
            throw new ProtocolException("HELLO with correlation id 0");
        }
        int correlationId = frame.correlationId();
        RequestClock clock = loopState.requestClock();
        try {
            session = Handshake.greet(this, in, frame, peer);
            frame.setMaxFrameBytes(Protocol.MAX_FRAME_BYTES);
            if (state == State.AWAITING_HELLO) {
                state = State.OPEN;
            }
            context.counters().count(Op.HELLO, Counters.OK, clock.lap());
        } catch (KvException e) {
            context.counters().count(Op.HELLO, e.code(), clock.lap());
            closeWith(correlationId, e);
        }
    }

    private void keepRest(ByteBuf in) {
        if (cumulation == null) {
            return; // the connection closed meanwhile
        }
        if (!in.isReadable()) {
            in.release();
            cumulation = null;
            lastFrameNanos = loopState.requestClock().end();
            return;
        }
        if (!partial && !paused) {
            partial = true;
            partialSinceNanos = System.nanoTime();
        }
    }

    /** Returns one buffer with the bytes of both; takes over both. Never grows beyond the frame that is being read and what one read brings. */
    private ByteBuf merged(ChannelHandlerContext ctx, ByteBuf first, ByteBuf second) {
        int needed = first.readableBytes() + second.readableBytes();
        if (first.maxFastWritableBytes() >= second.readableBytes() && first.refCnt() == 1) {
            first.writeBytes(second);
            second.release();
            return first;
        }
        int capacity = Math.max(needed, Math.min(FrameReader.expectedBytes(first), Protocol.MAX_FRAME_BYTES));
        ByteBuf both = ctx.alloc().directBuffer(capacity);
        both.writeBytes(first).writeBytes(second);
        first.release();
        second.release();
        return both;
    }

    private void releaseInput() {
        ByteBuf in = cumulation;
        if (in != null) {
            cumulation = null;
            in.release();
        }
    }

    private void pauseIfCongested() {
        ChannelHandlerContext ctx = channelContext();
        if (!ctx.channel().isWritable() && !paused) {
            paused = true;
            ctx.channel().config().setAutoRead(false);
        }
    }

    // ---- writing ----

    /** Returns the buffer to which answers are appended; borrowed until the next call of any method. */
    ByteBuf out() {
        ByteBuf answers = out;
        if (answers == null) {
            answers = channelContext().alloc().directBuffer(outGuess);
            out = answers;
        }
        if (!walking && !isDirty) {
            isDirty = true;
            loopState.dirty(this);
        }
        return answers;
    }

    /** Returns whether the peer keeps up with its answers. */
    boolean isWritable() {
        ByteBuf waiting = out;
        return channelContext().channel().isWritable() && (waiting == null || waiting.readableBytes() < FLUSH_BYTES);
    }

    /** Hands the answers to the socket if they are many. */
    void flushIfLarge() {
        ByteBuf answers = out;
        if (answers != null && answers.readableBytes() >= FLUSH_BYTES) {
            flush();
        }
    }

    /** Hands what a task of the event loop has appended to the socket. */
    void flushDirtySoon() {
        loopState.flushDirty();
    }

    void flushDirty() {
        isDirty = false;
        if (state != State.CLOSED) {
            flush();
            pauseIfCongested();
        }
    }

    private void flush() {
        // Before the answers leave: who has one finds it counted.
        loopState.requestClock().publish();
        ByteBuf answers = out;
        if (answers == null) {
            return;
        }
        out = null;
        int size = answers.readableBytes();
        context.counters().bytesWritten.add(size);
        // The next burst is likely to be like this one; a buffer that fits is not copied while it grows.
        outGuess = Math.max(MIN_OUT_BYTES, Math.min(FLUSH_BYTES, Integer.highestOneBit(Math.max(1, size)) * 2));
        ChannelHandlerContext ctx = channelContext();
        // A write that fails closes the connection by itself.
        var unused = ctx.writeAndFlush(answers, ctx.voidPromise());
    }

    // ---- the end ----

    void protocolError(ProtocolException e) {
        context.counters().count(Cut.PROTOCOL_ERROR);
        log.atDebug().addKeyValue("peer", peer).log("protocol error: {}", e.getMessage());
        closeWith(0, new KvException(ErrorCode.INVALID_REQUEST, String.valueOf(e.getMessage())));
    }

    private void cut(Cut why, String message) {
        context.counters().count(why);
        log.atDebug().addKeyValue("peer", peer).log("connection cut: {}", message);
        closeWith(0, new KvException(ErrorCode.DEADLINE_EXCEEDED, message));
    }

    /** Says why, ends what is in flight, and closes when the peer has had the time to read it. */
    private void closeWith(int correlationId, KvException last) {
        if (!reading()) {
            return;
        }
        ErrorCodec.write(out(), correlationId, last);
        closeGently();
    }

    /**
     * Closes this direction and waits a moment for the peer to close the other. Closing both while bytes of the peer are unread makes the system answer with a
     * reset, which takes away from the peer what it has not read yet: the reason why.
     */
    private void closeGently() {
        state = State.CLOSING;
        closingSinceNanos = System.nanoTime();
        Session live = session;
        if (live != null) {
            live.closed();
        }
        if (!walking) {
            releaseInput();
        }
        flush();
        ChannelHandlerContext ctx = channelContext();
        ctx.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(written -> {
            if (!written.isSuccess() || ctx.pipeline().get(SslHandler.class) != null) {
                var unused = ctx.close();
            } else if (ctx.channel() instanceof DuplexChannel duplex) {
                var unused = duplex.shutdownOutput();
                ctx.channel().config().setAutoRead(true);
            }
        });
    }

    /** Begins to drain: see {@link KvServer#drain}. */
    void drain() {
        if (state == State.AWAITING_HELLO) {
            closeWith(0, shuttingDown());
        } else if (state == State.OPEN) {
            state = State.DRAINING;
            lastFrameNanos = System.nanoTime();
            Frames.writeMessage(
                    out(),
                    FrameType.GOAWAY,
                    0,
                    0,
                    Wire.GoAway.newBuilder().setMessage("shutting down").build());
            Session live = session;
            if (live != null) {
                live.drain();
            }
            flush();
        }
    }

    /** Closes at once. */
    void abort() {
        var unused = channelContext().close();
    }

    boolean isDraining() {
        return state == State.DRAINING;
    }

    static KvException shuttingDown() {
        return new KvException(
                ErrorCode.UNAVAILABLE, "the server is shutting down; connect to another, or again later");
    }

    // ---- the clocks ----

    /** Looks at every deadline of this connection. Times count from the first byte or the first wait and are not reset by what drips. */
    void tick(long nowNanos) {
        ServerLimits limits = context.limits();
        Session live = session;
        switch (state) {
            case CLOSED -> {}
            case CLOSING -> {
                if (nowNanos - closingSinceNanos > LINGER_NANOS) {
                    abort();
                }
            }
            case AWAITING_HELLO -> {
                if (nowNanos - connectedNanos > limits.helloTimeout().toNanos()) {
                    cut(Cut.HELLO_TIMEOUT, "HELLO was not complete in time");
                }
            }
            case OPEN, DRAINING -> {
                if (partial
                        && !paused
                        && nowNanos - partialSinceNanos > limits.frameTimeout().toNanos()) {
                    cut(Cut.FRAME_TIMEOUT, "a frame was not complete in time");
                } else if (readsTooSlowly(nowNanos)) {
                    // No last words: the peer does not read.
                    context.counters().count(Cut.SLOW_READER);
                    abort();
                } else if (live != null) {
                    live.tick(nowNanos);
                    if (reading() && live.isIdle()) {
                        tickIdle(nowNanos, limits);
                    }
                }
            }
        }
    }

    private void tickIdle(long nowNanos, ServerLimits limits) {
        long silentNanos = nowNanos - lastFrameNanos;
        if (state == State.DRAINING) {
            // The peer has had a moment to see the GOAWAY: requests that it sent before that are not lost.
            if (silentNanos > LINGER_NANOS) {
                closeGently();
            }
        } else if (!partial && silentNanos > limits.idleTimeout().toNanos()) {
            cut(Cut.IDLE, "idle for " + limits.idleTimeout());
        }
    }

    /** A mark goes into the queue of the socket; if it is not written in time, what was before it was not read in time. */
    private boolean readsTooSlowly(long nowNanos) {
        ChannelHandlerContext ctx = channelContext();
        if (writeMarked) {
            return nowNanos - writeMarkNanos
                    > context.limits().slowReaderTimeout().toNanos();
        }
        var queue = ctx.channel().unsafe().outboundBuffer();
        if (queue != null && queue.totalPendingWriteBytes() > 0) {
            writeMarked = true;
            writeMarkNanos = nowNanos;
            ctx.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener((ChannelFutureListener) done -> writeMarked = false);
        }
        return false;
    }
}
