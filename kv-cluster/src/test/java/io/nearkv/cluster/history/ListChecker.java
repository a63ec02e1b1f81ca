package io.nearkv.cluster.history;

import static java.util.Objects.requireNonNull;

import io.nearkv.cluster.history.History.Listing;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Says whether listings are complete and true: in order, no key twice, every key that was there throughout the time of the listing, and no key that was not there at any moment of it. A key that
 * came or went meanwhile may be there or not. Only keys that the recorder knows may have the prefix of a listing, and none of them expires. Immutable.
 */
public final class ListChecker {
    private final Comparator<String> order;

    /** Creates a checker of listings in this order. */
    public ListChecker(Comparator<String> order) {
        this.order = requireNonNull(order, "order");
    }

    /** Checks every listing. */
    public Report check(History history) {
        Report.Problems problems = new Report.Problems();
        Map<String, List<Operation>> byKey = history.byKey();
        long originNanos = history.originNanos();
        for (Listing listing : history.listings()) {
            check(listing, byKey, originNanos, problems);
        }
        return problems.report();
    }

    private void check(
            Listing listing, Map<String, List<Operation>> byKey, long originNanos, Report.Problems problems) {
        String name = "listing of " + Operation.quoted(listing.prefix()) + " by client " + listing.client() + " "
                + History.window(listing.invokedNanos(), listing.returnedNanos(), originNanos) + ": ";
        Set<String> listed = new HashSet<>();
        String before = null;
        for (String key : listing.keys()) {
            if (!key.startsWith(listing.prefix())) {
                problems.add(name + Operation.quoted(key) + " does not have the prefix");
            }
            if (!listed.add(key)) {
                problems.add(name + Operation.quoted(key) + " is there twice");
            } else if (before != null && order.compare(before, key) > 0) {
                problems.add(name + Operation.quoted(key) + " comes after " + Operation.quoted(before));
            }
            before = key;
            if (!byKey.containsKey(key)) {
                problems.add(name + Operation.quoted(key) + " was never written");
            }
        }
        String last = before;
        byKey.forEach((key, operations) -> {
            if (!key.startsWith(listing.prefix())) {
                return;
            }
            if (listed.contains(key)) {
                if (!mayHaveBeenThere(operations, listing)) {
                    problems.add(name + Operation.quoted(key) + " was not there at any moment, but is listed");
                }
            } else if (listing.complete() || (last != null && order.compare(key, last) <= 0)) {
                Operation put = putThatStayed(operations, listing);
                if (put != null) {
                    problems.add(name + Operation.quoted(key) + " is missing, although it was there throughout, since "
                            + History.line(put, originNanos));
                }
            }
        });
    }

    /** Returns a put that was over when the listing began, and that no delete can have undone before it ended; null if there is none. */
    private static @Nullable Operation putThatStayed(List<Operation> operations, Listing listing) {
        for (Operation put : operations) {
            if (put.request() instanceof Operation.Put
                    && put.applied()
                    && put.returnedNanos() < listing.invokedNanos()
                    && !undone(put, Operation.Delete.class, operations, listing)) {
                return put;
            }
        }
        return null;
    }

    private static boolean mayHaveBeenThere(List<Operation> operations, Listing listing) {
        boolean written = false;
        for (Operation operation : operations) {
            if (operation.request() instanceof Operation.Put) {
                written |= (operation.applied() || operation.maybeApplied())
                        && operation.invokedNanos() <= listing.returnedNanos();
            }
        }
        if (!written) {
            return false;
        }
        for (Operation delete : operations) {
            if (delete.request() instanceof Operation.Delete
                    && delete.applied()
                    && delete.returnedNanos() < listing.invokedNanos()
                    && !undone(delete, Operation.Put.class, operations, listing)) {
                return false;
            }
        }
        return true;
    }

    /** Returns whether a write of the other kind may have taken effect after this one, and before the listing was over. */
    private static boolean undone(
            Operation write, Class<? extends Operation.Request> kind, List<Operation> operations, Listing listing) {
        for (Operation other : operations) {
            if (!kind.isInstance(other.request())
                    || !(other.applied() || other.maybeApplied())
                    || other.invokedNanos() > listing.returnedNanos()) {
                continue;
            }
            boolean bothTold =
                    other.appliedVersion() != Operation.NOT_TOLD && write.appliedVersion() != Operation.NOT_TOLD;
            boolean later = bothTold
                    ? other.appliedVersion() > write.appliedVersion()
                    : other.maybeApplied() || other.returnedNanos() >= write.invokedNanos();
            if (later) {
                return true;
            }
        }
        return false;
    }
}
