package io.nearkv.edge;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.NamespaceInfo;
import io.nearkv.core.Position;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * The feed that a cache serves: what it has itself heard from upstream, out of memory, so that any number of tiers below it cost the tier above one subscription. What the ring does not
 * have (older positions, the oldest, heartbeats that come more often than here) upstream is asked for, and so it is while this cache does not follow itself. Thread-safe.
 *
 * <p>Two promises need care. A subscriber that has heard of a change, or has got a heartbeat, may rely on this cache having taken it in: events come here after the table and the
 * position. And a heartbeat says that a moment ago there was nothing else anywhere: none is made here, each one is a heartbeat that has just come from upstream, given to those who have
 * got everything before it.
 */
final class FeedRelay implements AutoCloseable {
    /** Changes that are kept, a few megabytes: some seconds of a busy store, which is what a reader needs to reconnect. */
    static final int RING_EVENTS = 16 * 1024;

    private static final int THREADS = 2;
    /** More tiers than hang on one. Each costs a few hundred bytes. */
    private static final int MAX_SUBSCRIBERS = 10_000;

    private final KvStore upstream;
    private final Function<NamespaceId, CompletableFuture<NamespaceInfo>> catalogue;
    private final BooleanSupplier following;
    private final Freshness.Time time;
    private final long heartbeatNanos;
    /** Its queue is bounded by the number of subscribers: each is in it at most once. */
    private final ThreadPoolExecutor threads;

    private final Set<RelaySubscription> subscriptions = ConcurrentHashMap.newKeySet();
    /**
     * Namespaces whose end the feed has not told yet, and with how many more heartbeats it will have. It may say nothing, if no partition had to do with one; where several had, the first word
     * is enough: what they say after it is no more than a reader of several partitions hears anyway.
     */
    private final Map<NamespaceId, Long> deleting = new ConcurrentHashMap<>();

    private volatile FeedRing ring = new FeedRing(RING_EVENTS);
    private volatile boolean closed;

