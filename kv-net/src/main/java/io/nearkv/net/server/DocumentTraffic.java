package io.nearkv.net.server;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.route.DocumentExchange;
import io.nearkv.core.route.DocumentVerdict;
import io.nearkv.net.protocol.ErrorCodec;
import io.nearkv.net.protocol.FrameReader;
import io.nearkv.net.protocol.FrameType;
import io.nearkv.net.protocol.VerdictCodec;
import io.nearkv.net.transport.DocumentCourier;
import io.netty.buffer.ByteBuf;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The signed documents of one connection: takes those that are offered, and hands on those that are put in force. A document speaks for itself, so that an offer is taken from
 * anybody, also before HELLO; who follows has shown a token. Confined to the event loop of its connection, but for what comes back from the courier.
 */
final class DocumentTraffic {
    /** Each costs a signature: a peer that sends more than it waits for is refused. */
    private static final int MAX_OFFERS_IN_FLIGHT = 16;

    private static final int MAX_OFFERS_OF_STRANGERS = 1;

    private final ServerConnection connection;
    private final DocumentCourier courier;
    private final Object peer;
    private final AtomicInteger offers = new AtomicInteger();

    private DocumentExchange.@Nullable Registration following;
    /** A document did not fit in between: all of them are sent when the peer reads again. */
    private boolean behind;

    private boolean closed;

    DocumentTraffic(ServerConnection connection, Object peer) {
        this.connection = connection;
        this.courier = connection.context().courier();
        this.peer = peer;
    }

    /** Takes an OFFER. With the correlation id 0 nobody waits for the verdict. */
    void offer(ByteBuf in, FrameReader frame, boolean stranger) {
        int id = frame.correlationId();
        if (frame.bodyLength() > DocumentExchange.MAX_DOCUMENT_BYTES) {
            refuse(
                    id,
                    new KvException(
                            ErrorCode.TOO_LARGE,
                            "document of " + frame.bodyLength() + " bytes (expected: at most "
                                    + DocumentExchange.MAX_DOCUMENT_BYTES + ")"));
            return;
        }
        if (stranger) {
            KvException blocked = connection.context().blocked(peer);
            if (blocked != null) {
                refuse(id, blocked);
                return;
            }
        }
        int max = stranger ? MAX_OFFERS_OF_STRANGERS : MAX_OFFERS_IN_FLIGHT;
        if (offers.incrementAndGet() > max) {
            offers.decrementAndGet();
            refuse(id, connection.context().shed("documents in flight on this connection", max));
            return;
        }
        boolean taken = courier.offer(
                VerdictCodec.readDocument(in, frame),
                "offer from " + peer,
                verdict -> onLoop(() -> answer(id, verdict, stranger)));
        if (!taken) {
            offers.decrementAndGet();
            refuse(id, connection.context().shed("documents in flight", MAX_OFFERS_IN_FLIGHT));
        }
    }

    private void answer(int id, DocumentVerdict verdict, boolean stranger) {
        offers.decrementAndGet();
        if (stranger && verdict.isGarbage()) {
            // Counted like a wrong token, so that a signature's cost cannot be had at will. What a trusted key has
            // signed is not: a control plane that offers the same again and again must not stand in the way of a
            // break-glass.
            connection.context().failedOffer(peer);
        }
        if (id != 0 && !closed) {
            VerdictCodec.write(connection.out(), id, verdict);
        }
    }

    private void refuse(int id, KvException why) {
        if (id != 0) {
            ErrorCodec.write(connection.out(), id, why);
        }
    }

    /** Takes a FOLLOW: sends what is in force, then the verdict on nothing, then whatever is put in force. */
    void follow(FrameReader frame) {
        if (following == null) {
            following = courier.documents().follow(document -> onLoop(() -> handOn(document)));
        }
        sendAll();
        if (frame.correlationId() != 0) {
            VerdictCodec.write(
                    connection.out(), frame.correlationId(), courier.documents().status());
        }
    }

    private void handOn(byte[] document) {
        if (closed) {
            return;
        }
        if (connection.isWritable()) {
            VerdictCodec.writeDocument(connection.out(), FrameType.DOCUMENT, 0, document);
        } else {
            behind = true;
        }
    }

    private void sendAll() {
        behind = false;
        for (byte[] document : courier.documents().documents()) {
            VerdictCodec.writeDocument(connection.out(), FrameType.DOCUMENT, 0, document);
        }
    }

    /** The peer reads again. */
    void writable() {
        if (behind) {
            sendAll();
        }
    }

    void closed() {
        closed = true;
        if (following != null) {
            following.close();
            following = null;
        }
    }

    private void onLoop(Runnable task) {
        try {
            connection.loopState().loop().execute(() -> {
                task.run();
                connection.flushDirtySoon();
            });
        } catch (RejectedExecutionException e) {
            closed = true; // The loop has ended, and the connection with it.
        }
    }
}
