package io.nearkv.bench.macro;

import java.util.Locale;

/** What a load consists of. */
public enum OperationKind {
    /** One key is read. */
    GET,
    /** One key is written. */
    PUT,
    /** One key is deleted. */
    DELETE,
    /** The names below one prefix are listed. */
    LIST;

    /** Returns the name that options and reports use, such as {@code get}. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
