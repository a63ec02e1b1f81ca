package io.nearkv.deploy.rollout;

import java.util.Locale;

/** Where a rollout is. */
public enum RolloutState {
    /** The checks are made. Nothing has moved. */
    PRECHECK(false),
    /** Synthetic requests are made to each instance, and every node proves that it takes a way back. Nothing has moved. */
    PROBE(false),
    /** The build has the share of a step. */
    STEP(false),
    /** The build has all but the holdback. */
    BAKE(false),
    /** The build has, or is given, everything. */
    FINISH(false),
    /** It goes back to known-good, until all nodes have. */
    ROLLING_BACK(false),
    /** A break-glass is in force. */
    FROZEN(false),
    /** The build has everything and is known to be good. */
    COMPLETE(true),
    /** A check did not hold before anything moved. */
    REJECTED(true),
    /** Known-good has everything again. */
    ROLLED_BACK(true);

    private final boolean terminal;

    RolloutState(boolean terminal) {
        this.terminal = terminal;
    }

    /** Returns whether it is over. */
    public boolean isTerminal() {
        return terminal;
    }

    /** Returns whether users may be given to the build. */
    public boolean isMoving() {
        return this == STEP || this == BAKE || this == FINISH;
    }

    /** Returns the name in answers, such as {@code rolling_back}. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
