package io.nearkv.net.client;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.OpenResult;
import io.nearkv.net.protocol.FoundFrame;
import io.nearkv.net.protocol.FoundStreamFrame;
import io.nearkv.net.protocol.FrameReader;
import io.nearkv.net.protocol.FrameType;
import io.nearkv.net.protocol.Frames;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import org.jspecify.annotations.Nullable;

/** An open: a GET whose large value is handed on piece by piece. One for each call; its slot holds what that of a get does. */
final class OpenExchange extends Exchange {
    private @Nullable RemoteReader reader;
    private @Nullable InboundCredit credit;
    private int leftBytes;

    OpenExchange() {
        super(Operation.OPEN);
    }

    @Override
    void send(Slot slot, Session session) {
        GetExchange.write(slot, session);
    }

    @Override
    void receive(Slot slot, Session session, ByteBuf in, FrameReader frame) {
        switch (frame.type()) {
            case FrameType.FOUND -> slot.lane.complete(slot, OpenResult.of(FoundFrame.read(in, frame)));
            case FrameType.MISSING -> slot.lane.complete(slot, OpenResult.of(Frames.readMissing(in, frame)));
            case FrameType.FOUND_STREAM -> {
                FoundStreamFrame header = FoundStreamFrame.read(in, frame);
                RemoteReader opened = new RemoteReader(this, slot, header);
                reader = opened;
                credit = new InboundCredit(slot.lane.pool.options.streamWindowBytes());
                leftBytes = header.valueBytes();
                if (!slot.lane.completeAsStream(slot, new OpenResult.Opened(opened))) {
                    session.abandon(slot);
                }
            }
            case FrameType.DATA -> onData(slot, in, frame);
            default -> throw unexpected(frame);
        }
    }

    private void onData(Slot slot, ByteBuf in, FrameReader frame) {
        RemoteReader to = reader;
        InboundCredit from = credit;
        if (to == null || from == null) {
            throw unexpected(frame);
        }
        boolean end = frame.has(FrameType.FLAG_END);
        int length = frame.bodyLength();
        from.onData(length);
        leftBytes -= length;
        if (end ? leftBytes != 0 : leftBytes < 0) {
            throw new KvException(ErrorCode.INTERNAL, "a value has not the announced length");
        }
        if (length > 0) {
            to.onData(ByteBufUtil.getBytes(in, frame.bodyOffset(), length, true));
        }
        if (end) {
            slot.lane.release(slot);
            to.onEnd();
        }
    }

    /** Notes that the user has read a piece. On the event loop. */
    void onDisposed(Slot slot, int bytes) {
        InboundCredit from = credit;
        if (from != null && isHeldBy(slot)) {
            from.onDisposed(bytes, Slot.required(slot.session), slot.correlationId);
        }
    }

    /** Notes that the user wants no more. On the event loop. */
    void onClosedByUser(Slot slot) {
        if (isHeldBy(slot)) {
            Slot.required(slot.session).abandon(slot);
        }
    }

    private boolean isHeldBy(Slot slot) {
        return slot.exchange == this && slot.state == Slot.State.SENT;
    }

    @Override
    boolean isRepeatable() {
        return reader == null;
    }

    @Override
    boolean isGivenUp(Slot slot) {
        return reader == null && super.isGivenUp(slot);
    }

    @Override
    void fail(Slot slot, KvException failure) {
        RemoteReader to = reader;
        if (to == null) {
            super.fail(slot, failure);
        } else {
            to.onFailure(failure);
        }
    }
}
