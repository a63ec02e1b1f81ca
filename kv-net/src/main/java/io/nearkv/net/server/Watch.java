package io.nearkv.net.server;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.KvException;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.NamespaceInfo;
import io.nearkv.net.protocol.FeedCodec;
import io.nearkv.net.protocol.FrameType;
import io.nearkv.net.protocol.Frames;
import io.nearkv.net.wire.Wire;
import java.util.HashSet;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A running watch. Asks the store for no more events than the peer has granted, so what waits here is bounded; sends many in one frame. One that follows the whole account
 * leaves out the namespaces of others.
 *
 * <p>{@code onSubscribe} and the like are called by the store's threads and only put things down; everything else is on the loop.
 */
final class Watch extends Operation implements Flow.Subscriber<FeedEvent> {
    /** Most events that the store is asked for at once. */
    private static final int MAX_DEMAND = 1024;

    /** A frame with so many bytes takes no further event; one is at most 8 KiB or so. */
    private static final int FULL_FRAME_BYTES = 32 * 1024;

    private static final int MAX_FOREIGN_NAMESPACES = 4096;

    /**
     * Frames of one watch are so far apart at least, but for the first after a pause, which goes at once: under a stream of writes every change would else be a frame, a system call and a
     * wake-up of its own, for each of a hundred edges.
     */
    private static final long PACE_NANOS = TimeUnit.MILLISECONDS.toNanos(4);

    private final boolean wholeAccount;
    private final Outflow outflow;
    private final Queue<FeedEvent> arrived = new ConcurrentLinkedQueue<>();
    private final Step<NamespaceInfo> lookup = new Step<>();
    private final Set<NamespaceId> foreign = new HashSet<>();

    /** Whether the next frame waits for its time. */
    private volatile boolean paced;

    private long lastFrameNanos = System.nanoTime() - PACE_NANOS;

    private volatile Flow.@Nullable Subscription subscription;
    private volatile boolean complete;
    private volatile @Nullable Throwable failure;

    /** Events asked of the store that have not been taken out of {@link #arrived}. */
    private int demand;

    private @Nullable NamespaceId lookingUp;

    Watch(Session session, int correlationId, boolean wholeAccount, int credits) {
        super(session, correlationId, Op.WATCH);
        this.wholeAccount = wholeAccount;
        if (credits < 0) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "credits: " + Integer.toUnsignedString(credits) + " (expected: at most 2147483647)");
        }
        this.outflow = new Outflow(credits);
    }

    // ---- the store's threads ----

    @Override
    public void onSubscribe(Flow.Subscription newSubscription) {
        subscription = newSubscription;
        wake();
    }

    @Override
    public void onNext(FeedEvent event) {
        arrived.add(event);
        if (!paced) { // Else the wake-up is set, and comes after this.
            wake();
        }
    }

    @Override
    public void onError(Throwable thrown) {
        failure = thrown;
        complete = true;
        wake();
    }

    @Override
    public void onComplete() {
        complete = true;
        wake();
    }

    // ---- the loop ----

    @Override
    void proceed() {
        // Read before the queue: what arrived before the end is then in the queue.
        boolean atEnd = complete;
        if (!atEnd && mustWait()) {
            return;
        }
        while (session.connection().isWritable()) {
            Wire.Events.Builder frame = Wire.Events.newBuilder();
            boolean stuck = fill(frame);
            if (frame.getEventsCount() > 0) {
                lastFrameNanos = System.nanoTime();
                Frames.writeMessage(session.connection().out(), FrameType.EVENTS, 0, correlationId, frame.build());
                session.connection().flushIfLarge();
            }
            if (stuck || ended) {
                break;
            }
        }
        if (atEnd && !ended && arrived.isEmpty()) {
            finish();
        } else if (!ended) {
            ask();
        }
    }

    /** Returns whether there is something to send that has to wait for its time; then it wakes up at that time. */
    private boolean mustWait() {
        if (paced) {
            return true;
        }
        long left = lastFrameNanos + PACE_NANOS - System.nanoTime();
        if (left <= 0 || arrived.isEmpty()) {
            return false;
        }
        paced = true;
        var unused = session.loopState()
                .loop()
                .schedule(
                        () -> {
                            paced = false;
                            wake();
                        },
                        left,
                        TimeUnit.NANOSECONDS);
        return true;
    }

    /** Moves events into the frame; returns whether there are no more to be moved now. */
    private boolean fill(Wire.Events.Builder frame) {
        int bytes = 0;
        while (bytes < FULL_FRAME_BYTES) {
            FeedEvent event = arrived.peek();
            if (event == null || outflow.credit() == 0) {
                return true;
            }
            if (wholeAccount && !session.guard().isOfEveryAccount() && event instanceof FeedEvent.Change change) {
                Boolean own = isOwn(change);
                if (own == null) {
                    return true;
                }
                if (!own) {
                    arrived.poll();
                    demand--;
                    continue;
                }
            }
            arrived.poll();
            demand--;
            outflow.take(1);
            Wire.Event wire = FeedCodec.toWire(event);
            bytes += wire.getSerializedSize();
            frame.addEvents(wire);
        }
        return false;
    }

    /** Returns whether the change is one of the account's; null if that is being looked up. */
    private @Nullable Boolean isOwn(FeedEvent.Change change) {
        NamespaceId id = change.namespace();
        if (session.guard().known(id.high(), id.low()) != null) {
            return true;
        }
        if (foreign.contains(id)) {
            return false;
        }
        if (change.kind() == FeedEvent.Kind.NAMESPACE_DELETED) {
            // Nobody can be asked whose it was. Its id alone says nothing to others, and its owner must not miss it.
            return true;
        }
        if (!id.equals(lookingUp)) {
            lookingUp = id;
            lookup.await(session.store().admin().namespace(id), this);
        }
        if (!lookup.isDone()) {
            return null;
        }
        lookingUp = null;
        try {
            session.accept(id, lookup);
            return true;
        } catch (KvException e) {
            if (e.code() != ErrorCode.NOT_FOUND) {
                throw e;
            }
            // Another account's, or deleted since, which the feed is about to say.
            if (foreign.size() >= MAX_FOREIGN_NAMESPACES) {
                foreign.clear();
            }
            foreign.add(id);
            return false;
        }
    }

    private void ask() {
        Flow.Subscription upstream = subscription;
        int more = Math.min(outflow.credit(), MAX_DEMAND) - demand;
        if (upstream != null && more > 0) {
            demand += more;
            upstream.request(more);
        }
    }

    private void finish() {
        Throwable thrown = failure;
        if (thrown != null) {
            session.fail(this, KvException.from(thrown));
        } else {
            last();
        }
    }

    private void last() {
        Frames.writeMessage(
                session.connection().out(),
                FrameType.EVENTS,
                FrameType.FLAG_END,
                correlationId,
                Wire.Events.getDefaultInstance());
        session.count(this, Counters.OK);
        session.end(this);
    }

    @Override
    void credit(int more) {
        outflow.add(more);
        proceed();
    }

    @Override
    void writable() {
        proceed();
    }

    @Override
    void cancel() {
        last();
    }

    @Override
    boolean isStream() {
        return true;
    }

    @Override
    void release() {
        Flow.Subscription upstream = subscription;
        if (upstream != null) {
            upstream.cancel();
        }
        arrived.clear();
    }

    @Override
    void abandoned() {
        release();
    }
}
