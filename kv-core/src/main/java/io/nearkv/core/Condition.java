package io.nearkv.core;

import static java.util.Objects.requireNonNull;

/**
 * What must hold for a write to happen. An expired entry counts as absent.
 *
 * @param kind which condition
 * @param version the version that the entry must have, for {@link Kind#VERSION_IS}; 0 otherwise
 */
public record Condition(Kind kind, long version) {
    /** No condition. */
    public static final Condition NONE = new Condition(Kind.NONE, 0);
    /** The key must not be there. */
    public static final Condition IF_ABSENT = new Condition(Kind.ABSENT, 0);
    /** The key must be there. */
    public static final Condition IF_PRESENT = new Condition(Kind.PRESENT, 0);

    /** The kinds of conditions; the ordinals are frozen, because they are on the wire. */
    public enum Kind {
        /** Always holds. */
        NONE,
        /** Holds if the key is not there. */
        ABSENT,
        /** Holds if the key is there. */
        PRESENT,
        /** Holds if the key is there with this version. */
        VERSION_IS
    }

    /** Checks that a version is given exactly where it belongs. */
    public Condition {
        requireNonNull(kind, "kind");
        if (kind == Kind.VERSION_IS ? version < 1 : version != 0) {
            throw new IllegalArgumentException(
                    "version: " + version + " (expected: at least 1 for VERSION_IS, 0 for any other condition)");
        }
    }

    /** Returns the condition that the entry has this version, at least 1. */
    public static Condition ifVersion(long version) {
        return new Condition(Kind.VERSION_IS, version);
    }

    /** Returns whether the condition holds for an entry of this version; 0 stands for no entry. */
    public boolean holds(long currentVersion) {
        return switch (kind) {
            case NONE -> true;
            case ABSENT -> currentVersion == 0;
            case PRESENT -> currentVersion != 0;
            case VERSION_IS -> currentVersion == version;
        };
    }
}
