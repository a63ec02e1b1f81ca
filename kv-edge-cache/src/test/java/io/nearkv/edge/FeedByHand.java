package io.nearkv.edge;

import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.Key;
import io.nearkv.core.KvStore;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.Position;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Flow;

/** A tier whose feed brings what the test says, when it says so, to the last subscriber. */
final class FeedByHand implements DelegatingStore {
    private final KvStore store;
    private final List<Flow.Subscriber<? super FeedEvent>> subscribers = new CopyOnWriteArrayList<>();
    /** What was asked for, in order. */
    final List<FeedRequest> requests = new CopyOnWriteArrayList<>();

    FeedByHand(KvStore store) {
        this.store = store;
    }

    @Override
    public KvStore below() {
        return store;
    }

    @Override
    public Flow.Publisher<FeedEvent> watch(FeedRequest request) {
        return subscriber -> {
            subscribers.add(subscriber);
            requests.add(request);
            subscriber.onSubscribe(new Flow.Subscription() {
                @Override
                public void request(long count) {}

                @Override
                public void cancel() {}
            });
        };
    }

    void send(FeedEvent event) {
        subscribers.get(subscribers.size() - 1).onNext(event);
    }

    void change(NamespaceId namespace, Position position, String key) {
        send(new FeedEvent.Change(position, position.version(), namespace, Key.of(key), FeedEvent.Kind.PUT, true));
    }

    @Override
    public void close() {}
}
