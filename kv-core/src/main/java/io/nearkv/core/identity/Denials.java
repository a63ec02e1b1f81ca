package io.nearkv.core.identity;

import io.nearkv.core.DenialReason;
import io.nearkv.core.KvException;
import io.nearkv.core.KvException.Denial;
import org.jspecify.annotations.Nullable;

/**
 * The 401s of one node, all texts in one place. Each says what to do next; none quotes a token.
 *
 * @param environment the environment that the node serves
 * @param buildId the build that answers, null if it is not known
 */
record Denials(Environment environment, @Nullable String buildId) {
    KvException missing() {
        return denied(
                DenialReason.TOKEN_UNKNOWN,
                environment.name(),
                "no token was presented; environment '" + environment
                        + "' needs one: make it with 'nearkv token create', pass it with --token or NEARKV_TOKEN");
    }

    KvException unknown(String why, @Nullable String presented) {
        return denied(
                DenialReason.TOKEN_UNKNOWN,
                presented,
                "the token is not one of environment '" + environment + "': " + why
                        + "; use the token as 'nearkv token create' printed it");
    }

    KvException retiredKey() {
        return denied(
                DenialReason.TOKEN_UNKNOWN,
                environment.name(),
                "the key that signed the token was rotated out of environment '" + environment
                        + "'; make a new one with 'nearkv token create'");
    }

    KvException otherEnvironment(Environment presented) {
        return denied(
                DenialReason.ENVIRONMENT_MISMATCH,
                presented.name(),
                "the token is of environment '" + presented + "' and this node serves '" + environment
                        + "'; use a token of '" + environment + "' or a server of '" + presented + "'");
    }

    KvException expired() {
        return denied(
                DenialReason.TOKEN_EXPIRED,
                environment.name(),
                "the token has expired; make a new one with 'nearkv token create'");
    }

    KvException notYetValid() {
        return denied(
                DenialReason.TOKEN_EXPIRED,
                environment.name(),
                "the token's time has not begun; compare the clocks of this node and of the token's maker");
    }

    KvException revoked() {
        return denied(
                DenialReason.TOKEN_REVOKED,
                environment.name(),
                "the token was revoked; ask an administrator of environment '" + environment + "' for a new one");
    }

    /** The node's own guard. {@code presented} is the environment of its build token, null if it has none that can be read. */
    KvException buildNotAuthorized(String why, @Nullable String presented) {
        return denied(
                DenialReason.BUILD_NOT_AUTHORIZED,
                presented,
                "build '" + (buildId == null ? NodeAuthority.UNKNOWN_BUILD : buildId)
                        + "' is not authorised for environment '" + environment + "': " + why
                        + "; start it with a build token of '" + environment + "', or use another server");
    }

    /** The node's keyset or its data is of another environment. */
    KvException foreignNode(String what, @Nullable String presented) {
        return denied(
                DenialReason.ENVIRONMENT_MISMATCH,
                presented,
                what + " of this node is of environment '" + (presented == null ? "unknown" : presented)
                        + "' and it was started to serve '" + environment
                        + "'; nothing was changed: start it with the folder of '" + environment + "'");
    }

    private KvException denied(DenialReason reason, @Nullable String presented, String message) {
        return KvException.denied(new Denial(reason, environment.name(), presented, buildId), message);
    }
}
