package io.nearkv.net.rest;

import static java.util.Objects.requireNonNull;

import org.jspecify.annotations.Nullable;

/**
 * Whether a process may be sent traffic. Immutable.
 *
 * @param reason why it may not, for a person, in one line; null if it may
 */
public record Readiness(@Nullable String reason) {
    /** It may be sent traffic. */
    public static final Readiness READY = new Readiness(null);

    /** Puts the reason on one line, whatever it was made of. */
    public Readiness {
        if (reason != null) {
            StringBuilder line = new StringBuilder(reason.length());
            reason.chars().forEach(c -> line.append(Character.isISOControl(c) ? ' ' : (char) c));
            reason = line.toString();
        }
    }

    /** Returns the answer of a process that may not be sent traffic now. */
    public static Readiness not(String reason) {
        return new Readiness(requireNonNull(reason, "reason"));
    }

    /** Returns whether it may be sent traffic. */
    public boolean isReady() {
        return reason == null;
    }
}
