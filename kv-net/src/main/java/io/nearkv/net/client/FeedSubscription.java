package io.nearkv.net.client;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.KvException;
import io.nearkv.net.protocol.FeedCodec;
import io.nearkv.net.protocol.FrameReader;
import io.nearkv.net.protocol.FrameType;
import io.nearkv.net.protocol.Frames;
import io.nearkv.net.wire.Wire;
import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.concurrent.Flow;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One subscriber of a change feed: one watch on the wire after the other, each from the position that the last one has reached, so that the subscriber sees one feed whatever
 * happens to connections. There is never more than one watch at a time, and the next begins when the last is over, so events come one after the other.
 *
 * <p>The server is granted what the subscriber has requested, at most a window at a time; so no event ever waits here.
 */
final class FeedSubscription extends Exchange implements Flow.Subscription {
    private static final Logger log = LoggerFactory.getLogger(FeedSubscription.class);

    /** Most events that the server may send ahead; grants come by halves of it. */
    private static final int WINDOW_EVENTS = 1024;

    private final LanePool pool;
    private final FeedRequest request;
    private final Flow.Subscriber<? super FeedEvent> subscriber;
    private final Deliveries deliveries;

    /** Guards the demand and the choice of the slot, which any thread may ask for. */
    private final ReentrantLock lock = new ReentrantLock();
    /** Events that the subscriber has requested and not got. */
    private long demand;
    /** The watch on the wire, from when it is written until its last frame. */
    private @Nullable Slot slot;

    private boolean grantScheduled;

    private volatile boolean over;

    // Touched by one event loop after the other, never by two at a time.
    private FeedRequest.Start start;
    /** Events that the server may still send. */
    private int granted;

    private boolean moving;
    private boolean tooOld;
    private int failures;

    FeedSubscription(LanePool pool, FeedRequest request, Flow.Subscriber<? super FeedEvent> subscriber) {
        super(Operation.WATCH);
        this.pool = pool;
        this.request = request;
        this.subscriber = subscriber;
        this.start = request.start();
        this.deliveries = new Deliveries(pool.options.callbackExecutor());
    }

    /** Begins a watch where the last one has ended. */
    void open() {
        if (over) {
            return;
        }
        if (pool.isClosed()) {
            end(pool.closedFailure());
        } else if (!pool.start(this)) {
            openLater(pool.unavailable("too many requests in flight", null));
        }
    }

    private void openLater(KvException cause) {
        failures++;
        Duration delay = pool.options.backoff().delay(failures, ThreadLocalRandom.current());
        Duration advice = cause.retryAfter();
        if (advice != null && advice.compareTo(delay) > 0) {
            delay = advice;
        }
        pool.schedule(this::open, delay);
    }

    // ---- the subscriber's side

    @Override
    public void request(long count) {
        if (count <= 0) {
            if (markOver()) {
                deliveries.run(() -> subscriber.onError(
                        new IllegalArgumentException("request: " + count + " (expected: more than 0)")));
                leave();
            }
            return;
        }
        Slot current;
        lock.lock();
        try {
            demand = demand + count < 0 ? Long.MAX_VALUE : demand + count;
            current = slot;
            if (current == null || grantScheduled) {
                return;
            }
            grantScheduled = true;
        } finally {
            lock.unlock();
        }
        onLoop(current, this::grant);
    }

    @Override
    public void cancel() {
        if (markOver()) {
            leave();
        }
    }

    private boolean markOver() {
        lock.lock();
        try {
            boolean first = !over;
            over = true;
            return first;
        } finally {
            lock.unlock();
        }
    }

    /** Ends the watch on the wire, if there is one. */
    private void leave() {
        Slot current;
        lock.lock();
        try {
            current = slot;
        } finally {
            lock.unlock();
        }
        if (current != null) {
            onLoop(current, () -> {
                if (isHeldBy(current)) {
                    setSlot(null);
                    Slot.required(current.session).abandon(current);
                }
            });
        }
    }

    private void onLoop(Slot current, Runnable task) {
        try {
            current.lane.loop.execute(task);
        } catch (RejectedExecutionException e) {
            assert pool.isClosed();
        }
    }

    private boolean isHeldBy(Slot current) {
        return current.exchange == this && current.state == Slot.State.SENT;
    }

    private void setSlot(@Nullable Slot newSlot) {
        lock.lock();
        try {
            slot = newSlot;
        } finally {
            lock.unlock();
        }
    }

    // ---- the wire's side

