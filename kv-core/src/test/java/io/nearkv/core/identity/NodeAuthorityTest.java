package io.nearkv.core.identity;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.AccountId;
import io.nearkv.core.DenialReason;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.KvException.Denial;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.awaitility.core.ConditionFactory;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NodeAuthorityTest {
    private static final AccountId ACCOUNT = new AccountId(1, 2);
    private static final Environment PRODUCTION = new Environment("production");

    @TempDir
    private Path temp;

    private final TestClock clock = new TestClock();
    private final List<NodeAuthority> opened = new ArrayList<>();
    private IdentityDirectory identity;
    private AuthorityFiles files;

    @BeforeEach
    void open() {
        identity = IdentityDirectory.initialize(temp.resolve("p"), PRODUCTION, ACCOUNT, "build-1", clock);
        files = identity.files();
    }

    @AfterEach
    void close() {
        opened.forEach(NodeAuthority::close);
    }

    private NodeAuthority node() {
        return node(PRODUCTION, null);
    }

    private NodeAuthority node(Environment environment, @Nullable Denial foreignData) {
        NodeAuthority node = NodeAuthority.open(environment, files, foreignData, clock);
        opened.add(node);
        return node;
    }

    private IdentityDirectory other(String environment) {
        return IdentityDirectory.initialize(
                temp.resolve("other-" + environment), new Environment(environment), ACCOUNT, "build-1", clock);
    }

    private String token() {
        return identity.issueToken(new TokenRequest("app", ACCOUNT, Permissions.administrator(), Duration.ofHours(1)));
    }

    private static Denial denialOf(@Nullable KvException refusal) {
        assertThat(requireNonNull(refusal).code()).isEqualTo(ErrorCode.UNAUTHORIZED);
        return requireNonNull(refusal.denial());
    }

    private static DenialReason reasonOf(Runnable call) {
        DenialReason[] reason = new DenialReason[1];
        assertThatThrownBy(call::run)
                .isInstanceOfSatisfying(
                        KvException.class, e -> reason[0] = denialOf(e).reason());
        return reason[0];
    }

    /** The watcher looks every 5 ms; the limit is for machines that have better things to do. */
    private static ConditionFactory patiently() {
        return await().pollInterval(Duration.ofMillis(5)).atMost(Duration.ofMinutes(1));
    }

    private static void write(Path file, String text) {
        try {
            OwnerOnlyFiles.write(file, text.getBytes(UTF_8));
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    // ---- the node's own guard

    @Test
    void a_node_with_a_good_build_token_serves() throws IOException {
        NodeAuthority node = node();

        assertThat(node.refusal()).isNull();
        assertThat(node.environment()).isEqualTo("production");
        assertThat(node.buildToken())
                .isEqualTo(Files.readString(files.buildToken()).strip());
        assertThat(node.authenticate(token()).epoch()).isEqualTo(node.epoch());
    }

    @Test
    void a_node_without_a_build_token_refuses_everything() throws IOException {
        Files.delete(files.buildToken());

        NodeAuthority node = node();

        assertThat(denialOf(node.refusal()))
                .isEqualTo(new Denial(DenialReason.BUILD_NOT_AUTHORIZED, "production", null, null));
        assertThat(node.buildId()).isEqualTo("unknown");
        assertThat(node.buildToken()).isEmpty();
        assertThat(requireNonNull(node.refusal()).getMessage())
                .contains("no build token")
                .doesNotContain(temp.toString());
    }

    @Test
    void a_build_of_another_environment_is_refused_and_both_are_named() {
        write(files.buildToken(), other("staging").issueBuildToken("build-7", Duration.ofHours(1)));

        NodeAuthority node = node();

        assertThat(denialOf(node.refusal()))
                .isEqualTo(new Denial(DenialReason.BUILD_NOT_AUTHORIZED, "production", "staging", "build-7"));
        assertThat(node.refusal()).hasMessageContainingAll("build-7", "'production'", "'staging'");
        assertThat(node.buildId()).isEqualTo("build-7");
    }

    @Test
    void a_build_token_of_foreign_keys_or_garbage_or_a_callers_is_refused() {
        List<String> bad = List.of(
                IdentityDirectory.initialize(temp.resolve("impostor"), PRODUCTION, ACCOUNT, "build-1", clock)
                        .issueBuildToken("build-1", Duration.ofHours(1)),
                "garbage",
                "",
                "x".repeat(100_000),
                token());
        for (String text : bad) {
            write(files.buildToken(), text);
            NodeAuthority node = node();
            assertThat(denialOf(node.refusal()).reason()).isEqualTo(DenialReason.BUILD_NOT_AUTHORIZED);
            assertThat(node.problems()).hasSize(1);
        }
    }

    @Test
    void what_is_not_a_build_token_is_not_shown_to_peers() {
        write(files.buildToken(), token());
        assertThat(node().buildToken()).isEmpty();

        write(files.buildToken(), "root:x:0:0");
        assertThat(node().buildToken()).isEmpty();
    }

    @Test
    void a_build_token_that_lapses_stops_the_node_and_a_new_one_starts_it_again() {
        identity.installBuildToken("build-1", Duration.ofHours(1));
        NodeAuthority node = node();
        assertThat(node.refusal()).isNull();
        long before = node.epoch();

        clock.advance(Duration.ofHours(1));
        assertThat(denialOf(node.refusal()).reason()).isEqualTo(DenialReason.BUILD_NOT_AUTHORIZED);
        assertThat(node.reloadIfChanged()).isTrue();
        assertThat(node.epoch()).isGreaterThan(before);
        assertThat(node.refusal()).hasMessageContaining("expired");
        assertThat(node.reloadIfChanged()).isFalse();

        identity.installBuildToken("build-1", Duration.ofHours(1));
        assertThat(node.reloadIfChanged()).isTrue();
        assertThat(node.refusal()).isNull();
    }

    @Test
    void a_build_token_whose_time_comes_later_starts_the_node_by_itself() {
        clock.advance(Duration.ofMinutes(5));
        identity.installBuildToken("build-1", Duration.ofHours(1));
        clock.advance(Duration.ofMinutes(-5));
        NodeAuthority node = node();
        assertThat(node.refusal()).isNotNull();

        clock.advance(Duration.ofMinutes(5));
        node.reloadIfChanged();

        assertThat(node.refusal()).isNull();
    }

    @Test
    void a_revoked_build_token_stops_the_node() {
        NodeAuthority node = node();
        identity.revoke(identity.inspect(node.buildToken()).tokenId(), clock.epochSecond() + 3600);

        node.reload();

        assertThat(denialOf(node.refusal()).reason()).isEqualTo(DenialReason.BUILD_NOT_AUTHORIZED);
        assertThat(node.refusal()).hasMessageContaining("revoked");
    }

    @Test
    void a_bad_build_token_put_in_place_of_a_good_one_is_reported_and_not_used() throws IOException {
        NodeAuthority node = node();
        String good = node.buildToken();
        long epoch = node.epoch();
        for (String bad : List.of("garbage", other("staging").issueBuildToken("b", Duration.ofHours(1)), "")) {
            write(files.buildToken(), bad);
            assertThat(node.reload()).isFalse();
            assertThat(node.refusal()).isNull();
            assertThat(node.buildToken()).isEqualTo(good);
            assertThat(node.problems()).hasSize(1);
        }
        Files.delete(files.buildToken());
        assertThat(node.reload()).isFalse();
        assertThat(node.refusal()).isNull();
        assertThat(node.epoch()).isEqualTo(epoch);
    }

    @Test
    void keys_of_another_environment_refuse_everything_and_change_nothing() {
        NodeAuthority node = node(new Environment("staging"), null);

        assertThat(denialOf(node.refusal()))
                .isEqualTo(new Denial(DenialReason.ENVIRONMENT_MISMATCH, "staging", "production", "build-1"));
        assertThat(reasonOf(() -> node.authenticate(token()))).isEqualTo(DenialReason.ENVIRONMENT_MISMATCH);
        assertThat(reasonOf(() -> node.authenticate("x"))).isEqualTo(DenialReason.ENVIRONMENT_MISMATCH);
    }

    @Test
    void data_of_another_environment_refuses_everything() {
        Denial found = new Denial(DenialReason.ENVIRONMENT_MISMATCH, "production", "staging", null);

        NodeAuthority node = node(PRODUCTION, found);

        assertThat(denialOf(node.refusal()))
                .isEqualTo(new Denial(DenialReason.ENVIRONMENT_MISMATCH, "production", "staging", "build-1"));
    }

    @Test
    void a_node_does_not_start_on_a_damaged_keyset_or_revocation_list() throws IOException {
        String list = Files.readString(files.revocations());
        write(files.revocations(), list.replace('a', 'b'));
        assertThatThrownBy(this::node)
                .isInstanceOfSatisfying(
                        KvException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INTERNAL))
                .hasMessageContaining("revocations.jwt");
        write(files.revocations(), list);
        write(files.keyset(), "{}");
        assertThatThrownBy(this::node).hasMessageContaining("keyset.jwks.json");
        Files.delete(files.keyset());
        assertThatThrownBy(this::node).hasMessageContaining("keyset.jwks.json");
    }

    @Test
    void an_older_revocation_list_put_in_place_while_the_node_is_down_stops_the_start() throws IOException {
        String token = token();
        String older = Files.readString(files.revocations());
        identity.revoke(identity.inspect(token).tokenId(), clock.instant().getEpochSecond() + 3600);
        String newest = Files.readString(files.revocations());
        node().close();
        write(files.revocations(), older);

        assertThatThrownBy(this::node)
                .isInstanceOfSatisfying(
                        KvException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INTERNAL))
                .hasMessageContaining("revocations.jwt")
                .hasMessageContaining("serial 1")
                .hasMessageContaining("serial 2");
        assertThatThrownBy(() -> identity.revoke("0".repeat(32), 1))
                .as("the next list would go on from the older one")
                .hasMessageContaining("serial 2");
        Files.delete(files.revocations());
        assertThatThrownBy(this::node).hasMessageContaining("missing").hasMessageContaining("serial 2");

        write(files.revocations(), newest);
        assertThat(reasonOf(() -> node().authenticate(token))).isEqualTo(DenialReason.TOKEN_REVOKED);
    }

    @Test
    void a_list_that_a_running_node_has_taken_is_remembered_after_a_restart() throws IOException {
        String token = token();
        NodeAuthority node = node();
        String older = Files.readString(files.revocations());
        identity.revoke(identity.inspect(token).tokenId(), clock.instant().getEpochSecond() + 3600);
        assertThat(node.reload()).isTrue();
        node.close();
        write(files.revocations(), older);

        assertThatThrownBy(this::node).hasMessageContaining("serial 2");
    }

    @Test
    void a_damaged_memory_of_the_serial_stops_the_start_and_a_missing_one_is_made_anew() throws IOException {
        node().close();
        Path mark = RevocationMark.fileOf(files.revocations());
        String good = Files.readString(mark);
        for (String bad : List.of("", "{}", good.replace("production", "staging"), good.replace("1", "0"))) {
            write(mark, bad);
            assertThatThrownBy(this::node).hasMessageContaining("revocations.seen");
        }
        Files.delete(mark);

        node().close();

        assertThat(mark).hasContent(good);
        assertThat(Files.getPosixFilePermissions(mark)).isEqualTo(PosixFilePermissions.fromString("rw-------"));
    }

    @Test
    void a_memory_of_the_serial_that_cannot_be_written_is_reported_and_tried_again() throws IOException {
        Path mark = RevocationMark.fileOf(files.revocations());
        Path obstacle = mark.resolveSibling("." + mark.getFileName() + ".new");
        Files.createDirectories(obstacle.resolve("in the way"));

        NodeAuthority node = node();

        assertThat(node.refusal()).isNull();
        assertThat(node.problems()).singleElement().asString().contains("revocation list cannot be written");
        Files.delete(obstacle.resolve("in the way"));
        boolean unused = node.reloadIfChanged();
        assertThat(node.problems()).isEmpty();
        assertThat(mark).exists();
    }

    @Test
    void a_node_on_data_of_another_environment_writes_no_memory_of_the_serial() {
        NodeAuthority node =
                node(PRODUCTION, new Denial(DenialReason.ENVIRONMENT_MISMATCH, "production", "staging", null));

        assertThat(node.refusal()).isNotNull();
        assertThat(RevocationMark.fileOf(files.revocations())).doesNotExist();
    }

    @Test
    void a_node_without_a_revocation_list_starts_and_says_so() throws IOException {
        Files.delete(files.revocations());

        NodeAuthority node = node();

        assertThat(node.refusal()).isNull();
        assertThat(node.problems()).singleElement().asString().contains("revocation list is missing");
    }

    // ---- callers

    @Test
    void a_revoked_token_is_refused_although_it_was_good_before() {
        NodeAuthority node = node();
        String token = token();
        Grant grant = node.authenticate(token);
        long before = node.epoch();

        identity.revoke(grant.tokenId(), grant.expiresAtEpochSecond());
        assertThat(node.reloadIfChanged()).isTrue();

        assertThat(node.epoch()).isGreaterThan(before);
        assertThat(reasonOf(() -> node.authenticate(token))).isEqualTo(DenialReason.TOKEN_REVOKED);
        assertThat(reasonOf(() -> node.recheck(grant))).isEqualTo(DenialReason.TOKEN_REVOKED);
    }

    @Test
    void an_older_list_does_not_bring_a_revoked_token_back() throws IOException {
        NodeAuthority node = node();
        String token = token();
        String older = Files.readString(files.revocations());
        identity.revoke(node.authenticate(token).tokenId(), clock.epochSecond() + 3600);
        node.reload();

        write(files.revocations(), older);
        assertThat(node.reload()).isFalse();

        assertThat(reasonOf(() -> node.authenticate(token))).isEqualTo(DenialReason.TOKEN_REVOKED);
        assertThat(node.problems()).singleElement().asString().contains("serial 1, kept the one with 2");
    }

    @Test
    void a_list_that_is_garbage_foreign_or_forged_leaves_the_last_good_one() throws IOException {
        NodeAuthority node = node();
        String token = token();
        identity.revoke(node.authenticate(token).tokenId(), clock.epochSecond() + 3600);
        node.reload();
        String good = Files.readString(files.revocations()).strip();
        String header = Forge.headerOf(good);
        String emptied = Forge.payloadOf(good)
                .replaceAll("\"serial\":\\d+", "\"serial\":99")
                .replaceAll("\"revoked\":\\{.*?}", "\"revoked\":{}");
        Path folder = temp.resolve("p");
        List<String> bad = List.of(
                "garbage",
                "",
                "x".repeat(2_000_000),
                good.substring(0, good.length() - 5),
                Files.readString(other("staging").files().revocations()),
                Files.readString(IdentityDirectory.initialize(temp.resolve("i"), PRODUCTION, ACCOUNT, "b", clock)
                        .files()
                        .revocations()),
                Forge.signed(header, emptied, Forge.privateKey(folder, KeyRole.TOKEN)),
                Forge.signed(
                        header.replaceAll("revocation-[0-9a-f]{16}", Forge.keyId(folder, KeyRole.TOKEN)),
                        emptied,
                        Forge.privateKey(folder, KeyRole.TOKEN)),
                token);
        for (String text : bad) {
            write(files.revocations(), text);
            assertThat(node.reload()).isFalse();
            assertThat(reasonOf(() -> node.authenticate(token))).isEqualTo(DenialReason.TOKEN_REVOKED);
            assertThat(node.problems()).singleElement().asString().startsWith("revocation list");
        }
        // The same forgery by the right key is taken, so the others failed for their own reasons.
        write(files.revocations(), Forge.signed(header, emptied, Forge.privateKey(folder, KeyRole.REVOCATION)));
        assertThat(node.reload()).isTrue();
        assertThat(node.authenticate(token).subject()).isEqualTo("app");
    }

    @Test
    void a_keyset_that_is_garbage_or_foreign_leaves_the_last_good_one() throws IOException {
        NodeAuthority node = node();
        String token = token();
        String staging = Files.readString(other("staging").files().keyset());
        for (String bad : List.of("", "{", "[]", "x".repeat(100_000), staging)) {
            write(files.keyset(), bad);
            assertThat(node.reload()).isFalse();
            assertThat(node.problems()).singleElement().asString().startsWith("keyset");
            assertThat(node.authenticate(token).subject()).isEqualTo("app");
        }
        Files.delete(files.keyset());
        assertThat(node.reload()).isFalse();
        assertThat(node.authenticate(token).subject()).isEqualTo("app");
        assertThat(node.refusal()).isNull();
    }

    @Test
    void a_rotation_reaches_connections_through_the_epoch() {
        NodeAuthority node = node();
        Grant grant = node.authenticate(token());
        identity.rotate(KeyRole.TOKEN, Duration.ofMinutes(10));
        node.reload();

        assertThat(grant.epoch()).isNotEqualTo(node.epoch());
        Grant rechecked = node.recheck(grant);

        assertThat(rechecked.epoch()).isEqualTo(node.epoch());
        assertThat(rechecked.expiresAtEpochSecond()).isEqualTo(clock.epochSecond() + 600);
        assertThat(node.expired(rechecked)).isFalse();
        clock.advance(Duration.ofMinutes(10));
        assertThat(node.expired(rechecked)).isTrue();
        assertThat(reasonOf(() -> node.recheck(rechecked))).isEqualTo(DenialReason.TOKEN_UNKNOWN);
    }

    @Test
    void without_overlap_connections_of_the_old_key_are_refused_at_once() {
        NodeAuthority node = node();
        Grant grant = node.authenticate(token());
        identity.rotate(KeyRole.TOKEN, Duration.ZERO);
        node.reload();

        assertThat(reasonOf(() -> node.recheck(grant))).isEqualTo(DenialReason.TOKEN_UNKNOWN);
        assertThat(node.refusal()).isNull();
    }

    @Test
    void a_grant_expires_with_its_token() {
        NodeAuthority node = node();
        Grant grant = node.authenticate(token());
        clock.advance(Duration.ofSeconds(3599));
        assertThat(node.expired(grant)).isFalse();

        clock.advance(Duration.ofSeconds(1));

        assertThat(node.expired(grant)).isTrue();
        assertThat(reasonOf(() -> node.recheck(grant))).isEqualTo(DenialReason.TOKEN_EXPIRED);
    }

    @Test
    void what_changed_forgets_the_verdicts_and_what_did_not_keeps_them() {
        NodeAuthority node = node();
        String token = token();
        node.authenticate(token);
        long verified = node.signatureVerifications();

        node.authenticate(token);
        assertThat(node.reloadIfChanged()).isFalse();
        node.authenticate(token);
        assertThat(node.signatureVerifications()).isEqualTo(verified);

        identity.revoke("0".repeat(32), clock.epochSecond() + 10);
        node.reload();
        long reloaded = node.signatureVerifications();
        node.authenticate(token);
        assertThat(node.signatureVerifications()).isEqualTo(reloaded + 1);
    }

    @Test
    void the_watcher_sees_a_revocation_and_survives_garbage() throws IOException {
        NodeAuthority node = node();
        String token = token();
        String tokenId = node.authenticate(token).tokenId();
        String keyset = Files.readString(files.keyset());
        identity.revoke(tokenId, clock.epochSecond() + 3600);
        String list = Files.readString(files.revocations());
        write(files.revocations(), "garbage");
        node.startWatching(Duration.ofMillis(5));
        node.startWatching();

        patiently().until(() -> node.problems().size() == 1);
        write(files.keyset(), "garbage");
        patiently().until(() -> node.problems().size() == 2);
        Files.delete(files.revocations());
        Files.createDirectory(files.revocations());
        patiently().until(() -> node.problems().toString().contains("cannot be read"));
        assertThat(node.authenticate(token).subject()).isEqualTo("app");
        Files.delete(files.revocations());

        write(files.keyset(), keyset);
        write(files.revocations(), list);
        patiently()
                .untilAsserted(() ->
                        assertThat(reasonOf(() -> node.authenticate(token))).isEqualTo(DenialReason.TOKEN_REVOKED));
        patiently().until(() -> node.problems().isEmpty()); // told just after the verdicts change
    }

    @Test
    void closing_twice_is_fine_and_leaves_the_answers() {
        NodeAuthority node = node();
        node.startWatching();

        node.close();
        node.close();

        assertThat(node.refusal()).isNull();
    }
}
