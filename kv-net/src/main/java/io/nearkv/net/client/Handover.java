package io.nearkv.net.client;

import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Carries slots from any thread to one event loop: a stack whose whole content is taken at once. A push is one atomic operation, and tells whether the stack was empty: whoever
 * finds it empty wakes the loop, all others know that it has been woken. Thread-safe.
 */
final class Handover {
    /** What a push came to. */
    enum Pushed {
        /** The loop has to be woken. */
        FIRST,
        /** Somebody else has woken the loop. */
        MORE,
        /** Nobody will take it. */
        REFUSED
    }

    private final Slot closedMark;
    private final AtomicReference<@Nullable Slot> top = new AtomicReference<>();

    Handover(Lane lane) {
        closedMark = new Slot(lane, -1);
    }

    Pushed push(Slot slot) {
        while (true) {
            Slot below = top.get();
            if (below == closedMark) {
                return Pushed.REFUSED;
            }
            slot.next = below;
            if (top.compareAndSet(below, slot)) {
                return below == null ? Pushed.FIRST : Pushed.MORE;
            }
        }
    }

    /** Returns what was pushed, as a list in the order of the pushes; null for nothing. */
    @Nullable
    Slot takeAll() {
        Slot seen = top.get();
        if (seen == null || seen == closedMark) {
            return null;
        }
        return inOrder(top.getAndSet(null));
    }

    /** Returns what was pushed, as {@link #takeAll}, and refuses everything from now on. */
    @Nullable
    Slot close() {
        Slot last = top.getAndSet(closedMark);
        return last == closedMark ? null : inOrder(last);
    }

    private static @Nullable Slot inOrder(@Nullable Slot newestFirst) {
        Slot rest = newestFirst;
        Slot oldestFirst = null;
        while (rest != null) {
            Slot next = rest.next;
            rest.next = oldestFirst;
            oldestFirst = rest;
            rest = next;
        }
        return oldestFirst;
    }
}
