package io.nearkv.core.identity;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.AccountId;
import io.nearkv.core.NamespaceId;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Pins the formats to files that must stay readable, and byte for byte what is written. The key is that of RFC 8037, appendix A. To rewrite the files after
 * a change that is meant: {@code -Dnearkv.golden.write=true}, and read the difference.
 */
class IdentityFormatTest {
    private static final String PRIVATE_KEY = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
    private static final String PUBLIC_KEY = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    private static final Environment PRODUCTION = new Environment("production");
    private static final AccountId ACCOUNT = AccountId.parse("00112233445566778899aabbccddeeff");
    private static final String PEM = "-----BEGIN PRIVATE KEY-----\n"
            + Base64.getEncoder()
                    .encodeToString(HexFormat.of()
                            .parseHex("302e020100300506032b657004220420"
                                    + HexFormat.of().formatHex(Forge.unbase64(PRIVATE_KEY))))
            + "\n-----END PRIVATE KEY-----\n";

    private final TestClock clock = new TestClock();

    private static SigningKey key(KeyRole role) throws MalformedException {
        String jwk = String.format(
                "{\"nearkv_environment\":\"production\",\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"alg\":\"EdDSA\","
                        + "\"use\":\"sig\",\"kid\":\"%s-21fe31dfa154a261\",\"x\":\"%s\",\"nearkv_role\":\"%s\","
                        + "\"nearkv_created\":1795514400}]}",
                role.label(), PUBLIC_KEY, role.label());
        return SigningKey.parse(
                PEM, Keyset.parse(jwk.getBytes(UTF_8)).signer(role).orElseThrow());
    }

    private static Keyset keyset() throws MalformedException {
        return new Keyset(
                PRODUCTION,
                List.of(
                        key(KeyRole.TOKEN).trusted(),
                        key(KeyRole.BUILD).trusted().endingAt(1_795_518_000),
                        key(KeyRole.REVOCATION).trusted()));
    }

    private static String golden(String name, String written) throws IOException {
        if (Boolean.getBoolean("nearkv.golden.write")) {
            Files.writeString(Path.of("src/test/resources/golden/identity", name), written);
        }
        try (InputStream in = IdentityFormatTest.class.getResourceAsStream("/golden/identity/" + name)) {
            assertThat(in).as("%s", name).isNotNull();
            return in == null ? "" : new String(in.readAllBytes(), UTF_8);
        }
    }

    @Test
    void the_keyset_is_as_it_was() throws Exception {
        String written = new String(keyset().toJson(), UTF_8);

        String golden = golden("keyset.jwks.json", written);

        assertThat(written).isEqualTo(golden);
        assertThat(Keyset.parse(golden.getBytes(UTF_8), "golden")).isEqualTo(keyset());
    }

    @Test
    void an_access_token_is_as_it_was() throws Exception {
        Permissions permissions = Permissions.none()
                .withEverywhere(Permission.READ)
                .with(NamespaceId.parse("ffeeddccbbaa99887766554433221100"), Permission.READ, Permission.WRITE);
        TokenClaims claims = new TokenClaims(
                TokenType.ACCESS,
                key(KeyRole.TOKEN).trusted().id(),
                PRODUCTION,
                "0123456789abcdef0123456789abcdef",
                "edge 7",
                ACCOUNT,
                permissions,
                "build-9",
                1_795_514_400,
                1_795_600_800);
        String written = key(KeyRole.TOKEN).sign(TokenType.ACCESS, claims.encode(), StrictJson.TOKENS) + "\n";

        String golden = golden("access.jwt", written);

        assertThat(written).isEqualTo(golden);
        Grant grant = TokenVerifier.of(keyset(), clock).verify(golden.strip());
        assertThat(grant.permissions()).isEqualTo(permissions);
        assertThat(grant.account()).isEqualTo(ACCOUNT);
        assertThat(grant.expiresAtEpochSecond()).isEqualTo(1_795_600_800);
    }

    @Test
    void a_build_token_is_as_it_was() throws Exception {
        TokenClaims claims = new TokenClaims(
                TokenType.BUILD,
                key(KeyRole.BUILD).trusted().id(),
                PRODUCTION,
                "0123456789abcdef0123456789abcdef",
                "node",
                null,
                Permissions.none(),
                "build-9",
                1_795_514_400,
                1_795_600_800);
        String written = key(KeyRole.BUILD).sign(TokenType.BUILD, claims.encode(), StrictJson.TOKENS) + "\n";

        String golden = golden("build.jwt", written);

        assertThat(written).isEqualTo(golden);
        assertThat(TokenVerifier.of(keyset(), clock).verifyBuild(golden.strip()))
                .isEqualTo(new BuildCredential(
                        "0123456789abcdef0123456789abcdef", "build-9", "production", 1_795_518_000));
    }

    @Test
    void a_revocation_list_is_as_it_was() throws Exception {
        RevocationList list = new RevocationList(
                PRODUCTION, 7, Map.of("0".repeat(32), 1_795_600_800L, "f".repeat(32), 1_795_600_801L));
        String written = list.sign(key(KeyRole.REVOCATION), 1_795_514_400) + "\n";

        String golden = golden("revocations.jwt", written);

        assertThat(written).isEqualTo(golden);
        assertThat(RevocationList.parse(golden.strip(), keyset(), clock.epochSecond()))
                .isEqualTo(list);
    }

    @Test
    void a_private_key_is_as_it_was() throws Exception {
        String written = key(KeyRole.TOKEN).toPem();

        String golden = golden("private-key-of-rfc-8037.pem", written);

        assertThat(written).isEqualTo(golden);
    }

    @Test
    void the_description_of_the_folder_is_as_it_was(@TempDir Path temp) throws Exception {
        Path data = temp.resolve("d");
        IdentityDirectory.initialize(data, PRODUCTION, ACCOUNT, "build-9", clock);
        Path file = data.resolve("identity/environment.json");
        String written = Files.readString(file);

        String golden = golden("environment.json", written);

        assertThat(written).isEqualTo(golden);
        Files.writeString(file, golden);
        assertThat(IdentityDirectory.open(data, clock).account()).isEqualTo(ACCOUNT);
    }
}
