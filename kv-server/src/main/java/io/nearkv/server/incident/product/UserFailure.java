package io.nearkv.server.incident.product;

import java.io.Serial;

/** What a user was refused, for a reason that is no {@link io.nearkv.core.KvException}. */
final class UserFailure extends Exception {
    @Serial
    private static final long serialVersionUID = 1;

    /** Creates a failure with a short label as its message. */
    UserFailure(String label) {
        super(label, null, false, false);
    }
}
