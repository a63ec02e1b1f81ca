package io.nearkv.net.client;

import io.nearkv.core.Condition;
import io.nearkv.core.Mutation;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.WriteResult;
import io.nearkv.net.protocol.DeleteFrame;
import io.nearkv.net.protocol.FrameReader;
import io.nearkv.net.protocol.FrameType;
import io.nearkv.net.protocol.Frames;
import io.nearkv.net.protocol.Protocol;
import io.nearkv.net.protocol.PutFrame;
import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;

/** A put or delete: its slot holds a {@link Mutation} and {@link WriteOptions}. A large value follows in pieces as the server grants them. Stateless. */
final class WriteExchange extends Exchange {
    static final WriteExchange PUT = new WriteExchange(Operation.PUT);
    static final WriteExchange DELETE = new WriteExchange(Operation.DELETE);

    /** What is still to be sent of a large value. */
    private static final class Rest {
        final ByteBuffer bytes;
        long creditBytes;

        Rest(ByteBuffer bytes, int creditBytes) {
            this.bytes = bytes;
            this.creditBytes = creditBytes;
        }
    }

    private WriteExchange(Operation operation) {
        super(operation);
    }

    static WriteExchange of(Mutation mutation) {
        return mutation instanceof Mutation.Put ? PUT : DELETE;
    }

    @Override
    boolean isWrite() {
        return true;
    }

    @Override
    boolean isIdempotent(Slot slot) {
        return ((Mutation) Slot.required(slot.argument)).condition().kind() == Condition.Kind.VERSION_IS;
    }

    @Override
    void send(Slot slot, Session session) {
        Mutation mutation = (Mutation) Slot.required(slot.argument);
        WriteOptions options = Deadlines.shortened((WriteOptions) Slot.required(slot.options), slot);
        if (mutation instanceof Mutation.Delete delete) {
            DeleteFrame.write(session.out(), slot.correlationId, slot.namespace(), delete, options);
            return;
        }
        Mutation.Put put = (Mutation.Put) mutation;
        if (put.value().length() <= Protocol.MAX_INLINE_BYTES) {
            PutFrame.write(session.out(), slot.correlationId, slot.namespace(), put, options);
            return;
        }
        PutFrame.writeStream(
                session.out(),
                slot.correlationId,
                slot.namespace(),
                put.key(),
                put.options(),
                options,
                put.value().length());
        slot.progress = new Rest(put.value().asByteBuffer(), session.peerWindowBytes());
        resume(slot, session);
    }

    @Override
    void receive(Slot slot, Session session, ByteBuf in, FrameReader frame) {
        switch (frame.type()) {
            case FrameType.WRITTEN -> slot.lane.complete(slot, new WriteResult.Applied(Frames.readLong(in, frame)));
            case FrameType.CONDITION_FAILED -> {
                long version = Frames.readLong(in, frame);
                slot.lane.completeConditionFailed(slot, new WriteResult.ConditionFailed(version), version);
            }
            case FrameType.CREDIT -> {
                if (!(slot.progress instanceof Rest rest)) {
                    throw unexpected(frame);
                }
                rest.creditBytes += Integer.toUnsignedLong(Frames.readInt(in, frame));
                resume(slot, session);
            }
            default -> throw unexpected(frame);
        }
    }

    @Override
    void resume(Slot slot, Session session) {
        if (!(slot.progress instanceof Rest rest)) {
            return;
        }
        while (rest.bytes.hasRemaining() && rest.creditBytes > 0) {
            if (!session.hasRoom()) {
                session.resumeWhenWritable(slot);
                break;
            }
            int count = (int) Math.min(rest.creditBytes, Math.min(rest.bytes.remaining(), Protocol.MAX_INLINE_BYTES));
            boolean last = count == rest.bytes.remaining();
            ByteBuf out = session.out();
            Frames.writeHeader(out, FrameType.DATA, last ? FrameType.FLAG_END : 0, slot.correlationId, count);
            out.writeBytes(rest.bytes.slice(rest.bytes.position(), count));
            rest.bytes.position(rest.bytes.position() + count);
            rest.creditBytes -= count;
        }
        session.flushSoon();
    }
}
