package io.nearkv.core.identity;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_16LE;
import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nearkv.core.AccountId;
import io.nearkv.core.DenialReason;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.math.BigInteger;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.Signature;
import java.time.Duration;
import java.util.Arrays;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tokens that somebody made to get in. Unless stated, they carry a signature of the right key, so nothing but the named fault refuses them. */
class HostileTokenTest {
    @TempDir
    private Path data;

    private final TestClock clock = new TestClock();
    private Keyset keyset;
    private TokenVerifier verifier;
    private String token;
    private String header;
    private String payload;
    private PrivateKey key;

    @BeforeEach
    void open() {
        Path folder = data.resolve("d");
        IdentityDirectory identity = IdentityDirectory.initialize(
                folder, new Environment("production"), new AccountId(1, 2), "build-1", clock);
        keyset = identity.keyset();
        verifier = TokenVerifier.of(keyset, clock);
        token = identity.issueToken(
                new TokenRequest("app", new AccountId(1, 2), Permissions.administrator(), Duration.ofHours(1)));
        header = Forge.headerOf(token);
        payload = Forge.payloadOf(token);
        key = Forge.privateKey(folder, KeyRole.TOKEN);
    }

    private void assertRefused(String hostile) {
        assertRefused(hostile, DenialReason.TOKEN_UNKNOWN, DenialReason.ENVIRONMENT_MISMATCH);
    }

    private void assertRefused(String hostile, DenialReason... reasons) {
        assertThatThrownBy(() -> verifier.verify(hostile), "%s", hostile)
                .isInstanceOfSatisfying(KvException.class, e -> {
                    assertThat(e.code()).isEqualTo(ErrorCode.UNAUTHORIZED);
                    assertThat(requireNonNull(e.denial()).reason()).isIn((Object[]) reasons);
                });
    }

    private String replaced(String text, String old, String replacement) {
        assertThat(text).contains(old);
        return text.replace(old, replacement);
    }

    @Test
    void any_bit_flipped_anywhere_is_refused() {
        byte[] bytes = token.getBytes(UTF_8);
        int tried = 0;
        for (int i = 0; i < bytes.length; i++) {
            for (int bit = 0; bit < 8; bit++) {
                byte[] altered = bytes.clone();
                altered[i] ^= (byte) (1 << bit);
                // Expired: where the bit makes it end before now.
                assertRefused(
                        new String(altered, ISO_8859_1),
                        DenialReason.TOKEN_UNKNOWN,
                        DenialReason.ENVIRONMENT_MISMATCH,
                        DenialReason.TOKEN_EXPIRED);
                tried++;
            }
        }

        assertThat(tried).isEqualTo(token.length() * 8);
        assertThat(verifier.verify(token).subject()).isEqualTo("app");
    }

    @Test
    void any_prefix_and_any_longer_text_is_refused() {
        for (int length = 0; length < token.length(); length++) {
            assertRefused(token.substring(0, length));
        }
        for (String tail : new String[] {"A", "=", "==", ".", " ", "\n", "\0", "." + token}) {
            assertRefused(token + tail);
        }
        assertRefused(" " + token);
    }

    @Test
    void spare_bits_of_the_last_character_are_not_spare() {
        // 64 bytes make 86 characters, of which the last has four bits that mean nothing.
        char last = token.charAt(token.length() - 1);
        String alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        int same = 0;
        for (int i = 0; i < alphabet.length(); i++) {
            char other = alphabet.charAt(i);
            String altered = token.substring(0, token.length() - 1) + other;
            if (other != last && Arrays.equals(signatureOf(altered), signatureOf(token))) {
                same++;
                assertRefused(altered);
            }
        }

        assertThat(same).isEqualTo(15);
    }

    private static byte[] signatureOf(String token) {
        return Forge.unbase64(token.substring(token.lastIndexOf('.') + 1));
    }

