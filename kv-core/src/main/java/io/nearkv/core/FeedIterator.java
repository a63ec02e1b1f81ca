package io.nearkv.core;

import java.time.Duration;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A change feed for callers that wait: {@link #hasNext()} and {@link #next()} wait for the next {@link FeedEvent.Change}, or the {@link FeedEvent.TooOld} that ends the feed;
 * heartbeats are taken in silently and move {@link #position()}. When the store is away for a while the feed goes on by itself where it was. Any other failure is
 * thrown as {@link KvException}, after all that came before it was given out. Holds up to {@value #BUFFER} events. Not thread-safe, but {@link #close()} may be called by any
 * thread and ends a wait.
 */
public final class FeedIterator implements Iterator<FeedEvent>, AutoCloseable {
    /** Events on the way to the reader; twice what is asked for at a time. */
    private static final int BUFFER = 256;

    private sealed interface Signal {
        record Event(FeedEvent event) implements Signal {}

        record End(@Nullable KvException failure) implements Signal {}
    }

    private final BlockingQueue<Signal> signals = new ArrayBlockingQueue<>(BUFFER + 1); // One place for the end.
    private final Receiver receiver = new Receiver();
    private @Nullable FeedEvent ready;
    private Signal.@Nullable End end;
    private @Nullable Position position;
    private int takenSinceRequest;

    private FeedIterator() {}

    /** Subscribes and, if asked for, waits until the feed has begun. */
    static FeedIterator open(Flow.Publisher<FeedEvent> feed, boolean awaitBegin, Duration timeout) {
        FeedIterator iterator = new FeedIterator();
        feed.subscribe(iterator.receiver);
        try {
            if (awaitBegin && !iterator.takeOne(timeout.toNanos())) {
                throw new KvException(ErrorCode.DEADLINE_EXCEEDED, "the feed has not begun within " + timeout);
            }
            iterator.throwIfFailed();
            return iterator;
        } catch (KvException e) {
            iterator.close();
            throw e;
        }
    }

    /** Returns where a reader that has seen what this iterator has given out goes on, with {@link FeedRequest.Start.After}; empty as long as nothing is known. */
    public Optional<Position> position() {
        return Optional.ofNullable(position);
    }

    /** Waits for the next event; false at the end of the feed, or when it is closed. */
    @Override
    public boolean hasNext() {
        while (ready == null) {
            if (end != null) {
                throwIfFailed();
                return false;
            }
            var unused = takeOne(Long.MAX_VALUE);
        }
        return true;
    }

    @Override
    public FeedEvent next() {
        if (!hasNext()) {
            throw new NoSuchElementException("the feed is at its end");
        }
        return give();
    }

    /** Returns the next event if there is one within this time; empty otherwise, and at the end of the feed. */
    public Optional<FeedEvent> poll(Duration timeout) {
        long begin = System.nanoTime();
        while (ready == null && end == null) {
            long left = timeout.toNanos() - (System.nanoTime() - begin);
            if (!takeOne(Math.max(0, left)) && left <= 0) {
                return Optional.empty();
            }
        }
        if (ready == null) {
            throwIfFailed();
            return Optional.empty();
        }
        return Optional.of(give());
    }

    private FeedEvent give() {
        FeedEvent event = ready;
        if (event == null) {
            throw new NoSuchElementException("no event is ready");
        }
        ready = null;
        if (event instanceof FeedEvent.Change change) {
            position = change.position();
        }
        return event;
    }

    /** Takes one signal in; false if none came in time. */
    private boolean takeOne(long timeoutNanos) {
        Blocking.checkThread();
        Signal signal;
        try {
            signal = signals.poll(timeoutNanos, TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            throw Blocking.interrupted();
        }
        if (signal == null) {
            return false;
        }
        if (signal instanceof Signal.End last) {
            end = last;
            return true;
        }
        FeedEvent event = ((Signal.Event) signal).event();
        if (event instanceof FeedEvent.Heartbeat heartbeat) {
            position = heartbeat.position();
        } else {
            ready = event;
        }
        takenSinceRequest++;
        if (takenSinceRequest == BUFFER / 2) {
            takenSinceRequest = 0;
            receiver.request(BUFFER / 2);
        }
        return true;
    }

    private void throwIfFailed() {
        if (end != null && end.failure() != null) {
            throw end.failure();
        }
    }

    /** Ends the feed. Idempotent. */
    @Override
    public void close() {
        receiver.cancel();
        // Nothing can fill the places again: the receiver takes nothing in any more.
        signals.clear();
        boolean unused = signals.offer(new Signal.End(null));
    }

    private final class Receiver implements Flow.Subscriber<FeedEvent> {
        private volatile Flow.@Nullable Subscription subscription;
        private volatile boolean closed;

        @Override
        public void onSubscribe(Flow.Subscription newSubscription) {
            subscription = newSubscription;
            newSubscription.request(BUFFER);
        }

        void request(long count) {
            Flow.Subscription current = subscription;
            if (current != null) {
                current.request(count);
            }
        }

        void cancel() {
            closed = true;
            Flow.Subscription current = subscription;
            if (current != null) {
                current.cancel();
            }
        }

        @Override
        public void onNext(FeedEvent event) {
            receive(new Signal.Event(event));
        }

        @Override
        public void onError(Throwable failure) {
            receive(new Signal.End(KvException.from(failure)));
        }

        @Override
        public void onComplete() {
            receive(new Signal.End(null));
        }

        private void receive(Signal signal) {
            if (!closed && !signals.offer(signal)) {
                throw new IllegalStateException("the feed sent more than was requested");
            }
        }
    }
}
