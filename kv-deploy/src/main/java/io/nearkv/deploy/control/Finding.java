package io.nearkv.deploy.control;

import static java.util.Objects.requireNonNull;

/**
 * One check that does not hold. Immutable.
 *
 * @param check the row of the table of checks, such as {@code P1}
 * @param code what scripts look at, such as {@code ENV_MISMATCH}
 * @param found what was found, in a sentence
 * @param advice what to do, in a sentence
 */
public record Finding(String check, String code, String found, String advice) {
    /** Checks that nothing is missing. */
    public Finding {
        requireNonNull(check, "check");
        requireNonNull(code, "code");
        requireNonNull(found, "found");
        requireNonNull(advice, "advice");
    }

    static Finding of(Check check, String found, String advice) {
        return new Finding(check.row(), check.name(), found, advice);
    }

    /** Returns the finding as one line. */
    @Override
    public String toString() {
        return check + " " + code + "  " + found + "; " + advice;
    }
}