    @Test
    void a_signature_with_the_group_order_added_is_refused() {
        byte[] signature = signatureOf(token);
        byte[] scalar = reversed(Arrays.copyOfRange(signature, 32, 64));
        BigInteger order = BigInteger.TWO.pow(252).add(new BigInteger("27742317777372353535851937790883648493"));
        byte[] sum = new BigInteger(1, scalar).add(order).toByteArray();
        byte[] fixed = new byte[32];
        System.arraycopy(sum, 0, fixed, 32 - sum.length, sum.length);
        System.arraycopy(reversed(fixed), 0, signature, 32, 32);

        assertRefused(token.substring(0, token.lastIndexOf('.') + 1) + Forge.base64(signature));
    }

    private static byte[] reversed(byte[] bytes) {
        byte[] result = new byte[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            result[i] = bytes[bytes.length - 1 - i];
        }
        return result;
    }

    @Test
    void algorithm_none_is_refused() {
        for (String none : new String[] {"none", "None", "NONE", "nOnE", ""}) {
            String input = Forge.base64(replaced(header, "EdDSA", none).getBytes(UTF_8))
                    + token.substring(token.indexOf('.'), token.lastIndexOf('.') + 1);
            assertRefused(input);
            assertRefused(input + Forge.base64(new byte[64]));
            assertRefused(input + Forge.base64(signatureOf(token)));
        }
        assertThat(verifier.signatureVerifications()).isZero(); // the library would refuse them too, but later
    }

    @Test
    void a_mac_with_the_public_key_as_its_secret_is_refused() throws GeneralSecurityException {
        byte[] publicKey = requireNonNull(keyset.find(verifier.verify(token).keyId()))
                .publicKey()
                .getEncoded();
        for (String algorithm : new String[] {"HS256", "HS512"}) {
            String input = Forge.base64(replaced(header, "EdDSA", algorithm).getBytes(UTF_8)) + "."
                    + Forge.base64(payload.getBytes(UTF_8));
            String name = "Hmac" + algorithm.replace("HS", "SHA");
            Mac mac = Mac.getInstance(name);
            mac.init(new SecretKeySpec(publicKey, name));
            assertRefused(input + "." + Forge.base64(mac.doFinal(input.getBytes(UTF_8))));
        }
    }

