package io.nearkv.core.identity;

import io.nearkv.core.AccountId;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import org.jspecify.annotations.Nullable;

/**
 * What a token says, for people to read. Only where {@link #refusal()} is null and {@link #checked()} is true is any of it to be believed. Immutable.
 *
 * @param kind {@code access} or {@code build}
 * @param environment the environment in which it claims to be good
 * @param keyId the key that it claims to be signed with
 * @param tokenId its id, for a revocation
 * @param subject whom it was made for
 * @param account the account on which it works, null in a build token
 * @param permissions what it allows there
 * @param buildId the build that bears it, or null
 * @param notBeforeEpochSecond the first second at which it is good
 * @param expiresAtEpochSecond the first second at which it is good no longer
 * @param checked whether there was a keyset to check it with
 * @param refusal the 401 that it would get, or null
 */
public record TokenInspection(
        String kind,
        String environment,
        String keyId,
        String tokenId,
        String subject,
        @Nullable AccountId account,
        Permissions permissions,
        @Nullable String buildId,
        long notBeforeEpochSecond,
        long expiresAtEpochSecond,
        boolean checked,
        @Nullable KvException refusal) {
    /**
     * Returns what a token says, without a keyset to check it with.
     *
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if it has not the form of a token
     */
    public static TokenInspection of(String token) {
        return of(token, null);
    }

    static TokenInspection of(String token, @Nullable TokenVerifier verifier) {
        TokenClaims claims;
        try {
            claims = TokenClaims.decode(token);
        } catch (MalformedException e) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "this is not a token of nearkv: " + e.why() + "; pass it as 'nearkv token create' printed it");
        }
        boolean access = claims.type() == TokenType.ACCESS;
        KvException refusal = null;
        if (verifier != null) {
            try {
                if (access) {
                    verifier.verify(token);
                } else {
                    verifier.verifyBuild(token);
                }
            } catch (KvException e) {
                refusal = e;
            }
        }
        return new TokenInspection(
                access ? "access" : "build",
                claims.environment().name(),
                claims.keyId(),
                claims.tokenId(),
                claims.subject(),
                claims.account(),
                claims.permissions(),
                claims.buildId(),
                claims.notBeforeEpochSecond(),
                claims.expiresAtEpochSecond(),
                verifier != null,
                refusal);
    }
}
