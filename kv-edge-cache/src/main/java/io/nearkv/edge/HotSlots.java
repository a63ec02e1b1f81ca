package io.nearkv.edge;

import io.nearkv.core.Key;
import io.nearkv.core.NamespaceId;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * The entries that were read last, by their hash alone: a look into an array in place of a walk through a map and its bookkeeping, which takes most of the time of a hit. Two places
 * for each hash. Holds references to entries of the table, and an entry says itself whether it is still one; so nothing here must be taken back when an entry goes. Thread-safe.
 */
final class HotSlots {
    /** What an entry here may weigh, so that those which are not in the table any more hold little memory. */
    static final int MAX_WEIGHT = 4096;

    private static final int MIN_SLOTS = 256;
    private static final int MAX_SLOTS = 1 << 16;

    private final AtomicReferenceArray<@Nullable Entry> slots;
    private final int mask;

    /** Entries that have left the table hold at most a sixteenth of these bytes. */
    HotSlots(long memoryBytes) {
        long wanted = Math.max(MIN_SLOTS, Math.min(MAX_SLOTS, memoryBytes / 16 / MAX_WEIGHT));
        int count = Integer.highestOneBit((int) wanted);
        this.slots = new AtomicReferenceArray<>(count);
        this.mask = count - 1;
    }

    @Nullable
    Entry get(int hash, NamespaceId namespace, Key key) {
        int slot = hash & mask;
        Entry entry = slots.getAcquire(slot);
        if (entry != null && isOf(entry, hash, namespace) && entry.name.equals(key) && entry.isLive()) {
            return entry;
        }
        entry = slots.getAcquire(slot ^ 1);
        return entry != null && isOf(entry, hash, namespace) && entry.name.equals(key) && entry.isLive() ? entry : null;
    }

    @Nullable
    Entry get(int hash, NamespaceId namespace, ByteBuffer key) {
        int slot = hash & mask;
        Entry entry = slots.getAcquire(slot);
        if (entry != null && isOf(entry, hash, namespace) && entry.name.contentEquals(key) && entry.isLive()) {
            return entry;
        }
        entry = slots.getAcquire(slot ^ 1);
        return entry != null && isOf(entry, hash, namespace) && entry.name.contentEquals(key) && entry.isLive()
                ? entry
                : null;
    }

    private static boolean isOf(Entry entry, int hash, NamespaceId namespace) {
        return entry.hash == hash && entry.namespace.equals(namespace);
    }

    /** Keeps an entry that was read; the one that was here moves to the other place. */
    void put(int hash, Entry entry) {
        if (!entry.fitsSlots) {
            return;
        }
        int slot = hash & mask;
        Entry before = slots.getAcquire(slot);
        if (before != null && before.isLive() && before.hash != hash) {
            slots.setRelease(slot ^ 1, before);
        }
        slots.setRelease(slot, entry);
    }
}
