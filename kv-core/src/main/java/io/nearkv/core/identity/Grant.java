package io.nearkv.core.identity;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.AccountId;
import org.jspecify.annotations.Nullable;

/**
 * What a verified token grants. Holds nothing of the token's text, so it may be logged. Immutable.
 *
 * @param tokenId the token's id, which a revocation names
 * @param subject whom the token was made for, as its maker called it
 * @param account the account on which it may work
 * @param permissions what it may do there
 * @param buildId the build that bears it, where the bearer is a server; null otherwise
 * @param expiresAtEpochSecond the first second at which it is no longer good: the token's end, or that of its key where it comes first
 * @param environment the environment that it is of, always the one of the authority that made the grant
 * @param keyId the key that signed it
 * @param epoch the {@link Authority#epoch()} under which it was last checked
 */
public record Grant(
        String tokenId,
        String subject,
        AccountId account,
        Permissions permissions,
        @Nullable String buildId,
        long expiresAtEpochSecond,
        String environment,
        String keyId,
        long epoch) {
    /** Checks that nothing is missing. */
    public Grant {
        requireNonNull(tokenId, "tokenId");
        requireNonNull(subject, "subject");
        requireNonNull(account, "account");
        requireNonNull(permissions, "permissions");
        requireNonNull(environment, "environment");
        requireNonNull(keyId, "keyId");
    }

    Grant with(long newEpoch, long newExpiresAtEpochSecond) {
        return new Grant(
                tokenId, subject, account, permissions, buildId, newExpiresAtEpochSecond, environment, keyId, newEpoch);
    }
}
