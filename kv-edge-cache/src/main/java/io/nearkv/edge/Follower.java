package io.nearkv.edge;

import io.nearkv.core.Backoff;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.Position;
import java.time.Duration;
import java.util.concurrent.Flow;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Follows the change feed of upstream for as long as the cache lives. Thread-safe.
 *
 * <p>A connection that was lost is no gap: the feed goes on after the last position, and brings what was missed. A gap is when it cannot: upstream has not kept so much, or has another
 * history (restored from a backup, or another store altogether). Then the feed begins anew where it is now, in a new generation; everything that was vouched for in
 * an earlier one is suspect. While there is no feed yet, or not yet again after a gap, everything is ({@link #generation()} is then one that no entry had before).
 */
final class Follower implements Freshness.Feed, AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Follower.class);
    private static final Backoff RECONNECT = new Backoff(Duration.ofMillis(20), Duration.ofMillis(500));
    private static final int CREDIT = 512;

    /** Takes in what the feed brings; the calls come one after the other. */
    interface Sink {
        /** A change has happened. */
        void changed(FeedEvent.Change change);

        /** The change has been taken in, and {@link Follower#position()} says so. */
        void passed(FeedEvent.Change change);

        /** Every change up to this position has been taken in, and there are no others. */
        void current(Position position);

        /** The feed has broken off, or could not be had. */
        void lost(KvException reason);

        /** Changes were missed; from now on a new generation is followed. */
        void restarted(long generation);
    }

    /** How it stands with the feed. */
    enum State {
        /** Never connected so far. */
        CONNECTING,
        /** Changes come as they happen. */
        FOLLOWING,
        /** The connection is lost; it goes on where it was, if upstream still can. */
        LOST,
        /** Upstream refuses; entries live by their time alone. */
        REFUSED
    }

    private final KvStore upstream;
    private final Duration heartbeat;
    private final Freshness.Time time;
    private final ScheduledExecutorService timer;
    private final Sink sink;

    private volatile long generation;
    private volatile @Nullable Position position;
    private volatile @Nullable Position heard;
    private volatile long currentNanos;
    private volatile State state = State.CONNECTING;
    private volatile @Nullable KvException failure;
    private volatile boolean closed;
    private volatile @Nullable Connection connection;
    private final java.util.concurrent.atomic.LongAdder gaps = new java.util.concurrent.atomic.LongAdder();
    /** How far apart the numbers of generations may be. */
    private final long stride;

    private int failures;
    /** The generation of before the gap that is being bridged, or 0. */
    private long brokenGeneration;

    Follower(KvStore upstream, EdgeOptions options, Freshness.Time time, ScheduledExecutorService timer, Sink sink) {
        this.upstream = upstream;
        this.heartbeat = options.heartbeat;
        this.time = time;
        this.timer = timer;
        this.sink = sink;
        // Entries on a disk must not meet their number again after a process that had no time to save it.
        this.stride = options.disk == null ? 1 : 1L << 40;
        this.currentNanos = longAgo(time);
    }

    /** Returns a time by the ticker that is longer ago than anything may be. */
    static long longAgo(Freshness.Time time) {
        return time.nanos() - TimeUnit.DAYS.toNanos(365);
    }

    /**
     * Goes on where an earlier process has stopped; before {@link #start}.
     *
     * @param savedNanos when that position was the latest there was, by the ticker; {@link #longAgo} if nobody knows
     */
    void resume(long savedGeneration, Position savedPosition, long savedNanos) {
        currentNanos = savedNanos;
        generation = savedGeneration;
        position = savedPosition;
        state = State.LOST;
    }

    void start() {
        connect();
    }

    @Override
    public long generation() {
        return generation;
    }

    @Override
    public @Nullable Position position() {
        return position;
    }

    @Override
    public @Nullable Position heard() {
        Position last = position;
        Position coming = heard;
        return last == null || coming == null || last.covers(coming) || last.lineage() != coming.lineage()
                ? last
                : coming;
    }

    @Override
    public long currentNanos() {
        return currentNanos;
    }

    State state() {
        return state;
    }

    /** Returns why the feed does not come at the moment, or null. */
    @Nullable
    KvException failure() {
        return failure;
    }

    long gaps() {
        return gaps.sum();
    }

    private void connect() {
        if (closed) {
            return;
        }
        Position from = brokenGeneration == 0 ? position : null;
        FeedRequest.Start start = from == null ? new FeedRequest.Start.Now() : new FeedRequest.Start.After(from);
        Connection next = new Connection();
        connection = next;
        try {
            upstream.watch(new FeedRequest(null, "", start, heartbeat)).subscribe(next);
        } catch (IllegalStateException e) {
            log.atDebug().log("upstream is closed, and the feed with it");
            state = State.LOST;
        }
    }

    private void connectLater(KvException reason) {
        failures++;
        failure = reason;
        sink.lost(reason);
        ErrorCode code = reason.code();
        State before = state;
        state = code == ErrorCode.UNAUTHORIZED || code == ErrorCode.FORBIDDEN
                ? State.REFUSED
                : before == State.CONNECTING ? State.CONNECTING : State.LOST;
        if (state != before) {
            log.atWarn().addKeyValue("reason", reason.getMessage()).log("the change feed of upstream is lost");
        }
        Duration delay = RECONNECT.delay(failures, ThreadLocalRandom.current());
        Duration asked = reason.retryAfter();
        if (asked != null && asked.compareTo(delay) > 0) {
            delay = asked;
        }
        try {
            var unused = timer.schedule(this::connect, delay.toNanos(), TimeUnit.NANOSECONDS);
        } catch (RejectedExecutionException e) {
            log.atDebug().log("the cache is closed, and its feed with it");
        }
    }

    @Override
    public void close() {
        closed = true;
        Connection current = connection;
        if (current != null) {
            current.cancel();
        }
    }

    /** One subscription. Its signals come one after the other; those of one that was replaced are ignored. */
    private final class Connection implements Flow.Subscriber<FeedEvent> {
        private volatile Flow.@Nullable Subscription subscription;
        private int unasked;
        private boolean tooOld;

        private boolean isOver() {
            return closed || connection != this;
        }

        void cancel() {
            Flow.Subscription current = subscription;
            if (current != null) {
                current.cancel();
            }
        }

        @Override
        public void onSubscribe(Flow.Subscription granted) {
            subscription = granted;
            if (isOver()) {
                granted.cancel();
            } else {
                granted.request(CREDIT);
            }
        }

        @Override
        public void onNext(FeedEvent event) {
            if (isOver()) {
                cancel();
                return;
            }
            if (event instanceof FeedEvent.Change change) {
                if (begun(change.position())) {
                    // Before the sink: who loads after the change was taken in must not be given what was before it by
                    // a
                    // cache above, which may hear of it later than this one.
                    heard = change.position();
                    sink.changed(change);
                    // After the sink: who sees the position may rely on all that came before it.
                    position = change.position();
                    sink.passed(change);
                }
            } else if (event instanceof FeedEvent.Heartbeat beat) {
                long now = time.nanos();
                if (begun(beat.position())) {
                    position = beat.position();
                    currentNanos = now;
                    state = State.FOLLOWING;
                    failure = null;
                    failures = 0;
                    sink.current(beat.position());
                }
            } else {
                tooOld = true;
                broken();
            }
            unasked++;
            if (unasked >= CREDIT / 2) {
                Flow.Subscription from = subscription;
                if (from != null) {
                    from.request(unasked);
                }
                unasked = 0;
            }
        }

        /** Notes where the feed is; returns false if it is of another history, and has to begin anew. */
        private boolean begun(Position at) {
            Position before = position;
            if (before != null && brokenGeneration == 0 && before.lineage() != at.lineage()) {
                broken();
                cancel();
                connect();
                return false;
            }
            if (before == null || brokenGeneration != 0) {
                // The first that it says: from this position on, nothing is missed.
                position = at;
                generation = brokenGeneration + 1 + ThreadLocalRandom.current().nextLong(stride);
                brokenGeneration = 0;
                sink.restarted(generation);
            }
            return true;
        }

        private void broken() {
            gaps.increment();
            if (brokenGeneration == 0) {
                brokenGeneration = generation;
                // What is loaded from now on until the feed has begun anew is not covered by it either.
                generation = -brokenGeneration;
                log.atWarn()
                        .addKeyValue("position", position)
                        .log("changes were missed: everything is suspect until upstream has vouched for it");
            }
        }

        @Override
        public void onError(Throwable thrown) {
            if (!isOver()) {
                connectLater(KvException.from(thrown));
            }
        }

        @Override
        public void onComplete() {
            if (isOver()) {
                return;
            }
            if (tooOld) {
                connect();
            } else {
                connectLater(new KvException(ErrorCode.UNAVAILABLE, "upstream has ended the change feed"));
            }
        }
    }
}
