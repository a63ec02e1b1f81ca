package io.nearkv.edge;

import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.Metadata;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.Origin;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;

/**
 * What the cache knows of a key: an entry, or that there is none. The content is immutable; when somebody upstream vouches for it again only the time changes. It is its own
 * {@link Origin}, and keeps the answer of a hit ready, so that a hit makes no object.
 */
final class Entry implements Origin {
    /** What an entry takes beside its bytes, about: the objects here, and the map's. */
    private static final int OVERHEAD_BYTES = 300;

    private static final AtomicIntegerFieldUpdater<Entry> REFRESHING =
            AtomicIntegerFieldUpdater.newUpdater(Entry.class, "refreshing");

    final CacheKey key;
    /** The parts of the key, here too: a hit compares them, and each object on the way to them would be another miss of the processor's cache. */
    final int hash;

    final NamespaceId namespace;
    final Key name;
    /** Whether it is small enough for {@link HotSlots}. */
    final boolean fitsSlots;

    final GetResult result;
    final CompletableFuture<GetResult> answer;
    /** 0 if there is no entry. */
    final long version;
    /** Milliseconds since the epoch, or 0. */
    final long expiresAtMillis;

    private final Freshness.Time time;
    /** False as soon as this is not what the cache knows of the key any more; never true again. */
    private volatile boolean live = true;
    /** When a tier above has last said that this is the entry. */
    private volatile long vouchedNanos;
    /** The generation of the feed in whose course it was vouched for; see {@link Follower#generation()}. */
    private volatile long generation;

    private volatile int refreshing;

    Entry(CacheKey key, GetResult content, boolean owned, Freshness.Time time, long vouchedNanos, long generation) {
        this.key = key;
        this.hash = key.hashCode();
        this.namespace = key.namespace;
        this.name = key.key;
        this.time = time;
        this.vouchedNanos = vouchedNanos;
        this.generation = generation;
        if (content instanceof GetResult.Found found) {
            this.version = found.version();
            this.expiresAtMillis = found.expiresAt() * 1000;
            this.result = owned ? found : found.withOrigin(this);
        } else {
            this.version = 0;
            this.expiresAtMillis = 0;
            this.result = owned ? content : GetResult.Missing.of(((GetResult.Missing) content).asOf(), this);
        }
        this.answer = CompletableFuture.completedFuture(result);
        this.fitsSlots = weight() <= HotSlots.MAX_WEIGHT;
    }

    boolean isLive() {
        return live;
    }

    void die() {
        live = false;
    }

    boolean isMissing() {
        return version == 0;
    }

    boolean isExpired() {
        return expiresAtMillis != 0 && time.millis() >= expiresAtMillis;
    }

    long vouchedNanos() {
        return vouchedNanos;
    }

    long generation() {
        return generation;
    }

    /** A tier above says that this is still the entry. */
    void vouch(long nanos, long byGeneration) {
        vouchedNanos = nanos;
        generation = byGeneration;
    }

    /** It may have changed, and nobody knows: it must be vouched for again. */
    void suspect() {
        generation = -1;
    }

    /** Returns true to one caller, who then asks for a newer one. */
    boolean beginRefresh() {
        return refreshing == 0 && REFRESHING.compareAndSet(this, 0, 1);
    }

    void endRefresh() {
        refreshing = 0;
    }

    long ageNanos() {
        return Math.max(0, time.nanos() - vouchedNanos);
    }

    @Override
    public Source source() {
        return Source.MEMORY;
    }

    @Override
    public Duration age() {
        return Duration.ofNanos(ageNanos());
    }

    /** Returns about how many bytes of memory it takes. */
    int weight() {
        int weight = OVERHEAD_BYTES + key.key.length();
        if (result instanceof GetResult.Found found) {
            Metadata metadata = found.metadata();
            weight += found.length() + (metadata == null ? 0 : metadata.length());
        }
        return weight;
    }
}
