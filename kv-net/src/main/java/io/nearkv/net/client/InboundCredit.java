package io.nearkv.net.client;

import io.nearkv.net.protocol.FrameType;
import io.nearkv.net.protocol.Frames;
import io.nearkv.net.protocol.ProtocolException;

/**
 * How much DATA a server may still send on one stream: begins with the window of the HELLO, and grows as the bytes are disposed of. Confined to the event
 * loop.
 */
final class InboundCredit {
    private final int windowBytes;
    private long remainingBytes;
    private int disposedBytes;

    InboundCredit(int windowBytes) {
        this.windowBytes = windowBytes;
        this.remainingBytes = windowBytes;
    }

    /** Notes DATA that has arrived. */
    void onData(int bytes) {
        remainingBytes -= bytes;
        if (remainingBytes < 0) {
            throw new ProtocolException("DATA beyond the credit of its stream");
        }
    }

    /** Notes that bytes are held no longer, and grants as many anew once that is worth a frame. */
    void onDisposed(int bytes, Session session, int correlationId) {
        disposedBytes += bytes;
        if (disposedBytes >= windowBytes / 2 && session.isOpen()) {
            Frames.writeInt(session.out(), FrameType.CREDIT, correlationId, disposedBytes);
            session.flushSoon();
            remainingBytes += disposedBytes;
            disposedBytes = 0;
        }
    }
}
