package io.nearkv.deploy.control;

/**
 * How much of a control plane its tenant may use in a minute. A control plane has one tenant, so these are the tenant's, whoever of its operators asks. What leads back to known-good is never counted:
 * rollback, abort, hold, resume, reconcile and the renewal of leases. Immutable.
 *
 * @param rolloutsPerMinute rollouts that somebody tries to begin, refused ones among them; 1 to 10,000
 * @param probesPerMinute synthetic requests before rollouts, and instances that are asked for a list of builds; 1 to 10,000,000. One that is larger than all of it is made when there is any left, and
 *     then nothing until it is paid for
 * @param documentsPerMinute builds that are published or promoted, build tokens, routes that an operator sets, entries of the ledger; 1 to 10,000
 */
public record ControlQuotas(int rolloutsPerMinute, int probesPerMinute, int documentsPerMinute) {
    /** 60 rollouts, 20,000 probes, 300 documents. */
    public static final ControlQuotas DEFAULT = new ControlQuotas(60, 20_000, 300);

    /** Checks the ranges. */
    public ControlQuotas {
        check("rollouts", rolloutsPerMinute, 10_000);
        check("probes", probesPerMinute, 10_000_000);
        check("documents", documentsPerMinute, 10_000);
    }

    private static void check(String what, int perMinute, int most) {
        if (perMinute < 1 || perMinute > most) {
            throw new IllegalArgumentException(
                    "quota of " + what + ": " + perMinute + " a minute (expected: 1 to " + most + ")");
        }
    }
}
