package io.nearkv.server.incident.cluster;

import static java.util.Objects.requireNonNull;

/**
 * What came of one step of the operators.
 *
 * @param accepted whether it was done
 * @param code why not, such as {@code ENV_MISMATCH}; {@code ok} if it was
 * @param detail one line for people
 * @param millis how long it took
 * @param reached how many routers follow it afterwards
 * @param routers of how many
 */
public record StepResult(boolean accepted, String code, String detail, long millis, int reached, int routers) {
    /** The code of what was done. */
    public static final String OK = "ok";

    /** Checks that nothing is missing. */
    public StepResult {
        requireNonNull(code, "code");
        requireNonNull(detail, "detail");
    }

    /** Returns that something was done. */
    public static StepResult done(String detail, long millis, int reached, int routers) {
        return new StepResult(true, OK, detail, millis, reached, routers);
    }

    /** Returns that something was not done. */
    public static StepResult refused(String code, String detail, long millis) {
        return new StepResult(false, code, detail, millis, 0, 0);
    }
}
