package io.nearkv.net.client;

import java.util.Locale;

/** The kinds of calls that counters tell apart. */
enum Operation {
    GET,
    GET_ALL,
    OPEN,
    PUT,
    DELETE,
    WRITE_ALL,
    BATCH,
    UPLOAD,
    LIST,
    WATCH,
    ADMIN;

    /** Returns the name that metrics use. */
    String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
