package io.nearkv.core.identity;

import io.jsonwebtoken.Jwts;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.PrivateKey;
import java.security.Signature;
import java.util.Map;

/**
 * A private key together with its public half. Its text form is PKCS#8 in PEM (RFC 5958, RFC 7468), so that {@code openssl pkey} reads it. Immutable.
 */
final class SigningKey {
    private static final byte[] PROBE = {'n', 'e', 'a', 'r', 'k', 'v'};

    private final TrustedKey trusted;
    private final PrivateKey privateKey;

    private SigningKey(TrustedKey trusted, PrivateKey privateKey) {
        this.trusted = trusted;
        this.privateKey = privateKey;
    }

    static SigningKey generate(KeyRole role, long createdEpochSecond) {
        KeyPair pair = Ed25519Keys.generate();
        return new SigningKey(TrustedKey.of(role, pair.getPublic(), createdEpochSecond), pair.getPrivate());
    }

    /** Reads the private half of {@code trusted}; that the two belong together is tried by signing. */
    static SigningKey parse(String pem, TrustedKey trusted) throws MalformedException {
        PrivateKey privateKey = Ed25519Keys.fromPem(pem);
        try {
            Signature signature = Signature.getInstance("Ed25519");
            signature.initSign(privateKey);
            signature.update(PROBE);
            byte[] signed = signature.sign();
            signature.initVerify(trusted.publicKey());
            signature.update(PROBE);
            if (!signature.verify(signed)) {
                throw new MalformedException("it is not the private half of " + trusted.id());
            }
            return new SigningKey(trusted, privateKey);
        } catch (GeneralSecurityException e) {
            throw new MalformedException("it is damaged or not an Ed25519 key");
        }
    }

    String toPem() {
        return Ed25519Keys.toPem(privateKey);
    }

    TrustedKey trusted() {
        return trusted;
    }

    /** Returns the compact form of a statement with these claims. The caller has checked that the role of this key may sign the type. */
    String sign(TokenType type, Map<String, Object> claims, StrictJson json) {
        if (type.role() != trusted.role()) {
            throw new IllegalArgumentException("key " + trusted.id() + " signs no " + type);
        }
        // As bytes: jjwt's own claims builder takes times as java.util.Date, and decides itself how to write them.
        return Jwts.builder()
                .json(json.serializer())
                .header()
                .type(type.header())
                .keyId(trusted.id())
                .and()
                .content(json.write(claims))
                .signWith(privateKey, Jwts.SIG.EdDSA)
                .compact();
    }

    /** Returns the id alone. */
    @Override
    public String toString() {
        return "SigningKey[" + trusted.id() + "]";
    }
}
