package io.nearkv.edge;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.Position;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Flow;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One subscriber of a cache's feed: a place in the ring, and nothing more. All signals are given by {@link #run}, which never runs twice at a time: {@code wakeUps} counts the
 * reasons to run, the first one hands this to a thread, and the run that has served all of them ends it. Fields without a word are confined to the run.
 *
 * <p>A subscriber that the ring has overtaken is handed over to upstream, where it stands; from then on upstream gives the signals, and the run passes on what is requested.
 */
final class RelaySubscription implements Flow.Subscription, Runnable {
    private static final Logger log = LoggerFactory.getLogger(RelaySubscription.class);
    /** Changes that are looked at before another subscriber has its turn. */
    private static final int TURN = 1024;

    private final FeedRelay relay;
    private final KvStore upstream;
    private final FeedRequest request;
    private final byte[] prefix;
    private final Flow.Subscriber<? super FeedEvent> subscriber;
    private final FeedRing ring;
    /** Every so many heartbeats from upstream one is passed on. */
    private final long beatsPer;

    private final AtomicLong demand = new AtomicLong();
    /** Begins at 1: nothing runs before {@link #begin} is through with onSubscribe. */
    private final AtomicInteger wakeUps = new AtomicInteger(1);

    private volatile boolean over;
    private volatile @Nullable Throwable ending;
    /** Set when upstream gives the signals. */
    private volatile @Nullable Bridge bridge;
    /** The number of the next change that is looked at. */
    private long next;
    /** What the subscriber has got, or did not ask for; covers everything before {@code next}, and may be ahead of it. */
    private Position position;
    /** The number of the last heartbeat that was passed on. */
    private long lastBeat;

    RelaySubscription(
            FeedRelay relay,
            KvStore upstream,
            FeedRequest request,
            Flow.Subscriber<? super FeedEvent> subscriber,
            FeedRing ring,
            FeedRing.Place place) {
        this.relay = relay;
        this.upstream = upstream;
        this.request = request;
        this.prefix = request.prefix().getBytes(StandardCharsets.UTF_8);
        this.subscriber = subscriber;
        this.ring = ring;
        this.next = place.number();
        this.position = place.position();
        this.beatsPer = relay.beatsPer(request.heartbeat().toNanos());
        this.lastBeat = -beatsPer; // The first comes as soon as the subscriber has caught up.
    }

    @Nullable
    NamespaceId namespace() {
        return request.namespace();
    }

    /** Greets the subscriber, and begins or, if it is refused, ends. */
    void begin(@Nullable KvException refusal) {
        if (refusal != null) {
            ending = refusal;
        }
        try {
            subscriber.onSubscribe(this);
        } catch (RuntimeException e) {
            failed(e);
        }
        start();
    }

    /** Sees to it that {@link #run} runs after this. */
    void schedule() {
        if (wakeUps.getAndIncrement() == 0) {
            start();
        }
    }

    private void start() {
        try {
            relay.execute(this);
        } catch (RejectedExecutionException e) {
            log.atDebug().log("a feed ends without a signal because the cache is closed");
        }
    }

    /** Ends the feed with a failure, once what runs now is through. */
    void end(Throwable reason) {
        ending = reason;
        schedule();
    }

    @Override
    public void request(long count) {
        if (count <= 0) {
            end(new IllegalArgumentException("request: " + count + " (expected: at least 1)"));
            return;
        }
        long unused = demand.accumulateAndGet(count, (a, b) -> a + b < 0 ? Long.MAX_VALUE : a + b);
        schedule();
    }

    @Override
    public void cancel() {
        over = true;
        relay.remove(this);
        Bridge above = bridge;
        if (above != null) {
            above.cancel();
        }
    }

    @Override
    public void run() {
        int served = wakeUps.get();
        while (true) {
            boolean more;
            try {
                more = deliver();
            } catch (RuntimeException e) {
                failed(e);
                more = false;
            }
            if (more) {
                start(); // Behind the others; the wake-ups are still ours.
                return;
            }
            served = wakeUps.addAndGet(-served);
            if (served == 0) {
                return;
            }
        }
    }

    /** A subscriber that throws breaks the rules of Flow: it gets nothing more. */
    private void failed(RuntimeException e) {
        log.atWarn().setCause(e).log("a feed's subscriber has thrown, its feed ends");
        cancel();
    }

