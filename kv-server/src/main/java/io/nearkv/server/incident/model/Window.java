package io.nearkv.server.incident.model;

/**
 * A part of the replay, in minutes of the report.
 *
 * @param from the first minute
 * @param to the minute after the last
 */
public record Window(int from, int to) {
    /** Checks that it is one. */
    public Window {
        if (from < 0 || to < from) {
            throw new IllegalArgumentException("window: " + from + " to " + to + " (expected: 0 <= from <= to)");
        }
    }

    /** Returns whether a minute lies in it. */
    public boolean contains(int minute) {
        return minute >= from && minute < to;
    }
}
