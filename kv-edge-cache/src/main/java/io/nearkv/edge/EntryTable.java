package io.nearkv.edge;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.Expiry;
import com.github.benmanes.caffeine.cache.RemovalCause;
import io.nearkv.core.Key;
import io.nearkv.core.NamespaceId;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What the cache knows in memory, and the loads that are under way. Thread-safe.
 *
 * <p>The one hard thing is the race between a load and a change of its key. Everything that concerns a key happens under the lock of its place in the map ({@code compute}), so that
 * only these orders are left:
 *
 * <ul>
 *   <li>the change is heard of before the load begins: the load asks upstream for a state that is not older than the feed's position, so it sees the change;
 *   <li>the change is heard of while the load is under way: the load stays, but may install nothing older than the change ({@link Load#minVersion}), and nobody who comes after the
 *       change joins it: he begins another, which takes its place in the list, and the first may then install nothing at all. It must stay listed until then, because a second
 *       change has to find it too;
 *   <li>the change is heard of after the load was installed: it takes the entry away, unless that is the change itself or something newer.
 * </ul>
 *
 * An answer "not there" has no version to compare: it is installed only over nothing, over what was there when its load began, and over another of its kind, and never
 * when a change was heard of meanwhile.
 */
final class EntryTable {
    /** Blocks a load for good: no version is so large. */
    private static final long NEVER = Long.MAX_VALUE;
    /** One of so many hits of the slots is told to the map, whose policy of what to keep would else see none of them. */
    private static final int SAMPLED = 32;
    /** One of so many that the slots do not have is put there: what is read often comes in soon all the same, and what is not does not drive it out. */
    private static final int ADMITTED = 8;

    private final Cache<CacheKey, Entry> cache;
    private final ConcurrentMap<CacheKey, Entry> map;
    private final ConcurrentMap<CacheKey, Load> loads = new ConcurrentHashMap<>();
    /** Keys that are being written, and by how many; see {@link #beginWrite}. */
    private final ConcurrentMap<CacheKey, Integer> writing = new ConcurrentHashMap<>();

    private final HotSlots hot;
    private final LongAdder evictions = new LongAdder();

    EntryTable(long memoryBytes, Freshness.Time time) {
        this.cache = Caffeine.newBuilder()
                .maximumWeight(memoryBytes)
                .<CacheKey, Entry>weigher((key, entry) -> entry.weight())
                .expireAfter(new Lifetime(time))
                .ticker(time::nanos)
                .evictionListener((@Nullable CacheKey key, @Nullable Entry entry, RemovalCause cause) -> {
                    if (entry != null) {
                        entry.die();
                        evictions.increment();
                    }
                })
                .build();
        this.map = cache.asMap();
        this.hot = new HotSlots(memoryBytes);
    }

    /** An entry is of use until it expires. How old it may be otherwise is for its readers to say; and when there are too many, the least useful goes. */
    private record Lifetime(Freshness.Time time) implements Expiry<CacheKey, Entry> {
        private static final long FOREVER = Long.MAX_VALUE / 2;

        @Override
        public long expireAfterCreate(CacheKey key, Entry entry, long currentTime) {
            if (entry.expiresAtMillis == 0) {
                return FOREVER;
            }
            long leftMillis = Math.max(0, entry.expiresAtMillis - time.millis());
            return leftMillis >= FOREVER / 1_000_000 ? FOREVER : leftMillis * 1_000_000;
        }

        @Override
        public long expireAfterUpdate(CacheKey key, Entry entry, long currentTime, long currentDuration) {
            return expireAfterCreate(key, entry, currentTime);
        }

        @Override
        public long expireAfterRead(CacheKey key, Entry entry, long currentTime, long currentDuration) {
            return currentDuration;
        }
    }

    /** Returns what is known of a key, or null. */
    @Nullable
    Entry find(NamespaceId namespace, Key key) {
        int hash = CacheKey.hash(namespace, key.hashCode());
        Entry entry = hot.get(hash, namespace, key);
        if (entry != null) {
            sample(entry);
            return entry;
        }
        return find(new CacheKey(namespace, key), hash);
    }

    /** Returns what is known of a key, or null; borrows the buffer, whose remaining bytes are the key, and leaves its position alone. */
    @Nullable
    Entry find(NamespaceId namespace, ByteBuffer key) {
        int hash = CacheKey.hash(namespace, Key.hashOf(key));
        Entry entry = hot.get(hash, namespace, key);
        if (entry != null) {
            sample(entry);
            return entry;
        }
        return find(new CacheKey(namespace, Key.ofUtf8(key)), hash);
    }

    private @Nullable Entry find(CacheKey key, int hash) {
        Entry entry = cache.getIfPresent(key);
        if (entry == null || !entry.isLive()) {
            return null; // Or it is being taken away at this moment.
        }
        if (ThreadLocalRandom.current().nextInt(ADMITTED) == 0) {
            hot.put(hash, entry);
        }
        return entry;
    }

    private void sample(Entry entry) {
        if (ThreadLocalRandom.current().nextInt(SAMPLED) == 0) {
            Object unused = cache.getIfPresent(entry.key);
        }
    }

    // ---- loads ----

    /** Lists a new load; returns null if it is listed, or the one that is under way and whose outcome will do. */
    @Nullable
    Load begin(Load load) {
        Load other = loads.putIfAbsent(load.key, load);
        if (other == null || other.serves(load)) {
            return other;
        }
        @Nullable Load[] joined = new @Nullable Load[1];
        var unused = map.compute(load.key, (key, old) -> {
            Load listed = loads.get(key);
            if (listed != null && listed.serves(load)) {
                joined[0] = listed;
            } else {
                if (listed != null) {
                    listed.minVersion = NEVER; // No change will find it any more.
                }
                loads.put(key, load);
            }
            return old;
        });
        return joined[0];
    }

    /** The load is over without a result. */
    void abandon(Load load) {
        var unused = loads.remove(load.key, load);
    }

    /**
     * Makes the result of a load what is known of the key, if nothing newer was heard of since it began. The load is over then.
     *
     * @return whether it was made so
     */
    boolean install(Load load, Entry entry) {
        return install(load, entry, () -> {});
    }

    /** Does as {@link #install(Load, Entry)}, and something more before any change of the key can be heard of. */
    boolean install(Load load, Entry entry, Runnable whenInstalled) {
        boolean[] installed = new boolean[1];
        var unused = map.compute(load.key, (key, old) -> {
            // Still under the lock, so that no change comes between this and the installation.
            loads.remove(key, load);
            if (entry.version < load.minVersion || (entry.isMissing() && load.minVersion > 0)) {
                return old; // A change was heard of that this does not have.
            }
            if (writing.containsKey(key)) {
                return old; // Whether it is older than the write, nobody can say.
            }
            if (old != null && old.isLive() && old != load.before) {
                // Another load was faster. What it has is at least as new if its version is larger, or if ours has
                // none.
                if (old.version > entry.version) {
                    return old;
                }
            }
            if (old != null) {
                old.die(); // Before the new one is there: who still finds it in a slot looks here, and waits.
            }
            installed[0] = true;
            whenInstalled.run();
            return entry;
        });
        return installed[0];
    }

    // ---- changes ----

    /** A change of this version has happened to the key: nothing older is known of it any more. Returns whether an entry was taken away. */
    boolean changed(CacheKey key, long version) {
        return changed(key, version, () -> {});
    }

    /** Does as {@link #changed(CacheKey, long)}, and something more before anybody can begin another load of the key. */
    boolean changed(CacheKey key, long version, Runnable whenHeard) {
        boolean[] removed = new boolean[1];
        var unused = map.compute(key, (k, old) -> {
            whenHeard.run();
            Load load = loads.get(k);
            if (load != null) {
                // It may come back with what was before the change, which who asks from now on must not get either.
                load.minVersion = Math.max(load.minVersion, version);
            }
            if (old != null && old.version < version) {
                old.die();
                removed[0] = true;
                return null;
            }
            return old;
        });
        return removed[0];
    }

    /** Nobody knows whether the key has changed: what is known of it must be vouched for before it is used again. */
    void unsure(CacheKey key) {
        unsure(key, () -> {});
    }

    /** Does as {@link #unsure(CacheKey)}, and something more before anybody can begin another load of the key. */
    void unsure(CacheKey key, Runnable whenHeard) {
        var unused = map.compute(key, (k, old) -> {
            whenHeard.run();
            block(k);
            if (old != null) {
                old.suspect();
            }
            return old;
        });
    }

    private void block(CacheKey key) {
        Load load = loads.remove(key);
        if (load != null) {
            load.minVersion = NEVER;
        }
    }

    /**
     * The key is being written through this cache, which is coherent: nothing is known of it until {@link #endWrite}. So a reader never gets the old entry from here
     * while others already read the new one from the engine.
     */
    void beginWrite(CacheKey key) {
        var unused = map.compute(key, (k, old) -> {
            writing.merge(k, 1, Integer::sum);
            block(k);
            if (old != null) {
                old.die();
            }
            return null;
        });
    }

    /** The write is over, whatever came of it. */
    void endWrite(CacheKey key) {
        var unused = map.compute(key, (k, old) -> {
            writing.computeIfPresent(k, (same, count) -> count == 1 ? null : count - 1);
            block(k); // It may have read before the write and be answered after it.
            return old;
        });
    }

    /** Forgets all keys of a namespace. Takes time that grows with the number of entries. */
    void forget(NamespaceId namespace) {
        for (CacheKey key : loads.keySet()) {
            if (key.namespace.equals(namespace)) {
                unsure(key);
            }
        }
        for (CacheKey key : map.keySet()) {
            if (key.namespace.equals(namespace)) {
                Object unused = changed(key, NEVER);
            }
        }
    }

    /** Upstream says of an entry which version there is now: it is vouched for, or taken away. Returns whether it is still good. */
    boolean vouched(Entry entry, long version, long nanos, long generation) {
        boolean[] good = new boolean[1];
        var unused = map.compute(entry.key, (k, old) -> {
            if (old != entry || !old.isLive()) {
                return old; // Something newer is known already.
            }
            if (old.version == version) {
                old.vouch(nanos, generation);
                good[0] = true;
                return old;
            }
            old.die();
            return null;
        });
        return good[0];
    }

    /** Calls back with every entry that is there, in no order. */
    void forEach(Consumer<Entry> consumer) {
        map.values().forEach(consumer);
    }

    /** Returns the entries that the feed of this generation does not cover. */
    List<Entry> suspects(long generation) {
        List<Entry> suspects = new ArrayList<>();
        forEach(entry -> {
            if (entry.generation() != generation) {
                suspects.add(entry);
            }
        });
        return suspects;
    }

    long size() {
        return cache.estimatedSize();
    }

    long weight() {
        return cache.policy()
                .eviction()
                .flatMap(eviction -> {
                    var weighted = eviction.weightedSize();
                    return weighted.isPresent()
                            ? java.util.Optional.of(weighted.getAsLong())
                            : java.util.Optional.empty();
                })
                .orElse(0L);
    }

    long evictions() {
        return evictions.sum();
    }

    int loadsUnderWay() {
        return loads.size();
    }

    /** Does what is left to do, such as evictions; for tests. */
    void cleanUp() {
        cache.cleanUp();
    }
}
