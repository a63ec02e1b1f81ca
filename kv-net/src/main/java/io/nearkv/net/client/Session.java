package io.nearkv.net.client;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.net.protocol.ErrorCodec;
import io.nearkv.net.protocol.FrameReader;
import io.nearkv.net.protocol.FrameType;
import io.nearkv.net.protocol.Frames;
import io.nearkv.net.protocol.Protocol;
import io.nearkv.net.protocol.ProtocolException;
import io.nearkv.net.protocol.VerdictCodec;
import io.nearkv.net.wire.Wire;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * One TCP connection of a {@link Lane}, from connecting to its end. Confined to the lane's event loop.
 *
 * <p>Frames are read in place, as many as a read brought; what they complete may call again at once, and what is to be sent is collected in one buffer, which is written
 * once when the burst is over. So a client with many calls in flight makes few system calls, whoever issues the calls.
 */
final class Session extends ChannelInboundHandlerAdapter {
    enum Phase {
        /** Until the server has been checked; nothing but HELLO was sent. */
        GREETING,
        READY,
        /** The server has announced the end: what is in flight finishes, nothing new begins. */
        DRAINING,
        CLOSED
    }

    /** Of requests in one write; more go into the next, so that what waits for the socket stays bounded. */
    private static final int MAX_WRITE_BYTES = 256 * 1024;

    private static final int MIN_BUFFER_BYTES = 1024;

    private final Lane lane;
    private final ServerAddress address;
    private final FrameReader frames = new FrameReader(Protocol.MAX_HELLO_FRAME_BYTES);
    private final Deque<Slot> waitingToResume = new ArrayDeque<>();

    private Phase phase = Phase.GREETING;
    private @Nullable Channel channel;
    private @Nullable KvException cause;
    /** The beginning of a frame whose rest has not arrived. */
    private @Nullable ByteBuf partial;
    /** What is to be written at the next flush. */
    private @Nullable ByteBuf out;

    private int lastWriteBytes;
    private boolean reading;
    /** From when the server has been checked. */
    private @Nullable SilenceWatch silence;

    private @Nullable DocumentFollower documents;

    private long readyAtNanos;
    private int inFlight;
    private int maxInFlight;
    /** Bytes of values in the requests in flight. */
    private long bytesInFlight;

    private long maxBytesInFlight;
    private int peerWindowBytes = Protocol.MIN_STREAM_WINDOW_BYTES;

    Session(Lane lane, ServerAddress address) {
        this.lane = lane;
        this.address = address;
    }

    ServerAddress address() {
        return address;
    }

    Phase phase() {
        return phase;
    }

    /** Returns when the server had been checked. */
    long readyAtNanos() {
        return readyAtNanos;
    }

    /** Returns whether frames may still be appended. */
    boolean isOpen() {
        return phase == Phase.READY || phase == Phase.DRAINING;
    }

    /** Returns why the session has ended, or null while it has not. */
    @Nullable
    KvException cause() {
        return cause;
    }

    /** Returns how many bytes of DATA may be sent per stream before the first CREDIT. */
    int peerWindowBytes() {
        return peerWindowBytes;
    }

    // ---- sending

    /** Returns the buffer that frames are appended to; it is written when the present burst is over, at the latest after {@link #flushSoon()}. */
    ByteBuf out() {
        ByteBuf buffer = out;
        if (buffer == null) {
            // As large as the last write, with some room: the load of one moment is much like that of the next.
            int size = Math.max(MIN_BUFFER_BYTES, Math.min(lastWriteBytes + lastWriteBytes / 2, MAX_WRITE_BYTES));
            buffer = Slot.required(channel).alloc().directBuffer(size);
            out = buffer;
        }
        return buffer;
    }

    /** Returns whether this request may be written now. */
    boolean canSend(Slot slot) {
        return phase == Phase.READY
                && inFlight < maxInFlight
                && (bytesInFlight == 0 || bytesInFlight + slot.pendingBytes <= maxBytesInFlight)
                && hasRoom();
    }

    /** Returns whether the connection takes more bytes. */
    boolean hasRoom() {
        ByteBuf buffer = out;
        if (buffer != null && buffer.readableBytes() >= MAX_WRITE_BYTES) {
            flush();
        }
        return Slot.required(channel).isWritable();
    }

    /** Writes a request. */
    void send(Slot slot) {
        slot.state = Slot.State.SENT;
        slot.session = this;
        slot.attempt++;
        int id = slot.nextCorrelationId();
        assert id != 0;
        inFlight++;
        Slot.required(silence).onRequest();
        bytesInFlight += slot.pendingBytes;
        ByteBuf buffer = out();
        int start = buffer.writerIndex();
        try {
            slot.exchange().send(slot, this);
        } catch (KvException e) {
            // It cannot be written at all; nothing of it has left.
            buffer.writerIndex(start);
            lane.fail(slot, e);
        }
    }

