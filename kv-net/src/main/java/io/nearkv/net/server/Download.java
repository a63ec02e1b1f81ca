package io.nearkv.net.server;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.GetResult;
import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.core.Metadata;
import io.nearkv.core.OpenResult;
import io.nearkv.core.ValueReader;
import io.nearkv.net.protocol.FoundFrame;
import io.nearkv.net.protocol.FoundStreamFrame;
import io.nearkv.net.protocol.FrameType;
import io.nearkv.net.protocol.Frames;
import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * A get that was not answered from memory. A value of up to 64 KiB is answered whole; a larger one goes out piece by piece, each read from the store only when the
 * peer has granted credit and reads what it was sent.
 */
final class Download extends Operation {
    private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

    private final Step<OpenResult> opening = new Step<>();
    private final Step<ByteBuffer> reading = new Step<>();
    private final Outflow outflow;
    private final StallClock clock;

    private @Nullable ValueReader reader;
    private boolean readingNow;
    private boolean streaming;

    /** What has been read and not sent yet: a view, valid until the next read. */
    private ByteBuffer piece = NOTHING;

    /** The pieces so far of a small value that came in more than one. */
    private @Nullable ByteBuffer whole;

    private int sentBytes;

    Download(Session session, int correlationId) {
        super(session, correlationId, Op.GET);
        this.outflow = new Outflow(session.peerWindowBytes());
        this.clock = new StallClock(session.context().limits().stallTimeout().toNanos());
    }

    void start(CompletableFuture<OpenResult> future) {
        if (opening.await(future, this)) {
            proceed();
        }
    }

    @Override
    void proceed() {
        ValueReader open = reader;
        if (open == null) {
            if (!opening.isDone()) {
                return;
            }
            OpenResult result = opening.take();
            if (!(result instanceof OpenResult.Opened opened)) {
                Frames.writeMissing(
                        session.connection().out(),
                        correlationId,
                        result instanceof OpenResult.Missing missing ? missing.result() : GetResult.Missing.INSTANCE);
                session.count(this, Counters.MISSING);
                session.end(this);
                return;
            }
            open = opened.reader();
            reader = open;
            if (open.length() > Limits.CHUNK_BYTES) {
                streaming = true;
                deadlineNanos = Long.MAX_VALUE;
                session.context().counters().streams.increment();
                FoundStreamFrame.write(session.connection().out(), correlationId, open);
            }
        }
        if (streaming) {
            pump(open);
        } else {
            gather(open);
        }
    }

    /** Returns whether there is a piece; if not, it is being read. */
    private boolean hasPiece(ValueReader open) {
        if (piece.hasRemaining()) {
            return true;
        }
        if (!readingNow) {
            readingNow = true;
            if (!reading.await(open.read(), this)) {
                return false;
            }
        } else if (!reading.isDone()) {
            return false;
        }
        readingNow = false;
        ByteBuffer next = reading.take();
        if (next == null || !next.hasRemaining()) {
            throw new KvException(
                    ErrorCode.INTERNAL, "value ended after " + sentBytes + " of " + open.length() + " bytes");
        }
        piece = next;
        return true;
    }

    private void gather(ValueReader open) {
        int length = open.length();
        ByteBuffer gathered = whole;
        while (gathered == null ? length > 0 : gathered.hasRemaining()) {
            if (!hasPiece(open)) {
                return;
            }
            if (gathered == null) {
                if (piece.remaining() == length) {
                    break; // the usual case: all in one piece
                }
                gathered = ByteBuffer.allocate(length);
                whole = gathered;
            }
            if (piece.remaining() > gathered.remaining()) {
                throw new KvException(ErrorCode.INTERNAL, "value is longer than its " + length + " bytes");
            }
            gathered.put(piece);
        }
        Metadata metadata = open.metadata();
        FoundFrame.write(
                session.connection().out(),
                correlationId,
                gathered == null ? piece : gathered.flip(),
                metadata == null ? null : metadata.asByteBuffer(),
                open.version(),
                open.expiresAt(),
                open.origin());
        session.count(this, Counters.OK);
        session.end(this);
    }

    private void pump(ValueReader open) {
        ServerConnection connection = session.connection();
        int length = open.length();
        while (outflow.credit() > 0 && connection.isWritable()) {
            if (!hasPiece(open)) {
                return;
            }
            int count = Math.min(Math.min(piece.remaining(), outflow.credit()), length - sentBytes);
            boolean last = sentBytes + count == length;
            ByteBuf out = connection.out();
            Frames.writeHeader(out, FrameType.DATA, last ? FrameType.FLAG_END : 0, correlationId, count);
            int end = piece.limit();
            out.writeBytes(piece.limit(piece.position() + count));
            piece.limit(end);
            sentBytes += count;
            outflow.take(count);
            clock.moved(count);
            connection.flushIfLarge();
            if (last) {
                session.count(this, Counters.OK);
                session.end(this);
                return;
            }
        }
    }

    @Override
    void credit(int more) {
        outflow.add(more);
        writable();
    }

    @Override
    void writable() {
        ValueReader open = reader;
        if (streaming && open != null) {
            pump(open);
        }
    }

    @Override
    void cancel() {
        session.fail(this, Upload.cancelled());
    }

    @Override
    boolean isStream() {
        return true;
    }

    @Override
    @Nullable
    KvException overdue(long nowNanos) {
        if (streaming && clock.isOver(!readingNow, nowNanos)) {
            return Upload.stalled(session);
        }
        return super.overdue(nowNanos);
    }

    @Override
    void release() {
        if (streaming) {
            session.context().counters().streams.decrement();
        }
        piece = NOTHING;
        if (reader != null) {
            reader.close();
        }
    }

    @Override
    void abandoned() {
        if (reader == null && opening.isDone() && opening.take() instanceof OpenResult.Opened opened) {
            reader = opened.reader();
            opened.reader().close();
        }
    }
}
