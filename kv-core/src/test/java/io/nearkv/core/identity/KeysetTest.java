package io.nearkv.core.identity;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class KeysetTest {
    private static final String KEY = """
            {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "token-21fe31dfa154a261",
             "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "nearkv_role": "token", "nearkv_created": 1}\
            """;
    private static final String GOOD = "{\"nearkv_environment\": \"production\", \"keys\": [" + KEY + "]}";

    private static Keyset parse(String json) {
        return Keyset.parse(json.getBytes(UTF_8), "test");
    }

    @Test
    void the_key_of_rfc_8037_is_read() {
        Keyset keyset = parse(GOOD);

        assertThat(keyset.environment()).isEqualTo(new Environment("production"));
        assertThat(keyset.keys()).singleElement().satisfies(key -> {
            assertThat(key.role()).isEqualTo(KeyRole.TOKEN);
            assertThat(key.notAfterEpochSecond()).isEqualTo(TrustedKey.NEVER);
        });
    }

    @Test
    void what_is_written_is_read_back() {
        Keyset keyset = new Keyset(
                new Environment("a-1"),
                List.of(
                        SigningKey.generate(KeyRole.TOKEN, 5).trusted().endingAt(77),
                        SigningKey.generate(KeyRole.BUILD, 6).trusted(),
                        SigningKey.generate(KeyRole.REVOCATION, 7).trusted()));

        assertThat(Keyset.parse(keyset.toJson(), "test")).isEqualTo(keyset);
        assertThat(new String(keyset.toJson(), UTF_8)).doesNotContain("\"d\"");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"kty\": \"OKP\" -> \"kty\": \"RSA\"",
                "\"crv\": \"Ed25519\" -> \"crv\": \"Ed448\"",
                "\"alg\": \"EdDSA\" -> \"alg\": \"none\"",
                "\"use\": \"sig\" -> \"use\": \"enc\"",
                "token-21fe -> token-21ff",
                "\"x\": \"11q -> \"x\": \"21q",
                "\"x\": \"11q -> \"d\": \"AAAA\", \"x\": \"11q",
                "HURo\" -> HURp\"",
                "\"nearkv_role\": \"token\" -> \"nearkv_role\": \"build\"",
                "\"nearkv_role\": \"token\" -> \"nearkv_role\": \"root\"",
                "\"nearkv_created\": 1 -> \"nearkv_created\": \"1\"",
                "\"nearkv_created\": 1 -> \"nearkv_created\": 1, \"nearkv_not_after\": null",
                "\"nearkv_created\": 1 -> \"nearkv_created\": 1, \"nearkv_created\": 2",
                "\"nearkv_environment\": \"production\" -> \"nearkv_environment\": \"Production\"",
                "\"nearkv_environment\": \"production\" -> \"environment\": \"production\"",
                "\"keys\": -> \"key\":",
                "]} -> ]}{}",
                "]} -> ]",
            })
    void a_damaged_keyset_is_refused_by_name(String change) {
        String[] parts = change.split(" -> ", 2);
        assertThat(GOOD).contains(parts[0]);

        assertThatThrownBy(() -> parse(GOOD.replace(parts[0], parts[1])))
                .isInstanceOfSatisfying(
                        KvException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INTERNAL))
                .hasMessageStartingWith("keyset test cannot be used");
    }

    @Test
    void a_key_given_twice_and_too_many_keys_are_refused() {
        assertThatThrownBy(() -> parse(GOOD.replace(KEY, KEY + "," + KEY))).hasMessageContaining("twice");
        assertThatThrownBy(() -> parse(GOOD.replace(KEY, (KEY + ",").repeat(64) + KEY)))
                .hasMessageContaining("more than 64");
        assertThatThrownBy(() -> parse(GOOD + " ".repeat(70_000))).hasMessageContaining("longer than 65536");
    }

    @Test
    void the_youngest_key_without_an_end_signs() {
        TrustedKey old = SigningKey.generate(KeyRole.TOKEN, 1).trusted();
        TrustedKey young = SigningKey.generate(KeyRole.TOKEN, 2).trusted();
        TrustedKey ended = SigningKey.generate(KeyRole.TOKEN, 3).trusted().endingAt(9);
        Keyset keyset = new Keyset(new Environment("a"), List.of(young, ended, old));

        assertThat(keyset.signer(KeyRole.TOKEN)).contains(young);
        assertThat(keyset.signer(KeyRole.BUILD)).isEmpty();
    }
}
