package io.nearkv.server.incident.measure;

import static java.util.Objects.requireNonNull;

/**
 * One thing that a replay must show, and what it has shown. Immutable.
 *
 * @param id its row: {@code T4}, {@code D10}, {@code A8}; a few may share one
 * @param title what is compared
 * @param expected what it must be, for people
 * @param measured what it was, for people
 * @param passed whether that fits
 */
public record Check(String id, String title, String expected, String measured, boolean passed) {
    /** Checks that nothing is missing. */
    public Check {
        requireNonNull(id, "id");
        requireNonNull(title, "title");
        requireNonNull(expected, "expected");
        requireNonNull(measured, "measured");
    }
}
