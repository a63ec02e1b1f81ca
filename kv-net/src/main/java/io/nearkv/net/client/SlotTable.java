package io.nearkv.net.client;

import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The slots of a lane: a fixed number, made once, which is also the bound of the calls in flight. Thread-safe: any thread acquires.
 *
 * <p>The free slots are a stack, so that the slots in use stay few and in the processor's cache. Its head is one number of three parts: the slot on top (its index + 1, or
 * 0), how many are free, and a tag that differs after every change, without which a thread that was held up between reading the head and replacing it could
 * bring back a slot that was taken, used and returned meanwhile.
 */
final class SlotTable {
    /** Both the index and the number of free slots have 16 bits. */
    static final int MAX_SLOTS = 32 * 1024;

    private static final int PART_BITS = 16;
    private static final long PART = (1L << PART_BITS) - 1;
    private static final long TAG = 1L << (2 * PART_BITS);

    private final Slot[] slots;
    private final AtomicLong head;

    SlotTable(Lane lane, int size) {
        slots = new Slot[size];
        for (int i = size - 1; i >= 0; i--) {
            slots[i] = new Slot(lane, i);
            slots[i].next = i + 1 < size ? slots[i + 1] : null;
        }
        head = new AtomicLong((long) size << PART_BITS | 1);
    }

    /** Returns a free slot, or null if there is none. */
    @Nullable
    Slot acquire() {
        while (true) {
            long seen = head.get();
            int top = (int) (seen & PART);
            if (top == 0) {
                return null;
            }
            Slot slot = slots[top - 1];
            // May be another thread's by now, and then this is nonsense, but then the tag has changed too.
            Slot next = slot.next;
            long rest = (seen & ~PART) - (1L << PART_BITS) + TAG | (next == null ? 0 : next.index + 1);
            if (head.compareAndSet(seen, rest)) {
                slot.next = null;
                return slot;
            }
        }
    }

    /** Returns a slot to the free ones; the caller lets go of it. */
    void release(Slot slot) {
        slot.clear();
        while (true) {
            long seen = head.get();
            int top = (int) (seen & PART);
            slot.next = top == 0 ? null : slots[top - 1];
            if (head.compareAndSet(seen, (seen & ~PART) + (1L << PART_BITS) + TAG | (slot.index + 1))) {
                return;
            }
        }
    }

    /** Returns the slot whose attempt has this id, or null if there is none. For the event loop of the lane. */
    @Nullable
    Slot find(int correlationId) {
        int index = (correlationId & 0xffff) - 1;
        if (index < 0 || index >= slots.length) {
            return null;
        }
        Slot slot = slots[index];
        return slot.correlationId == correlationId ? slot : null;
    }

    int size() {
        return slots.length;
    }

    /** Returns how many slots are not free. */
    int inUse() {
        return slots.length - (int) (head.get() >>> PART_BITS & PART);
    }

    /** Returns the slot with this index, free or not. */
    Slot get(int index) {
        return slots[index];
    }
}
