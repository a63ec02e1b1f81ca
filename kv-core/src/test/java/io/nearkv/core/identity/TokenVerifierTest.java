package io.nearkv.core.identity;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nearkv.core.AccountId;
import io.nearkv.core.DenialReason;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.NamespaceId;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenVerifierTest {
    private static final AccountId ACCOUNT = new AccountId(1, 2);
    private static final NamespaceId CONFIG = new NamespaceId(3, 4);

    @TempDir
    private Path temp;

    private final TestClock clock = new TestClock();
    private IdentityDirectory staging;
    private IdentityDirectory production;
    private TokenVerifier verifier;

    @BeforeEach
    void open() {
        production = IdentityDirectory.initialize(
                temp.resolve("production"), new Environment("production"), ACCOUNT, "build-1", clock);
        staging = IdentityDirectory.initialize(
                temp.resolve("staging"), new Environment("staging"), ACCOUNT, "build-1", clock);
        verifier = TokenVerifier.of(production.keyset(), clock);
    }

    private static KvException.Denial denialOf(Runnable call) {
        KvException[] thrown = new KvException[1];
        assertThatThrownBy(call::run)
                .isInstanceOfSatisfying(KvException.class, e -> thrown[0] = e)
                .hasNoSuppressedExceptions();
        assertThat(thrown[0].code()).isEqualTo(ErrorCode.UNAUTHORIZED);
        return requireNonNull(thrown[0].denial());
    }

    private static TokenRequest request(Permissions permissions) {
        return new TokenRequest("app \u00e9", ACCOUNT, permissions, Duration.ofHours(1));
    }

    @Test
    void a_token_grants_what_was_asked_for() {
        Permissions permissions = Permissions.none()
                .withEverywhere(Permission.READ)
                .with(CONFIG, Permission.WRITE)
                .with(new NamespaceId(-1, -2), Permission.ADMIN);
        TokenRequest request = new TokenRequest("edge 7", ACCOUNT, permissions, Duration.ofHours(1), "build-9");

        Grant grant = verifier.verify(production.issueToken(request));

        assertThat(grant.subject()).isEqualTo("edge 7");
        assertThat(grant.account()).isEqualTo(ACCOUNT);
        assertThat(grant.permissions()).isEqualTo(permissions);
        assertThat(grant.buildId()).isEqualTo("build-9");
        assertThat(grant.environment()).isEqualTo("production");
        assertThat(grant.expiresAtEpochSecond()).isEqualTo(clock.epochSecond() + 3600);
        assertThat(grant.tokenId()).matches("[0-9a-f]{32}");
    }

    @Test
    void a_token_for_the_most_namespaces_is_within_the_size_limit() {
        Permissions permissions =
                Permissions.none().withEverywhere(Permission.READ, Permission.WRITE, Permission.ADMIN);
        for (int i = 0; i < Permissions.MAX_NAMESPACES; i++) {
            permissions =
                    permissions.with(new NamespaceId(-1, -1 - i), Permission.READ, Permission.WRITE, Permission.ADMIN);
        }
        TokenRequest request = new TokenRequest(
                "\u65e5".repeat(IdentityLimits.MAX_SUBJECT_CHARS),
                ACCOUNT,
                permissions,
                IdentityLimits.MAX_LIFETIME,
                "b".repeat(IdentityLimits.MAX_BUILD_ID_CHARS));

        String token = production.issueToken(request);

        assertThat(token).hasSizeLessThan(IdentityLimits.MAX_TOKEN_CHARS);
        assertThat(verifier.verify(token).permissions()).isEqualTo(permissions);
    }

    @Test
    void two_tokens_of_one_request_have_different_ids() {
        TokenRequest request = request(Permissions.administrator());

        assertThat(verifier.verify(production.issueToken(request)).tokenId())
                .isNotEqualTo(verifier.verify(production.issueToken(request)).tokenId());
    }

    @Test
    void a_token_of_another_environment_is_told_so_though_its_key_is_unknown() {
        String token = staging.issueToken(request(Permissions.administrator()));

        KvException.Denial denial = denialOf(() -> verifier.verify(token));

        assertThat(denial.reason()).isEqualTo(DenialReason.ENVIRONMENT_MISMATCH);
        assertThat(denial.expectedEnvironment()).isEqualTo("production");
        assertThat(denial.presentedEnvironment()).isEqualTo("staging");
        assertThat(verifier.signatureVerifications()).isZero();
    }

    @Test
    void a_token_of_this_environment_from_foreign_keys_is_unknown() {
        IdentityDirectory impostor = IdentityDirectory.initialize(
                temp.resolve("impostor"), new Environment("production"), ACCOUNT, "build-1", clock);

        KvException.Denial denial =
                denialOf(() -> verifier.verify(impostor.issueToken(request(Permissions.administrator()))));

        assertThat(denial.reason()).isEqualTo(DenialReason.TOKEN_UNKNOWN);
        assertThat(verifier.signatureVerifications()).isZero();
    }

    @Test
    void a_token_ends_at_the_second_of_its_expiry_also_where_it_is_remembered() {
        String token = production.issueToken(request(Permissions.administrator()));
        clock.advance(Duration.ofSeconds(3599));
        assertThat(verifier.verify(token).tokenId()).isNotEmpty();

        clock.advance(Duration.ofSeconds(1));

        assertThat(denialOf(() -> verifier.verify(token)).reason()).isEqualTo(DenialReason.TOKEN_EXPIRED);
        assertThat(verifier.signatureVerifications()).isEqualTo(1);
    }

    @Test
    void a_clock_may_be_thirty_seconds_behind_that_of_the_issuer() {
        clock.advance(Duration.ofSeconds(31));
        String early = production.issueToken(request(Permissions.administrator()));
        clock.advance(Duration.ofSeconds(-31));

        assertThat(denialOf(() -> verifier.verify(early)).reason()).isEqualTo(DenialReason.TOKEN_EXPIRED);

        clock.advance(Duration.ofSeconds(1));
        assertThat(verifier.verify(early).tokenId()).isNotEmpty();
    }

    @Test
    void no_token_is_told_where_to_get_one() {
        assertThatThrownBy(() -> verifier.verify(""))
                .hasMessageContaining("no token was presented")
                .hasMessageContaining("nearkv token create");
    }

    @Test
    void a_build_token_does_not_pass_for_a_callers_nor_the_other_way_round() {
        String build = production.issueBuildToken("build-2", Duration.ofHours(1));
        String access = production.issueToken(
                new TokenRequest("x", ACCOUNT, Permissions.administrator(), Duration.ofHours(1), "build-2"));

        assertThat(denialOf(() -> verifier.verify(build)).reason()).isEqualTo(DenialReason.TOKEN_UNKNOWN);
        assertThat(denialOf(() -> verifier.verifyBuild(access)).reason()).isEqualTo(DenialReason.TOKEN_UNKNOWN);
        assertThat(verifier.verifyBuild(build).buildId()).isEqualTo("build-2");
    }

    @Test
    void what_a_key_of_another_role_signed_counts_as_unsigned() {
        String access = production.issueToken(request(Permissions.administrator()));
        String build = production.issueBuildToken("build-2", Duration.ofHours(1));
        Path data = temp.resolve("production");

        for (KeyRole wrong : new KeyRole[] {KeyRole.BUILD, KeyRole.REVOCATION}) {
            String header = header("nearkv+jwt", Forge.keyId(data, wrong));
            String forged = Forge.signed(header, Forge.payloadOf(access), Forge.privateKey(data, wrong));
            assertThat(denialOf(() -> verifier.verify(forged)).reason()).isEqualTo(DenialReason.TOKEN_UNKNOWN);
        }
        for (KeyRole wrong : new KeyRole[] {KeyRole.TOKEN, KeyRole.REVOCATION}) {
            String header = header("nearkv-build+jwt", Forge.keyId(data, wrong));
            String forged = Forge.signed(header, Forge.payloadOf(build), Forge.privateKey(data, wrong));
            assertThat(denialOf(() -> verifier.verifyBuild(forged)).reason()).isEqualTo(DenialReason.TOKEN_UNKNOWN);
        }
    }

    @Test
    void a_statement_of_one_kind_signed_by_a_key_for_the_other_passes_for_neither() {
        String access = production.issueToken(
                new TokenRequest("x", ACCOUNT, Permissions.administrator(), Duration.ofHours(1), "build-2"));
        String build = production.issueBuildToken("build-2", Duration.ofHours(1));
        Path data = temp.resolve("production");
        String buildByTokenKey = Forge.signed(
                header("nearkv-build+jwt", Forge.keyId(data, KeyRole.TOKEN)),
                Forge.payloadOf(build),
                Forge.privateKey(data, KeyRole.TOKEN));
        String accessByBuildKey = Forge.signed(
                header("nearkv+jwt", Forge.keyId(data, KeyRole.BUILD)),
                Forge.payloadOf(access),
                Forge.privateKey(data, KeyRole.BUILD));

        for (String token : new String[] {buildByTokenKey, accessByBuildKey}) {
            assertThat(denialOf(() -> verifier.verify(token)).reason()).isEqualTo(DenialReason.TOKEN_UNKNOWN);
            assertThat(denialOf(() -> verifier.verifyBuild(token)).reason()).isEqualTo(DenialReason.TOKEN_UNKNOWN);
        }
    }

    @Test
    void a_good_forgery_by_the_right_key_passes_so_the_other_forgeries_fail_for_their_own_reason() {
        String access = production.issueToken(request(Permissions.administrator()));
        Path data = temp.resolve("production");
        String header = header("nearkv+jwt", Forge.keyId(data, KeyRole.TOKEN));

        String forged = Forge.signed(header, Forge.payloadOf(access), Forge.privateKey(data, KeyRole.TOKEN));

        assertThat(verifier.verify(forged).subject()).isEqualTo("app \u00e9");
    }

    private static String header(String type, String keyId) {
        return "{\"alg\":\"EdDSA\",\"typ\":\"" + type + "\",\"kid\":\"" + keyId + "\"}";
    }

    @Test
    void a_token_shown_again_costs_no_signature() {
        String token = production.issueToken(request(Permissions.administrator()));
        Grant first = verifier.verify(token);

        for (int i = 0; i < 100; i++) {
            assertThat(verifier.verify(token)).isSameAs(first);
        }

        assertThat(verifier.signatureVerifications()).isEqualTo(1);
    }

    @Test
    void a_refused_token_is_not_remembered() {
        String token = production.issueToken(request(Permissions.administrator()));
        int place = token.length() - 20; // within the signature
        String altered =
                token.substring(0, place) + (token.charAt(place) == 'A' ? 'B' : 'A') + token.substring(place + 1);

        for (int i = 0; i < 3; i++) {
            assertThat(denialOf(() -> verifier.verify(altered)).reason()).isEqualTo(DenialReason.TOKEN_UNKNOWN);
        }

        assertThat(verifier.cachedVerdicts()).isZero();
    }

    @Test
    void messages_and_texts_never_hold_the_token() {
        String token = production.issueToken(request(Permissions.administrator()));
        String foreign = staging.issueToken(request(Permissions.administrator()));
        String payload = token.substring(token.indexOf('.') + 1, token.lastIndexOf('.'));

        assertThat(verifier.verify(token).toString()).doesNotContain(payload).doesNotContain(token);
        assertThatThrownBy(() -> verifier.verify(foreign))
                .message()
                .doesNotContain(foreign.substring(foreign.indexOf('.') + 1, foreign.lastIndexOf('.')));
        assertThatThrownBy(() -> verifier.verify(token + "secret\nforged log line"))
                .message()
                .doesNotContain("secret");
    }
}
