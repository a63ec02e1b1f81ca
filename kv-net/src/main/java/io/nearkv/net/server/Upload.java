package io.nearkv.net.server;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ValueWriter;
import io.nearkv.core.WriteResult;
import io.nearkv.net.protocol.DataFrame;
import io.nearkv.net.protocol.FrameReader;
import io.nearkv.net.protocol.FrameType;
import io.nearkv.net.protocol.ProtocolException;
import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A value that comes piece by piece. Holds at most one stream window of it: the peer gets more credit when the store has taken what came before.
 */
final class Upload extends Operation {
    private final @Nullable Integer totalBytes;
    private final Duration commitTimeout;
    private final Step<ValueWriter> opening = new Step<>();
    private final Step<Void> writing = new Step<>();
    private final Step<WriteResult> committing = new Step<>();
    private final Inflow inflow;
    private final StallClock clock;

    /** Pieces that the store has not been given yet; owned. */
    private final Deque<ByteBuf> pieces = new ArrayDeque<>();

    private @Nullable ValueWriter writer;

    /** The piece that the store is taking; owned, and borrowed by the store until it says so. */
    private @Nullable ByteBuf current;

    private long receivedBytes;
    private boolean complete;
    private boolean committingNow;
    private @Nullable PutOptions lateOptions;

    Upload(Session session, int correlationId, @Nullable Integer totalBytes, Duration commitTimeout) {
        super(session, correlationId, Op.UPLOAD);
        this.totalBytes = totalBytes;
        this.commitTimeout = commitTimeout;
        this.inflow = new Inflow(session.connection(), correlationId);
        this.clock = new StallClock(session.context().limits().stallTimeout().toNanos());
    }

    void start(CompletableFuture<ValueWriter> future) {
        session.context().counters().streams.increment();
        if (opening.await(future, this)) {
            proceed();
        }
    }

    @Override
    void data(ByteBuf in, FrameReader frame) {
        if (complete) {
            throw new ProtocolException("DATA after the END of an upload");
        }
        int length = frame.bodyLength();
        inflow.received(length);
        clock.moved(length);
        receivedBytes += length;
        complete = frame.has(FrameType.FLAG_END);
        if (complete) {
            lateOptions = DataFrame.lateOptions(in, frame);
        }
        if (receivedBytes > Limits.MAX_VALUE_BYTES) {
            throw new KvException(
                    ErrorCode.TOO_LARGE,
                    "value of more than " + Limits.MAX_VALUE_BYTES + " bytes (expected: at most that)");
        }
        if (totalBytes != null && (complete ? receivedBytes != totalBytes : receivedBytes > totalBytes)) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "upload of " + totalBytes + " bytes brought " + (complete ? "" : "at least ") + receivedBytes);
        }
        if (length > 0) {
            ByteBuf piece = in.alloc().directBuffer(length);
            piece.writeBytes(in, frame.bodyOffset(), length);
            pieces.add(piece);
        }
        proceed();
    }

    @Override
    void proceed() {
        ValueWriter open = writer;
        if (open == null) {
            if (!opening.isDone()) {
                return;
            }
            open = opening.take();
            if (open == null) {
                throw new KvException(ErrorCode.INTERNAL, "the store gave no writer");
            }
            writer = open;
            deadlineNanos = Long.MAX_VALUE;
        }
        if (committingNow) {
            if (committing.isDone()) {
                committed();
            }
            return;
        }
        while (taken()) {
            ByteBuf next = pieces.poll();
            if (next == null) {
                if (complete) {
                    commit(open);
                }
                return;
            }
            current = next;
            writing.await(open.write(next.nioBuffer()), this);
        }
    }

    /** Returns whether the store is ready for the next piece. */
    private boolean taken() {
        ByteBuf piece = current;
        if (piece == null) {
            return true;
        }
        if (!writing.isDone()) {
            return false;
        }
        writing.take();
        current = null;
        int length = piece.readableBytes();
        piece.release();
        if (!complete) {
            inflow.consumed(length);
        }
        return true;
    }

    private void commit(ValueWriter open) {
        committingNow = true;
        deadlineNanos = System.nanoTime() + commitTimeout.toNanos() + TimeUnit.SECONDS.toNanos(1);
        PutOptions late = lateOptions;
        if (committing.await(late == null ? open.commit() : open.commit(late), this)) {
            committed();
        }
    }

    private void committed() {
        session.written(this, committing.take());
        session.end(this);
    }

    @Override
    void cancel() {
        if (!committingNow) {
            session.fail(this, cancelled());
        }
    }

    static KvException cancelled() {
        return new KvException(ErrorCode.DEADLINE_EXCEEDED, "cancelled by the caller");
    }

    static KvException stalled(Session session) {
        session.context().counters().stalledStreams.increment();
        return new KvException(
                ErrorCode.DEADLINE_EXCEEDED, "the peer took longer than the stall timeout for 64 KiB of a stream");
    }

    @Override
    boolean isStream() {
        return true;
    }

    @Override
    @Nullable
    KvException overdue(long nowNanos) {
        boolean waitsForPeer = writer != null && current == null && pieces.isEmpty() && !complete;
        return clock.isOver(waitsForPeer, nowNanos) ? stalled(session) : super.overdue(nowNanos);
    }

    @Override
    void release() {
        session.context().counters().streams.decrement();
        for (ByteBuf piece : pieces) {
            piece.release();
        }
        pieces.clear();
        if (current == null || writing.isDone()) {
            giveBack();
        } // else the store still reads the piece: see abandoned()
    }

    @Override
    void abandoned() {
        if (writer == null && opening.isDone()) {
            writer = opening.take();
        }
        if (current == null || writing.isDone()) {
            giveBack();
        }
    }

    private void giveBack() {
        ByteBuf piece = current;
        current = null;
        if (piece != null) {
            piece.release();
        }
        if (writer != null) {
            writer.close();
        }
    }
}
