package io.nearkv.net.client;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.PutOptions;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.WriteResult;
import io.nearkv.net.protocol.DataFrame;
import io.nearkv.net.protocol.FrameReader;
import io.nearkv.net.protocol.FrameType;
import io.nearkv.net.protocol.Frames;
import io.nearkv.net.protocol.Protocol;
import io.nearkv.net.protocol.PutFrame;
import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** An upload piece by piece: what the server and the socket take goes out, the rest of a piece waits where it is. One for each upload; confined to the event loop. */
final class UploadExchange extends Exchange {
    private final Key key;
    private final PutOptions put;
    private final WriteOptions options;

    private @Nullable Slot slot;
    private @Nullable KvException failure;
    private long creditBytes;
    private @Nullable ByteBuffer piece;
    private @Nullable CompletableFuture<Void> pieceFuture;
    private @Nullable CompletableFuture<WriteResult> commitFuture;
    private @Nullable PutOptions lateOptions;
    private boolean committed;
    private boolean over;

    UploadExchange(Key key, PutOptions put, WriteOptions options) {
        super(Operation.UPLOAD);
        this.key = key;
        this.put = put;
        this.options = options;
    }

    @Override
    void send(Slot taken, Session session) {
        slot = taken;
        creditBytes = session.peerWindowBytes();
        PutFrame.writeStream(
                session.out(), taken.correlationId, taken.namespace(), key, put, options, Protocol.UNKNOWN_LENGTH);
        if (!taken.lane.completeAsStream(taken, new RemoteWriter(this, taken.lane))) {
            over = true;
            session.abandon(taken);
        }
    }

    @Override
    void receive(Slot taken, Session session, ByteBuf in, FrameReader frame) {
        switch (frame.type()) {
            case FrameType.CREDIT -> {
                creditBytes += Integer.toUnsignedLong(Frames.readInt(in, frame));
                resume(taken, session);
            }
            case FrameType.WRITTEN -> complete(taken, new WriteResult.Applied(Frames.readLong(in, frame)), frame);
            case FrameType.CONDITION_FAILED ->
                complete(taken, new WriteResult.ConditionFailed(Frames.readLong(in, frame)), frame);
            default -> throw unexpected(frame);
        }
    }

    private void complete(Slot taken, WriteResult answer, FrameReader frame) {
        CompletableFuture<WriteResult> waiting = commitFuture;
        if (waiting == null || !committed) {
            throw unexpected(frame);
        }
        over = true;
        commitFuture = null;
        taken.lane.release(taken);
        taken.lane.pool.complete(waiting, answer);
    }

    /** Begins to send a piece. */
    void onWrite(ByteBuffer newPiece, CompletableFuture<Void> future) {
        if (failure != null) {
            future.completeExceptionally(failure);
            return;
        }
        piece = newPiece;
        pieceFuture = future;
        goOn();
    }

    /** Commits once all pieces have gone. */
    void onCommit(@Nullable PutOptions newOptions, CompletableFuture<WriteResult> future) {
        if (failure != null) {
            future.completeExceptionally(failure);
            return;
        }
        lateOptions = newOptions;
        commitFuture = future;
        Slot taken = Slot.required(slot);
        taken.deadlineNanos = taken.lane.pool.nanoTime() + options.timeout().toNanos();
        taken.lane.watchDeadline(taken.deadlineNanos);
        goOn();
    }

    /** Gives up what was not committed. */
    void onClosedByUser() {
        Slot taken = Slot.required(slot);
        if (!over && !committed) {
            over = true;
            KvException closed = taken.lane.pool.unavailable("the writer was closed", null);
            failWaiting(taken.lane.pool, closed);
            Slot.required(taken.session).abandon(taken);
        }
    }

    private void goOn() {
        Slot taken = Slot.required(slot);
        resume(taken, Slot.required(taken.session));
    }

    @Override
    void resume(Slot taken, Session session) {
        ByteBuffer current = piece;
        while (current != null && current.hasRemaining() && creditBytes > 0) {
            if (!session.hasRoom()) {
                session.resumeWhenWritable(taken);
                session.flushSoon();
                return;
            }
            int count = (int) Math.min(creditBytes, Math.min(current.remaining(), Protocol.MAX_INLINE_BYTES));
            ByteBuf out = session.out();
            Frames.writeHeader(out, FrameType.DATA, 0, taken.correlationId, count);
            out.writeBytes(current.slice(current.position(), count));
            current.position(current.position() + count);
            creditBytes -= count;
        }
        session.flushSoon();
        CompletableFuture<Void> waiting = pieceFuture;
        if (current != null && !current.hasRemaining() && waiting != null) {
            piece = null;
            pieceFuture = null;
            taken.lane.pool.complete(waiting, null);
        }
        if (piece == null && commitFuture != null && !committed) {
            committed = true;
            DataFrame.writeEnd(session.out(), taken.correlationId, lateOptions);
        }
    }

    /** Before the last piece has gone, nothing can be applied. */
    @Override
    boolean isWrite() {
        return committed;
    }

    @Override
    boolean isRepeatable() {
        return slot == null;
    }

    @Override
    boolean isGivenUp(Slot taken) {
        return slot == null ? super.isGivenUp(taken) : over;
    }

    @Override
    void fail(Slot taken, KvException cause) {
        if (slot == null) {
            super.fail(taken, cause);
            return;
        }
        over = true;
        failure = cause;
        failWaiting(taken.lane.pool, cause);
    }

    private void failWaiting(LanePool pool, KvException cause) {
        failure = cause;
        piece = null;
        CompletableFuture<?> waitingPiece = pieceFuture;
        CompletableFuture<?> waitingCommit = commitFuture;
        pieceFuture = null;
        commitFuture = null;
        if (waitingPiece != null) {
            pool.completeExceptionally(waitingPiece, cause);
        }
        if (waitingCommit != null) {
            pool.completeExceptionally(waitingCommit, cause);
        }
    }

    static KvException tooLarge(long bytes) {
        return new KvException(
                ErrorCode.TOO_LARGE,
                "value of " + bytes + " bytes or more (expected: at most " + io.nearkv.core.Limits.MAX_VALUE_BYTES
                        + ")");
    }
}