    /** Gives all signals that can be given now; returns true if the turn is over before that. */
    private boolean deliver() {
        for (int turn = 0; turn < TURN; turn++) {
            if (over) {
                return false;
            }
            Bridge above = bridge;
            if (above != null) {
                above.passDemand();
                return false;
            }
            Throwable reason = ending;
            if (reason != null) {
                cancel();
                subscriber.onError(reason);
                return false;
            }
            if (demand.get() == 0) {
                return false;
            }
            Position successor = ring.successor();
            if (successor != null) {
                cancel();
                subscriber.onNext(new FeedEvent.TooOld(successor));
                subscriber.onComplete();
                return false;
            }
            // In this order: a heartbeat that came before a change that is seen here is seen too, and told before it.
            FeedRing.Place head = ring.head();
            FeedRing.Beat beat = ring.beat();
            if (beat != null
                    && beat.place().number() == next
                    && beat.place().position().covers(position)
                    && beat.number() - lastBeat >= beatsPer
                    && relay.isFresh(beat)) {
                lastBeat = beat.number();
                emit(new FeedEvent.Heartbeat(beat.place().position()));
            } else if (head != null && next < head.number()) {
                FeedRing.Slot slot = ring.get(next);
                if (slot == null) {
                    handOver();
                } else {
                    next++;
                    take(slot);
                }
            } else {
                return false;
            }
        }
        return true;
    }

    /** Gives a change, unless the subscriber had it before. */
    private void take(FeedRing.Slot slot) {
        FeedEvent.Change change = slot.change();
        boolean known = false;
        if (position.equals(slot.before())) { // As far in every partition as the ring; usually the very same object.
            position = change.position();
        } else {
            known = position.covers(change.position());
            Position both = change.position().and(position);
            position = both;
            if (!both.equals(change.position())) {
                // It is ahead in another partition. With the position of the ring it would get something twice.
                change = new FeedEvent.Change(
                        both, change.version(), change.namespace(), change.key(), change.kind(), change.endsCommit());
            }
        }
        if (!known && isWanted(change)) {
            emit(change);
        }
    }

    private boolean isWanted(FeedEvent.Change change) {
        Key key = change.key();
        return (request.namespace() == null || request.namespace().equals(change.namespace()))
                && (key == null || key.startsWith(prefix));
    }

    private void emit(FeedEvent event) {
        if (demand.get() != Long.MAX_VALUE) {
            demand.decrementAndGet();
        }
        subscriber.onNext(event);
    }

    /** The ring has not kept what this subscriber needs next; upstream may have. */
    private void handOver() {
        log.atDebug().addKeyValue("position", position).log("a slow subscriber goes on upstream");
        relay.remove(this);
        Bridge above = new Bridge();
        bridge = above;
        FeedRequest rest = new FeedRequest(
                request.namespace(), request.prefix(), new FeedRequest.Start.After(position), request.heartbeat());
        try {
            upstream.watch(rest).subscribe(above);
        } catch (IllegalStateException e) {
            above.onError(new KvException(ErrorCode.UNAVAILABLE, "the cache is closing"));
        }
    }

    /** Stands between upstream and a subscriber that was handed over. */
    private final class Bridge implements Flow.Subscriber<FeedEvent> {
        private volatile Flow.@Nullable Subscription subscription;

        /** Runs where the signals were given before, so that nothing is requested twice. */
        void passDemand() {
            Flow.Subscription above = subscription;
            if (above == null) {
                return;
            }
            if (ending != null) {
                above.request(0); // Upstream ends it, in turn with its other signals.
                return;
            }
            long count = demand.getAndSet(0);
            if (count > 0) {
                above.request(count);
            }
        }

        void cancel() {
            Flow.Subscription above = subscription;
            if (above != null) {
                above.cancel();
            }
        }

        @Override
        public void onSubscribe(Flow.Subscription granted) {
            subscription = granted;
            if (over) {
                granted.cancel();
            } else {
                schedule();
            }
        }

        @Override
        public void onNext(FeedEvent event) {
            if (!over) {
                subscriber.onNext(event);
            }
        }

        @Override
        public void onError(Throwable thrown) {
            if (!over) {
                over = true;
                subscriber.onError(thrown);
            }
        }

        @Override
        public void onComplete() {
            if (!over) {
                over = true;
                subscriber.onComplete();
            }
        }
    }
}
