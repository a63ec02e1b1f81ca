package io.nearkv.core.identity;

import java.io.Serial;

/** Something that was presented or stored has not the form that it must have. The message says what, and quotes nothing of it. */
final class MalformedException extends Exception {
    @Serial
    private static final long serialVersionUID = 1;

    private final String why;

    /** Creates an exception without a stack trace: hostile input must not cost one. */
    MalformedException(String why) {
        super(why, null, false, false);
        this.why = why;
    }

    /** Returns the message, such as {@code it is not a private key in PEM}. */
    String why() {
        return why;
    }
}
