package io.nearkv.core.identity;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nearkv.core.AccountId;
import io.nearkv.core.DenialReason;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class IdentityDirectoryTest {
    private static final AccountId ACCOUNT = new AccountId(1, 2);

    @TempDir
    private Path temp;

    private final TestClock clock = new TestClock();
    private Path data;
    private IdentityDirectory identity;

    @BeforeEach
    void open() {
        data = temp.resolve("data");
        identity = IdentityDirectory.initialize(data, new Environment("production"), ACCOUNT, "build-1", clock);
    }

    private String issue(Duration lifetime) {
        return identity.issueToken(new TokenRequest("app", ACCOUNT, Permissions.administrator(), lifetime));
    }

    private Map<String, String> contents() throws IOException {
        Map<String, String> contents = new TreeMap<>();
        try (Stream<Path> walk = Files.walk(data)) {
            for (Path file : walk.filter(Files::isRegularFile).toList()) {
                contents.put(data.relativize(file).toString(), Files.readString(file));
            }
        }
        return contents;
    }

    @Test
    void the_first_start_makes_all_that_a_node_and_its_administrator_need() throws IOException {
        String token = Files.readString(identity.adminTokenFile()).strip();
        Grant grant = TokenVerifier.of(identity.keyset(), clock).verify(token);

        assertThat(grant.permissions()).isEqualTo(Permissions.administrator());
        assertThat(grant.account()).isEqualTo(ACCOUNT);
        assertThat(grant.expiresAtEpochSecond() - clock.epochSecond())
                .isEqualTo(Duration.ofDays(3653).toSeconds());
        try (NodeAuthority node = NodeAuthority.open(new Environment("production"), identity.files(), null, clock)) {
            assertThat(node.refusal()).isNull();
            assertThat(node.buildId()).isEqualTo("build-1");
            assertThat(node.problems()).isEmpty();
        }
    }

    @Test
    void nobody_but_the_owner_can_read_any_of_it() throws IOException {
        identity.rotate(KeyRole.TOKEN, Duration.ZERO);
        try (Stream<Path> walk = Files.walk(data)) {
            for (Path path : walk.toList()) {
                assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path)))
                        .as("%s", path)
                        .isEqualTo(Files.isDirectory(path) ? "rwx------" : "rw-------");
            }
        }
    }

    @Test
    void reopening_gives_the_same_identity_and_writes_nothing() throws IOException {
        Map<String, String> before = contents();

        IdentityDirectory reopened = IdentityDirectory.open(data, clock);

        assertThat(reopened.environment()).isEqualTo(new Environment("production"));
        assertThat(reopened.account()).isEqualTo(ACCOUNT);
        assertThat(reopened.keyset()).isEqualTo(identity.keyset());
        assertThat(contents()).isEqualTo(before);
    }

    @Test
    void a_folder_with_an_identity_is_not_given_another() throws IOException {
        Map<String, String> before = contents();

        assertThatThrownBy(
                        () -> IdentityDirectory.initialize(data, new Environment("staging"), ACCOUNT, "build-1", clock))
                .hasMessageContaining("has an identity already");

        assertThat(contents()).isEqualTo(before);
    }

    @Test
    void a_first_start_that_was_cut_short_is_begun_again() throws IOException {
        Path other = temp.resolve("other");
        Files.createDirectories(other.resolve("identity.new/keys"));
        Files.writeString(other.resolve("identity.new/keys/token-0.pem"), "half");
        Files.writeString(other.resolve(".admin.token.new"), "half");

        IdentityDirectory fresh =
                IdentityDirectory.initialize(other, new Environment("staging"), ACCOUNT, "build-1", clock);

        assertThat(fresh.inspect(Files.readString(fresh.adminTokenFile()).strip())
                        .refusal())
                .isNull();
        assertThat(other.resolve("identity.new")).doesNotExist();
        assertThat(other.resolve("identity/keys/token-0.pem")).doesNotExist();
    }

    @Test
    void a_folder_without_an_identity_is_told_how_to_get_one() {
        assertThat(IdentityDirectory.exists(temp)).isFalse();
        assertThatThrownBy(() -> IdentityDirectory.open(temp, clock))
                .isInstanceOfSatisfying(
                        KvException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.NOT_FOUND))
                .hasMessageContaining("nearkv serve");
    }

    @Test
    void damage_and_later_formats_are_refused_by_file_name() throws IOException {
        Path file = data.resolve("identity/environment.json");
        String good = Files.readString(file);
        for (String bad : List.of(
                "",
                good.substring(20),
                good.replace("\"format\" : 1", "\"format\" : 2"),
                good.replace("production", "Production"),
                good.replace("\"account\"", "\"tenant\""))) {
            Files.writeString(file, bad);
            assertThatThrownBy(() -> IdentityDirectory.open(data, clock))
                    .isInstanceOfSatisfying(
                            KvException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INTERNAL))
                    .hasMessageContaining("environment.json");
        }
        Files.delete(file);
        assertThatThrownBy(() -> IdentityDirectory.open(data, clock)).hasMessageContaining("environment.json");
    }

    @Test
    void after_a_rotation_old_tokens_are_good_until_the_overlap_ends() throws IOException {
        String old = issue(Duration.ofDays(30));

        String keyId = identity.rotate(KeyRole.TOKEN, Duration.ofHours(1));

        String young = issue(Duration.ofDays(30));
        TokenVerifier verifier = TokenVerifier.of(identity.keyset(), clock);
        assertThat(verifier.verify(young).keyId()).isEqualTo(keyId);
        assertThat(verifier.verify(old).expiresAtEpochSecond()).isEqualTo(clock.epochSecond() + 3600);
        String administrator = Files.readString(identity.adminTokenFile()).strip();
        assertThat(verifier.verify(administrator).keyId()).isEqualTo(keyId);

        clock.advance(Duration.ofSeconds(3599));
        assertThat(verifier.verify(old).subject()).isEqualTo("app");

        clock.advance(Duration.ofSeconds(1));
        for (TokenVerifier one : List.of(verifier, TokenVerifier.of(identity.keyset(), clock))) {
            assertThatThrownBy(() -> one.verify(old))
                    .isInstanceOfSatisfying(
                            KvException.class, e -> assertThat(reasonOf(e)).isEqualTo(DenialReason.TOKEN_UNKNOWN))
                    .hasMessageContaining("rotated out");
            assertThat(one.verify(young).subject()).isEqualTo("app");
            assertThat(one.verify(administrator).subject()).isEqualTo("administrator");
        }
    }

    private static DenialReason reasonOf(KvException e) {
        assertThat(e.denial()).isNotNull();
        return requireNonNull(e.denial()).reason();
    }

    @Test
    void a_rotation_deletes_the_old_private_key_and_a_later_one_drops_what_has_ended() throws IOException {
        String first = Forge.keyId(data, KeyRole.TOKEN);

        String second = identity.rotate(KeyRole.TOKEN, Duration.ofHours(1));
        assertThat(data.resolve("identity/keys/" + first + ".pem")).doesNotExist();
        assertThat(data.resolve("identity/keys/" + second + ".pem")).exists();
        assertThat(identity.keyset().keys()).hasSize(4);

        clock.advance(Duration.ofHours(2));
        identity.rotate(KeyRole.TOKEN, Duration.ofHours(1));
        assertThat(identity.keyset().keys())
                .hasSize(4)
                .extracting(TrustedKey::id)
                .doesNotContain(first);
    }

    @Test
    void two_rotations_within_one_second_leave_one_signer() {
        identity.rotate(KeyRole.TOKEN, Duration.ofHours(1));
        String last = identity.rotate(KeyRole.TOKEN, Duration.ofHours(1));

        assertThat(identity.keyset().signer(KeyRole.TOKEN)).map(TrustedKey::id).contains(last);
        assertThat(identity.inspect(issue(Duration.ofHours(1))).keyId()).isEqualTo(last);
    }

    @Test
    void rotating_the_build_key_signs_the_folders_build_token_anew() {
        identity.rotate(KeyRole.BUILD, Duration.ZERO);

        try (NodeAuthority node = NodeAuthority.open(new Environment("production"), identity.files(), null, clock)) {
            assertThat(node.refusal()).isNull();
            assertThat(node.buildId()).isEqualTo("build-1");
        }
    }

    @Test
    void rotating_the_revocation_key_keeps_what_was_revoked() {
        String token = issue(Duration.ofHours(1));
        identity.revoke(identity.inspect(token).tokenId(), clock.epochSecond() + 3600);

        identity.rotate(KeyRole.REVOCATION, Duration.ZERO);

        assertThat(reasonOf(requireNonNull(identity.inspect(token).refusal()))).isEqualTo(DenialReason.TOKEN_REVOKED);
    }

    @Test
    void a_rotation_does_not_sign_what_somebody_put_in_place_of_the_administrator_token() throws IOException {
        IdentityDirectory other = IdentityDirectory.initialize(
                temp.resolve("other"), new Environment("production"), ACCOUNT, "build-1", clock);
        String planted =
                other.issueToken(new TokenRequest("mallory", ACCOUNT, Permissions.administrator(), Duration.ofDays(1)));
        Files.writeString(identity.adminTokenFile(), planted);

        identity.rotate(KeyRole.TOKEN, Duration.ofHours(1));

        assertThat(Files.readString(identity.adminTokenFile())).isEqualTo(planted);
    }

    @Test
    void a_rotation_that_is_cut_short_leaves_everything_valid_and_can_be_done_again() throws IOException {
        String old = issue(Duration.ofDays(1));
        Files.delete(identity.adminTokenFile());
        Files.createDirectory(identity.adminTokenFile()); // reading it fails, in the middle of the rotation

        assertThatThrownBy(() -> identity.rotate(KeyRole.TOKEN, Duration.ZERO))
                .isInstanceOfSatisfying(
                        KvException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INTERNAL))
                .hasMessageContaining("cannot be changed");

        String between = issue(Duration.ofDays(1));
        assertThat(identity.inspect(old).refusal()).isNull();
        assertThat(identity.inspect(between).refusal()).isNull();
        assertThat(identity.inspect(between).keyId())
                .isNotEqualTo(identity.inspect(old).keyId());

        Files.delete(identity.adminTokenFile());
        String last = identity.rotate(KeyRole.TOKEN, Duration.ZERO);
        assertThat(identity.inspect(old).refusal()).isNotNull();
        assertThat(identity.inspect(between).refusal()).isNotNull();
        assertThat(identity.inspect(issue(Duration.ofDays(1))).keyId()).isEqualTo(last);
        try (Stream<Path> keys = Files.list(data.resolve("identity/keys"))) {
            assertThat(keys).hasSize(3);
        }
    }

    @Test
    void a_keyset_or_list_that_is_gone_is_named() throws IOException {
        Files.delete(identity.files().revocations());
        assertThatThrownBy(() -> identity.revoke("0".repeat(32), 1)).hasMessageContaining("revocations.jwt");
        Files.delete(identity.files().keyset());
        assertThatThrownBy(identity::keyset).isInstanceOf(KvException.class).hasMessageContaining("keyset.jwks.json");
    }

    @Test
    void a_rotation_does_not_bring_back_an_administrator_token_that_was_moved_away() throws IOException {
        Files.delete(identity.adminTokenFile());

        identity.rotate(KeyRole.TOKEN, Duration.ofHours(1));

        assertThat(identity.adminTokenFile()).doesNotExist();
    }

    @Test
    void a_revoked_token_leaves_the_list_when_it_would_have_expired() throws Exception {
        String revoked = identity.inspect(issue(Duration.ofHours(1))).tokenId();
        identity.revoke(revoked, clock.epochSecond() + 3600);
        assertThat(list().expiryByTokenId()).containsOnlyKeys(revoked);
        assertThat(list().serial()).isEqualTo(2);

        clock.advance(Duration.ofHours(2));
        identity.revoke("f".repeat(32), clock.epochSecond() + 10);

        assertThat(list().expiryByTokenId()).containsOnlyKeys("f".repeat(32));
        assertThat(list().serial()).isEqualTo(3);
    }

    private RevocationList list() throws Exception {
        return RevocationList.parse(
                Files.readString(identity.files().revocations()).strip(), identity.keyset(), clock.epochSecond());
    }

    @Test
    void changes_at_the_same_time_do_not_lose_each_other() throws Exception {
        int tokens = 40;
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            List<Future<?>> running = new ArrayList<>();
            for (int i = 0; i < tokens; i++) {
                String id = String.format("%032x", i);
                running.add(threads.submit(
                        () -> IdentityDirectory.open(data, clock).revoke(id, clock.epochSecond() + 3600)));
            }
            for (Future<?> future : running) {
                future.get();
            }
        } finally {
            threads.shutdownNow();
        }

        assertThat(list().expiryByTokenId()).hasSize(tokens);
        assertThat(list().serial()).isEqualTo(tokens + 1);
    }

    @Test
    void a_damaged_revocation_list_is_not_overwritten_by_the_next_revocation() throws IOException {
        Files.writeString(identity.files().revocations(), "garbage");

        assertThatThrownBy(() -> identity.revoke("0".repeat(32), clock.epochSecond() + 10))
                .hasMessageContaining("revocations.jwt");

        assertThat(identity.files().revocations()).hasContent("garbage");
    }

    @Test
    void a_private_key_that_others_can_read_is_not_used() throws IOException {
        Files.setPosixFilePermissions(
                Forge.privateKeyFile(data, KeyRole.TOKEN), PosixFilePermissions.fromString("rw-r-----"));

        assertThatThrownBy(() -> issue(Duration.ofHours(1))).hasMessageContaining("chmod 600");
    }

    @Test
    void a_private_key_that_is_damaged_foreign_or_gone_is_named() throws IOException {
        Path file = Forge.privateKeyFile(data, KeyRole.TOKEN);
        String good = Files.readString(file);
        String foreign = SigningKey.generate(KeyRole.TOKEN, 1).toPem();
        for (String bad : List.of("", "x", good.replace("MC4", "MC5"), good.substring(0, 60), foreign)) {
            Files.writeString(file, bad);
            assertThatThrownBy(() -> issue(Duration.ofHours(1)))
                    .isInstanceOf(KvException.class)
                    .hasMessageContaining(String.valueOf(file.getFileName()));
        }
        Files.delete(file);
        assertThatThrownBy(() -> issue(Duration.ofHours(1))).hasMessageContaining("is not here");
    }

    @Test
    void a_new_build_gets_its_own_build_token() {
        identity.installBuildToken("build-2", Duration.ofDays(1));

        try (NodeAuthority node = NodeAuthority.open(new Environment("production"), identity.files(), null, clock)) {
            assertThat(node.buildId()).isEqualTo("build-2");
            assertThat(node.refusal()).isNull();
        }
    }

    @Test
    void an_inspection_says_what_a_token_says_and_whether_to_believe_it() {
        String token = issue(Duration.ofHours(1));
        TokenInspection good = identity.inspect(token);
        assertThat(good.kind()).isEqualTo("access");
        assertThat(good.environment()).isEqualTo("production");
        assertThat(good.account()).isEqualTo(ACCOUNT);
        assertThat(good.notBeforeEpochSecond()).isEqualTo(clock.epochSecond());
        assertThat(good.checked()).isTrue();
        assertThat(good.refusal()).isNull();

        TokenInspection unchecked = TokenInspection.of(token);
        assertThat(unchecked.checked()).isFalse();
        assertThat(unchecked.subject()).isEqualTo("app");

        TokenInspection build = identity.inspect(identity.issueBuildToken("b", Duration.ofHours(1)));
        assertThat(build.kind()).isEqualTo("build");
        assertThat(build.buildId()).isEqualTo("b");
        assertThat(build.refusal()).isNull();

        clock.advance(Duration.ofHours(1));
        assertThat(reasonOf(requireNonNull(identity.inspect(token).refusal()))).isEqualTo(DenialReason.TOKEN_EXPIRED);
        assertThatThrownBy(() -> identity.inspect("garbage"))
                .isInstanceOfSatisfying(
                        KvException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_REQUEST));
    }

    @Test
    void wrong_arguments_are_refused_at_once() {
        Permissions all = Permissions.administrator();
        assertThatIllegalArgumentException().isThrownBy(() -> new TokenRequest("", ACCOUNT, all, Duration.ofHours(1)));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new TokenRequest("a\nb", ACCOUNT, all, Duration.ofHours(1)));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new TokenRequest("a", ACCOUNT, all, Duration.ZERO))
                .withMessage("lifetime: PT0S (expected: PT1S to PT87672H)");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new TokenRequest("a", ACCOUNT, all, Duration.ofDays(3654)));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new TokenRequest("a", ACCOUNT, all, Duration.ofHours(1), "a b"));
        assertThatIllegalArgumentException().isThrownBy(() -> identity.revoke("x", 1));
        assertThatIllegalArgumentException().isThrownBy(() -> identity.rotate(KeyRole.TOKEN, Duration.ofSeconds(-1)));
        assertThatIllegalArgumentException().isThrownBy(() -> identity.issueBuildToken("", Duration.ofHours(1)));
        assertThatIllegalArgumentException().isThrownBy(() -> new Environment("Production"));
    }

    @Test
    void the_keyset_cannot_grow_without_bound() {
        assertThatThrownBy(() -> {
                    for (int i = 0; i < IdentityLimits.MAX_KEYS; i++) {
                        identity.rotate(KeyRole.TOKEN, Duration.ofDays(1));
                    }
                })
                .hasMessageContaining("at most 64");
        assertThat(identity.inspect(issue(Duration.ofHours(1))).refusal()).isNull();
    }
}
