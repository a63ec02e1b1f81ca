package io.nearkv.core.identity;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.util.List;

/**
 * Nothing that is presented makes the decoders throw anything but their own refusal, and what they take means what they say it means. A normal run tries the
 * seeds in {@code TokenFuzzTestInputs}; with {@code JAZZER_FUZZ=1} the fuzzer goes on from them, one target at a time.
 */
class TokenFuzzTest {
    private static final TestClock CLOCK = new TestClock();
    private static final SigningKey KEY = SigningKey.generate(KeyRole.TOKEN, 1);
    private static final TokenVerifier VERIFIER =
            TokenVerifier.of(new Keyset(new Environment("production"), List.of(KEY.trusted())), CLOCK);
    private static final String HEADER =
            "{\"alg\":\"EdDSA\",\"typ\":\"%s\",\"kid\":\"" + KEY.trusted().id() + "\"}";

    /** The text as it comes from a socket. Nobody but the key's owner can make one that is accepted. */
    @FuzzTest
    void any_text_is_refused(byte[] data) {
        KvException refusal = null;
        try {
            VERIFIER.verify(new String(data, ISO_8859_1));
        } catch (KvException e) {
            refusal = e;
        }
        assertThat(requireNonNull(refusal).code()).isEqualTo(ErrorCode.UNAUTHORIZED);
        assertThat(refusal.denial()).isNotNull();
    }

    /** The claims behind a good header. What is taken and written again is the same. */
    @FuzzTest
    void any_claims_are_taken_whole_or_refused(byte[] data) {
        for (TokenType type : TokenType.values()) {
            TokenClaims claims;
            try {
                claims = TokenClaims.decode(unsigned(type, data));
            } catch (MalformedException e) {
                continue;
            }
            try {
                assertThat(TokenClaims.decode(unsigned(type, StrictJson.TOKENS.write(claims.encode()))))
                        .isEqualTo(claims);
            } catch (MalformedException e) {
                throw new AssertionError("cannot read what was written", e);
            }
        }
    }

    private static String unsigned(TokenType type, byte[] payload) {
        return Forge.base64(String.format(HEADER, type.header()).getBytes(UTF_8)) + "." + Forge.base64(payload) + "."
                + Forge.base64(new byte[64]);
    }

    /** The keyset as it lies on the disk. */
    @FuzzTest
    void any_keyset_is_taken_whole_or_refused(byte[] data) {
        Keyset keyset;
        try {
            keyset = Keyset.parse(data);
        } catch (MalformedException e) {
            return;
        }
        assertThat(Keyset.parse(keyset.toJson(), "test")).isEqualTo(keyset);
    }
}
