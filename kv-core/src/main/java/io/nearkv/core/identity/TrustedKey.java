package io.nearkv.core.identity;

import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.PublicKey;
import java.security.spec.X509EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;
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

    /** The DER of a SubjectPublicKeyInfo with Ed25519 (RFC 8410) up to the 32 bytes of the key. */
    private static final byte[] SPKI_PREFIX = HexFormat.of().parseHex("302a300506032b6570032100");

    private static final int RAW_BYTES = 32;
    private static final Pattern ID_FORM = Pattern.compile("[a-z]{1,16}-[0-9a-f]{16}");

    static TrustedKey of(KeyRole role, PublicKey publicKey, long createdEpochSecond) {
        return new TrustedKey(idOf(role, rawBytes(publicKey)), role, publicKey, createdEpochSecond, NEVER);
    }

    static boolean isWellFormedId(String id) {
        return ID_FORM.matcher(id).matches();
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
        if (raw.length != RAW_BYTES || !jwk.text("kid").equals(idOf(role, raw))) {
            throw jwk.malformed("kid", "the id of the key beside it; one of the two is damaged");
        }
        long notAfter = jwk.has("nearkv_not_after") ? jwk.epochSecond("nearkv_not_after") : NEVER;
        return new TrustedKey(idOf(role, raw), role, publicKey(raw), jwk.epochSecond("nearkv_created"), notAfter);
    }

    private static String idOf(KeyRole role, byte[] raw) {
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(raw);
            return role.label() + "-" + HexFormat.of().formatHex(hash, 0, 8);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    private static byte[] rawBytes(PublicKey publicKey) {
        byte[] encoded = publicKey.getEncoded();
        if (encoded.length != SPKI_PREFIX.length + RAW_BYTES
                || !Arrays.equals(encoded, 0, SPKI_PREFIX.length, SPKI_PREFIX, 0, SPKI_PREFIX.length)) {
            throw new IllegalArgumentException("public key: " + publicKey.getAlgorithm() + " (expected: Ed25519)");
        }
        return Arrays.copyOfRange(encoded, SPKI_PREFIX.length, encoded.length);
    }

    private static PublicKey publicKey(byte[] raw) throws MalformedException {
        byte[] encoded = Arrays.copyOf(SPKI_PREFIX, SPKI_PREFIX.length + RAW_BYTES);
        System.arraycopy(raw, 0, encoded, SPKI_PREFIX.length, RAW_BYTES);
        try {
            return KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(encoded));
        } catch (GeneralSecurityException e) {
            throw new MalformedException("a key is not one of Ed25519");
        }
    }
}
