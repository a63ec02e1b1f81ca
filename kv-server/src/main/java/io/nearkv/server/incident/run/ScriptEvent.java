package io.nearkv.server.incident.run;

import static java.util.Objects.requireNonNull;

import io.nearkv.server.incident.cluster.StepResult;

/**
 * Something that the operators did, and what came of it.
 *
 * @param id its moment, such as {@code T4}; {@code CI} for an attempt of the CI
 * @param minute when it began, in minutes of the report
 * @param action what was done
 * @param result what came of it
 */
public record ScriptEvent(String id, double minute, String action, StepResult result) {
    /** Checks that nothing is missing. */
    public ScriptEvent {
        requireNonNull(id, "id");
        requireNonNull(action, "action");
        requireNonNull(result, "result");
    }

    /** Returns when it was over, in minutes of the report of which one takes this long. */
    public double end(int minuteMillis) {
        return minute + (double) result.millis() / minuteMillis;
    }
}
