package io.nearkv.core.identity;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.AccountId;
import io.nearkv.core.Key;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What a new access token is to say. Immutable.
 *
 * @param subject whom it is for: one line of text, 1 to {@link IdentityLimits#MAX_SUBJECT_CHARS} characters
 * @param account the account on which it works
 * @param permissions what it allows there
 * @param lifetime how long it is good from now on, in whole seconds, 1 s to {@link IdentityLimits#MAX_LIFETIME}
 * @param buildId the build that will bear it, where the bearer is a server; null otherwise
 */
public record TokenRequest(
        String subject,
        AccountId account,
        Permissions permissions,
        Duration lifetime,
        @Nullable String buildId) {
    /** Checks the ranges. */
    public TokenRequest {
        requireNonNull(account, "account");
        requireNonNull(permissions, "permissions");
        if (!TokenClaims.isSubject(subject)) {
            throw new IllegalArgumentException("subject: '" + Key.display(subject) + "' (expected: one line of 1 to "
                    + IdentityLimits.MAX_SUBJECT_CHARS + " characters)");
        }
        checkLifetime(lifetime);
        if (buildId != null) {
            checkBuildId(buildId);
        }
    }

    /** Creates a request for a token whose bearer is not a server. */
    public TokenRequest(String subject, AccountId account, Permissions permissions, Duration lifetime) {
        this(subject, account, permissions, lifetime, null);
    }

    static void checkLifetime(Duration lifetime) {
        if (lifetime.compareTo(Duration.ofSeconds(1)) < 0 || lifetime.compareTo(IdentityLimits.MAX_LIFETIME) > 0) {
            throw new IllegalArgumentException(
                    "lifetime: " + lifetime + " (expected: PT1S to " + IdentityLimits.MAX_LIFETIME + ")");
        }
    }

    static void checkBuildId(String buildId) {
        if (!TokenClaims.isBuildId(buildId)) {
            throw new IllegalArgumentException("build id: '" + Key.display(buildId)
                    + "' (expected: a letter or digit, then up to " + (IdentityLimits.MAX_BUILD_ID_CHARS - 1)
                    + " letters, digits and . _ + -)");
        }
    }
}
