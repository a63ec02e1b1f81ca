package io.nearkv.core.identity;

import java.util.Base64;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/**
 * A signed statement taken apart (RFC 7515, compact form), before anything in it is believed. There is one way to write each statement: padding, line
 * breaks, spare bits in the last character and unknown headers are malformed, so a token cannot be altered into another text with the same meaning, and a
 * header cannot ask for another algorithm.
 *
 * @param text the whole statement
 * @param type what it claims to be
 * @param keyId the key that it claims to be signed with
 * @param payload its claims, one JSON object
 */
record CompactJwt(String text, TokenType type, String keyId, JsonNode payload) {
    private static final int SIGNATURE_BYTES = 64; // Ed25519, RFC 8032
    private static final Set<String> HEADERS = Set.of("alg", "typ", "kid");

    static CompactJwt decode(String text, int maxChars, StrictJson json) throws MalformedException {
        if (text.length() > maxChars) {
            throw new MalformedException("it is longer than " + maxChars + " characters");
        }
        int first = text.indexOf('.');
        int second = text.indexOf('.', first + 1);
        if (first < 0 || second < 0 || text.indexOf('.', second + 1) >= 0) {
            throw new MalformedException("it has not three parts with dots between");
        }
        byte[] header = base64(text.substring(0, first));
        byte[] payload = base64(text.substring(first + 1, second));
        if (base64(text.substring(second + 1)).length != SIGNATURE_BYTES) {
            throw new MalformedException("its signature has not " + SIGNATURE_BYTES + " bytes");
        }
        JsonNode headers = json.readObject(header, "its header");
        for (String name : headers.propertyNames()) {
            if (!HEADERS.contains(name)) {
                throw new MalformedException("its header has a member other than alg, typ and kid");
            }
        }
        Members members = new Members(headers, "its header");
        members.expect("alg", "EdDSA");
        TokenType type = TokenType.ofHeader(members.text("typ"));
        if (type == null) {
            throw members.malformed("typ", "a type of nearkv");
        }
        String keyId = members.text("kid");
        if (!TrustedKey.isWellFormedId(keyId)) {
            throw members.malformed("kid", "a key id");
        }
        return new CompactJwt(text, type, keyId, json.readObject(payload, "its payload"));
    }

    /** Decodes base64url in its one canonical form. */
    static byte[] base64(String text) throws MalformedException {
        byte[] bytes;
        try {
            bytes = Base64.getUrlDecoder().decode(text);
        } catch (IllegalArgumentException e) {
            throw new MalformedException("a part of it is not base64url");
        }
        // The decoder accepts padding and ignores spare bits at the end.
        if (!Base64.getUrlEncoder().withoutPadding().encodeToString(bytes).equals(text)) {
            throw new MalformedException("a part of it is not canonical base64url");
        }
        return bytes;
    }

    /** Returns the type and the key alone: the text is a secret. */
    @Override
    public String toString() {
        return "CompactJwt[" + type + ", " + keyId + "]";
    }
}
