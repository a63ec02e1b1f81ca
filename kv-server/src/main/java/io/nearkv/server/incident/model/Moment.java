package io.nearkv.server.incident.model;

/** The moments of the report's timeline, 30 October 2023; all times UTC. */
public enum Moment {
    /** A good new build gets its first share of production. */
    T1(0, "18:58", "progressive deployment of a new build starts"),
    /** The list of production builds holds one of staging, and the automation takes it. */
    T2(31, "19:29", "the build list returns a staging GUID"),
    /** The rollout goes on with that build. */
    T3(42, "19:40", "a share of traffic goes to it; alerts; decision to roll back"),
    /** The rollback by the same list takes the same build. */
    T4(56, "19:54", "rollback by the API fails at scale: impact starts"),
    /** The first edit of the routes by hand. */
    T5(77, "20:15", "break-glass edit restores the majority"),
    /** The second one. */
    T6(91, "20:29", "break-glass edit restores the rest; errors back to normal"),
    /** Two minutes without an error. */
    T7(93, "20:31", "impact ends");

    private final int minute;
    private final String utc;
    private final String text;

    Moment(int minute, String utc, String text) {
        this.minute = minute;
        this.utc = utc;
        this.text = text;
    }

    /** Returns the minutes since {@link #T1}. */
    public int minute() {
        return minute;
    }

    /** Returns the time of day, such as {@code 18:58}. */
    public String utc() {
        return utc;
    }

    /** Returns what happened, in a few words. */
    public String text() {
        return text;
    }
}
