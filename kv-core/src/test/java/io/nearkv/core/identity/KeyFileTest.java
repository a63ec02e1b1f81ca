package io.nearkv.core.identity;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nearkv.core.AccountId;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.Signature;
import java.time.Duration;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Private keys that lie outside of a data folder, and their public halves in its keyset. */
class KeyFileTest {
    private static final AccountId ACCOUNT = AccountId.parse("00112233445566778899aabbccddeeff");

    @TempDir
    Path temp;

    private final TestClock clock = new TestClock();

    private Path write(String name, String content) throws IOException {
        Path file = temp.resolve(name);
        Files.writeString(file, content);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
        return file;
    }

    @Test
    void what_was_written_is_read_again_and_signs_for_its_public_half() throws Exception {
        Path file = temp.resolve("route.pem");
        KeyFile made = KeyFile.create(file, "route");

        KeyFile read = KeyFile.read(file);

        assertThat(read.id()).isEqualTo(made.id()).matches("route-[0-9a-f]{16}");
        assertThat(read.label()).isEqualTo("route");
        assertThat(read.publicKey()).isEqualTo(made.publicKey());
        Signature signature = Signature.getInstance("Ed25519");
        signature.initVerify(read.publicKey());
        signature.update("words".getBytes(UTF_8));
        assertThat(signature.verify(read.sign("words".getBytes(UTF_8)))).isTrue();
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                .isEqualTo("rw-------");
        assertThat(read.toString()).doesNotContain("PRIVATE");
    }

    /** RFC 8032, section 7.1, test 1: the public half is computed from the private one as everybody does. */
    @Test
    void the_public_half_of_a_known_key_is_the_known_one() throws Exception {
        byte[] pkcs8 = HexFormat.of()
                .parseHex(
                        "302e020100300506032b6570042204209d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
        String pem = "-----BEGIN PRIVATE KEY-----\n" + Base64.getEncoder().encodeToString(pkcs8)
                + "\n-----END PRIVATE KEY-----\n";
        byte[] known = HexFormat.of().parseHex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");

        KeyFile key = KeyFile.read(write(Ed25519Keys.idOf("root", known) + ".pem", pem));

        assertThat(Ed25519Keys.rawBytes(key.publicKey())).isEqualTo(known);
        assertThat(Ed25519Keys.publicKey(known)).isEqualTo(key.publicKey());
        assertThat(HexFormat.of().formatHex(key.sign(new byte[0])))
                .isEqualTo(
                        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
                                + "d25bf5f0595bbe24655141438e7a100b");
    }

    @Test
    void a_file_that_does_not_say_what_it_is_for_or_says_it_wrongly_is_refused() throws IOException {
        KeyFile key = KeyFile.create(temp.resolve("route.pem"), "route");
        String content = Files.readString(temp.resolve("route.pem"));
        String pem = content.substring(content.indexOf('\n') + 1);

        assertThat(KeyFile.read(write(key.id() + ".pem", pem)).id()).isEqualTo(key.id());
        assertThatThrownBy(() -> KeyFile.read(write("key.pem", pem))).hasMessageContaining("what it is for");
        for (String bad : List.of(
                "nearkv key route-0123456789abcdef\n" + pem,
                "nearkv key \n" + pem,
                "nearkv key " + key.id() + "\n",
                "nearkv key " + key.id() + "\n" + pem.replace("M", "N"),
                "nearkv key " + key.id() + "\n" + pem.substring(0, 60),
                "hello",
                "")) {
            assertThatThrownBy(() -> KeyFile.read(write("bad.pem", bad)))
                    .isInstanceOfSatisfying(
                            KvException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_REQUEST));
        }
    }

