package io.nearkv.server.incident.model;

/** What the time between two moments was spent on. */
public enum Phase {
    /** The wrong build is chosen, and nobody knows. */
    UNDETECTED("undetected", Moment.T2, Moment.T3),
    /** Requests fail, people decide. */
    DECIDE("decide", Moment.T3, Moment.T4),
    /** Nothing that could roll back can be reached. */
    LOCKED_OUT("locked out", Moment.T4, Moment.T5),
    /** Routes are edited by hand. */
    CONVERGE("converge", Moment.T5, Moment.T6),
    /** It is watched that nothing fails any more. */
    VERIFY("verify", Moment.T6, Moment.T7);

    private final String label;
    private final Moment from;
    private final Moment to;

    Phase(String label, Moment from, Moment to) {
        this.label = label;
        this.from = from;
        this.to = to;
    }

    /** Returns the name for people. */
    public String label() {
        return label;
    }

    /** Returns where it begins in the report. */
    public Moment from() {
        return from;
    }

    /** Returns where it ends in the report. */
    public Moment to() {
        return to;
    }

    /** Returns how long it took in the report. */
    public int minutes() {
        return to.minute() - from.minute();
    }
}
