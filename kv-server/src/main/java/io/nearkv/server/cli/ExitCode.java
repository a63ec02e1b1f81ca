package io.nearkv.server.cli;

import io.nearkv.core.ErrorCode;

/** How a command ended, as scripts see it. The numbers are part of the command line's contract. */
public enum ExitCode {
    /** What was asked for is done. */
    DONE(0),
    /** It failed for a reason that has no number of its own. */
    FAILURE(1),
    /** The command line or what it gave is malformed. */
    USAGE(2),
    /** The key or namespace is not there. */
    ABSENT(3),
    /** No token, a bad one, one that may not do this, or a server that may not serve. */
    DENIED(4),
    /** A condition did not hold. */
    CONDITION_FAILED(5),
    /** No server there, or overloaded, or no answer in time. */
    UNAVAILABLE(6),
    /** A check of release safety does not hold, and nothing was changed; or a drill has found what would stop the way back. */
    REFUSED(21),
    /** A rollout has gone back to known-good. */
    ROLLED_BACK(30);

    private final int number;

    ExitCode(int number) {
        this.number = number;
    }

    /** Returns the exit code of the process. */
    public int number() {
        return number;
    }

    /** Returns the exit code of a row of the error table. */
    public static ExitCode of(ErrorCode code) {
        return switch (code) {
            case INVALID_REQUEST -> USAGE;
            case UNAUTHORIZED, FORBIDDEN -> DENIED;
            case NOT_FOUND -> ABSENT;
            case PRECONDITION_FAILED -> CONDITION_FAILED;
            case RATE_LIMITED, UNAVAILABLE, DEADLINE_EXCEEDED, OUTCOME_UNKNOWN -> UNAVAILABLE;
            case TOO_LARGE, INTERNAL -> FAILURE;
        };
    }
}
