package io.nearkv.net.rest;

/** The numbers in {@code errors[].code} that clients of Workers KV know. Where it has none that fits, a validation error is {@link #VALIDATION}. */
final class WorkersCodes {
    /** 401 and 403: bad token, or one without rights. */
    static final int AUTHENTICATION = 10000;
    /** 400: anything malformed that has no code of its own. */
    static final int VALIDATION = 10001;
    /** 404: the key is absent. */
    static final int KEY_NOT_FOUND = 10009;
    /** 400: the namespace id is malformed. */
    static final int MALFORMED_NAMESPACE_ID = 10011;
    /** 400: a body of the wrong shape. */
    static final int MALFORMED_BODY = 10012;
    /** 404: the namespace is unknown, or another account's. */
    static final int NAMESPACE_NOT_FOUND = 10013;
    /** 400: another namespace of the account has the title. */
    static final int TITLE_TAKEN = 10014;
    /** 400: no title, or an empty one. */
    static final int TITLE_MISSING = 10019;
    /** 400: a bulk get without keys. */
    static final int NO_KEYS = 10029;
    /** 400: a time to live under 60 seconds. */
    static final int TTL_TOO_SHORT = 10034;
    /** 405: a method that the path does not have. */
    static final int METHOD_NOT_ALLOWED = 10405;
    /** 404 or 400: a path that is none. */
    static final int NO_ROUTE = 7003;

    /** 400: token verification of a token that is no good. */
    static final int INVALID_TOKEN = 1000;
    /** 403: as many namespaces as an account may have. */
    static final int QUOTA = 10048;

    private static final int NO_CODE_OF_ITS_OWN = 10000;

    /** Returns the code of an error that Workers KV has none for: 10000 and the status, as it does for 405 itself. */
    static int ofStatus(int status) {
        return NO_CODE_OF_ITS_OWN + status;
    }

    private WorkersCodes() {}
}
