package io.nearkv.edge;

import io.nearkv.core.FeedEvent;
import io.nearkv.core.Position;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * The latest changes of one generation of the feed, by their versions, which follow each other without a gap; one thread at a time puts them in, and any number reads. A change that a
 * reader finds is the one it looked for, because it carries its version; where it finds another one, it has been overtaken. Bounded by the number of changes.
 */
final class FeedRing {
    /** A heartbeat that the follower got. */
    record Beat(Position position, long number, long nanos) {}

    private final AtomicReferenceArray<FeedEvent.@Nullable Change> slots;
    /** The largest version that was told to a writer of this tier; the feed may not have brought it yet. */
    private final AtomicLong told = new AtomicLong();

    private volatile boolean begun;
    private volatile long lineage;
    /** The version that this ring began after. */
    private volatile long base;

    private volatile long head;
    private volatile @Nullable Beat beat;
    /** Where the next generation begins; null as long as this is the latest. */
    private volatile @Nullable Position successor;

    FeedRing(int events) {
        this.slots = new AtomicReferenceArray<>(events);
    }

    /** Takes in a change; returns false if it does not follow the last one. */
    boolean add(FeedEvent.Change change) {
        long version = change.version();
        if (!begun) {
            begin(change.position(), version - 1);
        } else if (version != head + 1) {
            return false;
        }
        slots.set(slot(version), change);
        head = version; // After the slot: who sees the version finds the change.
        return true;
    }

    /** Takes in that there is nothing beyond what the ring has; returns false if it does not have everything. */
    boolean beat(Position position, long nanos) {
        long version = position.version();
        if (!begun) {
            begin(position, version);
        } else if (version != head) {
            return false;
        }
        Beat before = beat;
        beat = new Beat(position, before == null ? 1 : before.number() + 1, nanos);
        return true;
    }

    private void begin(Position position, long after) {
        lineage = position.lineage();
        base = after;
        head = after;
        begun = true;
    }

    /** Changes were missed; those who read this ring have to start over. */
    void end(Position next) {
        successor = next;
    }

    @Nullable
    Position successor() {
        return successor;
    }

    boolean hasBegun() {
        return begun;
    }

    long head() {
        return head;
    }

    @Nullable
    Beat beat() {
        return beat;
    }

    /** Returns whether a reader that has come this far can go on here. */
    boolean holds(Position position) {
        if (!begun || position.lineage() != lineage || position.versions().size() != 1) {
            return false;
        }
        long version = position.version();
        long last = head;
        return version <= last && version >= base && (version == last || get(version + 1) != null);
    }

    /** Returns the change of a version that is not after the head; null if it is no longer here. */
    FeedEvent.@Nullable Change get(long version) {
        FeedEvent.Change change = slots.get(slot(version));
        return change != null && change.version() == version ? change : null;
    }

    Position position(long version) {
        return Position.of(lineage, version);
    }

    /** A writer learns of this version. */
    void told(long version) {
        long unused = told.accumulateAndGet(version, Math::max);
    }

    /** Returns the version after which everything is new to whoever was told of all that this tier has told. */
    long now() {
        return Math.max(head, told.get());
    }

    private int slot(long version) {
        return (int) (version % slots.length());
    }
}
