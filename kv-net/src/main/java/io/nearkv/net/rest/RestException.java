package io.nearkv.net.rest;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.io.Serial;

/**
 * A request that is not answered as it was asked: the status and the error code that clients of Workers KV know, beside the row of our own error table that is counted
 * and named in {@code messages}. Expected, so without a stack trace. Immutable.
 */
final class RestException extends RuntimeException {
    @Serial
    private static final long serialVersionUID = 1;

    private final int status;
    private final int workersCode;
    private final KvException error;

    /**
     * @param status the HTTP status
     * @param workersCode the code in {@code errors[0].code}, one that Workers KV uses for this
     * @param error what happened, in our own table; its message is what the client reads
     */
    RestException(int status, int workersCode, KvException error) {
        super(error.getMessage(), error, false, false);
        this.status = status;
        this.workersCode = workersCode;
        this.error = requireNonNull(error, "error");
    }

    /** Returns a 400 for a request that is malformed in a way that Workers KV has this code for. */
    static RestException invalid(int workersCode, String message) {
        return new RestException(400, workersCode, new KvException(ErrorCode.INVALID_REQUEST, message));
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