    /** Gives up the answer of a request that was written; its slot stays taken until the last frame comes. */
    void abandon(Slot slot) {
        slot.state = Slot.State.ABANDONED;
        lane.pool.returnBytes(slot.pendingBytes);
        bytesInFlight -= slot.pendingBytes;
        slot.pendingBytes = 0;
        slot.future = null;
        slot.argument = null;
        slot.progress = null;
        if (isOpen()) {
            Frames.writeEmpty(out(), FrameType.CANCEL, slot.correlationId);
            flushSoon();
        }
    }

    /** Calls {@link Exchange#resume} once the connection takes bytes again. */
    void resumeWhenWritable(Slot slot) {
        waitingToResume.add(slot);
    }

    /** Has what was appended written at the end of the burst that is being read or, outside of one, in a task of the event loop that takes along what others append. */
    void flushSoon() {
        if (!reading) {
            lane.pumpSoon();
        }
    }

    void flush() {
        ByteBuf buffer = out;
        if (buffer == null) {
            return;
        }
        out = null;
        Channel to = Slot.required(channel);
        if (buffer.isReadable() && to.isActive()) {
            lastWriteBytes = buffer.readableBytes();
            var unused = to.writeAndFlush(buffer, to.voidPromise());
        } else {
            buffer.release();
        }
    }

    // ---- the life of the connection

    @Override
    public void handlerAdded(ChannelHandlerContext context) {
        channel = context.channel();
        if (phase == Phase.CLOSED) {
            // Given up before it had begun.
            var unused = context.close();
        }
    }

    @Override
    public void channelActive(ChannelHandlerContext context) {
        if (phase == Phase.GREETING && context.pipeline().get(SslHandler.class) == null) {
            greet();
        }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        if (event instanceof SslHandshakeCompletionEvent handshake) {
            if (!handshake.isSuccess()) {
                close(lane.pool.unavailable(
                        "TLS with " + address + " failed: " + handshake.cause(), handshake.cause()));
            } else if (phase == Phase.GREETING) {
                greet();
            }
        }
    }

