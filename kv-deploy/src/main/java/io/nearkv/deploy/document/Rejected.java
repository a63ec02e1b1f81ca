package io.nearkv.deploy.document;

import static java.util.Objects.requireNonNull;

import io.nearkv.deploy.model.RejectReason;
import java.io.Serial;

/** A document is not good. The message says why, and has nothing of the document in it that could move a cursor. */
public final class Rejected extends Exception {
    @Serial
    private static final long serialVersionUID = 1;

    private final RejectReason reason;
    private final String detail;

    /** Creates an exception without a stack trace: hostile input must not cost one. */
    public Rejected(RejectReason reason, String detail) {
        super(reason.label() + ": " + detail, null, false, false);
        this.reason = requireNonNull(reason, "reason");
        this.detail = detail;
    }

    /** Returns why. */
    public RejectReason reason() {
        return reason;
    }

    /** Returns one line for people. */
    public String detail() {
        return detail;
    }
}
