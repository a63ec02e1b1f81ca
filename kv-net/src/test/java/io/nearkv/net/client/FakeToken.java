package io.nearkv.net.client;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.nearkv.core.AccountId;
import java.util.Base64;

/** Tokens that nobody verifies. */
final class FakeToken {
    static final AccountId ACCOUNT = new AccountId(0x0123456789abcdefL, 0x0fedcba987654321L);

    private FakeToken() {}

    /** Returns the token of an environment. */
    static String of(String environment) {
        return ofPayload("{\"iss\":\"nearkv\",\"aud\":\"" + environment + "\",\"acct\":\"" + ACCOUNT + "\"}");
    }

    /** Returns the token with this payload. */
    static String ofPayload(String json) {
        return encode("{\"alg\":\"EdDSA\"}") + "." + encode(json) + "." + encode("signature");
    }

    private static String encode(String text) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(text.getBytes(UTF_8));
    }
}
