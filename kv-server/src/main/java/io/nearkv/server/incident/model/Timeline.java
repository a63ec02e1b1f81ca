package io.nearkv.server.incident.model;

import java.time.LocalTime;
import java.time.format.DateTimeFormatter;

/**
 * How the time of the report maps to that of the replay. Immutable.
 *
 * @param minuteMillis how long one minute of the report takes here, 10 to 60,000 milliseconds
 * @param minutes how many minutes are replayed
 * @param settleMillis what a new route may take to be everywhere, on a loaded machine
 */
public record Timeline(int minuteMillis, int minutes, int settleMillis) {
    /** The length of a minute where nothing else is said. */
    public static final int DEFAULT_MINUTE_MILLIS = 1000;

    /** The whole report, and what it takes to see that all is well again. */
    public static final int REPORT_MINUTES = Moment.T7.minute() + 3;

    private static final LocalTime START = LocalTime.of(18, 58);
    private static final DateTimeFormatter CLOCK = DateTimeFormatter.ofPattern("HH:mm");
    private static final int SETTLE_MILLIS = 1000;

    /** Checks the ranges. */
    public Timeline {
        if (minuteMillis < 10 || minuteMillis > 60_000) {
            throw new IllegalArgumentException("minute: " + minuteMillis + " ms (expected: 10 to 60000)");
        }
        if (minutes < 1 || minutes > 10_000) {
            throw new IllegalArgumentException("minutes: " + minutes + " (expected: 1 to 10000)");
        }
        if (settleMillis < 1 || settleMillis > 60_000) {
            throw new IllegalArgumentException("settle: " + settleMillis + " ms (expected: 1 to 60000)");
        }
    }

    /** Returns a timeline for real processes. */
    public Timeline(int minuteMillis, int minutes) {
        this(minuteMillis, minutes, SETTLE_MILLIS);
    }

    /** Returns the timeline of the whole report. */
    public static Timeline ofReport(int minuteMillis) {
        return new Timeline(minuteMillis, REPORT_MINUTES);
    }

    /** Returns how long a minute is, in nanoseconds. */
    public long minuteNanos() {
        return minuteMillis * 1_000_000L;
    }

    /** Returns the minute, with its fraction, of a time since the start. */
    public double minuteOf(long nanosSinceStart) {
        return (double) nanosSinceStart / minuteNanos();
    }

    /** Returns the report's time of day of a minute, such as {@code 18:58}. */
    public String utc(double minute) {
        return START.plusMinutes((long) Math.floor(minute)).format(CLOCK);
    }

    /** Returns how far a measured duration may be from the report's, in minutes: one, or what a process takes to react. */
    public double toleranceMinutes() {
        return Math.max(1.0, (double) settleMillis / minuteMillis);
    }
}
