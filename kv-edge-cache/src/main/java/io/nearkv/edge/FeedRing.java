package io.nearkv.edge;

import io.nearkv.core.FeedEvent;
import io.nearkv.core.Position;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * The latest changes of one generation of the feed, in the order in which they came; one thread at a time puts them in, and any number reads. The changes are counted from 0: a change that a
 * reader finds is the one it looked for, because it carries its number; where it finds another one, it has been overtaken. Bounded by the number of changes.
 *
 * <p>Each change takes the position of the ring one version further, in one of the partitions; so nothing is missing between the position before the oldest change that is kept and the head. A reader
 * may have come further in some partitions than in others. Whoever has come at least as far as the position before a change, in every partition, misses nothing if it goes on there, and leaves out
 * what its own position covers.
 */
final class FeedRing {
    /** A place between two changes: as many came before it, and this is the position there. */
    record Place(long number, Position position) {}

    /** A change, and the position before it. */
    record Slot(long number, Position before, FeedEvent.Change change) {}

    /** A heartbeat that the follower got: the place where it came, and how many came before it. */
    record Beat(Place place, long number, long nanos) {}

    private final AtomicReferenceArray<@Nullable Slot> slots;
    /** The versions that were told to writers of this tier; the feed may not have brought them yet. */
    private final AtomicReference<@Nullable Position> told = new AtomicReference<>();

    /** Whether a writer was told of something that nobody knows the position of. */
    private volatile boolean toldMore;

    /** Where the next change goes; null before the ring has begun. */
    private volatile @Nullable Place head;

    private volatile @Nullable Beat beat;
    /** Where the next generation begins; null as long as this is the latest. */
    private volatile @Nullable Position successor;

    FeedRing(int events) {
        this.slots = new AtomicReferenceArray<>(events);
    }

    /** Takes in a change; returns false if it does not follow the last one. */
    boolean add(FeedEvent.Change change) {
        Place last = head;
        if (last == null) {
            last = new Place(0, before(change));
        } else if (!follows(last.position(), change)) {
            return false;
        }
        slots.set(index(last.number()), new Slot(last.number(), last.position(), change));
        head = new Place(last.number() + 1, change.position()); // After the slot: who sees it finds the change.
        return true;
    }

    private static int partitionOf(FeedEvent.Change change) {
        return (int) (change.version() % change.position().versions().size());
    }

    private static Position before(FeedEvent.Change change) {
        List<Long> versions = new ArrayList<>(change.position().versions());
        int partition = partitionOf(change);
        versions.set(partition, Math.max(0, versions.get(partition) - 1));
        return new Position(change.position().lineage(), versions);
    }

    private static boolean follows(Position last, FeedEvent.Change change) {
        Position next = change.position();
        int partitions = last.versions().size();
        if (next.lineage() != last.lineage() || next.versions().size() != partitions) {
            return false;
        }
        int partition = partitionOf(change);
        for (int i = 0; i < partitions; i++) {
            if (next.versions().get(i) - last.versions().get(i) != (i == partition ? 1 : 0)) {
                return false;
            }
        }
        return true;
    }

    /** Takes in that there is nothing beyond what the ring has; returns false if it does not have everything. */
    boolean beat(Position position, long nanos) {
        Place last = head;
        if (last == null) {
            last = new Place(0, position);
            head = last;
        } else if (!last.position().equals(position)) {
            return false;
        }
        Beat before = beat;
        beat = new Beat(last, before == null ? 1 : before.number() + 1, nanos);
        return true;
    }

    /** Changes were missed; those who read this ring have to start over. */
    void end(Position next) {
        successor = next;
    }

    @Nullable
    Position successor() {
        return successor;
    }

    @Nullable
    Place head() {
        return head;
    }

    @Nullable
    Beat beat() {
        return beat;
    }

    /** Returns where a reader that has come this far goes on, with its own position; null if it cannot. */
    @Nullable
    Place after(Position position) {
        Place last = head;
        if (last == null || !last.position().covers(position)) {
            return null;
        }
        if (position.covers(last.position())) {
            return new Place(last.number(), position);
        }
        long from = Math.max(0, last.number() - slots.length());
        long to = last.number();
        Slot oldest = get(from);
        if (oldest == null || !position.covers(oldest.before())) {
            return null;
        }
        // The last change whose position before it is covered: positions only grow.
        while (to - from > 1) {
            long middle = (from + to) >>> 1;
            Slot slot = get(middle);
            if (slot == null) {
                return null; // Overtaken meanwhile.
            }
            if (position.covers(slot.before())) {
                from = middle;
            } else {
                to = middle;
            }
        }
        return new Place(from, position);
    }

    /** Returns where a reader goes on to whom everything is new that nobody was told of by this tier; null if it cannot. */
    @Nullable
    Place now() {
        Place last = head;
        if (last == null || toldMore) {
            return null;
        }
        Position known = told.get();
        Position here = last.position();
        return known == null
                        || known.lineage() != here.lineage()
                        || known.versions().size() != here.versions().size()
                ? last
                : new Place(last.number(), here.and(known));
    }

    /** Returns the change with a number before the head; null if it is no longer here. */
    @Nullable
    Slot get(long number) {
        Slot slot = slots.get(index(number));
        return slot != null && slot.number() == number ? slot : null;
    }

    /**
     * A writer learns of these versions, 0 for none.
     *
     * @param some a position of the same history; null if none is known
     */
    void told(@Nullable Position some, LongStream versions) {
        if (some == null) {
            toldMore |= versions.anyMatch(version -> version > 0);
            return;
        }
        int partitions = some.versions().size();
        Long[] last = new Long[partitions];
        Arrays.fill(last, 0L);
        versions.forEach(version -> {
            int partition = (int) (version % partitions);
            last[partition] = Math.max(last[partition], version / partitions);
        });
        Position all = new Position(some.lineage(), Arrays.asList(last));
        var unused = told.updateAndGet(before -> before == null ? all : before.and(all));
    }

    private int index(long number) {
        return (int) (number % slots.length());
    }
}
