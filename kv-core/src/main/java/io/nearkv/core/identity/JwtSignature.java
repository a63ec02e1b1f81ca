package io.nearkv.core.identity;

import io.jsonwebtoken.JwtException;
import io.jsonwebtoken.JwtParser;
import io.jsonwebtoken.Jwts;
import java.util.Date;

/** Checks signatures by one key with the one algorithm that there is. Thread-safe. */
final class JwtSignature {
    /** jjwt judges times of its own accord, with one leeway for both ends; ours are judged by {@link TokenVerifier}, so its clock stands still. */
    private static final long LEEWAY_SECONDS = Long.MAX_VALUE / 1000;

    private final JwtParser parser;

    @SuppressWarnings("JavaUtilDate") // jjwt's Clock speaks it
    JwtSignature(TrustedKey key, StrictJson json) {
        parser = Jwts.parser()
                .json(json.deserializer())
                .verifyWith(key.publicKey())
                .sig()
                .clear()
                .add(Jwts.SIG.EdDSA)
                .and()
                .clock(() -> new Date(0))
                .clockSkewSeconds(LEEWAY_SECONDS)
                .build();
    }

    /** Takes half a millisecond. The claims that {@code jwt} holds are those that were signed: they were decoded from the same text. */
    void check(CompactJwt jwt) throws MalformedException {
        try {
            parser.parseSignedClaims(jwt.text());
        } catch (JwtException | IllegalArgumentException e) {
            // Without the cause: jjwt's messages may quote the token.
            throw new MalformedException("its signature is not good");
        }
    }
}
