package io.nearkv.server.incident.measure;

import io.nearkv.server.incident.model.Window;
import java.util.Collection;
import java.util.Locale;

/**
 * How many of some requests have failed.
 *
 * @param failed how many
 * @param requests of how many
 */
public record Share(long failed, long requests) {
    /** Returns the share of several classes in a window. */
    public static Share of(Collection<ClassResult> classes, Window window) {
        long failed = 0;
        long requests = 0;
        for (ClassResult each : classes) {
            failed += each.failed(window);
            requests += each.requests(window);
        }
        return new Share(failed, requests);
    }

    /** Returns it as a number from 0 to 1; 0 where nobody has asked. */
    public double value() {
        return requests == 0 ? 0 : (double) failed / requests;
    }

    /** Returns whether there is anything to judge by, and it lies in this range. */
    public boolean isWithin(double low, double high) {
        return requests > 0 && value() >= low && value() <= high;
    }

    /** Returns it in percent, such as {@code 9.8 %}; a dash where nobody has asked. */
    public String percent() {
        if (requests == 0) {
            return "-";
        }
        double percent = value() * 100;
        boolean whole = failed == 0 || failed == requests;
        return whole ? Math.round(percent) + " %" : String.format(Locale.ROOT, "%.1f %%", percent);
    }

    /** Returns percent and numbers, such as {@code 9.8 % (98 of 1,000)}. */
    @Override
    public String toString() {
        return percent() + String.format(Locale.ROOT, " (%,d of %,d)", failed, requests);
    }
}
