package io.nearkv.net.server;

import io.nearkv.net.protocol.FrameType;
import io.nearkv.net.protocol.Frames;
import io.nearkv.net.protocol.ProtocolException;

/** How many bytes of a stream the peer may still send, and when to grant it more. Not thread-safe. */
final class Inflow {
    private final ServerConnection connection;
    private final int correlationId;
    private final int grantBytes;
    private int windowBytes;
    private int consumedBytes;

    Inflow(ServerConnection connection, int correlationId) {
        this.connection = connection;
        this.correlationId = correlationId;
        this.windowBytes = connection.context().limits().streamWindowBytes();
        // Several pieces per grant, and the next grant well before the window is used up.
        this.grantBytes = windowBytes / 4;
    }

    /** The peer has sent this much. */
    void received(int bytes) {
        if (bytes > windowBytes) {
            throw new ProtocolException("more DATA than was granted");
        }
        windowBytes -= bytes;
    }

    /** So much of it is not held any more. */
    void consumed(int bytes) {
        consumedBytes += bytes;
        if (consumedBytes >= grantBytes) {
            windowBytes += consumedBytes;
            Frames.writeInt(connection.out(), FrameType.CREDIT, correlationId, consumedBytes);
            consumedBytes = 0;
        }
    }
}
