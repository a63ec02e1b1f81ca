package io.nearkv.net.rest;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;

/** The answers to bodies that are not taken, each with the status and code that clients of Workers KV know. */
final class BodyRefusal {
    private BodyRefusal() {}

    /** Returns a 400 for a body that is not of its shape at all: no JSON, no array, cut off. */
    static RestException malformed(String message) {
        return RestException.invalid(WorkersCodes.MALFORMED_BODY, message);
    }

    /** Returns a 400 for a field that is missing or not what it must be. */
    static RestException invalid(String message) {
        return RestException.invalid(WorkersCodes.VALIDATION, message);
    }

    /** Returns a 413. */
    static RestException tooLarge(String message) {
        return new RestException(413, WorkersCodes.VALIDATION, new KvException(ErrorCode.TOO_LARGE, message));
    }

    /** Returns a 414, which is what a key that is too long gets wherever it stands. */
    static RestException keyTooLong(String message) {
        return new RestException(414, WorkersCodes.VALIDATION, new KvException(ErrorCode.TOO_LARGE, message));
    }

    /** Returns the answer to a key that {@link io.nearkv.core.Key} refuses. */
    static RestException ofKey(String where, KvException refused) {
        String message = where + refused.getMessage();
        return refused.code() == ErrorCode.TOO_LARGE ? keyTooLong(message) : invalid(message);
    }

    /** Returns the answer to a value, metadata or options that the core refuses. */
    static RestException of(String where, KvException refused) {
        String message = where + refused.getMessage();
        return refused.code() == ErrorCode.TOO_LARGE ? tooLarge(message) : invalid(message);
    }
}
