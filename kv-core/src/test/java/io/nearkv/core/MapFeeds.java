package io.nearkv.core;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Flow;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** The change feeds of a {@link MapStore}: one thread, on which every signal is given. */
final class MapFeeds {
    private static final class FeedThread extends Thread implements IoThread {
        FeedThread(Runnable task) {
            super(task, "map-store-feeds");
            setDaemon(true);
        }
    }

    private final MapStore store;
    private final ScheduledExecutorService thread = Executors.newSingleThreadScheduledExecutor(FeedThread::new);
    private final List<Feed> feeds = new CopyOnWriteArrayList<>();
    private volatile boolean closing;

    MapFeeds(MapStore store) {
        this.store = store;
    }

    void wake() {
        if (!feeds.isEmpty()) {
            onThread(() -> feeds.forEach(Feed::pump));
        }
    }

    private void onThread(Runnable task) {
        if (!closing) {
            thread.execute(task);
        }
    }

    void subscribe(FeedRequest request, Flow.Subscriber<? super FeedEvent> subscriber) {
        store.checkOpen();
        Feed feed = new Feed(request, subscriber);
        synchronized (store.data) { // "Now" is the moment of the subscription.
            feed.begin();
        }
        onThread(feed::start);
    }

    void close() {
        if (!closing) {
            try {
                thread.submit(() -> feeds.forEach(feed -> feed.end(new KvException(ErrorCode.UNAVAILABLE, "closing"))))
                        .get();
            } catch (InterruptedException | ExecutionException e) {
                throw new IllegalStateException(e);
            }
            closing = true;
            thread.shutdownNow();
        }
    }

    private final class Feed implements Flow.Subscription {
        private final FeedRequest request;
        private final byte[] prefix;
        private final Flow.Subscriber<? super FeedEvent> subscriber;
        private final AtomicLong demand = new AtomicLong();
        private volatile boolean over;
        private @Nullable KvException refused;
        private boolean tooOld;
        private boolean heartbeatDue = true;
        private long lastEventNanos;
        private long seen;

        Feed(FeedRequest request, Flow.Subscriber<? super FeedEvent> subscriber) {
            this.request = request;
            this.prefix = request.prefix().getBytes(StandardCharsets.UTF_8);
            this.subscriber = subscriber;
        }

        void begin() {
            if (request.start() instanceof FeedRequest.Start.After after) {
                Position position = after.position();
                tooOld = position.lineage() != store.data.lineage;
                seen = tooOld ? 0 : position.version();
            } else if (request.start() instanceof FeedRequest.Start.Now) {
                seen = store.data.log.size();
            }
            try {
                if (request.namespace() != null) {
                    store.entries(request.namespace());
                }
            } catch (KvException e) {
                refused = e;
            }
        }

        void start() {
            subscriber.onSubscribe(this);
            if (refused != null) {
                end(refused);
                return;
            }
            feeds.add(this);
            long nanos = request.heartbeat().toNanos();
            var unused = thread.scheduleAtFixedRate(this::beat, nanos, nanos, TimeUnit.NANOSECONDS);
            pump();
        }

        private void beat() {
            if (!over
                    && System.nanoTime() - lastEventNanos >= request.heartbeat().toNanos()) {
                heartbeatDue = true;
                pump();
            }
        }

        void pump() {
            while (!over && demand.get() > 0) {
                FeedEvent event = tooOld ? new FeedEvent.TooOld(Position.of(store.data.lineage, 0)) : next();
                if (event == null) {
                    return;
                }
                demand.decrementAndGet();
                lastEventNanos = System.nanoTime();
                subscriber.onNext(event);
                if (tooOld && !over) {
                    over = true;
                    feeds.remove(this);
                    subscriber.onComplete();
                }
            }
        }

        private @Nullable FeedEvent next() {
            synchronized (store.data) {
                while (seen < store.data.log.size()) {
                    FeedEvent.Change change = store.data.log.get((int) seen++);
                    Key key = change.key();
                    if ((request.namespace() == null || request.namespace().equals(change.namespace()))
                            && (key == null || key.startsWith(prefix))) {
                        return change;
                    }
                }
                if (!heartbeatDue) {
                    return null;
                }
                heartbeatDue = false;
                return new FeedEvent.Heartbeat(Position.of(store.data.lineage, seen));
            }
        }

        void end(KvException reason) {
            if (!over) {
                over = true;
                feeds.remove(this);
                subscriber.onError(reason);
            }
        }

        @Override
        public void request(long count) {
            if (count <= 0) {
                onThread(() -> {
                    if (!over) {
                        over = true;
                        subscriber.onError(new IllegalArgumentException("request: " + count));
                    }
                });
                return;
            }
            demand.accumulateAndGet(count, (a, b) -> a + b < 0 ? Long.MAX_VALUE : a + b);
            onThread(this::pump);
        }

        @Override
        public void cancel() {
            over = true;
            feeds.remove(this);
        }
    }
}