    @Test
    void a_key_that_others_can_read_is_refused_and_none_is_written_over() throws IOException {
        Path file = temp.resolve("route.pem");
        KeyFile.create(file, "route");

        assertThatThrownBy(() -> KeyFile.create(file, "route")).hasMessageContaining("exists already");
        assertThatThrownBy(() -> KeyFile.create(temp.resolve("x.pem"), "Route 1"))
                .isInstanceOf(IllegalArgumentException.class);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
        assertThatThrownBy(() -> KeyFile.read(file)).hasMessageContaining("chmod 600");
        assertThatThrownBy(() -> KeyFile.read(temp.resolve("none.pem")))
                .isInstanceOfSatisfying(
                        KvException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.NOT_FOUND));
    }

    @Test
    void the_first_start_makes_no_key_of_routes_or_people() {
        IdentityDirectory identity = initialize();

        assertThat(identity.keyset().entries())
                .extracting(Keyset.Entry::role)
                .containsExactly(KeyRole.TOKEN, KeyRole.BUILD, KeyRole.REVOCATION);
    }

    private IdentityDirectory initialize() {
        return IdentityDirectory.initialize(
                temp.resolve("data"), new Environment("production"), ACCOUNT, "build-1", clock);
    }

    @Test
    void a_key_comes_into_the_keyset_with_its_role_and_leaves_it_again() throws IOException {
        IdentityDirectory identity = initialize();

        KeyFile route = identity.createKey(KeyRole.ROUTE, temp.resolve("route.pem"));
        KeyFile person = identity.createKey(KeyRole.BREAK_GLASS, temp.resolve("alice.pem"));

        Keyset keyset = identity.keyset();
        assertThat(keyset.entry(route.id()))
                .isEqualTo(new Keyset.Entry(
                        route.id(), KeyRole.ROUTE, route.publicKey(), clock.epochSecond(), Long.MAX_VALUE));
        assertThat(person.id()).startsWith("breakglass-");
        assertThat(Keyset.parse(keyset.toJson(), "test")).isEqualTo(keyset);
        assertThat(keyset.entry("route-0123456789abcdef")).isNull();

        identity.endKey(route.id(), Duration.ofHours(1));
        identity.endKey(person.id(), Duration.ZERO);

        Keyset.Entry ending = identity.keyset().entry(route.id());
        assertThat(ending == null ? 0 : ending.notAfterEpochSecond()).isEqualTo(clock.epochSecond() + 3_600);
        assertThat(identity.keyset().entry(person.id())).isNull();
        assertThatThrownBy(() -> identity.endKey(person.id(), Duration.ZERO)).isInstanceOf(KvException.class);
    }

    @Test
    void keys_of_the_node_are_made_and_ended_in_their_own_way_alone() {
        IdentityDirectory identity = initialize();
        String token = identity.keyset().entries().get(0).id();

        assertThatThrownBy(() -> identity.createKey(KeyRole.TOKEN, temp.resolve("token.pem")))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> identity.endKey(token, Duration.ZERO)).isInstanceOf(KvException.class);
        assertThatThrownBy(() -> identity.rotate(KeyRole.ROUTE, Duration.ZERO)).isInstanceOf(KvException.class);
        assertThat(temp.resolve("token.pem")).doesNotExist();
    }

    @Test
    void a_token_signed_with_a_route_key_is_good_for_nothing() throws Exception {
        IdentityDirectory identity = initialize();
        KeyFile route = identity.createKey(KeyRole.ROUTE, temp.resolve("route.pem"));
        String good = Files.readString(identity.adminTokenFile()).strip();
        String header = "{\"alg\":\"EdDSA\",\"typ\":\"nearkv+jwt\",\"kid\":\"" + route.id() + "\"}";
        String signed = Forge.base64(header.getBytes(UTF_8)) + good.substring(good.indexOf('.'), good.lastIndexOf('.'));
        String forged = signed + "." + Forge.base64(route.sign(signed.getBytes(UTF_8)));

        assertThatThrownBy(() -> TokenVerifier.of(identity.keyset(), clock).verify(forged))
                .isInstanceOfSatisfying(
                        KvException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.UNAUTHORIZED));
    }
}
