package io.nearkv.deploy.analysis;

import java.util.Locale;

/**
 * What is to be thought of a candidate now. Immutable.
 *
 * @param kind what is the matter
 * @param logErrors the natural logarithm of the evidence that it fails more often
 * @param logLatency the same that it is slower
 * @param candidate how it has done since the beginning, without response times
 * @param base how known-good has done beside it
 * @param units what the comparison is worth: as many requests on either side as two samples of this size, halved
 * @param text one line for people
 */
public record Impact(
        Kind kind, double logErrors, double logLatency, Sample candidate, Sample base, double units, String text) {
    /** What is the matter with a candidate. */
    public enum Kind {
        /** Nothing is known against it. */
        NONE,
        /** It fails more often than known-good. */
        ERRORS,
        /** It is slower than known-good. */
        LATENCY,
        /** One process alone says that it fails, and the others, with enough traffic to see it, do not: it is that process. */
        ONE_NODE,
        /** Known-good fails as well: it is the environment, and no build is to blame. */
        COMMON_MODE,
        /** It has everything, and too much of that fails: there is nothing to compare it with, so that nobody knows whether it is the build. */
        ABSOLUTE;

        /** Returns the name in reports, such as {@code common_mode}. */
        public String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** Returns the same evidence, thought of otherwise. */
    public Impact as(Kind other, String why) {
        return new Impact(other, logErrors, logLatency, candidate, base, units, why);
    }

    /** Returns whether the candidate hurts its users. */
    public boolean isAgainstCandidate() {
        return kind == Kind.ERRORS || kind == Kind.LATENCY;
    }
}
