package io.nearkv.core.identity;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.DenialReason;
import io.nearkv.core.KvException;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * Verifies tokens with one keyset and one revocation list, and remembers its verdicts. Needs no network and no store. When keys or revocations change, a new
 * verifier takes its place, so a verdict never outlives what it was based on. Thread-safe.
 *
 * <p>All that is cheap comes before the signature: form, environment, key, role, times, revocation. A token of another environment is told so even though
 * its key is not known here, because that is the mistake that people make; nothing is granted on the strength of it.
 */
public final class TokenVerifier {
    private final Environment environment;
    private final Keyset keyset;
    private final RevocationList revocations;
    private final InstantSource clock;
    private final Denials denials;
    private final long epoch;
    private final LongAdder signatureVerifications;
    private final Map<String, JwtSignature> signatures = new HashMap<>();
    private final VerdictCache cache = new VerdictCache(IdentityLimits.MAX_CACHED_VERDICTS);

    TokenVerifier(
            Keyset keyset,
            RevocationList revocations,
            InstantSource clock,
            @Nullable String buildId,
            long epoch,
            LongAdder signatureVerifications) {
        this.environment = keyset.environment();
        this.keyset = keyset;
        this.revocations = revocations;
        this.clock = clock;
        this.denials = new Denials(environment, buildId);
        this.epoch = epoch;
        this.signatureVerifications = signatureVerifications;
        keyset.keys().forEach(key -> signatures.put(key.id(), new JwtSignature(key, StrictJson.TOKENS)));
    }

    /** Returns a verifier without revocations, such as a client uses to check the build token of a server. */
    public static TokenVerifier of(Keyset keyset, InstantSource clock) {
        requireNonNull(clock, "clock");
        return of(keyset, RevocationList.none(keyset.environment()), clock);
    }

    static TokenVerifier of(Keyset keyset, RevocationList revocations, InstantSource clock) {
        return new TokenVerifier(keyset, revocations, clock, null, 0, new LongAdder());
    }

    /**
     * Returns what an access token grants. A token seen before costs a hash, a new one about a millisecond.
     *
     * @throws KvException 401: {@link DenialReason#ENVIRONMENT_MISMATCH}, {@link DenialReason#TOKEN_EXPIRED}, {@link DenialReason#TOKEN_REVOKED} or
     *     {@link DenialReason#TOKEN_UNKNOWN}
     */
    public Grant verify(String token) {
        if (token.isEmpty()) {
            throw denials.missing();
        }
        if (token.length() > IdentityLimits.MAX_TOKEN_CHARS) {
            throw denials.unknown("it is longer than " + IdentityLimits.MAX_TOKEN_CHARS + " characters", null);
        }
        VerdictCache.Digest digest = VerdictCache.Digest.of(token);
        Grant cached = cache.get(digest);
        if (cached != null && now() < cached.expiresAtEpochSecond()) {
            return cached;
        }
        Verified verified = verify(token, TokenType.ACCESS);
        TokenClaims claims = verified.claims;
        Grant grant = new Grant(
                claims.tokenId(),
                claims.subject(),
                requireNonNull(claims.account()),
                claims.permissions(),
                claims.buildId(),
                verified.expiresAtEpochSecond,
                environment.name(),
                claims.keyId(),
                epoch);
        cache.put(digest, grant);
        return grant;
    }

    /**
     * Returns what a build token says. Not cached.
     *
     * @throws KvException as {@link #verify(String)}
     */
    public BuildCredential verifyBuild(String token) {
        Verified verified = verify(token, TokenType.BUILD);
        return new BuildCredential(
                verified.claims.tokenId(),
                requireNonNull(verified.claims.buildId()),
                environment.name(),
                verified.expiresAtEpochSecond);
    }

    /** Returns how many signatures were checked. A verdict from the cache does not count. */
    public long signatureVerifications() {
        return signatureVerifications.sum();
    }

    /** Returns the grant under this verifier's epoch, its end moved forward where its key ends sooner. */
    Grant recheck(Grant grant) {
        if (!grant.environment().equals(environment.name())) {
            throw denials.otherEnvironment(new Environment(grant.environment()));
        }
        TrustedKey key = keyset.find(grant.keyId());
        if (key == null || key.role() != KeyRole.TOKEN || key.isRetiredAt(now())) {
            throw denials.retiredKey();
        }
        if (revocations.contains(grant.tokenId())) {
            throw denials.revoked();
        }
        long expiresAt = Math.min(grant.expiresAtEpochSecond(), key.notAfterEpochSecond());
        if (now() >= expiresAt) {
            throw denials.expired();
        }
        return grant.with(epoch, expiresAt);
    }

    int cachedVerdicts() {
        return cache.size();
    }

    private record Verified(TokenClaims claims, long expiresAtEpochSecond) {}

    private Verified verify(String token, TokenType expected) {
        try {
            CompactJwt jwt = CompactJwt.decode(token, IdentityLimits.MAX_TOKEN_CHARS, StrictJson.TOKENS);
            TokenClaims claims = TokenClaims.decode(jwt);
            if (!claims.environment().equals(environment)) {
                throw denials.otherEnvironment(claims.environment());
            }
            if (jwt.type() != expected) {
                throw denials.unknown(
                        expected == TokenType.ACCESS ? "it is a build token" : "it is not a build token",
                        environment.name());
            }
            TrustedKey key = keyset.find(jwt.keyId());
            if (key == null || key.role() != expected.role()) {
                throw denials.unknown("its key is not one of this environment for such tokens", environment.name());
            }
            long now = now();
            if (now >= claims.expiresAtEpochSecond()) {
                throw denials.expired();
            }
            if (now < claims.notBeforeEpochSecond() - IdentityLimits.NOT_BEFORE_LEEWAY.toSeconds()) {
                throw denials.notYetValid();
            }
            if (key.isRetiredAt(now)) {
                throw denials.retiredKey();
            }
            if (revocations.contains(claims.tokenId())) {
                throw denials.revoked();
            }
            signatureVerifications.increment();
            requireNonNull(signatures.get(key.id())).check(jwt);
            return new Verified(claims, Math.min(claims.expiresAtEpochSecond(), key.notAfterEpochSecond()));
        } catch (MalformedException e) {
            throw denials.unknown(e.why(), null);
        }
    }

    private long now() {
        return Math.floorDiv(clock.millis(), 1000L);
    }
}
