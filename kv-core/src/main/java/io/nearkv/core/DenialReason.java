package io.nearkv.core;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Why an operation was denied: a 401 or 403 is never just that. The labels are the reason codes of the wire protocol and the HTTP face; the wire
 * numbers are frozen.
 */
public enum DenialReason {
    /** The token, or the data folder of the node, is of another environment than the node serves. */
    ENVIRONMENT_MISMATCH(1),
    /** The build that answers holds no valid build token for the environment that it serves. */
    BUILD_NOT_AUTHORIZED(2),
    /** The token's time is over, or has not begun. */
    TOKEN_EXPIRED(3),
    /** There is no token, or it is malformed, altered, or signed by a key that this environment does not know. */
    TOKEN_UNKNOWN(4),
    /** The token's id is on the environment's signed revocation list. */
    TOKEN_REVOKED(5),
    /** The token is good but does not cover this operation on this namespace. Goes with {@link ErrorCode#FORBIDDEN}. */
    SCOPE(6);

    private final int wireNumber;

    DenialReason(int wireNumber) {
        this.wireNumber = wireNumber;
    }

    /** Returns the frozen number on the wire, 1 to 255. */
    public int wireNumber() {
        return wireNumber;
    }

    /** Returns the reason code, such as {@code environment_mismatch}. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Returns the error row that this reason goes with. */
    public ErrorCode errorCode() {
        return this == SCOPE ? ErrorCode.FORBIDDEN : ErrorCode.UNAUTHORIZED;
    }

    /** Returns the reason with this wire number, or null if this version does not know it. */
    public static @Nullable DenialReason ofWireNumber(int wireNumber) {
        for (DenialReason reason : values()) {
            if (reason.wireNumber == wireNumber) {
                return reason;
            }
        }
        return null;
    }
}
