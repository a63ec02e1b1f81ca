package io.nearkv.core;

import static java.util.Objects.requireNonNull;

import java.io.Serial;
import java.time.Duration;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * The only exception that leaves the API for things that can happen to a correct program. Its {@link #code()} is a row of {@link ErrorCode}, which says
 * whether a retry is safe and whether the call may have been applied.
 *
 * <p>Messages say what happened, to what, and what to do; they never hold values or tokens. Expected errors carry no stack trace, because they are
 * answers of a remote party and cost too much to trace; {@link ErrorCode#INTERNAL} does. Immutable.
 */
public final class KvException extends RuntimeException {
    @Serial
    private static final long serialVersionUID = 1;

    private final ErrorCode code;
    private final @Nullable Denial denial;
    private final @Nullable Duration retryAfter;

    /**
     * What a 401 or 403 says beyond its code, so that a mismatch can be understood from the client alone.
     *
     * @param reason why the operation was denied
     * @param expectedEnvironment the environment that the refusing node serves, or null if it is not known
     * @param presentedEnvironment the environment of what was presented (token, build token or data), or null if it is not known
     * @param build the id of the build that refused, or null if it is not known
     */
    public record Denial(
            DenialReason reason,
            @Nullable String expectedEnvironment,
            @Nullable String presentedEnvironment,
            @Nullable String build)
            implements java.io.Serializable {
        /** Checks that a reason is given. */
        public Denial {
            requireNonNull(reason, "reason");
        }
    }

    /** Creates an exception of a row of the table. {@code retryAfter} is the server's advice when to come back, if it gave one. */
    public KvException(
            ErrorCode code,
            String message,
            @Nullable Denial denial,
            @Nullable Duration retryAfter,
            @Nullable Throwable cause) {
        super(message, cause, code == ErrorCode.INTERNAL, code == ErrorCode.INTERNAL);
        this.code = requireNonNull(code, "code");
        this.denial = denial;
        this.retryAfter = retryAfter;
    }

    /** Creates an exception without a cause. */
    public KvException(ErrorCode code, String message) {
        this(code, message, null, null, null);
    }

    /** Creates an exception with the exception that led to it. */
    public KvException(ErrorCode code, String message, @Nullable Throwable cause) {
        this(code, message, null, null, cause);
    }

    /** Creates the exception of a denied operation; its code follows from the reason. */
    public static KvException denied(Denial denial, String message) {
        return new KvException(denial.reason().errorCode(), message, denial, null, null);
    }

    /** Returns the row of the error table. */
    public ErrorCode code() {
        return code;
    }

    /** Returns what is known about a denial, or null where {@link #code()} is neither 401 nor 403 or the peer gave no reason. */
    public @Nullable Denial denial() {
        return denial;
    }

    /** Returns the server's advice when to try again, or null if it gave none. */
    public @Nullable Duration retryAfter() {
        return retryAfter;
    }

    /**
     * Returns the {@link KvException} inside a failure of a future, however deep {@link CompletionException} and {@link ExecutionException} wrap it.
     * Anything else becomes {@link ErrorCode#INTERNAL}: nothing but this type leaves the API.
     */
    public static KvException from(Throwable failure) {
        Throwable inner = failure;
        while ((inner instanceof CompletionException || inner instanceof ExecutionException)
                && inner.getCause() != null) {
            inner = inner.getCause();
        }
        return inner instanceof KvException known
                ? known
                : new KvException(ErrorCode.INTERNAL, "unexpected failure: " + inner, inner);
    }
}
