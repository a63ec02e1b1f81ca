package io.nearkv.deploy.environment;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nearkv.core.KvException;
import io.nearkv.core.identity.IdentityDirectory;
import io.nearkv.core.identity.KeyRole;
import io.nearkv.core.identity.TokenVerifier;
import io.nearkv.deploy.document.DocumentSigner;
import io.nearkv.deploy.document.DocumentVerifier;
import io.nearkv.deploy.document.SignedDocument;
import io.nearkv.deploy.model.EnvironmentClass;
import io.nearkv.deploy.model.ServiceId;
import io.nearkv.deploy.model.Trust;
import io.nearkv.deploy.testing.MovableClock;
import io.nearkv.deploy.testing.World;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code nearkv env create} makes, and what follows. */
class EnvironmentKeysTest {
    @TempDir
    Path temp;

    private final MovableClock clock = new MovableClock();

    @BeforeEach
    void makeIdentity() {
        World.create(temp.resolve("world"), "production", clock);
    }

    private Path data() {
        return temp.resolve("world/data");
    }

    private EnvironmentKeys.Created create(Path out, EnvironmentClass environmentClass, String... operators) {
        return EnvironmentKeys.create(
                data(), out, ServiceId.of("production"), environmentClass, List.of(operators), clock);
    }

    @Test
    void everything_is_made_and_only_the_owner_can_read_it() throws Exception {
        EnvironmentKeys.Created created =
                create(temp.resolve("deep/out"), EnvironmentClass.PRODUCTION, "alice", "bob", "carol");

        assertThat(created.rootKeys()).hasSize(3);
        assertThat(created.breakGlassKeys()).containsOnlyKeys("alice", "bob", "carol");
        try (Stream<Path> walk = Files.walk(temp.resolve("deep/out"))) {
            List<Path> all = walk.toList();
            assertThat(all).hasSize(1 + 2 + 1 + 1 + 3 + 3);
            for (Path path : all) {
                assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path)))
                        .as("%s", path)
                        .isEqualTo(Files.isDirectory(path) ? "rwx------" : "rw-------");
            }
        }
        SignedDocument trust = SignedDocument.parse(Files.readAllBytes(created.trust()));
        new DocumentVerifier(clock).verifyTrust(trust, null);
        assertThat(trust.trust()).isEqualTo(created.content());
        assertThat(trust.trust().breakGlassThreshold()).isEqualTo(2);
        assertThat(trust.trust().rootThreshold()).isEqualTo(2);
        assertThat(trust.trust().owners().values()).containsExactlyInAnyOrder("alice", "bob", "carol");
        assertThat(trust.trust().keyset())
                .isEqualTo(IdentityDirectory.open(data(), clock).keyset());
        String routeKey = DocumentSigner.read(created.routeKey()).keyId();
        assertThat(trust.trust().keyIds(KeyRole.ROUTE)).contains(routeKey);
    }

    @Test
    void no_private_key_of_them_is_left_in_the_data_folder() throws Exception {
        create(temp.resolve("out"), EnvironmentClass.PRODUCTION, "alice", "bob");

        try (Stream<Path> keys = Files.list(data().resolve("identity/keys"))) {
            assertThat(keys.map(key -> String.valueOf(key.getFileName())).toList())
                    .hasSize(3)
                    .allMatch(name -> name.matches("(token|build|revocation)-[0-9a-f]{16}\\.pem"));
        }
    }

    @Test
    void the_identity_goes_on_to_work_with_the_new_keys_in_its_keyset() throws Exception {
        IdentityDirectory identity = IdentityDirectory.open(data(), clock);
        String token = Files.readString(identity.adminTokenFile()).strip();
        EnvironmentKeys.Created created = create(temp.resolve("out"), EnvironmentClass.PRODUCTION, "alice", "bob");

        identity.rotate(KeyRole.BUILD, Duration.ofDays(1));
        String build = identity.issueBuildToken("p7k3mq2vd9xab", Duration.ofDays(7));

        assertThat(TokenVerifier.of(created.content().keyset(), clock)
                        .verify(token)
                        .subject())
                .isEqualTo("administrator");
        assertThat(TokenVerifier.of(identity.keyset(), clock).verifyBuild(build).buildId())
                .isEqualTo("p7k3mq2vd9xab");
        assertThat(identity.keyset().entries())
                .extracting(entry -> entry.role())
                .contains(KeyRole.ROUTE, KeyRole.BREAK_GLASS);
    }

    @Test
    void too_few_operators_or_odd_names_are_refused() {
        assertThatThrownBy(() -> create(temp.resolve("out"), EnvironmentClass.PRODUCTION, "alice"))
                .isInstanceOf(KvException.class)
                .hasMessageContaining("at least 2");
        assertThatThrownBy(() -> create(temp.resolve("out"), EnvironmentClass.PRODUCTION, "alice", "alice"))
                .isInstanceOf(KvException.class);
        assertThatThrownBy(() -> create(temp.resolve("out"), EnvironmentClass.PRODUCTION, "alice", "../bob"))
                .isInstanceOf(KvException.class);
        assertThat(temp.resolve("out")).doesNotExist();
        assertThat(create(temp.resolve("out"), EnvironmentClass.STAGING, "alice")
                        .content()
                        .breakGlassThreshold())
                .isEqualTo(1);
    }

    @Test
    void nothing_is_written_over_and_no_other_environment_is_served() throws Exception {
        Files.createDirectories(temp.resolve("out"));

        assertThatThrownBy(() -> create(temp.resolve("out"), EnvironmentClass.PRODUCTION, "alice", "bob"))
                .isInstanceOf(KvException.class)
                .hasMessageContaining("exists already");
        assertThatThrownBy(() -> EnvironmentKeys.create(
                        data(),
                        temp.resolve("other"),
                        ServiceId.of("staging"),
                        EnvironmentClass.STAGING,
                        List.of("alice"),
                        clock))
                .isInstanceOf(KvException.class)
                .hasMessageContaining("is of environment 'production'");
    }

    @Test
    void the_next_trust_follows_and_names_the_keys_of_now() throws Exception {
        EnvironmentKeys.Created created = create(temp.resolve("out"), EnvironmentClass.PRODUCTION, "alice", "bob");
        List<DocumentSigner> roots =
                created.rootKeys().stream().map(DocumentSigner::read).toList();
        String former = DocumentSigner.read(created.routeKey()).keyId();

        byte[] next = EnvironmentKeys.rotateRouteKey(
                data(), created.content(), roots.subList(1, 3), temp.resolve("route-2.pem"), Duration.ZERO, clock);

        SignedDocument document = SignedDocument.parse(next);
        new DocumentVerifier(clock).verifyTrust(document, created.content());
        Trust trust = document.trust();
        assertThat(trust.serial()).isEqualTo(2);
        assertThat(trust.keyIds(KeyRole.ROUTE))
                .containsExactly(
                        DocumentSigner.read(temp.resolve("route-2.pem")).keyId())
                .doesNotContain(former);
        assertThat(trust.owners()).isEqualTo(created.content().owners());
    }

    @Test
    void a_person_who_leaves_is_no_owner_in_the_next_trust() throws Exception {
        EnvironmentKeys.Created created =
                create(temp.resolve("out"), EnvironmentClass.PRODUCTION, "alice", "bob", "carol");
        List<DocumentSigner> roots =
                created.rootKeys().stream().map(DocumentSigner::read).toList();
        IdentityDirectory identity = IdentityDirectory.open(data(), clock);
        String carol = DocumentSigner.read(
                        requireNonNull(created.breakGlassKeys().get("carol")))
                .keyId();

        identity.endKey(carol, Duration.ZERO);
        byte[] next = EnvironmentKeys.nextTrust(created.content(), identity.keyset(), Map.of(), roots);

        assertThat(SignedDocument.parse(next).trust().owners().values()).containsExactlyInAnyOrder("alice", "bob");
    }
}
