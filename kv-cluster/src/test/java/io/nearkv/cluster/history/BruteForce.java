package io.nearkv.cluster.history;

import io.nearkv.cluster.history.Operation.Condition;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Says whether a tiny history of one key is linearizable by trying every order, every choice of the unknown writes that take effect, and every version that was not told. Shares nothing with
 * {@link KeySearch}, so that the two can be compared. Confined to one thread.
 */
final class BruteForce {
    private final List<Operation> operations;
    private final boolean[] taken;
    private final long largestVersion;

    private BruteForce(List<Operation> operations, long largestVersion) {
        this.operations = operations;
        this.taken = new boolean[operations.size()];
        this.largestVersion = largestVersion;
    }

    /**
     * Decides about a history.
     *
     * @param largestVersion a version that is larger, by as many as there are operations, than all that occur
     */
    static boolean linearizable(List<Operation> operations, long largestVersion) {
        return new BruteForce(operations, largestVersion).search(null, 0, 0);
    }

    private boolean search(@Nullable String value, long version, long highest) {
        boolean done = true;
        for (int i = 0; i < operations.size(); i++) {
            if (taken[i]) {
                continue;
            }
            Operation operation = operations.get(i);
            Operation.Response response = operation.response();
            if (response instanceof Operation.Refused) {
                continue;
            }
            if (!(response instanceof Operation.Unknown)) {
                done = false;
            }
            if (mayComeNow(operation)) {
                taken[i] = true;
                boolean found = next(operation, value, version, highest);
                taken[i] = false;
                if (found) {
                    return true;
                }
            }
        }
        return done;
    }

    private boolean mayComeNow(Operation operation) {
        for (int i = 0; i < operations.size(); i++) {
            Operation other = operations.get(i);
            boolean over = !(other.response() instanceof Operation.Unknown)
                    && !(other.response() instanceof Operation.Refused);
            if (!taken[i] && over && other.returnedNanos() < operation.invokedNanos()) {
                return false;
            }
        }
        return true;
    }

    private boolean next(Operation operation, @Nullable String value, long version, long highest) {
        Operation.Response response = operation.response();
        if (operation.request() instanceof Operation.Get) {
            boolean fits = response instanceof Operation.Unknown
                    || (response instanceof Operation.Absent && value == null)
                    || (response instanceof Operation.Found found
                            && found.value().equals(value)
                            && (found.version() == version || found.version() == Operation.NOT_TOLD));
            return fits && search(value, version, highest);
        }
        Operation.Put put = operation.request() instanceof Operation.Put p ? p : null;
        Condition condition = put == null ? ((Operation.Delete) operation.request()).condition() : put.condition();
        boolean holds = condition.kind() == Condition.Kind.NONE
                || (condition.kind() == Condition.Kind.ABSENT && value == null)
                || (condition.kind() == Condition.Kind.PRESENT && value != null)
                || (condition.kind() == Condition.Kind.VERSION_IS && value != null && version == condition.version());
        if (response instanceof Operation.ConditionFailed failed) {
            boolean fits = failed.currentVersion() == Operation.NOT_TOLD
                    || failed.currentVersion() == (value == null ? 0 : version);
            return !holds && fits && search(value, version, highest);
        }
        if (!holds) {
            return false;
        }
        if (operation.appliedVersion() != Operation.NOT_TOLD) {
            return operation.appliedVersion() > highest && write(put, operation.appliedVersion());
        }
        if (put == null) {
            return search(null, 0, highest);
        }
        for (long any = highest + 1; any <= largestVersion; any++) {
            if (write(put, any)) {
                return true;
            }
        }
        return false;
    }

    private boolean write(Operation.@Nullable Put put, long version) {
        return put == null ? search(null, 0, version) : search(put.value(), version, version);
    }
}
