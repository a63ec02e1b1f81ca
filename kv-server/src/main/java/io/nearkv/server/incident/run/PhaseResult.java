package io.nearkv.server.incident.run;

import static java.util.Objects.requireNonNull;

import io.nearkv.server.incident.model.Phase;

/**
 * How long a phase of the report took in the replay.
 *
 * @param phase which
 * @param minutes how long, in minutes of the report; negative if it did not happen
 */
public record PhaseResult(Phase phase, double minutes) {
    /** Checks that nothing is missing. */
    public PhaseResult {
        requireNonNull(phase, "phase");
    }
}