    private void greet() {
        Frames.writeHello(out(), 1, lane.pool.greeting().hello());
        flush();
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        ByteBuf in = (ByteBuf) message;
        reading = true;
        if (silence != null) {
            silence.onRead();
        }
        lane.enterBurst();
        try {
            read(in);
        } catch (ProtocolException | KvException e) {
            close(lane.pool.unavailable(address + " broke the protocol: " + e.getMessage(), e));
        } finally {
            in.release();
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext context) {
        reading = false;
        lane.leaveBurst();
        // Also what other threads have handed over meanwhile goes along.
        lane.pumpAndFlush();
    }

    private void read(ByteBuf in) {
        while (partial != null) {
            ByteBuf begun = partial;
            int expected = FrameReader.expectedBytes(begun);
            int missing = (expected == 0 ? Protocol.LENGTH_BYTES : expected) - begun.readableBytes();
            begun.writeBytes(in, Math.min(missing, in.readableBytes()));
            if (frames.next(begun)) {
                partial = null;
                try {
                    onFrame(begun);
                } finally {
                    begun.release();
                }
            } else if (!in.isReadable()) {
                return;
            }
        }
        while (phase != Phase.CLOSED && frames.next(in)) {
            onFrame(in);
        }
        if (phase != Phase.CLOSED && in.isReadable()) {
            int expected = FrameReader.expectedBytes(in);
            ByteBuf begun = in.alloc().directBuffer(Math.max(expected, Protocol.HEADER_BYTES));
            begun.writeBytes(in);
            partial = begun;
        }
    }

    private void onFrame(ByteBuf in) {
        int id = frames.correlationId();
        if (phase == Phase.GREETING) {
            onGreeting(in);
        } else if (id == 0) {
            onConnectionFrame(in);
        } else {
            onAnswer(in, id);
        }
    }

    private void onAnswer(ByteBuf in, int id) {
        Slot slot = lane.slots.find(id);
        if (slot == null || slot.session != this) {
            lane.pool.counters.strayFrames.increment();
            return;
        }
        if (slot.state == Slot.State.ABANDONED) {
            if (isLast()) {
                lane.pool.counters.lateAnswers.increment();
                lane.release(slot);
            }
        } else if (frames.type() == FrameType.ERROR) {
            lane.onError(slot, ErrorCodec.read(in, frames));
        } else {
            slot.exchange().receive(slot, this, in, frames);
        }
    }

    private boolean isLast() {
        return switch (frames.type()) {
            case FrameType.FOUND, FrameType.MISSING, FrameType.WRITTEN, FrameType.CONDITION_FAILED, FrameType.ERROR ->
                true;
            case FrameType.REPLY -> !frames.has(FrameType.FLAG_CONTINUED);
            case FrameType.DATA, FrameType.EVENTS -> frames.has(FrameType.FLAG_END);
            default -> false;
        };
    }

    private void onConnectionFrame(ByteBuf in) {
        switch (frames.type()) {
            case FrameType.PING -> {
                Frames.writeLong(out(), FrameType.PONG, 0, Frames.readLong(in, frames));
                flushSoon();
            }
            case FrameType.PONG -> {} // That something came is what counts.
            case FrameType.GOAWAY -> {
                if (phase == Phase.READY) {
                    phase = Phase.DRAINING;
                    lane.uplink.onGoAway(this);
                    closeIfDrained();
                }
            }
            case FrameType.ERROR -> close(ErrorCodec.read(in, frames));
            case FrameType.DOCUMENT -> {
                DocumentFollower follower = documents;
                if (follower != null) {
                    follower.received(VerdictCodec.readDocument(in, frames));
                }
            }
            default -> lane.pool.counters.strayFrames.increment();
        }
    }

    private void onGreeting(ByteBuf in) {
        if (frames.type() == FrameType.ERROR) {
            close(ErrorCodec.read(in, frames));
            return;
        }
        if (frames.type() != FrameType.HELLO_OK) {
            throw new ProtocolException(FrameType.name(frames.type()) + " before HELLO_OK");
        }
        Wire.HelloOk answer = Frames.parse(Wire.HelloOk.parser(), in, frames);
        KvException refusal = lane.pool.greeting().refusal(address, answer);
        if (refusal != null) {
            close(refusal);
            return;
        }
        Wire.ConnectionLimits limits = answer.getLimits();
        maxInFlight = limits.getMaxRequestsInFlight() <= 0 ? Integer.MAX_VALUE : limits.getMaxRequestsInFlight();
        // Some of the server's bytes go to what stands around the values.
        maxBytesInFlight = limits.getMaxBytesInFlight() <= 0 ? Long.MAX_VALUE : limits.getMaxBytesInFlight() / 4 * 3;
        peerWindowBytes = Math.max(limits.getStreamWindowBytes(), Protocol.MIN_STREAM_WINDOW_BYTES);
        frames.setMaxFrameBytes(Protocol.MAX_FRAME_BYTES);
        lane.pool.greeted(answer.getLineage(), answer.getPartitions(), answer.getLeadersList());
        phase = Phase.READY;
        readyAtNanos = lane.pool.nanoTime();
        silence = new SilenceWatch(this, lane, limits.getIdleTimeoutMillis());
        lane.uplink.onReady(this);
        documents = DocumentFollower.of(lane, this);
    }

    // ---- is the peer alive?

    /** Asks whether this server is alive, if it is the one that another connection has found silent. */
    void onSuspicion(ServerAddress suspect) {
        if (silence != null && address.equals(suspect)) {
            silence.ask();
        }
    }

    Channel channel() {
        return Slot.required(channel);
    }

    void ping() {
        lane.pool.counters.pings.increment();
        Frames.writeLong(out(), FrameType.PING, 0, lane.pool.nanoTime());
        flush();
    }

    /** Notes that the server, which owes something, has sent nothing for long, and has not answered a ping either. */
    void onSilent() {
        lane.pool.counters.deadPeers.increment();
        close(lane.pool.unavailable(address + " has fallen silent, and has not answered a ping", null));
    }

    // ---- the end

    /** Notes that a request is over. */
    void onReleased(long bytes) {
        inFlight--;
        bytesInFlight -= bytes;
        closeIfDrained();
    }

    private void closeIfDrained() {
        if (phase == Phase.DRAINING && inFlight == 0) {
            close(lane.pool.unavailable(address + " has gone away", null));
        }
    }

    int inFlight() {
        return inFlight;
    }

    /** Ends the connection; what is in flight on it fails with this cause, or goes on elsewhere. Idempotent. */
    void close(KvException reason) {
        if (phase == Phase.CLOSED) {
            return;
        }
        Phase before = phase;
        phase = Phase.CLOSED;
        cause = reason;
        if (silence != null) {
            silence.stop();
        }
        if (documents != null) {
            documents.close();
        }
        if (out != null) {
            out.release();
            out = null;
        }
        if (partial != null) {
            partial.release();
            partial = null;
        }
        waitingToResume.clear();
        if (channel != null) {
            var unused = channel.close();
        }
        lane.uplink.onClosed(this, before, reason);
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        close(lane.pool.unavailable(address + " has closed the connection", null));
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable failure) {
        if (failure instanceof IOException) {
            close(lane.pool.unavailable("the connection to " + address + " is lost: " + failure.getMessage(), failure));
        } else {
            close(new KvException(
                    ErrorCode.UNAVAILABLE, "the connection to " + address + " has failed: " + failure, failure));
        }
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext context) {
        if (!context.channel().isWritable()) {
            return;
        }
        for (int i = waitingToResume.size(); i > 0; i--) {
            Slot slot = waitingToResume.remove();
            if (slot.session == this && slot.state == Slot.State.SENT) {
                slot.exchange().resume(slot, this);
            }
        }
        lane.pumpSoon();
    }
}
