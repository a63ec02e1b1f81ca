package io.nearkv.core.identity;

import java.security.PublicKey;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/**
 * A public key of an environment's keyset. Immutable.
 *
 * @param id the role and the first 64 bits of the SHA-256 of the key, such as {@code token-0123456789abcdef}: a damaged key has not its own id
 * @param role what it may have signed
 * @param publicKey an Ed25519 key
 * @param createdEpochSecond when it was made; the youngest key of a role without an end is the one that signs
 * @param notAfterEpochSecond the first second at which it verifies nothing any more, {@link #NEVER} while it has not been rotated out
 */
record TrustedKey(String id, KeyRole role, PublicKey publicKey, long createdEpochSecond, long notAfterEpochSecond) {
    static final long NEVER = Long.MAX_VALUE;

    static TrustedKey of(KeyRole role, PublicKey publicKey, long createdEpochSecond) {
        return new TrustedKey(idOf(role, rawBytes(publicKey)), role, publicKey, createdEpochSecond, NEVER);
    }

    static boolean isWellFormedId(String id) {
        return Ed25519Keys.isWellFormedId(id);
    }

    boolean isRetiredAt(long epochSecond) {
        return epochSecond >= notAfterEpochSecond;
    }

    TrustedKey endingAt(long epochSecond) {
        return new TrustedKey(id, role, publicKey, createdEpochSecond, Math.min(epochSecond, notAfterEpochSecond));
    }

    /** Returns the key as a JSON Web Key (RFC 7517, RFC 8037). */
    Map<String, Object> toJwk() {
        Map<String, Object> jwk = new LinkedHashMap<>();
        jwk.put("kty", "OKP");
        jwk.put("crv", "Ed25519");
        jwk.put("alg", "EdDSA");
        jwk.put("use", "sig");
        jwk.put("kid", id);
        jwk.put("x", Base64.getUrlEncoder().withoutPadding().encodeToString(rawBytes(publicKey)));
        jwk.put("nearkv_role", role.label());
        jwk.put("nearkv_created", createdEpochSecond);
        if (notAfterEpochSecond != NEVER) {
            jwk.put("nearkv_not_after", notAfterEpochSecond);
        }
        return jwk;
    }

    static TrustedKey fromJwk(JsonNode node) throws MalformedException {
        if (!node.isObject()) {
            throw new MalformedException("a key is not a JSON object");
        }
        Members jwk = new Members(node, "a key");
        jwk.expect("kty", "OKP");
        jwk.expect("crv", "Ed25519");
        jwk.expect("alg", "EdDSA");
        jwk.expect("use", "sig");
        if (jwk.has("d")) {
            throw new MalformedException("a key has its private part in it");
        }
        KeyRole role = KeyRole.ofLabel(jwk.text("nearkv_role"));
        if (role == null) {
            throw jwk.malformed("nearkv_role", "a role of this version");
        }
        byte[] raw = CompactJwt.base64(jwk.text("x"));
        if (raw.length != Ed25519Keys.RAW_BYTES || !jwk.text("kid").equals(idOf(role, raw))) {
            throw jwk.malformed("kid", "the id of the key beside it; one of the two is damaged");
        }
        long notAfter = jwk.has("nearkv_not_after") ? jwk.epochSecond("nearkv_not_after") : NEVER;
        return new TrustedKey(idOf(role, raw), role, publicKey(raw), jwk.epochSecond("nearkv_created"), notAfter);
    }

    private static String idOf(KeyRole role, byte[] raw) {
        return Ed25519Keys.idOf(role.label(), raw);
    }

    private static byte[] rawBytes(PublicKey publicKey) {
        return Ed25519Keys.rawBytes(publicKey);
    }

    private static PublicKey publicKey(byte[] raw) throws MalformedException {
        try {
            return Ed25519Keys.publicKey(raw);
        } catch (IllegalArgumentException e) {
            throw new MalformedException("a key is not one of Ed25519");
        }
    }
}
