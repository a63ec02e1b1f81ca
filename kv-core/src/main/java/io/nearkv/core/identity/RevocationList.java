package io.nearkv.core.identity;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;

/**
 * The tokens of one environment that are good no longer although their time is not over, as a signed statement. Each list replaces the one before it and
 * has a higher serial. A token stays on the list until it would have expired anyway. Immutable.
 *
 * @param environment whose tokens it is about
 * @param serial 1 for the first list of an environment; 0 stands for no list at all
 * @param expiryByTokenId each revoked token and its expiry in epoch seconds
 */
record RevocationList(Environment environment, long serial, Map<String, Long> expiryByTokenId) {
    RevocationList {
        expiryByTokenId = Map.copyOf(expiryByTokenId);
    }

    static RevocationList none(Environment environment) {
        return new RevocationList(environment, 0, Map.of());
    }

    boolean contains(String tokenId) {
        return expiryByTokenId.containsKey(tokenId);
    }

    /** Returns the next list: without what has expired by {@code now}. */
    RevocationList next(long now) {
        Map<String, Long> kept = new HashMap<>(expiryByTokenId);
        kept.values().removeIf(expiry -> expiry <= now);
        return new RevocationList(environment, serial + 1, kept);
    }

    /** Returns this list with one token more, under the same serial. */
    RevocationList with(String tokenId, long expiresAtEpochSecond) {
        Map<String, Long> more = new HashMap<>(expiryByTokenId);
        more.merge(tokenId, expiresAtEpochSecond, Math::max);
        return new RevocationList(environment, serial, more);
    }

    String sign(SigningKey key, long now) {
        Map<String, Object> claims = new LinkedHashMap<>();
        claims.put("iss", TokenClaims.ISSUER);
        claims.put("aud", environment.name());
        claims.put("serial", serial);
        claims.put("iat", now);
        claims.put("revoked", new TreeMap<>(expiryByTokenId));
        return key.sign(TokenType.REVOCATIONS, claims, StrictJson.DOCUMENTS);
    }

    /** Reads the list and checks that a revocation key of the keyset, not retired by {@code now}, has signed it for the keyset's environment. */
    static RevocationList parse(String text, Keyset keyset, long now) throws MalformedException {
        CompactJwt jwt = CompactJwt.decode(text, IdentityLimits.MAX_REVOCATIONS_CHARS, StrictJson.DOCUMENTS);
        if (jwt.type() != TokenType.REVOCATIONS) {
            throw new MalformedException("it is not a revocation list");
        }
        Members claims = new Members(jwt.payload(), "its payload");
        claims.expect("iss", TokenClaims.ISSUER);
        String environment = claims.text("aud");
        if (!Environment.isWellFormed(environment)
                || !keyset.environment().name().equals(environment)) {
            throw new MalformedException("it is of another environment than '" + keyset.environment() + "'");
        }
        TrustedKey key = keyset.find(jwt.keyId());
        if (key == null || key.role() != KeyRole.REVOCATION || key.isRetiredAt(now)) {
            throw new MalformedException("it is not signed by a revocation key of this environment");
        }
        JsonNode revoked = claims.object("revoked");
        if (revoked.size() > IdentityLimits.MAX_REVOKED) {
            throw new MalformedException("it has more than " + IdentityLimits.MAX_REVOKED + " tokens");
        }
        Members expiries = new Members(revoked, "'revoked'");
        Map<String, Long> expiryByTokenId = new HashMap<>();
        for (String tokenId : revoked.propertyNames()) {
            if (!TokenClaims.isTokenId(tokenId)) {
                throw claims.malformed("revoked", "a map of token ids");
            }
            expiryByTokenId.put(tokenId, expiries.epochSecond(tokenId));
        }
        long serial = claims.positive("serial");
        new JwtSignature(key, StrictJson.DOCUMENTS).check(jwt);
        return new RevocationList(keyset.environment(), serial, expiryByTokenId);
    }
}
