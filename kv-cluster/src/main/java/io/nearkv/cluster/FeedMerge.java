package io.nearkv.cluster;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.NamespaceId;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;

/**
 * The change feeds of the partitions as one: see {@link MergedFeed}. All signals are given on threads of its own: if the thread of one partition gave those of all, that partition would have
 * to wait while the others keep it busy. Thread-safe.
 */
final class FeedMerge {
    private static final int THREADS = 2;

    /** Makes a namespace known to a partition that did not know it; fails if there is none. */
    interface Learner {
        /** Completes when the partition knows it. */
        CompletableFuture<Void> learn(int partition, NamespaceId namespace);
    }

    private final List<KvStore> partitions;
    private final List<ShardVersions> versions;
    private final Learner learner;
    private final LongSupplier nanoTime;
    /** Its queue is bounded by the number of subscribers: each is in it at most once. */
    private final ThreadPoolExecutor threads;

    private final Set<MergedFeed> feeds = ConcurrentHashMap.newKeySet();
    private volatile boolean closing;

    /**
     * Creates a merge that nobody follows yet.
     *
     * @param versions one for each partition, in the same order
     * @param nanoTime what intervals are measured with
     */
    FeedMerge(List<KvStore> partitions, List<ShardVersions> versions, Learner learner, LongSupplier nanoTime) {
        this.partitions = List.copyOf(partitions);
        this.versions = List.copyOf(versions);
        this.learner = learner;
        this.nanoTime = nanoTime;
        AtomicInteger count = new AtomicInteger();
        this.threads =
                new ThreadPoolExecutor(THREADS, THREADS, 10, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), task -> {
                    Thread thread = new Thread(task, "nearkv-merge-" + count.incrementAndGet());
                    thread.setDaemon(true);
                    return thread;
                });
        threads.allowCoreThreadTimeOut(true);
    }

    /** Begins a feed for one subscriber. */
    void subscribe(FeedRequest request, Flow.Subscriber<? super FeedEvent> subscriber) {
        MergedFeed feed = new MergedFeed(this, request, subscriber);
        feeds.add(feed);
        if (closing) {
            feed.end(closingDown());
        }
        feed.begin();
    }

    List<KvStore> partitions() {
        return partitions;
    }

    ShardVersions versions(int partition) {
        return versions.get(partition);
    }

    CompletableFuture<Void> learn(int partition, NamespaceId namespace) {
        return learner.learn(partition, namespace);
    }

    long nanoTime() {
        return nanoTime.getAsLong();
    }

    void execute(Runnable task) {
        threads.execute(task);
    }

    void remove(MergedFeed feed) {
        feeds.remove(feed);
    }

    /** Returns how many are followed at the moment. */
    int subscribers() {
        return feeds.size();
    }

    private static KvException closingDown() {
        return new KvException(ErrorCode.UNAVAILABLE, "the store is closing");
    }

    /** Ends all feeds, soon. */
    void close() {
        closing = true;
        for (MergedFeed feed : feeds) {
            feed.end(closingDown());
        }
    }

    /** Waits for the last signals, up to a second; after {@link #close}. */
    void awaitEnd() {
        threads.shutdown();
        try {
            var unused = threads.awaitTermination(1, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
