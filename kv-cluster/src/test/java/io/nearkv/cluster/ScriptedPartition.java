package io.nearkv.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.Key;
import io.nearkv.core.KvStore;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.Position;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicLong;

/** A partition whose feed says what a test wants. Thread-safe, for one sender at a time. */
final class ScriptedPartition {
    static final long LINEAGE = 0xC0FFEE;
    static final NamespaceId NAMESPACE = new NamespaceId(1, 2);

    /** One subscription. */
    static final class Feed implements Flow.Subscription {
        final FeedRequest request;
        private final Flow.Subscriber<? super FeedEvent> subscriber;
        final AtomicLong requested = new AtomicLong();
        final AtomicLong sent = new AtomicLong();
        volatile boolean cancelled;

        Feed(FeedRequest request, Flow.Subscriber<? super FeedEvent> subscriber) {
            this.request = request;
            this.subscriber = subscriber;
        }

        @Override
        public void request(long count) {
            requested.addAndGet(count);
        }

        @Override
        public void cancel() {
            cancelled = true;
        }

        boolean mayBeSent() {
            return sent.get() < requested.get();
        }

        void send(FeedEvent event) {
            assertThat(sent.incrementAndGet()).as("sent").isLessThanOrEqualTo(requested.get());
            subscriber.onNext(event);
        }

        void change(long version, String key, boolean endsCommit) {
            send(new FeedEvent.Change(
                    Position.of(LINEAGE, version), version, NAMESPACE, Key.of(key), FeedEvent.Kind.PUT, endsCommit));
        }

        void heartbeat(long version) {
            send(new FeedEvent.Heartbeat(Position.of(LINEAGE, version)));
        }

        void tooOld(long oldest) {
            send(new FeedEvent.TooOld(Position.of(LINEAGE, oldest)));
            subscriber.onComplete();
        }

        void error(Throwable failure) {
            subscriber.onError(failure);
        }

        void complete() {
            subscriber.onComplete();
        }
    }

    final List<Feed> feeds = new CopyOnWriteArrayList<>();
    /** Whether subscribers are greeted; otherwise the test does it. */
    volatile boolean greets = true;

    /** Returns the feed of the last subscriber. */
    Feed feed() {
        return feeds.get(feeds.size() - 1);
    }

    /** Greets the last subscriber. */
    void greet() {
        feed().subscriber.onSubscribe(feed());
    }

    /** Returns a store that can be watched, and nothing else. */
    KvStore store() {
        return (KvStore) Proxy.newProxyInstance(
                KvStore.class.getClassLoader(), new Class<?>[] {KvStore.class}, (proxy, method, arguments) -> {
                    if (method.getName().equals("watch")) {
                        return watch((FeedRequest) arguments[0]);
                    }
                    if (method.getName().equals("positionOf")) {
                        return Position.of(LINEAGE, (long) arguments[0]);
                    }
                    throw new UnsupportedOperationException(method.getName());
                });
    }

    private Flow.Publisher<FeedEvent> watch(FeedRequest request) {
        return subscriber -> {
            Feed feed = new Feed(request, subscriber);
            feeds.add(feed);
            if (greets) {
                subscriber.onSubscribe(feed);
            }
        };
    }
}
