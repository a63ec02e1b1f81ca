package io.nearkv.edge;

import io.nearkv.core.BatchResult;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.ListOptions;
import io.nearkv.core.ListPage;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.OpenResult;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.WriteResult;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A real tier above a cache, with the network between them: it can be cut, be slow, and it counts what goes through. */
final class Upstream implements DelegatingStore {
    private final KvStore store;
    final AtomicInteger opens = new AtomicInteger();
    final AtomicInteger bulkGets = new AtomicInteger();
    final AtomicInteger versionCalls = new AtomicInteger();
    final AtomicInteger lists = new AtomicInteger();
    final AtomicInteger mostAtOnce = new AtomicInteger();
    private final AtomicInteger atOnce = new AtomicInteger();
    private final Set<Link> links = ConcurrentHashMap.newKeySet();
    private volatile boolean cut;
    /** Whether events of the feed are swallowed, as by a network that drops them without a word. */
    volatile boolean deaf;
    /** Whether the answers of writes are lost on the way back. */
    volatile boolean forgetful;
    /** What the answers of reads wait for; null for nothing. */
    private volatile @Nullable CompletableFuture<Void> gate;

    Upstream(KvStore store) {
        this.store = store;
    }

    @Override
    public KvStore below() {
        return store;
    }

    private static KvException gone() {
        return new KvException(ErrorCode.UNAVAILABLE, "the network is cut");
    }

    /** Cuts the network: calls fail, feeds end. */
    void cut() {
        cut = true;
        links.forEach(Link::cut);
    }

    void mend() {
        cut = false;
    }

    /** Lets reads read now, and holds their answers back until {@link #release}. */
    void hold() {
        gate = new CompletableFuture<>();
    }

    void release() {
        CompletableFuture<Void> held = gate;
        gate = null;
        if (held != null) {
            held.complete(null);
        }
    }

    private <T> CompletableFuture<T> through(Supplier<CompletableFuture<T>> call) {
        if (cut) {
            return CompletableFuture.failedFuture(gone());
        }
        int now = atOnce.incrementAndGet();
        mostAtOnce.accumulateAndGet(now, Math::max);
        CompletableFuture<T> answer = call.get();
        CompletableFuture<Void> held = gate;
        return (held == null ? answer : held.thenCompose(released -> answer))
                .whenComplete((result, failure) -> atOnce.decrementAndGet());
    }

    @Override
    public CompletableFuture<GetResult> get(NamespaceId namespace, Key key, ReadOptions options) {
        return through(() -> store.get(namespace, key, options));
    }

    @Override
    public CompletableFuture<List<GetResult>> getAll(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        bulkGets.incrementAndGet();
        return through(() -> store.getAll(namespace, keys, options));
    }

    @Override
    public CompletableFuture<List<Long>> versions(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        versionCalls.incrementAndGet();
        return through(() -> store.versions(namespace, keys, options));
    }

    @Override
    public CompletableFuture<OpenResult> open(NamespaceId namespace, Key key, ReadOptions options) {
        opens.incrementAndGet();
        return through(() -> store.open(namespace, key, options));
    }

    @Override
    public CompletableFuture<ListPage> list(NamespaceId namespace, ListOptions list, ReadOptions options) {
        lists.incrementAndGet();
        return through(() -> store.list(namespace, list, options));
    }

    private <T> CompletableFuture<T> writing(Supplier<CompletableFuture<T>> call) {
        if (cut) {
            return CompletableFuture.failedFuture(gone());
        }
        CompletableFuture<T> answer = call.get();
        return forgetful
                ? answer.thenApply(done -> {
                    throw new KvException(ErrorCode.DEADLINE_EXCEEDED, "the answer is lost");
                })
                : answer;
    }

    @Override
    public CompletableFuture<WriteResult> write(NamespaceId namespace, Mutation mutation, WriteOptions options) {
        return writing(() -> store.write(namespace, mutation, options));
    }

    @Override
    public CompletableFuture<BatchResult> batch(NamespaceId namespace, List<Mutation> mutations, WriteOptions options) {
        return writing(() -> store.batch(namespace, mutations, options));
    }

    @Override
    public Flow.Publisher<FeedEvent> watch(FeedRequest request) {
        return subscriber -> {
            Link link = new Link(subscriber);
            if (cut) {
                subscriber.onSubscribe(link);
                subscriber.onError(gone());
                return;
            }
            links.add(link);
            store.watch(request).subscribe(link);
        };
    }

    /** A feed on its way through the network. */
    private final class Link implements Flow.Subscriber<FeedEvent>, Flow.Subscription {
        private final Flow.Subscriber<? super FeedEvent> subscriber;
        private Flow.@Nullable Subscription subscription;
        private boolean over;

        Link(Flow.Subscriber<? super FeedEvent> subscriber) {
            this.subscriber = subscriber;
        }

        synchronized void cut() {
            if (!over) {
                cancel();
                subscriber.onError(gone());
            }
        }

        @Override
        public synchronized void onSubscribe(Flow.Subscription granted) {
            subscription = granted;
            subscriber.onSubscribe(this);
        }

        @Override
        public synchronized void onNext(FeedEvent event) {
            if (!over && !deaf) {
                subscriber.onNext(event);
            }
        }

        @Override
        public synchronized void onError(Throwable thrown) {
            if (!over) {
                over = true;
                links.remove(this);
                subscriber.onError(thrown);
            }
        }

        @Override
        public synchronized void onComplete() {
            if (!over) {
                over = true;
                links.remove(this);
                subscriber.onComplete();
            }
        }

        @Override
        public synchronized void request(long count) {
            Flow.Subscription from = subscription;
            if (from != null) {
                from.request(count);
            }
        }

        @Override
        public synchronized void cancel() {
            over = true;
            links.remove(this);
            Flow.Subscription from = subscription;
            if (from != null) {
                from.cancel();
            }
        }
    }
}
