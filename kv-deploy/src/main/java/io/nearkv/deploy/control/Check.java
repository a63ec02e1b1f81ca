package io.nearkv.deploy.control;

/** The checks that stand before a change; {@code docs/release-safety.md} has the table. */
enum Check {
    /** The build is of another environment, tenant or service, or unknown here. */
    ENV_MISMATCH("P1"),
    /** Its manifest is not signed by a build key of this environment. */
    BUILD_KEY_ENV("P2"),
    /** What the evidence says is not what is asked for. */
    DIGEST_MISMATCH("P3"),
    /** Too few of its instances run and prove that they are this build in this environment. */
    NOT_RUNNING_IN_ENV("P4"),
    /** There is no evidence from staging, or none that can be believed. */
    NO_STAGING_EVIDENCE("P5"),
    /** It would write data that known-good cannot read. */
    ROLLBACK_UNSAFE_DATA("P7"),
    /** A node has not proved that it takes a way back. */
    PARACHUTE_NOT_EVERYWHERE("P9"),
    /** The traffic will not suffice to see a harm that matters; a warning. */
    UNDERPOWERED("P12"),
    /** What is known to be good could not carry everything. */
    NO_CAPACITY_TO_RETURN("P13"),
    /** The clock of a node is far from that of the control plane; a warning. */
    CLOCK("P17"),
    /** Nobody has tried the break-glass keys for a while; a warning. */
    DRILL_STALE("P18"),
    /** Synthetic requests to the candidate have failed. */
    PROBE_FAILED("P19"),
    /** A node follows something else than what was published. */
    DRIFT("P20"),
    /** There is nothing known to be good to go back to. */
    NO_KNOWN_GOOD("P8"),
    /** Nodes follow nothing that this control plane does not know. */
    NOTHING_TO_RECONCILE("P10"),
    /** Somebody else has changed the route meanwhile. */
    BUSY("P10"),
    /** A break-glass is in force, and nobody has reconciled it. */
    FROZEN("P10"),
    /** The weights that were asked for make no sense. */
    PLAN_INVALID("P11"),
    /** A list has something of another environment in it. */
    LIST_POLLUTED("P15"),
    /** The control plane depends on what it deploys. */
    CYCLE("P16"),
    /** The build is among the last known-good ones, or in the route. */
    IN_USE("B15"),
    /** The build has not all of the traffic, so that nobody can say that it is good. */
    NOT_AT_100("L1"),
    /** The build was retired. */
    RETIRED("P1");

    private final String row;

    Check(String row) {
        this.row = row;
    }

    String row() {
        return row;
    }
}
