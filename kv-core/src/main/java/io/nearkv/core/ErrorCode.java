package io.nearkv.core;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The one table of errors: every tier, the wire protocol and the HTTP face use these rows and no others.
 *
 * <p>The wire numbers are frozen: a row may be added, never renumbered or removed. {@code docs/errors.md} explains each row to users.
 */
public enum ErrorCode {
    /** Malformed key, metadata, expiration, cursor or batch. */
    INVALID_REQUEST(1, 400, Retry.NEVER, Applied.NO),
    /** No token, a bad or expired one, one of another environment, or a build that is not authorised for the environment. */
    UNAUTHORIZED(2, 401, Retry.OTHER_CREDENTIALS, Applied.NO),
    /** A valid token that may not do this operation on this namespace. */
    FORBIDDEN(3, 403, Retry.OTHER_CREDENTIALS, Applied.NO),
    /** The namespace or account is unknown. (An absent key is an answer, not an error.) */
    NOT_FOUND(4, 404, Retry.NEVER, Applied.NO),
    /** A condition did not hold. Only where the caller asked for an exception: the API itself answers with a result. */
    PRECONDITION_FAILED(5, 412, Retry.NEVER, Applied.NO),
    /** Key, value, metadata, batch or frame beyond its limit. */
    TOO_LARGE(6, 413, Retry.NEVER, Applied.NO),
    /** Over a quota; the exception says when to come back. */
    RATE_LIMITED(7, 429, Retry.AFTER_DELAY, Applied.NO),
    /** No quorum, upstream gone, shutting down, overloaded: refused before any effect. */
    UNAVAILABLE(8, 503, Retry.AFTER_DELAY, Applied.NO),
    /** The deadline of the call passed; a write may or may not have happened. */
    DEADLINE_EXCEEDED(9, 504, Retry.IF_IDEMPOTENT, Applied.UNKNOWN),
    /** The connection or the disk failed after the request was under way; a write may or may not have happened. */
    OUTCOME_UNKNOWN(10, 504, Retry.IF_IDEMPOTENT, Applied.UNKNOWN),
    /** Stored data is damaged or an invariant is broken; the message names the file or the part. A person must act. */
    INTERNAL(11, 500, Retry.NEVER, Applied.UNKNOWN);

    /** May the caller send the same call again? */
    public enum Retry {
        /** It would be refused again. */
        NEVER,
        /** Yes, after {@link KvException#retryAfter()} or a jittered backoff: nothing has happened. */
        AFTER_DELAY,
        /** Only with another token, or against another build of the server. */
        OTHER_CREDENTIALS,
        /** Yes for reads and for writes conditioned on a version; any other write, done twice, might undo what came between. */
        IF_IDEMPOTENT
    }

    /** Did the call have an effect? */
    public enum Applied {
        /** Certainly not. */
        NO,
        /** It may have, or not. */
        UNKNOWN
    }

    private final int wireNumber;
    private final int httpStatus;
    private final Retry retry;
    private final Applied applied;

    ErrorCode(int wireNumber, int httpStatus, Retry retry, Applied applied) {
        this.wireNumber = wireNumber;
        this.httpStatus = httpStatus;
        this.retry = retry;
        this.applied = applied;
    }

    /** Returns the frozen number of this row on the wire, 1 to 255. */
    public int wireNumber() {
        return wireNumber;
    }

    /** Returns the HTTP status of this row. */
    public int httpStatus() {
        return httpStatus;
    }

    /** Returns whether the same call may be sent again. */
    public Retry retry() {
        return retry;
    }

    /** Returns whether a call that failed with this row may have had an effect. */
    public Applied applied() {
        return applied;
    }

    /** Returns the name that logs, metrics and messages use, such as {@code not_found}. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Returns the row with this wire number, or null if this version does not know it. */
    public static @Nullable ErrorCode ofWireNumber(int wireNumber) {
        for (ErrorCode code : values()) {
            if (code.wireNumber == wireNumber) {
                return code;
            }
        }
        return null;
    }
}
