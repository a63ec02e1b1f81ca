package io.nearkv.net.client;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedRequest;
import java.util.concurrent.Flow;

/** The change feed of the server; each subscriber gets a {@link FeedSubscription} of its own. Immutable. */
final class RemoteFeed implements Flow.Publisher<FeedEvent> {
    private final LanePool pool;
    private final FeedRequest request;

    RemoteFeed(LanePool pool, FeedRequest request) {
        this.pool = pool;
        this.request = request;
    }

    @Override
    public void subscribe(Flow.Subscriber<? super FeedEvent> subscriber) {
        FeedSubscription subscription = new FeedSubscription(pool, request, requireNonNull(subscriber, "subscriber"));
        subscriber.onSubscribe(subscription);
        subscription.open();
    }
}
