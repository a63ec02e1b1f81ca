package io.nearkv.cluster;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.Position;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Flow;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One subscriber of the feeds of all partitions. The changes of a partition come in their order, those of two partitions in any; the changes of a commit come one after the other, with
 * nothing between them (unless the subscriber began in the midst of one: where that one ends, nobody can tell).
 *
 * <p>The position of an event has, for each partition, how far the subscriber has come in it: so a feed that goes on after it has neither a gap nor a repetition. That of a partition which
 * has said nothing is not known where the feed began with "now" or "oldest"; nothing is given before each has said its first word, and each says one as soon as it has caught up.
 *
 * <p>A partition sends ahead what fits its queue and no more. Prefixes are compared here and not in the partitions, because the end of a commit must be seen although its key is another's.
 *
 * <p>A heartbeat says that the subscriber has seen everything, as of a moment ago. It is sent when each partition has said so since the last one, and lately: they are asked four times
 * as often.
 *
 * <p>All signals are given by {@link #run}, which never runs twice at a time: {@code wakeUps} counts the reasons to run, the first one hands this to a thread, and the run that has served all
 * of them ends it. Fields without a word are confined to the run.
 */
final class MergedFeed implements Flow.Subscription, Runnable {
    private static final Logger log = LoggerFactory.getLogger(MergedFeed.class);

    /** Events that a partition sends ahead. */
    static final int PREFETCH = 64;
    /** Events that are looked at before another subscriber has its turn. */
    private static final int TURN = 1024;
    /** Threads are not prompter than this. */
    private static final long PROMPT_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    private final FeedMerge merge;
    private final FeedRequest request;
    private final byte[] prefix;
    private final Flow.Subscriber<? super FeedEvent> subscriber;
    private final AtomicLong demand = new AtomicLong();
    /** Begins at 1: nothing runs before {@link #begin} is through with onSubscribe. */
    private final AtomicInteger wakeUps = new AtomicInteger(1);

    private final AtomicReference<@Nullable Throwable> ending = new AtomicReference<>();
    private volatile boolean over;
    private final List<Source> sources = new ArrayList<>();
    private final Duration sourceHeartbeat;
    private final long heartbeatNanos;
    private final long freshNanos;

    /** How far the subscriber has come; of a partition whose {@code placed} is false, nobody knows yet. */
    private final Long[] given;

    private int unplaced;
    private long lineage;
    /** Whose commit is under way, or -1. */
    private int current = -1;
    /** Whose turn it is. */
    private int next;

    private boolean lookForHeartbeat;
    private boolean hasBeaten;
    private long lastHeartbeatNanos;
    /** How many partitions do not have what comes next. */
    private int tooOld;

    private boolean foreign;

    MergedFeed(FeedMerge merge, FeedRequest request, Flow.Subscriber<? super FeedEvent> subscriber) {
        this.merge = merge;
        this.request = request;
        this.prefix = request.prefix().getBytes(StandardCharsets.UTF_8);
        this.subscriber = subscriber;
        int partitions = merge.partitions().size();
        for (int i = 0; i < partitions; i++) {
            sources.add(new Source(i));
        }
        Duration quarter = request.heartbeat().dividedBy(4);
        this.sourceHeartbeat = quarter.compareTo(FeedRequest.MIN_HEARTBEAT) < 0 ? FeedRequest.MIN_HEARTBEAT : quarter;
        long sourceNanos = sourceHeartbeat.toNanos();
        // Every partition has one in each of its intervals, whose ends need not fall together, and are met a little
        // early or late.
        this.heartbeatNanos = request.heartbeat().toNanos() - sourceNanos / 2;
        this.freshNanos = Math.max(sourceNanos + sourceNanos / 2, PROMPT_NANOS);
        this.given = new Long[partitions];
        Arrays.fill(given, 0L);
        this.unplaced = partitions;
        if (request.start() instanceof FeedRequest.Start.After after
                && after.position().versions().size() == partitions) {
            lineage = after.position().lineage();
            unplaced = 0;
            for (int i = 0; i < partitions; i++) {
                given[i] = after.position().versions().get(i);
                sources.get(i).placed = true;
            }
        }
    }

    /** Greets the subscriber, and begins. */
    void begin() {
        try {
            subscriber.onSubscribe(this);
        } catch (RuntimeException e) {
            failed(e);
        }
        for (Source source : sources) {
            if (!over && ending.get() == null) {
                source.subscribe(request.start());
            }
        }
        start();
    }

    private void schedule() {
        if (wakeUps.getAndIncrement() == 0) {
            start();
        }
    }

    private void start() {
        try {
            merge.execute(this);
        } catch (RejectedExecutionException e) {
            log.atDebug().log("a feed ends without a signal because the store is closed");
            cancel();
        }
    }

    /** Ends the feed with a failure, once what runs now is through; the first one counts. */
    void end(Throwable reason) {
        if (ending.compareAndSet(null, reason)) {
            schedule();
        }
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
        merge.remove(this);
        for (Source source : sources) {
            source.cancel();
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
        lookForHeartbeat = true; // There may be demand for one now.
        for (int turn = 0; turn < TURN; turn++) {
            if (over) {
                sources.forEach(source -> source.queue.clear());
                return false;
            }
            Throwable reason = ending.get();
            if (reason != null) {
                cancel();
                subscriber.onError(reason);
                return false;
            }
            if (!step()) {
                return false;
            }
        }
        return true;
    }

    /** Takes one event from one partition, or gives one that is of all; returns whether there was something to do. */
    private boolean step() {
        if (tooOld > 0) {
            return (foreign && tooOld < sources.size()) ? takeTooOld() : giveTooOld();
        }
        if (unplaced > 0) {
            placeThoseThatSpoke();
            if (unplaced > 0) {
                return endIfOneHasEnded();
            }
        }
        if (lookForHeartbeat && current < 0) {
            lookForHeartbeat = false;
            if (isHeartbeatDue()) {
                giveHeartbeat();
                return true;
            }
        }
        if (current >= 0) {
            return sources.get(current).take() || endIfOneHasEnded();
        }
        for (int i = 0; i < sources.size(); i++) {
            if (sources.get((next + i) % sources.size()).take()) {
                return true;
            }
        }
        return endIfOneHasEnded();
    }

    private void placeThoseThatSpoke() {
        for (Source source : sources) {
            Received head = source.queue.peek();
            if (!source.placed && head != null) {
                source.place(head.event());
            }
        }
    }

    /** A partition whose feed ends without a reason ends that of all. */
    private boolean endIfOneHasEnded() {
        for (Source source : sources) {
            if (source.completed && source.queue.isEmpty() && !source.isTooOld) {
                cancel();
                subscriber.onComplete();
                return true;
            }
        }
        return false;
    }

    private boolean isHeartbeatDue() {
        long now = merge.nanoTime();
        if (demand.get() == 0 || (hasBeaten && now - lastHeartbeatNanos < heartbeatNanos)) {
            return false;
        }
        for (Source source : sources) {
            if (!source.hasBeaten || now - source.beatNanos > freshNanos) {
                return false;
            }
        }
        return true;
    }

    private void giveHeartbeat() {
        hasBeaten = true;
        lastHeartbeatNanos = merge.nanoTime();
        sources.forEach(source -> source.hasBeaten = false);
        emit(new FeedEvent.Heartbeat(position()));
    }

    /** A position of another history is too old for all; where each could go on, it tells itself. */
    private boolean takeTooOld() {
        for (Source source : sources) {
            Received head = source.queue.peek();
            if (head != null && head.event() instanceof FeedEvent.TooOld) {
                return source.take();
            }
        }
        return endIfOneHasEnded();
    }

    private boolean giveTooOld() {
        if (demand.get() == 0) {
            return false;
        }
        cancel();
        subscriber.onNext(new FeedEvent.TooOld(position()));
        subscriber.onComplete();
        return true;
    }

    private Position position() {
        return new Position(lineage, Arrays.asList(given));
    }

    private void emit(FeedEvent event) {
        if (demand.get() != Long.MAX_VALUE) {
            demand.decrementAndGet();
        }
        subscriber.onNext(event);
    }

    /**
     * An event with the time at which it came.
     *
     * @param nanos as {@link System#nanoTime}
     */
    private record Received(FeedEvent event, long nanos) {}

    /** The feed of one partition. */
    private final class Source implements Flow.Subscriber<FeedEvent> {
        private final int partition;
        private final ShardVersions shard;
        /** Bounded by what is requested. Filled by the partition, emptied by the run. */
        final Queue<Received> queue = new ConcurrentLinkedQueue<>();

        private volatile Flow.@Nullable Subscription subscription;
        /** Confined to the signals of the partition. */
        private boolean hasLearnt;

        volatile boolean completed;
        boolean placed;
        boolean isTooOld;
        boolean hasBeaten;
        long beatNanos;
        private int taken;

        Source(int partition) {
            this.partition = partition;
            this.shard = merge.versions(partition);
        }

        void subscribe(FeedRequest.Start start) {
            try {
                KvStore store = merge.partitions().get(partition);
                FeedRequest.Start local = start instanceof FeedRequest.Start.After after
                        ? new FeedRequest.Start.After(shard.local(after.position(), store))
                        : start;
                store.watch(new FeedRequest(request.namespace(), "", local, sourceHeartbeat))
                        .subscribe(this);
            } catch (IllegalStateException e) {
                end(new KvException(ErrorCode.UNAVAILABLE, "a partition is closed", e));
            } catch (RuntimeException e) {
                end(KvException.from(e));
            }
        }

        void cancel() {
            Flow.Subscription ours = subscription;
            if (ours != null) {
                ours.cancel();
            }
        }

        // Signals of the partition, on its thread

        @Override
        public void onSubscribe(Flow.Subscription newSubscription) {
            subscription = newSubscription;
            if (over) {
                newSubscription.cancel();
            } else {
                newSubscription.request(PREFETCH);
            }
        }

        @Override
        public void onNext(FeedEvent event) {
            queue.add(new Received(event, merge.nanoTime()));
            schedule();
        }

        @Override
        public void onError(Throwable failure) {
            NamespaceId namespace = request.namespace();
            if (failure instanceof KvException refusal
                    && refusal.code() == ErrorCode.NOT_FOUND
                    && namespace != null
                    && !hasLearnt) {
                hasLearnt = true;
                var unused = merge.learn(partition, namespace).whenComplete((nothing, unknown) -> {
                    if (unknown != null) {
                        end(KvException.from(unknown));
                    } else if (!over) {
                        // What is of this namespace came after it was learnt, and so after this feed began: "now"
                        // would miss what comes before it is asked again.
                        subscribe(
                                request.start() instanceof FeedRequest.Start.Now
                                        ? new FeedRequest.Start.Oldest()
                                        : request.start());
                    }
                });
                return;
            }
            end(KvException.from(failure));
        }

        @Override
        public void onComplete() {
            completed = true;
            schedule();
        }

        // What the run does

        /** Takes the place before the first event. */
        void place(FeedEvent first) {
            placed = true;
            unplaced--;
            if (first instanceof FeedEvent.Change change) {
                reached(change.position(), change.version() - 1);
            } else if (first instanceof FeedEvent.Heartbeat heartbeat) {
                reached(heartbeat.position(), heartbeat.position().version());
            } else if (first instanceof FeedEvent.TooOld end) {
                reached(end.oldest(), end.oldest().version());
            }
        }

        private void reached(Position local, long version) {
            lineage = local.lineage();
            given[partition] = version;
        }

        /** Takes the next event, if there is one and it may be given; returns whether. */
        boolean take() {
            Received head = queue.peek();
            if (head == null) {
                return false;
            }
            if (head.event() instanceof FeedEvent.Change change) {
                return take(change);
            }
            removed();
            if (head.event() instanceof FeedEvent.Heartbeat heartbeat) {
                reached(heartbeat.position(), heartbeat.position().version());
                hasBeaten = true;
                beatNanos = head.nanos();
                lookForHeartbeat = true;
                if (current == partition) {
                    current = -1; // No partition has caught up in the midst of a commit.
                }
            } else if (head.event() instanceof FeedEvent.TooOld end) {
                if (request.start() instanceof FeedRequest.Start.After after) {
                    foreign = after.position().versions().size() != sources.size()
                            || after.position().lineage() != end.oldest().lineage();
                }
                reached(end.oldest(), end.oldest().version());
                isTooOld = true;
                tooOld++;
                current = -1;
            }
            return true;
        }

        private boolean take(FeedEvent.Change change) {
            Key key = change.key();
            boolean wanted = key == null || key.startsWith(prefix);
            if (wanted && demand.get() == 0) {
                return false;
            }
            removed();
            reached(change.position(), change.version());
            current = change.endsCommit() ? -1 : partition;
            if (change.endsCommit()) {
                next = (partition + 1) % sources.size();
            }
            if (wanted) {
                emit(new FeedEvent.Change(
                        position(),
                        shard.global(change.version()),
                        change.namespace(),
                        key,
                        change.kind(),
                        change.endsCommit()));
            }
            return true;
        }

        /** Takes the head off, and asks for more when half of what was sent ahead is gone. */
        private void removed() {
            queue.remove();
            taken++;
            Flow.Subscription ours = subscription;
            if (taken >= PREFETCH / 2 && ours != null) {
                int count = taken;
                taken = 0;
                ours.request(count);
            }
        }
    }
}
