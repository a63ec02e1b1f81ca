package io.nearkv.cluster.history;

import io.nearkv.cluster.history.History.Batch;
import io.nearkv.cluster.history.History.BulkRead;
import io.nearkv.cluster.history.History.KeyValue;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Says whether readers saw atomic batches whole: once a part of a batch was seen or the batch acknowledged, every later read of its other keys finds what it wrote there, or what came after
 * it; and of a batch that failed nothing is ever seen. The versions of a batch follow each other without a gap, in its order. Reads must be told versions, and no other put of a key may write the same value.
 * That each key for itself is linearizable, is for {@link LinearizabilityChecker}.
 *
 * <p>Immutable.
 */
public final class BatchChecker {
    private final boolean bulkReadsAreSnapshots;

    /**
     * Creates a checker.
     *
     * @param bulkReadsAreSnapshots whether the store promises that a {@link BulkRead} reads all its keys at one moment
     */
    public BatchChecker(boolean bulkReadsAreSnapshots) {
        this.bulkReadsAreSnapshots = bulkReadsAreSnapshots;
    }

    /** Checks every batch. */
    public Report check(History history) {
        Report.Problems problems = new Report.Problems();
        Map<String, List<Operation>> byKey = history.byKey();
        Map<String, List<BulkRead>> bulkReads = new HashMap<>();
        if (bulkReadsAreSnapshots) {
            for (BulkRead read : history.bulkReads()) {
                read.keys()
                        .forEach(key -> bulkReads
                                .computeIfAbsent(key, k -> new ArrayList<>())
                                .add(read));
            }
        }
        long originNanos = history.originNanos();
        for (Batch batch : history.batches()) {
            new BatchCheck(batch, byKey, originNanos, problems).run(bulkReads);
        }
        return problems.report();
    }

    /** The check of one batch. */
    private static final class BatchCheck {
        private final Batch batch;
        private final Map<String, List<Operation>> byKey;
        private final long originNanos;
        private final Report.Problems problems;
        /** The version of the first put, or {@link Operation#NOT_TOLD}. */
        private long first;

        BatchCheck(Batch batch, Map<String, List<Operation>> byKey, long originNanos, Report.Problems problems) {
            this.batch = batch;
            this.byKey = byKey;
            this.originNanos = originNanos;
            this.problems = problems;
            first = batch.response() instanceof Operation.Applied applied ? applied.version() : Operation.NOT_TOLD;
        }

        void run(Map<String, List<BulkRead>> bulkReads) {
            if (!versionsAgree() || first == Operation.NOT_TOLD) {
                return; // of a batch that nobody saw there is no part to be seen
            }
            long seenNanos = batch.response() instanceof Operation.Applied ? batch.returnedNanos() : Operation.NEVER;
            String seen = "acknowledged " + History.window(batch.invokedNanos(), batch.returnedNanos(), originNanos);
            for (int i = 0; i < batch.puts().size(); i++) {
                for (Operation read : byKey.getOrDefault(batch.puts().get(i).key(), List.of())) {
                    if (read.returnedNanos() < seenNanos && reaches(i, read.response())) {
                        seenNanos = read.returnedNanos();
                        seen = "seen by " + line(read);
                    }
                }
            }
            for (int i = 0; i < batch.puts().size(); i++) {
                for (Operation read : byKey.getOrDefault(batch.puts().get(i).key(), List.of())) {
                    if (read.invokedNanos() > seenNanos && isBefore(i, read)) {
                        problems.add(text() + ": " + seen + ", but not by a later " + line(read));
                    }
                }
            }
            batch.puts().stream()
                    .flatMap(put -> bulkReads.getOrDefault(put.key(), List.of()).stream())
                    .distinct()
                    .forEach(this::checkSnapshot);
        }

        /** Finds the version of the first put, and checks that whatever was seen of the batch agrees with it. */
        private boolean versionsAgree() {
            boolean never = batch.response() instanceof Operation.Refused
                    || batch.response() instanceof Operation.ConditionFailed;
            for (int i = 0; i < batch.puts().size(); i++) {
                KeyValue put = batch.puts().get(i);
                for (Operation read : byKey.getOrDefault(put.key(), List.of())) {
                    if (!(read.response() instanceof Operation.Found found)
                            || !found.value().equals(put.value())) {
                        continue;
                    }
                    if (never) {
                        problems.add(text() + ": " + batch.response() + ", but a part was seen by " + line(read));
                        return false;
                    }
                    if (first == Operation.NOT_TOLD && found.version() != Operation.NOT_TOLD) {
                        first = found.version() - i;
                    } else if (found.version() != Operation.NOT_TOLD && found.version() != first + i) {
                        problems.add(text() + ": put " + i + " must have version " + (first + i)
                                + " by what was told of the batch before, but was seen otherwise by " + line(read));
                        return false;
                    }
                }
            }
            return true;
        }

        /** Returns whether a get proves that put {@code i} had happened. */
        private boolean reaches(int i, Operation.Response response) {
            return response instanceof Operation.Found found && found.version() >= first + i;
        }

        /** Returns whether a get can only have read from before put {@code i}. */
        private boolean isBefore(int i, Operation read) {
            if (read.response() instanceof Operation.Found found) {
                return found.version() != Operation.NOT_TOLD && found.version() < first + i;
            }
            return read.response() instanceof Operation.Absent && !mayBeDeleted(i, read);
        }

        private boolean mayBeDeleted(int i, Operation read) {
            return byKey.getOrDefault(batch.puts().get(i).key(), List.of()).stream()
                    .filter(delete -> delete.request() instanceof Operation.Delete)
                    .filter(delete -> delete.applied() || delete.maybeApplied())
                    .filter(delete -> delete.invokedNanos() <= read.returnedNanos())
                    .anyMatch(delete -> delete.appliedVersion() == Operation.NOT_TOLD
                            ? delete.maybeApplied() || delete.returnedNanos() >= batch.invokedNanos()
                            : delete.appliedVersion() > first + i);
        }

        private void checkSnapshot(BulkRead read) {
            if (read.responses().isEmpty()) {
                return;
            }
            List<Operation> parts = read.parts();
            Operation after = null;
            Operation before = null;
            for (int i = 0; i < batch.puts().size(); i++) {
                int index = read.keys().indexOf(batch.puts().get(i).key());
                if (index >= 0) {
                    Operation part = parts.get(index);
                    if (reaches(i, part.response())) {
                        after = part;
                    } else if (isBefore(i, part)) {
                        before = part;
                    }
                }
            }
            if (after != null && before != null) {
                problems.add(text() + ": torn in one bulk read: " + line(after) + ", and " + line(before));
            }
        }

        private String line(Operation read) {
            return History.line(read, originNanos) + " of " + Operation.quoted(read.key());
        }

        private String text() {
            String puts = batch.puts().size() > 4
                    ? batch.puts().subList(0, 4) + " and more"
                    : batch.puts().toString();
            return "batch of client " + batch.client() + " "
                    + History.window(batch.invokedNanos(), batch.returnedNanos(), originNanos) + " " + puts;
        }
    }
}
