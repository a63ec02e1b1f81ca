package io.nearkv.core;

import java.time.Duration;

/** Where an answer comes from, and how old it is. Thread-safe. */
public interface Origin {
    /** The owner of the data has answered this very read. */
    Origin OWNER = new Origin() {
        @Override
        public Source source() {
            return Source.OWNER;
        }

        @Override
        public Duration age() {
            return Duration.ZERO;
        }

        @Override
        public String toString() {
            return "OWNER";
        }
    };

    /** Which tier had the answer. */
    enum Source {
        /** The tier that owns the data. */
        OWNER,
        /** The memory of a cache. */
        MEMORY,
        /** The disk of a cache. */
        DISK,
        /** A cache did not have it, and asked the tier above. */
        UPSTREAM,
        /** A cache had a copy that was too old, and nobody could be asked for a newer one. */
        STALE,
        /** Nobody could be asked, and the application had said what to take then: see {@link FailPolicy#open}. */
        SUBSTITUTE
    }

    /** Returns which tier had the answer. */
    Source source();

    /** Returns the time since a tier above has last said that this is the entry, zero if it has just done so. */
    Duration age();

    /** Returns the origin of an answer that was this old when it was given. */
    static Origin of(Source source, Duration age) {
        if (source == Source.OWNER && age.isZero()) {
            return OWNER;
        }
        record Stated(Source source, Duration age) implements Origin {}
        return new Stated(source, age);
    }
}
