package io.nearkv.cluster.history;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Says whether the operations on each key can be put into one order that respects real time and that a register with versions could have answered. Linearizability is local (Herlihy and
 * Wing 1990), so that keys are searched one by one. {@link KeySearch} says how.
 *
 * <p>The register: absent at first; every put gives it a version larger than all it ever had; conditions see it as it is. A write of unknown outcome takes effect at any time after its
 * invocation, or never. A refused write never does. A delete that was told a version counts as a write of that version.
 *
 * <p>Every key begins absent and does not expire, and every write of it is in the history. Immutable.
 */
public final class LinearizabilityChecker {
    private final Duration maxTime;
    private final long maxMemoryBytes;

    /** Checks within a minute and 256 MiB. */
    public LinearizabilityChecker() {
        this(Duration.ofSeconds(60), 256L << 20);
    }

    /**
     * Checks within bounds; keys that are not decided within them are reported as undecided.
     *
     * @param maxTime for all keys together
     * @param maxMemoryBytes about how much may be remembered, for one key at a time
     */
    public LinearizabilityChecker(Duration maxTime, long maxMemoryBytes) {
        this.maxTime = requireNonNull(maxTime, "maxTime");
        this.maxMemoryBytes = maxMemoryBytes;
    }

    /** Checks every key. */
    public Report check(History history) {
        long deadlineNanos = System.nanoTime() + maxTime.toNanos();
        long originNanos = history.originNanos();
        Report.Problems bad = new Report.Problems();
        List<String> undecided = new ArrayList<>();
        for (Map.Entry<String, List<Operation>> key : history.byKey().entrySet()) {
            KeySearch search = new KeySearch(key.getValue(), deadlineNanos, maxMemoryBytes);
            switch (search.run()) {
                case GOOD -> {}
                case BAD -> bad.add(search.explain(key.getKey(), originNanos));
                case UNDECIDED -> undecided.add(search.explain(key.getKey(), originNanos));
            }
        }
        Report report = bad.report();
        if (report.verdict() == Report.Verdict.BAD || undecided.isEmpty()) {
            return report;
        }
        return new Report(
                Report.Verdict.UNDECIDED, undecided.subList(0, Math.min(undecided.size(), Report.MAX_PROBLEMS)));
    }
}
