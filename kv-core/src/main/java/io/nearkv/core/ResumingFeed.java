package io.nearkv.core;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A change feed that goes on, from the position that its subscriber has reached, when the store was away for a while. One subscription downwards follows the other, never
 * two at a time, so the subscriber sees one feed.
 */
final class ResumingFeed implements Flow.Publisher<FeedEvent> {
    private final KvStore store;
    private final NamespaceRef namespace;
    private final FeedRequest request;

    /** The namespace of the request is not used. */
    ResumingFeed(KvStore store, NamespaceRef namespace, FeedRequest request) {
        this.store = store;
        this.namespace = namespace;
        this.request = request;
    }

    @Override
    public void subscribe(Flow.Subscriber<? super FeedEvent> subscriber) {
        Session session = new Session(requireNonNull(subscriber, "subscriber"));
        subscriber.onSubscribe(session);
        session.connect();
    }

    /** One subscriber: upwards its subscription, downwards the subscriber of one subscription after the other. */
    private final class Session implements Flow.Subscription, Flow.Subscriber<FeedEvent> {
        private final Flow.Subscriber<? super FeedEvent> subscriber;

        /** Guards the next three: what was requested must reach either the subscription below or the one that follows it, exactly once. */
        private final ReentrantLock lock = new ReentrantLock();

        private Flow.@Nullable Subscription below;
        /** What the subscriber has requested and not received. */
        private long outstanding;

        private boolean over;

        // Touched by the signals from below only, which come one after the other.
        private FeedRequest.Start start = request.start();
        private int failures;
        private boolean receivedSomething;
        private boolean lookedUpAgain;

        Session(Flow.Subscriber<? super FeedEvent> subscriber) {
            this.subscriber = subscriber;
        }

        void connect() {
            receivedSomething = false;
            var unused = namespace.resolve().whenComplete((id, failure) -> {
                if (failure != null) {
                    onError(failure);
                    return;
                }
                try {
                    store.watch(new FeedRequest(id, request.prefix(), start, request.heartbeat()))
                            .subscribe(this);
                } catch (IllegalStateException e) {
                    fail(new KvException(ErrorCode.UNAVAILABLE, "the store is closed", e));
                }
            });
        }

        @Override
        public void request(long count) {
            if (count <= 0) {
                cancel();
                subscriber.onError(new IllegalArgumentException("request: " + count + " (expected: > 0)"));
                return;
            }
            Flow.Subscription current;
            lock.lock();
            try {
                outstanding = outstanding + count < 0 ? Long.MAX_VALUE : outstanding + count;
                current = below;
            } finally {
                lock.unlock();
            }
            if (current != null) {
                current.request(count);
            }
        }

        @Override
        public void cancel() {
            Flow.Subscription current = end();
            if (current != null) {
                current.cancel();
            }
        }

        /** Makes this the end and returns the subscription below, if there is one. */
        private Flow.@Nullable Subscription end() {
            lock.lock();
            try {
                over = true;
                return below;
            } finally {
                lock.unlock();
            }
        }

        @Override
        public void onSubscribe(Flow.Subscription subscription) {
            long toRequest;
            lock.lock();
            try {
                below = subscription;
                toRequest = over ? -1 : outstanding;
            } finally {
                lock.unlock();
            }
            if (toRequest < 0) {
                subscription.cancel();
            } else if (toRequest > 0) {
                subscription.request(toRequest);
            }
        }

        @Override
        public void onNext(FeedEvent event) {
            lock.lock();
            try {
                if (over) {
                    return;
                }
                if (outstanding != Long.MAX_VALUE) {
                    outstanding--;
                }
            } finally {
                lock.unlock();
            }
            failures = 0;
            receivedSomething = true;
            lookedUpAgain = false;
            if (event instanceof FeedEvent.Change change) {
                start = new FeedRequest.Start.After(change.position());
            } else if (event instanceof FeedEvent.Heartbeat heartbeat) {
                start = new FeedRequest.Start.After(heartbeat.position());
            }
            subscriber.onNext(event);
        }

        @Override
        public void onComplete() {
            if (isOpen()) {
                var unused = end();
                subscriber.onComplete();
            }
        }

        @Override
        public void onError(Throwable failure) {
            KvException reason = KvException.from(failure);
            lock.lock();
            try {
                below = null;
            } finally {
                lock.unlock();
            }
            if (!isOpen()) {
                return;
            }
            if (reason.code() == ErrorCode.NOT_FOUND && !receivedSomething && !lookedUpAgain) {
                // The id may be an old one: the namespace was deleted and created again under its title.
                lookedUpAgain = true;
                namespace.forget();
                connect();
                return;
            }
            ErrorCode.Retry retry = reason.code().retry();
            // A feed changes nothing, so whatever may have happened below, it may be asked for again.
            if (retry != ErrorCode.Retry.AFTER_DELAY && retry != ErrorCode.Retry.IF_IDEMPOTENT) {
                fail(reason);
                return;
            }
            failures++;
            Duration delay = Backoff.DEFAULT.delay(failures, ThreadLocalRandom.current());
            Duration asked = reason.retryAfter();
            if (asked != null && asked.compareTo(delay) > 0) {
                delay = asked;
            }
            CompletableFuture.delayedExecutor(delay.toNanos(), TimeUnit.NANOSECONDS)
                    .execute(() -> {
                        if (isOpen()) {
                            connect();
                        }
                    });
        }

        private void fail(KvException reason) {
            if (isOpen()) {
                var unused = end();
                subscriber.onError(reason);
            }
        }

        private boolean isOpen() {
            lock.lock();
            try {
                return !over;
            } finally {
                lock.unlock();
            }
        }
    }
}
