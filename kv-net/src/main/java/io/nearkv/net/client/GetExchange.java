package io.nearkv.net.client;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.Origin;
import io.nearkv.core.ReadOptions;
import io.nearkv.net.protocol.FoundFrame;
import io.nearkv.net.protocol.FoundStreamFrame;
import io.nearkv.net.protocol.FrameReader;
import io.nearkv.net.protocol.FrameType;
import io.nearkv.net.protocol.Frames;
import io.nearkv.net.protocol.GetFrame;
import io.netty.buffer.ByteBuf;

/** A get: its slot holds a {@link Key} and {@link ReadOptions}. A large value is collected into the one array that the caller gets. Stateless. */
final class GetExchange extends Exchange {
    static final GetExchange INSTANCE = new GetExchange();

    /** What has arrived of a large value. */
    private static final class Collected {
        final FoundStreamFrame header;
        final byte[] bytes;
        final InboundCredit credit;
        int count;

        Collected(FoundStreamFrame header, int windowBytes) {
            this.header = header;
            this.bytes = new byte[header.valueBytes()];
            this.credit = new InboundCredit(windowBytes);
        }
    }

    private GetExchange() {
        super(Operation.GET);
    }

    @Override
    void send(Slot slot, Session session) {
        write(slot, session);
    }

    /** Appends the GET of a slot that holds key and options; for every exchange that begins with one. */
    static void write(Slot slot, Session session) {
        ReadOptions options = (ReadOptions) Slot.required(slot.options);
        GetFrame.write(
                session.out(),
                slot.correlationId,
                slot.namespace(),
                (Key) Slot.required(slot.argument),
                Deadlines.shortened(options, slot));
    }

    @Override
    void receive(Slot slot, Session session, ByteBuf in, FrameReader frame) {
        switch (frame.type()) {
            case FrameType.FOUND -> slot.lane.complete(slot, FoundFrame.read(in, frame));
            case FrameType.MISSING -> slot.lane.complete(slot, Frames.readMissing(in, frame));
            case FrameType.FOUND_STREAM ->
                slot.progress =
                        new Collected(FoundStreamFrame.read(in, frame), slot.lane.pool.options.streamWindowBytes());
            case FrameType.DATA -> collect(slot, session, in, frame);
            default -> throw unexpected(frame);
        }
    }

    private static void collect(Slot slot, Session session, ByteBuf in, FrameReader frame) {
        if (!(slot.progress instanceof Collected collected)) {
            throw unexpected(frame);
        }
        int length = frame.bodyLength();
        boolean end = frame.has(FrameType.FLAG_END);
        collected.credit.onData(length);
        int total = collected.count + length;
        if (end ? total != collected.bytes.length : total > collected.bytes.length) {
            throw new KvException(
                    ErrorCode.INTERNAL, "value of " + total + " bytes (announced: " + collected.bytes.length + ")");
        }
        in.getBytes(frame.bodyOffset(), collected.bytes, collected.count, length);
        collected.count = total;
        if (end) {
            FoundStreamFrame header = collected.header;
            GetResult.Found found =
                    GetResult.Found.wrap(collected.bytes, header.metadata(), header.version(), header.expiresAt());
            slot.lane.complete(slot, header.origin() == Origin.OWNER ? found : found.withOrigin(header.origin()));
        } else {
            collected.credit.onDisposed(length, session, slot.correlationId);
        }
    }
}
