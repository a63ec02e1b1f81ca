package io.nearkv.cluster.history;

import static java.util.Objects.requireNonNull;

import io.nearkv.cluster.history.History.CaughtUp;
import io.nearkv.cluster.history.History.Change;
import io.nearkv.cluster.history.History.ChangeKind;
import io.nearkv.cluster.history.History.Feed;
import io.nearkv.cluster.history.History.FeedEvent;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.ToIntFunction;

/**
 * Says whether each subscriber of the change feed saw every acknowledged write exactly once and in order, and nothing that nobody wrote.
 *
 * <p>Per partition, versions grow from change to change, and after a {@link CaughtUp} comes nothing that it covered. A write that was told a version comes with this version, key and kind,
 * unless the subscriber began after it or stopped before it. A change of a key that the history knows is one that a write explains. All subscribers see the same change at the same
 * version. Immutable.
 */
public final class FeedChecker {
    private final ToIntFunction<String> partitionOf;
    private final boolean everyVersion;

    /**
     * Creates a checker.
     *
     * @param partitionOf tells the partition of a key, counted as in the feed
     * @param everyVersion whether the subscribers follow everything in a store that gives versions without gaps, so that a missing version is a lost change
     */
    public FeedChecker(ToIntFunction<String> partitionOf, boolean everyVersion) {
        this.partitionOf = requireNonNull(partitionOf, "partitionOf");
        this.everyVersion = everyVersion;
    }

    private record Place(int partition, long version) {}

    private record What(String key, ChangeKind kind) {}

    /** Checks every subscriber. */
    public Report check(History history) {
        Report.Problems problems = new Report.Problems();
        Writes writes = new Writes(history);
        Map<Place, What> agreed = new HashMap<>();
        Map<Place, String> seenBy = new HashMap<>();
        for (Feed feed : history.feeds()) {
            Map<Place, What> seen = order(feed, problems);
            seen.forEach((place, what) -> {
                What other = agreed.putIfAbsent(place, what);
                if (other == null) {
                    seenBy.put(place, feed.subscriber());
                } else if (!other.equals(what)) {
                    problems.add(feed.subscriber() + " and " + seenBy.get(place) + " differ at " + text(place) + ": "
                            + text(what) + " and " + text(other));
                }
            });
            writes.compare(feed, seen, problems);
        }
        return problems.report();
    }

    /** Checks the order within the partitions of one feed, and returns its changes. */
    private Map<Place, What> order(Feed feed, Report.Problems problems) {
        Map<Integer, Long> reached = new HashMap<>();
        Map<Place, What> seen = new HashMap<>();
        for (FeedEvent event : feed.events()) {
            Long before = reached.get(event.partition());
            if (event instanceof Change change) {
                Place place = new Place(change.partition(), change.version());
                What what = new What(change.key(), change.kind());
                String which = feed.subscriber() + ": " + text(what) + " at " + text(place);
                if (before == null) {
                    problems.add(which + " comes before it was said where this partition's feed begins");
                } else if (seen.containsKey(place)) {
                    problems.add(which + " comes twice");
                } else if (change.version() <= before) {
                    problems.add(which + " comes late: the subscriber had already come to version " + before);
                } else if (everyVersion && change.version() != before + 1) {
                    problems.add(which + " comes after version " + before + ": a gap");
                }
                seen.putIfAbsent(place, what);
            } else if (before != null && event.version() < before) {
                problems.add(feed.subscriber() + ": caught up with version " + event.version() + " of partition "
                        + event.partition() + " after it had come to " + before);
            } else if (before != null && everyVersion && event.version() != before) {
                problems.add(feed.subscriber() + ": caught up with version " + event.version() + " of partition "
                        + event.partition() + ", but the last change was " + before + ": a gap");
            }
            reached.merge(event.partition(), event.version(), Math::max);
        }
        return seen;
    }

    /** What the clients wrote. */
    private final class Writes {
        private final Map<Place, Operation> told = new HashMap<>();
        private final Map<What, Integer> untold = new HashMap<>();
        private final Set<String> keys = new HashSet<>();
        private final long originNanos;

        Writes(History history) {
            originNanos = history.originNanos();
            for (Operation operation : history.operations()) {
                keys.add(operation.key());
                if (operation.appliedVersion() != Operation.NOT_TOLD) {
                    told.put(new Place(partitionOf.applyAsInt(operation.key()), operation.appliedVersion()), operation);
                } else if (operation.applied() || operation.maybeApplied()) {
                    untold.merge(what(operation), 1, Integer::sum);
                }
            }
        }

        void compare(Feed feed, Map<Place, What> seen, Report.Problems problems) {
            Map<Integer, Long> begin = new HashMap<>();
            Map<Integer, Long> end = new HashMap<>();
            for (FeedEvent event : feed.events()) {
                begin.putIfAbsent(event.partition(), event.version());
                end.merge(event.partition(), event.version(), Math::max);
            }
            told.forEach((place, operation) -> {
                Long from = begin.get(place.partition());
                Long to = end.get(place.partition());
                if (from != null && place.version() <= from) {
                    return;
                }
                What what = seen.get(place);
                if (what == null && (feed.drained() || (to != null && place.version() <= to))) {
                    problems.add(feed.subscriber() + ": never saw an acknowledged write of partition "
                            + place.partition() + ": " + History.line(operation, originNanos) + ", key "
                            + Operation.quoted(operation.key()));
                } else if (what != null && !what.equals(what(operation))) {
                    problems.add(feed.subscriber() + ": saw " + text(what) + " at " + text(place)
                            + ", where this was acknowledged: " + History.line(operation, originNanos) + ", key "
                            + Operation.quoted(operation.key()));
                }
            });
            Map<What, Integer> unexplained = new HashMap<>();
            seen.forEach((place, what) -> {
                if (what.kind() != ChangeKind.OTHER && keys.contains(what.key()) && !told.containsKey(place)) {
                    unexplained.merge(what, 1, Integer::sum);
                }
            });
            unexplained.forEach((what, count) -> {
                int possible = untold.getOrDefault(what, 0);
                if (count > possible) {
                    problems.add(feed.subscriber() + ": saw " + count + " times " + text(what)
                            + " at versions that no client was told, but only " + possible
                            + " such writes have an unknown outcome; at versions " + versions(seen, what));
                }
            });
        }

        private List<Long> versions(Map<Place, What> seen, What what) {
            return seen.entrySet().stream()
                    .filter(e -> e.getValue().equals(what) && !told.containsKey(e.getKey()))
                    .map(e -> e.getKey().version())
                    .sorted()
                    .toList();
        }
    }

    private static What what(Operation operation) {
        return new What(
                operation.key(), operation.request() instanceof Operation.Put ? ChangeKind.PUT : ChangeKind.DELETE);
    }

    private static String text(Place place) {
        return "version " + place.version() + " of partition " + place.partition();
    }

    private static String text(What what) {
        return what.kind() + " of " + Operation.quoted(what.key());
    }
}
