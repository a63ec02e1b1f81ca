package io.nearkv.net.client;

import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import io.nearkv.core.BatchResult;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.net.protocol.BodyReader;
import io.nearkv.net.protocol.BodyWriter;
import io.nearkv.net.protocol.FrameReader;
import io.nearkv.net.protocol.FrameType;
import io.nearkv.net.protocol.Frames;
import io.nearkv.net.protocol.Protocol;
import io.nearkv.net.wire.Wire;
import io.netty.buffer.ByteBuf;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * Every other call: header and items, there and back. One for each call.
 *
 * @param <I> the items of the reply as they travel
 * @param <R> the items of the reply as the caller gets them
 */
final class CallExchange<I extends MessageLite, R> extends Exchange {
    /** What a retry that fails may mean; see {@link Exchange#isIdempotent}. */
    enum Kind {
        READ,
        /** May be applied twice if sent twice. */
        WRITE,
        /** A condition on a version keeps it from being applied twice. */
        VERSIONED_WRITE
    }

    private final Kind kind;
    private final IntFunction<BodyWriter> request;
    private final Parser<I> itemParser;
    private final Function<? super I, ? extends R> item;
    private final BiFunction<Wire.ReplyHeader, List<R>, ? extends @Nullable Object> result;

    /** What an attempt has still to send, and has received. */
    private final class Attempt {
        final BodyWriter body;
        final InboundCredit inbound;
        long creditBytes;

        @Nullable
        BodyReader<Wire.ReplyHeader> reply;

        final List<R> items = new ArrayList<>();

        Attempt(BodyWriter body, int peerWindowBytes, int ownWindowBytes) {
            this.body = body;
            this.creditBytes = peerWindowBytes;
            this.inbound = new InboundCredit(ownWindowBytes);
        }
    }

    /**
     * Creates a call.
     *
     * @param request makes the body for a timeout in milliseconds; once for each attempt
     * @param itemParser reads an item of the reply
     * @param item makes an item of the reply what the caller gets
     * @param result makes header and items the answer
     */
    CallExchange(
            Operation operation,
            Kind kind,
            IntFunction<BodyWriter> request,
            Parser<I> itemParser,
            Function<? super I, ? extends R> item,
            BiFunction<Wire.ReplyHeader, List<R>, ? extends @Nullable Object> result) {
        super(operation);
        this.kind = kind;
        this.request = request;
        this.itemParser = itemParser;
        this.item = item;
        this.result = result;
    }

    @Override
    boolean isWrite() {
        return kind != Kind.READ;
    }

    @Override
    boolean isIdempotent(Slot slot) {
        return kind != Kind.WRITE;
    }

    @Override
    void send(Slot slot, Session session) {
        BodyWriter body = request.apply(Deadlines.millis(slot));
        Attempt attempt = new Attempt(body, session.peerWindowBytes(), slot.lane.pool.options.streamWindowBytes());
        slot.progress = attempt;
        body.writeFirst(session.out(), FrameType.CALL, slot.correlationId);
        resume(slot, session);
    }

    @Override
    void receive(Slot slot, Session session, ByteBuf in, FrameReader frame) {
        Attempt attempt = attempt(slot);
        switch (frame.type()) {
            case FrameType.CREDIT -> {
                attempt.creditBytes += Integer.toUnsignedLong(Frames.readInt(in, frame));
                resume(slot, session);
            }
            case FrameType.REPLY -> {
                BodyReader<Wire.ReplyHeader> reply =
                        new BodyReader<>(FrameType.REPLY, Wire.ReplyHeader.parser(), Protocol.MAX_REPLY_BYTES);
                attempt.reply = reply;
                reply.begin(in, frame);
                reply.items(itemParser, message -> attempt.items.add(item.apply(message)));
                completeIfDone(slot, attempt, reply);
            }
            case FrameType.DATA -> {
                BodyReader<Wire.ReplyHeader> reply = attempt.reply;
                if (reply == null) {
                    throw unexpected(frame);
                }
                attempt.inbound.onData(frame.bodyLength());
                reply.data(in, frame);
                if (!completeIfDone(slot, attempt, reply)) {
                    attempt.inbound.onDisposed(frame.bodyLength(), session, slot.correlationId);
                }
            }
            default -> throw unexpected(frame);
        }
    }

    private boolean completeIfDone(Slot slot, Attempt attempt, BodyReader<Wire.ReplyHeader> reply) {
        if (!reply.isDone()) {
            return false;
        }
        Object answer = result.apply(reply.header(), attempt.items);
        if (answer instanceof BatchResult.ConditionFailed failed) {
            slot.lane.completeConditionFailed(slot, failed, failed.currentVersion());
        } else {
            slot.lane.complete(slot, answer);
        }
        return true;
    }

    @Override
    void resume(Slot slot, Session session) {
        Attempt attempt = attempt(slot);
        while (!attempt.body.isDone() && attempt.creditBytes > 0) {
            if (!session.hasRoom()) {
                session.resumeWhenWritable(slot);
                break;
            }
            attempt.creditBytes -= attempt.body.writeData(
                    session.out(), slot.correlationId, (int) Math.min(attempt.creditBytes, Integer.MAX_VALUE));
        }
        session.flushSoon();
    }

    /** Returns the items of a reply that must have as many as the request. */
    static <R> List<R> exactly(int count, List<R> items) {
        if (items.size() != count) {
            throw new KvException(
                    ErrorCode.INTERNAL,
                    "the server answered with " + items.size() + " results (expected: " + count + ")");
        }
        return List.copyOf(items);
    }

    /** Returns the item of a reply that must have one. */
    static <R> R one(List<R> items) {
        return exactly(1, items).get(0);
    }

    @SuppressWarnings("unchecked") // Only this object sets the progress of its slot.
    private Attempt attempt(Slot slot) {
        return (Attempt) Slot.required(slot.progress);
    }
}
