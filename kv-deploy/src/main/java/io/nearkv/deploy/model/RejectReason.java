package io.nearkv.deploy.model;

import java.util.Locale;

/** Why a document is not taken. Nothing changes then: the last good one goes on to be in force. */
public enum RejectReason {
    /** It is longer than 64 KiB. */
    OVERSIZED,
    /** It is not the one canonical form of a document, or something in it is out of range. */
    MALFORMED,
    /** It is a document, but not one for this process. */
    UNSUPPORTED,
    /** It is of another tenant, service or environment. */
    FOREIGN_SERVICE,
    /** It is signed with a key that is not trusted here, or not any more. */
    UNKNOWN_KEY,
    /** It is signed with a key that may not sign such documents. */
    WRONG_ROLE,
    /** The signature is not that of the key. */
    BAD_SIGNATURE,
    /** It takes more signatures, of more people. */
    TOO_FEW_SIGNATURES,
    /** Its version is not higher than what was taken before. */
    NOT_NEWER,
    /** It does not follow upon a route or an entry that is known here. */
    WRONG_PREDECESSOR,
    /** The weights do not add up to 10,000. */
    BAD_WEIGHTS,
    /** It has a build of another service or environment. */
    FOREIGN_BUILD,
    /** It names too few known-good builds to fall back to. */
    TOO_FEW_KNOWN_GOOD,
    /** The way back that belongs to it is missing, or does not fit it. */
    BAD_PARACHUTE,
    /** A new instance has not proved that it is of the build. */
    ENDPOINT_REFUSED,
    /** A break-glass is in force, and this route does not say that it was reconciled. */
    FROZEN,
    /** The rollout was pulled here, and this route does not say that it is resumed. */
    ROLLOUT_PULLED,
    /** A break-glass to a build that is not in the ledger. */
    NOT_IN_LEDGER,
    /** Its time is over, has not come, or is too long. */
    EXPIRED,
    /** It was good, but could not be written to the disk. */
    STORAGE;

    /** Returns the name in messages and metrics, such as {@code bad_signature}. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
