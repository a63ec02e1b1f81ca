package io.nearkv.net.server;

import io.nearkv.core.NamespaceId;
import io.nearkv.core.NamespaceInfo;
import io.nearkv.net.protocol.FrameReader;
import io.nearkv.net.protocol.Protocol;
import io.nearkv.net.protocol.ProtocolException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.concurrent.CompletableFuture;

/**
 * A request that waits until it is known whose namespace it names. Keeps the request's frames as they came, and has them handled again, as if they came then.
 */
final class Deferred extends Operation {
    private final NamespaceId namespace;
    private final Step<NamespaceInfo> lookup = new Step<>();
    private ByteBuf frames = Unpooled.EMPTY_BUFFER;

    Deferred(Session session, int correlationId, Op op, NamespaceId namespace) {
        super(session, correlationId, op);
        this.namespace = namespace;
    }

    void start(ByteBuf in, FrameReader frame, CompletableFuture<NamespaceInfo> future) {
        frames = in.alloc().directBuffer(frame.frameBytes());
        keep(in, frame);
        if (lookup.await(future, this)) {
            wake(); // not at once: the caller is still handling the frame
        }
    }

    /** Keeps one more frame of the same id. The peer has no credit yet beyond the first window. */
    void keep(ByteBuf in, FrameReader frame) {
        if (frames.readableBytes() > session.context().limits().streamWindowBytes() + Protocol.MAX_FRAME_BYTES) {
            throw new ProtocolException("more than the stream window was sent");
        }
        int start = frame.extensionOffset() - Protocol.HEADER_BYTES;
        frames.writeBytes(in, start, frame.frameBytes());
        session.reserve(this, frames.readableBytes());
    }

    @Override
    void data(ByteBuf in, FrameReader frame) {
        keep(in, frame);
    }

    @Override
    void proceed() {
        session.accept(namespace, lookup);
        ByteBuf kept = frames;
        frames = Unpooled.EMPTY_BUFFER;
        session.end(this);
        // The wait for the namespace is part of the time of the request.
        session.loopState().requestClock().startAt(startNanos);
        try {
            FrameReader reader = new FrameReader(Protocol.MAX_FRAME_BYTES);
            while (reader.next(kept)) {
                session.handle(kept, reader);
            }
        } catch (ProtocolException e) {
            session.connection().protocolError(e);
        } finally {
            kept.release();
        }
    }

    @Override
    void release() {
        frames.release();
        frames = Unpooled.EMPTY_BUFFER;
    }
}
