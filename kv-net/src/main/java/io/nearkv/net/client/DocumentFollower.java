package io.nearkv.net.client;

import io.nearkv.core.route.DocumentExchange;
import io.nearkv.net.protocol.FrameType;
import io.nearkv.net.protocol.Frames;
import io.nearkv.net.protocol.VerdictCodec;
import io.nearkv.net.transport.DocumentCourier;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * The signed documents of one connection: follows those of the server, and offers it those that are put in force here. Confined to the event loop, but for what the exchange calls.
 */
final class DocumentFollower {
    private final Lane lane;
    private final Session session;
    private final DocumentCourier courier;
    private final DocumentExchange.Registration registration;

    private DocumentFollower(Lane lane, Session session, DocumentCourier courier) {
        this.lane = lane;
        this.session = session;
        this.courier = courier;
        this.registration = courier.documents().follow(this::putInForce);
    }

    /** Begins to follow over a connection that has passed the checks; null where nobody wants to, or another lane does. */
    static @Nullable DocumentFollower of(Lane lane, Session session) {
        DocumentCourier courier = lane.pool.options.courier();
        if (courier == null || lane.number() != 0) {
            return null;
        }
        DocumentFollower follower = new DocumentFollower(lane, session, courier);
        Frames.writeEmpty(session.out(), FrameType.FOLLOW, 0);
        // What the server missed while we had no connection. What it has already, it says so and is done.
        courier.documents().documents().forEach(follower::offer);
        session.flushSoon();
        return follower;
    }

    /** Takes a document of the server. One that finds the queue full comes again with the next connection. */
    void received(byte[] document) {
        var unused = courier.offer(document, "push from " + session.address(), verdict -> {});
    }

    private void putInForce(byte[] document) {
        try {
            lane.loop.execute(() -> {
                if (session.isOpen()) {
                    offer(document);
                    session.flushSoon();
                }
            });
        } catch (RejectedExecutionException e) {
            assert lane.pool.isClosed();
        }
    }

    private void offer(byte[] document) {
        VerdictCodec.writeDocument(session.out(), FrameType.OFFER, 0, document);
    }

    void close() {
        registration.close();
    }
}
