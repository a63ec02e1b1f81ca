package io.nearkv.edge;

import io.nearkv.core.Key;
import io.nearkv.core.KeyInfo;
import io.nearkv.core.KvStore;
import io.nearkv.core.ListOptions;
import io.nearkv.core.ListPage;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.Position;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.ReadOptions.Consistency;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Pages of listings, for a short time: many ask for the same page at once, and one of them is enough to ask upstream. A change takes away every page that its key could be on, also one
 * that is on its way. Thread-safe.
 */
final class ListPages {
    /** As many pages of a thousand keys as one would like to see in memory. */
    private static final int MAX_PAGES = 1024;

    private static final int MAX_KEYS = 100_000;

    private record PageKey(NamespaceId namespace, ListOptions options) {}

    private static final class Page {
        final CompletableFuture<ListPage> future = new CompletableFuture<>();
        final byte[] prefix;
        final long nanos;
        final long generation;
        int keys;
        long firstExpiryMillis = Long.MAX_VALUE;

        Page(byte[] prefix, long nanos, long generation) {
            this.prefix = prefix;
            this.nanos = nanos;
            this.generation = generation;
        }
    }

    private final KvStore upstream;
    private final long ttlNanos;
    private final Freshness.Time time;
    private final Freshness.Feed feed;
    private final EdgeCounters counters;
    private final ReentrantLock lock = new ReentrantLock();
    /** Least recently used first. */
    private final LinkedHashMap<PageKey, Page> pages = new LinkedHashMap<>(16, 0.75f, true);

    private int keys;
    private volatile boolean empty = true;

    ListPages(KvStore upstream, EdgeOptions options, Freshness.Time time, Freshness.Feed feed, EdgeCounters counters) {
        this.upstream = upstream;
        this.ttlNanos = options.coherent ? 0 : Freshness.nanos(options.listTtl);
        this.time = time;
        this.feed = feed;
        this.counters = counters;
    }

    CompletableFuture<ListPage> list(NamespaceId namespace, ListOptions list, ReadOptions read) {
        if (ttlNanos == 0 || read.consistency() == Consistency.STRONG) {
            return upstream.list(namespace, list, read);
        }
        long generation = feed.generation();
        Position position = feed.position();
        PageKey key = new PageKey(namespace, list);
        Page mine;
        lock.lock();
        try {
            Page known = pages.get(key);
            if (known != null && mayAnswer(known, read)) {
                counters.listHits.increment();
                return known.future.copy();
            }
            mine = new Page(list.prefix().getBytes(StandardCharsets.UTF_8), time.nanos(), generation);
            drop(key);
            pages.put(key, mine);
            empty = false;
        } finally {
            lock.unlock();
        }
        counters.listMisses.increment();
        Position after = read.after();
        ReadOptions asked = position != null && read.consistency() != Consistency.BOUNDED
                ? read.withSession(after == null ? position : position.and(after))
                : read;
        CompletableFuture<ListPage> answer;
        try {
            answer = upstream.list(namespace, list, asked);
        } catch (RuntimeException e) {
            answer = CompletableFuture.failedFuture(e);
        }
        Completion.of(answer, (page, failure) -> {
            if (page == null) {
                lock.lock();
                try {
                    if (pages.get(key) == mine) {
                        drop(key);
                    }
                } finally {
                    lock.unlock();
                }
                mine.future.completeExceptionally(failure == null ? new IllegalStateException("no answer") : failure);
            } else {
                keep(key, mine, page);
                mine.future.complete(page);
            }
        });
        return mine.future.copy();
    }

    private void keep(PageKey key, Page page, ListPage content) {
        lock.lock();
        try {
            if (pages.get(key) != page) {
                return; // A change was heard of meanwhile, or it had to go for others.
            }
            page.keys = content.keys().size();
            for (KeyInfo info : content.keys()) {
                if (info.expiresAt() != 0) {
                    page.firstExpiryMillis = Math.min(page.firstExpiryMillis, info.expiresAt() * 1000);
                }
            }
            keys += page.keys;
            Iterator<Map.Entry<PageKey, Page>> oldest = pages.entrySet().iterator();
            while ((pages.size() > MAX_PAGES || keys > MAX_KEYS) && oldest.hasNext()) {
                keys -= oldest.next().getValue().keys;
                oldest.remove();
            }
        } finally {
            lock.unlock();
        }
    }

    private void drop(PageKey key) {
        Page page = pages.remove(key);
        if (page != null) {
            keys -= page.keys;
        }
        empty = pages.isEmpty();
    }

    private boolean mayAnswer(Page page, ReadOptions read) {
        long now = time.nanos();
        long age = now - page.nanos;
        long limit = read.cacheTtl() == null ? ttlNanos : Math.min(ttlNanos, Freshness.nanos(read.cacheTtl()));
        if (page.generation != feed.generation() || age > limit || time.millis() >= page.firstExpiryMillis) {
            return false;
        }
        Position position = feed.position();
        return switch (read.consistency()) {
            case EVENTUAL -> true;
            case BOUNDED -> {
                long bound = Freshness.nanos(read.maxStaleness());
                yield age < bound || (page.generation > 0 && now - feed.currentNanos() < bound);
            }
            case SESSION -> {
                Position after = read.after();
                // One that is on its way may have been asked for before the change that the session has seen.
                yield after != null
                        && position != null
                        && page.generation > 0
                        && page.future.isDone()
                        && position.covers(after);
            }
            case STRONG -> false;
        };
    }

    /** A key has changed, or all of a namespace (null). */
    void changed(NamespaceId namespace, @Nullable Key key) {
        if (empty) {
            return;
        }
        lock.lock();
        try {
            Iterator<Map.Entry<PageKey, Page>> each = pages.entrySet().iterator();
            while (each.hasNext()) {
                Map.Entry<PageKey, Page> entry = each.next();
                if (entry.getKey().namespace().equals(namespace)
                        && (key == null || key.startsWith(entry.getValue().prefix))) {
                    keys -= entry.getValue().keys;
                    each.remove();
                }
            }
            empty = pages.isEmpty();
        } finally {
            lock.unlock();
        }
    }
}
