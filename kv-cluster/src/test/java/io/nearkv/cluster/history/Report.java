package io.nearkv.cluster.history;

import java.util.ArrayList;
import java.util.List;

/**
 * What a checker found. Immutable.
 *
 * @param verdict the verdict about the whole history
 * @param problems what is wrong, or why there is no verdict, each readable by itself; the worst first
 */
public record Report(Verdict verdict, List<String> problems) {
    /** As many problems as anybody reads; the first ones are what matters. */
    static final int MAX_PROBLEMS = 20;

    /** The verdicts. */
    public enum Verdict {
        /** A correct store could have answered so. */
        GOOD,
        /** No correct store answers so. */
        BAD,
        /** Time or memory ran out before anything wrong was found. */
        UNDECIDED
    }

    /** Makes the list read-only. */
    public Report {
        problems = List.copyOf(problems);
    }

    /** Throws an {@link AssertionError} that holds the problems, unless all is good. */
    public void throwUnlessGood() {
        if (verdict != Verdict.GOOD) {
            throw new AssertionError(toString());
        }
    }

    @Override
    public String toString() {
        return verdict + (problems.isEmpty() ? "" : "\n" + String.join("\n", problems));
    }

    /** Collects problems up to a number. Confined to one thread. */
    static final class Problems {
        private final List<String> found = new ArrayList<>();
        private int more;

        void add(String problem) {
            if (found.size() < MAX_PROBLEMS) {
                found.add(problem);
            } else {
                more++;
            }
        }

        Report report() {
            if (more > 0) {
                found.add("and " + more + " more");
            }
            return new Report(found.isEmpty() ? Verdict.GOOD : Verdict.BAD, found);
        }
    }
}
