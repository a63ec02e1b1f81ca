package io.nearkv.server.incident.run;

import static java.util.Objects.requireNonNull;

import io.nearkv.server.incident.measure.Check;
import java.time.Instant;
import java.util.List;

/**
 * Everything that one command has replayed. Immutable.
 *
 * @param at when it was begun
 * @param program what has replayed it, such as {@code nearkv 0.1.0}
 * @param runs each replay, in order
 * @param drills what was tried beside them: a build of another environment at the store's door, a rollback with everything dead
 */
public record ReplayResult(Instant at, String program, List<RunResult> runs, List<Check> drills) {
    /** Checks that nothing is missing, and makes the lists read-only. */
    public ReplayResult {
        requireNonNull(at, "at");
        requireNonNull(program, "program");
        runs = List.copyOf(runs);
        drills = List.copyOf(drills);
    }

    /** Returns whether all is as it must be. */
    public boolean passed() {
        return runs.stream().allMatch(RunResult::passed) && drills.stream().allMatch(Check::passed);
    }
}