    @Test
    void an_rsa_signature_is_refused() throws GeneralSecurityException {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
        generator.initialize(2048);
        String input = Forge.base64(replaced(header, "EdDSA", "RS256").getBytes(UTF_8)) + "."
                + Forge.base64(payload.getBytes(UTF_8));
        Signature signature = Signature.getInstance("SHA256withRSA");
        signature.initSign(generator.generateKeyPair().getPrivate());
        signature.update(input.getBytes(UTF_8));

        assertRefused(input + "." + Forge.base64(signature.sign()));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"crit\":[\"b64\"],\"b64\":false",
                "\"crit\":[]",
                "\"b64\":false",
                "\"zip\":\"DEF\"",
                "\"cty\":\"JWT\"",
                "\"jku\":\"https://example.com/keys\"",
                "\"jwk\":{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
                "\"x5u\":\"https://example.com/cert\"",
                "\"enc\":\"A256GCM\"",
                "\"anything\":1",
                "\"alg\":\"EdDSA\"",
                "\"typ\":\"nearkv+jwt\"",
            })
    void a_header_that_asks_for_more_or_says_a_thing_twice_is_refused(String members) {
        assertRefused(Forge.signed(header.replaceFirst("\\{", "{" + members + ","), payload, key));
    }

    @ParameterizedTest
    @ValueSource(strings = {"JWT", "at+jwt", "nearkv-build+jwt", "nearkv-revocations+jwt", "NEARKV+JWT", ""})
    void another_type_is_refused(String type) {
        assertRefused(Forge.signed(replaced(header, "nearkv+jwt", type), payload, key));
    }

    @ParameterizedTest
    @ValueSource(strings = {"../../etc/passwd", "", "token-0000000000000000", "token-", "TOKEN-0000000000000000"})
    void another_key_id_is_refused(String keyId) {
        String own = verifier.verify(token).keyId();
        assertRefused(Forge.signed(replaced(header, own, keyId), payload, key));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"aud\":\"production\"",
                "\"aud\":\"staging\"",
                "\"exp\":9999999999",
                "\"perms\":[]",
                "\"acct\":\"00000000000000010000000000000002\"",
                "\"x\":1,\"x\":2",
                "\"x\":{\"y\":1,\"y\":2}",
            })
    void claims_given_twice_are_refused(String members) {
        assertRefused(Forge.signed(header, payload.replaceFirst("\\{", "{" + members + ","), key));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"iss\":\"nearkv\" -> \"iss\":\"other\"",
                "\"iss\":\"nearkv\" -> \"iss\":null",
                "\"iss\":\"nearkv\" -> \"i\":1",
                "\"aud\":\"production\" -> \"aud\":[\"production\"]",
                "\"aud\":\"production\" -> \"aud\":[\"staging\",\"production\"]",
                "\"aud\":\"production\" -> \"aud\":\"Production\"",
                "\"aud\":\"production\" -> \"aud\":\"production \"",
                "\"aud\":\"production\" -> \"aud\":\"\"",
                "\"aud\":\"production\" -> \"aud\":\"*\"",
                "\"aud\":\"production\" -> \"audience\":\"production\"",
                "\"sub\":\"app\" -> \"sub\":\"a\\nb\"",
                "\"sub\":\"app\" -> \"sub\":\"a\\u2028b\"",
                "\"sub\":\"app\" -> \"sub\":\"a\\u202eb\"",
                "\"sub\":\"app\" -> \"sub\":\"\\ud800\"",
                "\"sub\":\"app\" -> \"sub\":\" \"",
                "\"sub\":\"app\" -> \"sub\":1",
                "\"acct\":\"00000000000000010000000000000002\" -> \"acct\":\"0000000000000001000000000000000\"",
                "\"acct\":\"00000000000000010000000000000002\" -> \"acct\":\"*\"",
                "\"acct\":\"00000000000000010000000000000002\" -> \"acct\":12",
                "\"acct\":\"00000000000000010000000000000002\" -> \"x\":12",
                "\"ns\":\"*\" -> \"ns\":\"**\"",
                "\"ns\":\"*\" -> \"ns\":\"\"",
                "\"ns\":\"*\" -> \"ns\":7",
                "\"ops\":[\"admin\"] -> \"ops\":[\"root\"]",
                "\"ops\":[\"admin\"] -> \"ops\":\"admin\"",
                "\"ops\":[\"admin\"] -> \"ops\":[[\"admin\"]]",
                "\"ops\":[\"admin\"] -> \"ops\":[\"admin\",\"admin\"]",
                "\"ops\":[\"admin\"] -> \"ops\":[\"admin\",\"delete\"]",
                "\"ops\":[\"admin\"] -> \"ops\":[\"ADMIN\"]",
                "\"ops\":[\"admin\"] -> \"ops\":[null]",
                "\"ops\":[\"admin\"] -> \"op\":[]",
            })
    void claims_of_another_form_are_refused(String change) {
        String[] parts = change.split(" -> ", 2);
        assertRefused(Forge.signed(header, replaced(payload, parts[0], parts[1]), key));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"%d\"",
                "%d.0",
                "%d.5",
                "%de0",
                "-1",
                "true",
                "null",
                "[]",
                "%d0000000000000",
                "1e400",
                "999999999999999999999999999999",
                "NaN",
                "0%d",
                "+%d",
                "253402300800"
            })
    void times_of_another_form_are_refused(String form) {
        long exp = clock.epochSecond() + 3600;
        String number = String.format(form.replace("%", "%1$"), exp);
        assertRefused(Forge.signed(header, replaced(payload, "\"exp\":" + exp, "\"exp\":" + number), key));
        long nbf = clock.epochSecond();
        assertRefused(Forge.signed(
                header,
                replaced(payload, "\"nbf\":" + nbf, "\"nbf\":" + String.format(form.replace("%", "%1$"), nbf)),
                key));
    }

    @Test
    void an_end_before_the_begin_is_refused() {
        long exp = clock.epochSecond() + 3600;
        assertRefused(Forge.signed(header, replaced(payload, "\"nbf\":" + clock.epochSecond(), "\"nbf\":" + exp), key));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "null",
                "1",
                "\"x\"",
                "[]",
                "[{}]",
                "{}",
                "{",
                "{}{}",
                "{} x",
                "{'a':1}",
                "{a:1}",
                "{\"a\":1,}",
                "/**/{}",
                "{\"a\":\"\t\"}",
                "\ufeff{}"
            })
    void what_is_not_one_object_is_refused(String json) {
        assertRefused(Forge.signed(header, json, key));
        assertRefused(Forge.signed(json, payload, key));
    }

    @Test
    void something_after_the_claims_is_refused() {
        assertRefused(Forge.signed(header, payload + "{}", key));
        assertRefused(Forge.signed(header, payload + "//", key));
        assertRefused(Forge.signed(header + "]", payload, key));
    }

    @Test
    void deep_nesting_is_refused() {
        for (int depth : new int[] {9, 100, 1500}) {
            String nested = "[".repeat(depth) + "]".repeat(depth);
            assertRefused(Forge.signed(header, payload.replaceFirst("\\{", "{\"x\":" + nested + ","), key));
            assertRefused(Forge.signed(header, "[".repeat(depth), key));
            assertRefused(Forge.signed(header, "{\"a\":".repeat(depth), key));
        }
    }

    @Test
    void other_encodings_are_refused() {
        assertRefused(Forge.signed(header.getBytes(UTF_16LE), payload.getBytes(UTF_8), key));
        assertRefused(Forge.signed(header.getBytes(UTF_8), payload.getBytes(UTF_16LE), key));
        byte[] overlong = replaced(payload, "app", "a~~").getBytes(UTF_8);
        for (int i = 0; i < overlong.length; i++) {
            if (overlong[i] == '~') {
                overlong[i] = (byte) 0xC0; // C0 C0 is no character
            }
        }
        assertRefused(Forge.signed(header.getBytes(UTF_8), overlong, key));
    }

    @Test
    void padding_standard_alphabet_and_line_breaks_are_refused() {
        // The payload is chosen so that its base64 has both characters in which the alphabets differ.
        String longer = payload.replaceFirst("\\{", "{\"x\":\"???>>>~~~\",");
        String good = Forge.signed(header, longer, key);
        assertThat(verifier.verify(good).subject()).isEqualTo("app");

        assertRefused(good.replace('_', '/'));
        assertRefused(good + "=");
        assertRefused(good.replaceFirst("\\.", "=."));
        assertRefused(good.substring(0, 10) + "\n" + good.substring(10));
        assertRefused(good.substring(0, 10) + "\r\n" + good.substring(10));
    }

    @Test
    void a_huge_token_is_refused_before_it_is_looked_at() {
        String huge = Forge.signed(header, payload.replaceFirst("\\{", "{\"x\":\"" + "y".repeat(9000) + "\","), key);
        assertThat(huge).hasSizeGreaterThan(IdentityLimits.MAX_TOKEN_CHARS);

        assertThatThrownBy(() -> verifier.verify(huge)).hasMessageContaining("longer than 8192");
        assertRefused("a".repeat(50_000_000));
    }

    @Test
    void unknown_claims_are_left_to_later_versions() {
        String extended = Forge.signed(header, payload.replaceFirst("\\{", "{\"later\":{\"a\":[1]},"), key);

        assertThat(verifier.verify(extended).subject()).isEqualTo("app");
    }

    @Test
    void letters_that_are_not_ascii_are_refused() {
        assertRefused(token.replace('e', '\u0435')); // Cyrillic
        assertRefused(Forge.signed(header, replaced(payload, "app", "\\u004\ud911\udc00"), key)); // no hex digit
        assertRefused(token.replaceFirst("A", "\ud800"));
        assertRefused("\u00e9.\u00e9.\u00e9");
    }
}