    /**
     * Creates the relay.
     *
     * @param catalogue says whether there is a namespace
     * @param following whether changes come from upstream at the moment
     */
    FeedRelay(
            KvStore upstream,
            EdgeOptions options,
            Function<NamespaceId, CompletableFuture<NamespaceInfo>> catalogue,
            BooleanSupplier following,
            Freshness.Time time) {
        this.upstream = upstream;
        this.catalogue = catalogue;
        this.following = following;
        this.time = time;
        this.heartbeatNanos = options.heartbeat.toNanos();
        this.threads =
                new ThreadPoolExecutor(THREADS, THREADS, 10, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), task -> {
                    Thread made = new Thread(task, "nearkv-edge-feed");
                    made.setDaemon(true);
                    return made;
                });
        threads.allowCoreThreadTimeOut(true);
    }

    // ---- from the follower, one call after the other ----

    /** The cache has taken in a change. */
    void changed(FeedEvent.Change change) {
        if (change.key() == null) {
            deleting.remove(change.namespace());
        }
        if (!ring.add(change)) {
            // Upstream has left something out without a word: those below have to start over.
            replace(change.position());
            boolean unused = ring.add(change);
        }
        wake();
    }

    /** The cache has taken in everything. */
    void current(Position position) {
        deleting.replaceAll((namespace, beats) -> beats - 1);
        deleting.values().removeIf(beats -> beats <= 0);
        if (!ring.beat(position, time.nanos())) {
            replace(position);
            boolean unused = ring.beat(position, time.nanos());
        }
        wake();
    }

    /** The cache has missed changes, and begins anew here. */
    void restarted(Position position) {
        deleting.clear();
        replace(position);
        wake();
    }

    private void replace(Position next) {
        FeedRing old = ring;
        ring = new FeedRing(RING_EVENTS);
        old.end(next); // After the new one is there: who is sent away finds it.
    }

    private void wake() {
        for (RelaySubscription subscription : subscriptions) {
            subscription.schedule();
        }
    }

    // ---- from writers ----

    /** Returns the history of a write that begins now. */
    FeedRing history() {
        return ring;
    }

    /** A writer is about to learn of these versions, 0 for none, which are of a history. */
    void told(FeedRing history, LongStream versions) {
        FeedRing.Place head = history.head();
        history.told(head == null ? somePosition() : head.position(), versions);
    }

    private @Nullable Position somePosition() {
        try {
            return upstream.positionOf(0);
        } catch (KvException | IllegalStateException e) {
            return null;
        }
    }

    /** A namespace is being deleted through this cache: a feed of what comes next must not bring it to those who know. */
    void deleting(NamespaceId namespace) {
        deleting.put(namespace, Long.MAX_VALUE);
    }

    /** It was deleted; the first heartbeat from now on may have been on its way before. */
    void deleted(NamespaceId namespace) {
        var unused = deleting.computeIfPresent(namespace, (same, beats) -> 2L);
    }

    /** It was not, as far as anybody knows. */
    void notDeleted(NamespaceId namespace) {
        deleting.remove(namespace);
    }

    // ---- from subscribers ----

    Flow.Publisher<FeedEvent> watch(FeedRequest request) {
        return subscriber -> {
            if (closed) {
                throw new IllegalStateException("the cache is closed");
            }
            FeedRing from = ring;
            FeedRing.Place place = place(request, from);
            if (place == null) {
                upstream.watch(request).subscribe(subscriber);
            } else {
                begin(new RelaySubscription(this, upstream, request, subscriber, from, place));
            }
        };
    }

    /** Returns where the ring can begin to serve a request, or null if upstream has to. */
    private FeedRing.@Nullable Place place(FeedRequest request, FeedRing from) {
        if (!following.getAsBoolean()
                || request.heartbeat().toNanos() < heartbeatNanos
                || request.start() instanceof FeedRequest.Start.Oldest) {
            return null;
        }
        if (request.start() instanceof FeedRequest.Start.After start) {
            return from.after(start.position());
        }
        return deleting.isEmpty() ? from.now() : null;
    }

    private void begin(RelaySubscription subscription) {
        NamespaceId namespace = subscription.namespace();
        if (subscriptions.size() >= MAX_SUBSCRIBERS) {
            subscription.begin(new KvException(
                    ErrorCode.UNAVAILABLE,
                    "overloaded: there are " + subscriptions.size() + " subscribers (expected: at most "
                            + MAX_SUBSCRIBERS + ")"));
        } else if (namespace == null) {
            admit(subscription);
        } else {
            Completion.of(catalogue.apply(namespace), (info, failure) -> {
                if (failure == null) {
                    admit(subscription);
                } else {
                    subscription.begin(KvException.from(failure));
                }
            });
        }
    }

    private void admit(RelaySubscription subscription) {
        subscriptions.add(subscription);
        subscription.begin(closed ? closing() : null);
    }

    private static KvException closing() {
        return new KvException(ErrorCode.UNAVAILABLE, "the cache is closing");
    }

    void remove(RelaySubscription subscription) {
        subscriptions.remove(subscription);
    }

    void execute(Runnable task) {
        threads.execute(task);
    }

    int subscribers() {
        return subscriptions.size();
    }

    /** Returns how many heartbeats from upstream make one for a subscriber that wants one so often. */
    long beatsPer(long intervalNanos) {
        return Math.max(1, intervalNanos / heartbeatNanos);
    }

    /** Returns whether a heartbeat has only just come: one that is passed on late would make what its receiver knows look newer than it is. */
    boolean isFresh(FeedRing.Beat beat) {
        return time.nanos() - beat.nanos() <= heartbeatNanos / 4;
    }

    /** Ends all feeds and waits for their last signals, up to a second. */
    @Override
    public void close() {
        closed = true;
        for (RelaySubscription subscription : subscriptions) {
            subscription.end(closing());
        }
        threads.shutdown();
        try {
            boolean unused = threads.awaitTermination(1, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