    @Override
    void send(Slot taken, Session session) {
        taken.lane.markLongLived(taken);
        moving = false;
        lock.lock();
        try {
            slot = taken;
            granted = (int) Math.min(demand, WINDOW_EVENTS);
        } finally {
            lock.unlock();
        }
        FeedRequest from = new FeedRequest(request.namespace(), request.prefix(), start, request.heartbeat());
        Frames.writeMessage(session.out(), FrameType.WATCH, 0, taken.correlationId, FeedCodec.toWire(from, granted));
        if (over) {
            // Cancelled at the last moment, when there was nothing yet that leave() could have ended.
            setSlot(null);
            session.abandon(taken);
        }
    }

    /** Grants the server what the subscriber has requested since. */
    private void grant() {
        int more;
        Slot current;
        lock.lock();
        try {
            grantScheduled = false;
            current = slot;
            more = (int) Math.min(demand, WINDOW_EVENTS) - granted;
        } finally {
            lock.unlock();
        }
        // By halves, unless the server could send nothing at all.
        if (current != null
                && isHeldBy(current)
                && !moving
                && (more >= WINDOW_EVENTS / 2 || (granted == 0 && more > 0))) {
            granted += more;
            Session session = Slot.required(current.session);
            Frames.writeInt(session.out(), FrameType.CREDIT, current.correlationId, more);
            session.flushSoon();
        }
    }

    @Override
    void receive(Slot taken, Session session, ByteBuf in, FrameReader frame) {
        if (frame.type() != FrameType.EVENTS) {
            throw unexpected(frame);
        }
        boolean end = frame.has(FrameType.FLAG_END);
        for (Wire.Event event : Frames.parse(Wire.Events.parser(), in, frame).getEventsList()) {
            onEvent(FeedCodec.fromWire(event));
        }
        if (end) {
            setSlot(null);
            taken.lane.release(taken);
            onEnd();
        } else {
            grant();
        }
    }

    private void onEvent(FeedEvent event) {
        failures = 0;
        granted--;
        lock.lock();
        try {
            if (demand != Long.MAX_VALUE) {
                demand--;
            }
            if (granted < 0 || demand < 0) {
                throw new KvException(ErrorCode.INTERNAL, "the server sent more events than it was granted");
            }
        } finally {
            lock.unlock();
        }
        if (event instanceof FeedEvent.Change change) {
            start = new FeedRequest.Start.After(change.position());
        } else if (event instanceof FeedEvent.Heartbeat heartbeat) {
            start = new FeedRequest.Start.After(heartbeat.position());
        } else {
            tooOld = true;
        }
        deliveries.run(() -> deliver(event));
    }

    private void deliver(FeedEvent event) {
        if (over) {
            return;
        }
        try {
            subscriber.onNext(event);
        } catch (RuntimeException e) {
            // It has broken its contract; nobody else must suffer from that.
            log.atWarn().setCause(e).log("a subscriber of a change feed threw an exception, its feed ends");
            cancel();
        }
    }

    private void onEnd() {
        if (tooOld) {
            if (markOver()) {
                deliveries.run(subscriber::onComplete);
            }
        } else {
            resume(pool.unavailable("the server has ended the watch", null));
        }
    }

    @Override
    void onGoAway(Slot taken, Session session) {
        if (!moving) {
            moving = true;
            // What is on its way still comes, then the last frame, and then the next watch begins elsewhere.
            Frames.writeEmpty(session.out(), FrameType.CANCEL, taken.correlationId);
            session.flushSoon();
        }
    }

    @Override
    void fail(Slot taken, KvException failure) {
        setSlot(null);
        ErrorCode.Retry retry = failure.code().retry();
        if (pool.isClosed()) {
            end(pool.closedFailure());
        } else if (moving || retry == ErrorCode.Retry.AFTER_DELAY || retry == ErrorCode.Retry.IF_IDEMPOTENT) {
            resume(failure);
        } else {
            end(failure);
        }
    }

    private void resume(KvException cause) {
        if (over) {
            return;
        }
        pool.counters.feedsResumed.increment();
        if (moving) {
            moving = false;
            open();
        } else {
            openLater(cause);
        }
    }

    private void end(KvException failure) {
        if (markOver()) {
            deliveries.run(() -> subscriber.onError(failure));
        }
    }

    /** It begins anew by itself, with another position. */
    @Override
    boolean isRepeatable() {
        return false;
    }

    @Override
    boolean isGivenUp(Slot taken) {
        return over;
    }
}
