package io.nearkv.core.rocksdb;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.Position;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.Flow;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One subscriber of a change feed. All signals are given by {@link #run}, which never runs twice at a time: {@code wake-ups} counts the reasons to run, the first
 * one hands this to a thread, and the run that has served all of them ends it. Fields without a word are confined to the run.
 */
final class FeedSubscription implements Flow.Subscription, Runnable {
    private static final Logger log = LoggerFactory.getLogger(FeedSubscription.class);
    /** Changes that are looked at before another subscriber has its turn. */
    private static final int TURN = 4096;

    private final FeedHub hub;
    private final StoreCore core;
    private final FeedRequest request;
    private final byte[] prefix;
    private final Flow.Subscriber<? super FeedEvent> subscriber;
    private final AtomicLong demand = new AtomicLong();
    /** Begins at 1: nothing runs before {@link #begin} is through with onSubscribe. */
    private final AtomicInteger wakeUps = new AtomicInteger(1);

    private volatile boolean over;
    private volatile @Nullable Throwable ending;
    private volatile boolean heartbeatDue = true;
    private volatile @Nullable Future<?> heartbeat;

    private final Deque<ChangeGroup> fetched = new ArrayDeque<>();
    private long position;
    private long tooOldBefore = -1;

    FeedSubscription(FeedHub hub, StoreCore core, FeedRequest request, Flow.Subscriber<? super FeedEvent> subscriber) {
        this.hub = hub;
        this.core = core;
        this.request = request;
        this.prefix = request.prefix().getBytes(StandardCharsets.UTF_8);
        this.subscriber = subscriber;
    }

    /** Takes the position, greets the subscriber, and begins or, if it is refused, ends. */
    void begin(@Nullable KvException refusal) {
        FeedRequest.Start start = request.start();
        long lastVersion = core.lastVersion;
        if (start instanceof FeedRequest.Start.After after) {
            Position from = after.position();
            if (from.lineage() != core.stamp.lineage() || from.versions().size() != 1 || from.version() > lastVersion) {
                tooOldBefore = hub.oldest();
            } else {
                position = from.version();
            }
        } else {
            position = start instanceof FeedRequest.Start.Now ? lastVersion : hub.oldest();
        }
        ending = refusal;
        try {
            subscriber.onSubscribe(this);
        } catch (RuntimeException e) {
            failed(e);
        }
        if (!over && refusal == null) {
            long nanos = request.heartbeat().toNanos();
            try {
                heartbeat = hub.timer().scheduleAtFixedRate(this::beat, nanos, nanos, TimeUnit.NANOSECONDS);
            } catch (RejectedExecutionException e) {
                ending = StoreCore.closing();
            }
        }
        if (over) {
            cancel(); // Once more, for the heartbeat that may have been set in between.
        }
        start();
    }

    private void beat() {
        if (core.database != null) {
            heartbeatDue = true;
            schedule();
        }
    }

    /** Sees to it that {@link #run} runs after this. */
    void schedule() {
        if (wakeUps.getAndIncrement() == 0) {
            start();
        }
    }

    private void start() {
        try {
            hub.execute(this);
        } catch (RejectedExecutionException e) {
            // The store is closed, and the last turn was long ago.
            log.atDebug().log("a feed ends without a signal because the store is closed");
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
        demand.accumulateAndGet(count, (a, b) -> a + b < 0 ? Long.MAX_VALUE : a + b);
        schedule();
    }

    @Override
    public void cancel() {
        over = true;
        hub.remove(this);
        Future<?> timer = heartbeat;
        if (timer != null) {
            timer.cancel(false);
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
        fetched.clear();
    }

    /** Gives all signals that can be given now; returns true if the turn is over before that. */
    private boolean deliver() {
        for (int turn = 0; turn < TURN; ) {
            if (over) {
                fetched.clear();
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
            if (tooOldBefore >= 0) {
                cancel();
                subscriber.onNext(new FeedEvent.TooOld(core.position(tooOldBefore)));
                subscriber.onComplete();
                return false;
            }
            if (position < core.lastVersion) {
                try {
                    turn += next();
                } catch (KvException e) {
                    if (e.code() == ErrorCode.UNAVAILABLE) {
                        return false; // The hub wakes us when the store is open again.
                    }
                    ending = e;
                }
            } else if (heartbeatDue) {
                heartbeatDue = false;
                emit(new FeedEvent.Heartbeat(core.position(position)));
                turn++;
            } else {
                return false;
            }
        }
        return true;
    }

    /** Goes on to the next change that this feed asked for; returns how many were looked at. */
    private int next() {
        ChangeGroup group = fetched.peek();
        while (group != null && group.lastVersion() <= position) {
            fetched.remove();
            group = fetched.peek();
        }
        if (group == null) {
            FeedHub.Fetched more = hub.after(position);
            if (more.isTooOld()) {
                tooOldBefore = more.tooOldBefore();
            }
            fetched.addAll(more.groups());
            return 1;
        }
        int seen = 0;
        while (position < group.lastVersion()) {
            position++;
            seen++;
            ChangeGroup.Item item = group.item(position);
            Key key = item.key();
            if ((request.namespace() == null || request.namespace().equals(item.namespace()))
                    && (key == null || key.startsWith(prefix))) {
                emit(new FeedEvent.Change(
                        core.position(position), position, item.namespace(), key, item.kind(), item.endsCommit()));
                break;
            }
        }
        return seen;
    }

    private void emit(FeedEvent event) {
        if (demand.get() != Long.MAX_VALUE) {
            demand.decrementAndGet();
        }
        subscriber.onNext(event);
    }
}
