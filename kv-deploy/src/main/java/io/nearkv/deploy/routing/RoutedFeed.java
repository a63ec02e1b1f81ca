package io.nearkv.deploy.routing;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.KvException;
import java.util.concurrent.Flow;

/**
 * The change feed by way of one build. It is of the data and not of the build, so it goes on anywhere: where a build refuses, or is taken away, the feed ends as unavailable, and who follows it
 * begins anew from its position, which finds a known-good build.
 */
final class RoutedFeed implements Flow.Publisher<FeedEvent> {
    private final Builds builds;
    private final FeedRequest request;
    private final int slot;

    RoutedFeed(Builds builds, FeedRequest request, int slot) {
        this.builds = builds;
        this.request = request;
        this.slot = slot;
    }

    @Override
    public void subscribe(Flow.Subscriber<? super FeedEvent> subscriber) {
        Target target;
        Flow.Publisher<FeedEvent> feed;
        try {
            target = builds.table().choose(slot);
            target.counted();
            feed = target.store().watch(request);
        } catch (KvException | IllegalStateException e) {
            subscriber.onSubscribe(new Flow.Subscription() {
                @Override
                public void request(long count) {}

                @Override
                public void cancel() {}
            });
            subscriber.onError(e instanceof KvException known ? known : changed(e));
            return;
        }
        feed.subscribe(new Flow.Subscriber<>() {
            @Override
            public void onSubscribe(Flow.Subscription subscription) {
                subscriber.onSubscribe(subscription);
            }

            @Override
            public void onNext(FeedEvent event) {
                subscriber.onNext(event);
            }

            @Override
            public void onError(Throwable failure) {
                KvException why = KvException.from(failure);
                subscriber.onError(builds.instead(target, why) == null ? why : changed(why));
            }

            @Override
            public void onComplete() {
                subscriber.onComplete();
            }
        });
    }

    private static KvException changed(Exception cause) {
        return new KvException(
                ErrorCode.UNAVAILABLE, "the build that the feed came from was left: " + cause.getMessage(), cause);
    }
}
