package io.nearkv.deploy.analysis;

/**
 * When a difference is an impact. Immutable.
 *
 * @param errorAlpha the chance at most, per rollout, that a healthy build is taken back for its failures
 * @param latencyAlpha the same for its response times
 * @param minEffect by which share of the requests more the candidate must fail lately for anybody to act
 * @param minFailures failing units at least
 * @param latencyGuard by which factor it must be slower at least
 * @param commonModeRate the failure rate of known-good from which on it is the environment that is sick, and not a build
 * @param horizonSeconds the time in which a build may go bad late
 */
public record DetectorSettings(
        double errorAlpha,
        double latencyAlpha,
        double minEffect,
        long minFailures,
        double latencyGuard,
        double commonModeRate,
        double horizonSeconds) {
    /** One healthy build in a thousand for either reason; half a point; three failing units; a tenth slower; 5 % of known-good failing; an hour. */
    public static final DetectorSettings DEFAULT = new DetectorSettings(1e-3, 1e-3, 0.005, 3, 1.1, 0.05, 3_600);

    /** Checks the ranges. */
    public DetectorSettings {
        share("errorAlpha", errorAlpha);
        share("latencyAlpha", latencyAlpha);
        share("minEffect", minEffect);
        share("commonModeRate", commonModeRate);
        if (minFailures < 1 || !(latencyGuard > 1) || !(horizonSeconds > 0)) {
            throw new IllegalArgumentException("detector: minFailures " + minFailures + ", latencyGuard " + latencyGuard
                    + ", horizonSeconds " + horizonSeconds + " (expected: at least 1, above 1, above 0)");
        }
    }

    private static void share(String name, double value) {
        if (!(value > 0) || value >= 1) {
            throw new IllegalArgumentException(name + ": " + value + " (expected: above 0 and below 1)");
        }
    }

    /** Returns the same where only this part of the error may be made here: the pooled test has one half, the nodes share the other. */
    public DetectorSettings withShareOfAlpha(double part) {
        return new DetectorSettings(
                errorAlpha * part,
                latencyAlpha * part,
                minEffect,
                minFailures,
                latencyGuard,
                commonModeRate,
                horizonSeconds);
    }
}
