package io.nearkv.server.incident.run;

import static java.util.Objects.requireNonNull;

import io.nearkv.server.incident.cluster.StepResult;

/**
 * Something that the operators did, and what came of it.
 *
 * @param id its moment, such as {@code T4}; {@code CI} for an attempt of the CI
 * @param minute when it began, in minutes of the report
 * @param end when it was over, and everybody had been asked what they follow now
 * @param action what was done
 * @param result what came of it
 */
public record ScriptEvent(String id, double minute, double end, String action, StepResult result) {
    /** Checks that nothing is missing. */
    public ScriptEvent {
        requireNonNull(id, "id");
        requireNonNull(action, "action");
        requireNonNull(result, "result");
    }
}
