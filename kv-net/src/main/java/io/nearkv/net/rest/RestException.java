package io.nearkv.net.rest;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.io.Serial;
import org.jspecify.annotations.Nullable;

/**
 * A request that is not answered as it was asked: the status and the error code that clients of Workers KV know, beside the row of our own error table that is counted
 * and named in {@code messages}. Expected, so without a stack trace. Immutable.
 */
final class RestException extends RuntimeException {
    @Serial
    private static final long serialVersionUID = 1;

    private final int status;
    private final @Nullable String allow;
    private final @Nullable String contentRange;
    private final int workersCode;
    private final KvException error;

    /**
     * @param status the HTTP status
     * @param workersCode the code in {@code errors[0].code}, one that Workers KV uses for this
     * @param error what happened, in our own table; its message is what the client reads
     */
    RestException(int status, int workersCode, KvException error) {
        this(status, workersCode, error, null, null);
    }

    private RestException(
            int status, int workersCode, KvException error, @Nullable String allow, @Nullable String contentRange) {
        super(error.getMessage(), error, false, false);
        this.status = status;
        this.allow = allow;
        this.contentRange = contentRange;
        this.workersCode = workersCode;
        this.error = requireNonNull(error, "error");
    }

    /** Returns a 400 for a request that is malformed in a way that Workers KV has this code for. */
    static RestException invalid(int workersCode, String message) {
        return new RestException(400, workersCode, new KvException(ErrorCode.INVALID_REQUEST, message));
    }

    /** Returns the 414 of a key or prefix that is too long, or the 400 of one that is none. */
    static RestException badName(KvException error) {
        int status = error.code() == ErrorCode.TOO_LARGE ? 414 : 400;
        return new RestException(status, WorkersCodes.VALIDATION, error);
    }

    /** Returns the 404 of an absent key. */
    static RestException keyNotFound() {
        return new RestException(
                404, WorkersCodes.KEY_NOT_FOUND, new KvException(ErrorCode.NOT_FOUND, "get: 'key not found'"));
    }

    /** Returns the 404 of a namespace that there is not, or not any more, or that is another account's. */
    static RestException namespaceNotFound() {
        return new RestException(
                404, WorkersCodes.NAMESPACE_NOT_FOUND, new KvException(ErrorCode.NOT_FOUND, "'namespace not found'"));
    }

    /** Returns the answer to a failure of the store or of a guard. */
    static RestException of(KvException error) {
        if (error.code() == ErrorCode.NOT_FOUND) {
            return namespaceNotFound();
        }
        int status = error.code().httpStatus();
        int workersCode = switch (error.code()) {
            case INVALID_REQUEST, TOO_LARGE -> WorkersCodes.VALIDATION;
            case UNAUTHORIZED, FORBIDDEN -> WorkersCodes.AUTHENTICATION;
            default -> WorkersCodes.ofStatus(status);
        };
        return new RestException(status, workersCode, error);
    }

    /** Returns a 405, which says what is allowed. */
    static RestException methodNotAllowed(String message, String allow) {
        return new RestException(
                405, WorkersCodes.METHOD_NOT_ALLOWED, new KvException(ErrorCode.INVALID_REQUEST, message), allow, null);
    }

    /** Returns the 416 of a range that a value of this length has no byte of; says how long it is. */
    static RestException unsatisfiable(int length) {
        return new RestException(
                416,
                WorkersCodes.ofStatus(416),
                new KvException(
                        ErrorCode.INVALID_REQUEST, "the value has " + length + " bytes, none of them in the range"),
                null,
                "bytes */" + length);
    }

    /** Returns the methods that a 405 says are allowed, null in all others. */
    @Nullable
    String allow() {
        return allow;
    }

    /** Returns the {@code Content-Range} of a 416, null in all others. */
    @Nullable
    String contentRange() {
        return contentRange;
    }

    int status() {
        return status;
    }

    int workersCode() {
        return workersCode;
    }

    KvException error() {
        return error;
    }
}
