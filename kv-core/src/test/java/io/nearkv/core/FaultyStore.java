package io.nearkv.core;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A tier that answers as the tier below it does until a test says otherwise: it can keep silent, refuse, and break its feeds. */
public final class FaultyStore implements KvStore {
    private final KvStore below;
    /** What every call fails with, if not null. */
    public volatile @Nullable KvException refusal;

    /** How many calls are still refused as {@link ErrorCode#UNAVAILABLE}. */
    public final AtomicInteger busy = new AtomicInteger();
    /** Whether calls are left without an answer. */
    volatile boolean silent;
    /** The last answer that was not given. */
    volatile @Nullable CompletableFuture<?> withheld;
    /** Calls to the catalogue. */
    final AtomicInteger lookUps = new AtomicInteger();
    /** Subscriptions to feeds. */
    final AtomicInteger subscriptions = new AtomicInteger();
    /** How many events a feed gives before it fails with {@link ErrorCode#UNAVAILABLE}. */
    volatile int eventsBeforeFailure = Integer.MAX_VALUE;

    /** Stands on a tier, which it closes. */
    public FaultyStore(KvStore below) {
        this.below = below;
    }

    private <T> CompletableFuture<T> run(Supplier<CompletableFuture<T>> call) {
        if (silent) {
            CompletableFuture<T> never = new CompletableFuture<>();
            withheld = never;
            return never;
        }
        if (busy.getAndUpdate(left -> Math.max(0, left - 1)) > 0) {
            return CompletableFuture.failedFuture(new KvException(ErrorCode.UNAVAILABLE, "busy"));
        }
        KvException failure = refusal;
        return failure != null ? CompletableFuture.failedFuture(failure) : call.get();
    }

    @Override
    public CompletableFuture<GetResult> get(NamespaceId namespace, Key key, ReadOptions options) {
        return run(() -> below.get(namespace, key, options));
    }

    @Override
    public CompletableFuture<List<GetResult>> getAll(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        return run(() -> below.getAll(namespace, keys, options));
    }

    @Override
    public CompletableFuture<List<Long>> versions(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        return run(() -> below.versions(namespace, keys, options));
    }

    @Override
    public CompletableFuture<OpenResult> open(NamespaceId namespace, Key key, ReadOptions options) {
        return run(() -> below.open(namespace, key, options));
    }

    @Override
    public CompletableFuture<WriteResult> write(NamespaceId namespace, Mutation mutation, WriteOptions options) {
        return run(() -> below.write(namespace, mutation, options));
    }

    @Override
    public CompletableFuture<List<WriteResult>> writeAll(
            NamespaceId namespace, List<Mutation> mutations, WriteOptions options) {
        return run(() -> below.writeAll(namespace, mutations, options));
    }

    @Override
    public CompletableFuture<BatchResult> batch(NamespaceId namespace, List<Mutation> mutations, WriteOptions options) {
        return run(() -> below.batch(namespace, mutations, options));
    }

    @Override
    public CompletableFuture<ValueWriter> upload(NamespaceId namespace, Key key, PutOptions put, WriteOptions options) {
        return run(() -> below.upload(namespace, key, put, options));
    }

    @Override
    public CompletableFuture<ListPage> list(NamespaceId namespace, ListOptions list, ReadOptions options) {
        return run(() -> below.list(namespace, list, options));
    }

    @Override
    public Flow.Publisher<FeedEvent> watch(FeedRequest request) {
        Flow.Publisher<FeedEvent> feed = below.watch(request);
        return subscriber -> {
            subscriptions.incrementAndGet();
            feed.subscribe(new BreakingSubscriber(subscriber, eventsBeforeFailure));
        };
    }

    @Override
    public Position positionOf(long version) {
        return below.positionOf(version);
    }

    @Override
    public KvAdmin admin() {
        lookUps.incrementAndGet();
        return below.admin();
    }

    @Override
    public void close() {
        below.close();
    }

    /** Passes a number of events on and then fails. */
    private static final class BreakingSubscriber implements Flow.Subscriber<FeedEvent> {
        private final Flow.Subscriber<? super FeedEvent> subscriber;
        private Flow.@Nullable Subscription subscription;
        private int left;

        BreakingSubscriber(Flow.Subscriber<? super FeedEvent> subscriber, int events) {
            this.subscriber = subscriber;
            this.left = events;
        }

        @Override
        public void onSubscribe(Flow.Subscription newSubscription) {
            subscription = newSubscription;
            subscriber.onSubscribe(newSubscription);
        }

        @Override
        public void onNext(FeedEvent event) {
            if (left < 0) {
                return;
            }
            if (left-- == 0) {
                if (subscription != null) {
                    subscription.cancel();
                }
                subscriber.onError(new KvException(ErrorCode.UNAVAILABLE, "the connection broke"));
                return;
            }
            subscriber.onNext(event);
        }

        @Override
        public void onError(Throwable failure) {
            subscriber.onError(failure);
        }

        @Override
        public void onComplete() {
            subscriber.onComplete();
        }
    }
}
