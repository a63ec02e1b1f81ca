package io.nearkv.deploy.document;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.identity.Ed25519Keys;
import io.nearkv.core.identity.KeyFile;
import io.nearkv.core.identity.Keyset;
import io.nearkv.deploy.document.StoredDocuments.Version;
import io.nearkv.deploy.model.BuildRef;
import io.nearkv.deploy.model.Bytes;
import io.nearkv.deploy.model.EnvironmentClass;
import io.nearkv.deploy.model.Ledger;
import io.nearkv.deploy.model.Manifest;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.model.RouteEntry;
import io.nearkv.deploy.model.RouteKind;
import io.nearkv.deploy.model.ServiceId;
import io.nearkv.deploy.model.Trust;
import io.nearkv.deploy.store.AuditLog;
import io.nearkv.deploy.testing.MovableClock;
import io.nearkv.deploy.testing.World;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Pins the formats to files that must stay readable, and byte for byte what is written: hex, with what it means in the comments before it. The keys are in {@code golden/deploy/keys}. To
 * rewrite the files after a change that is meant: {@code -Dnearkv.golden.write=true}, and read the difference.
 */
class GoldenDocumentsTest {
    private static final Path GOLDEN = Path.of("src/test/resources/golden/deploy");
    private static final boolean WRITE = Boolean.getBoolean("nearkv.golden.write");
    private static final ServiceId SERVICE = ServiceId.of("production");
    private static final List<String> KEYS = List.of(
            "root/root-1.pem",
            "root/root-2.pem",
            "root/root-3.pem",
            "route.pem",
            "break-glass/alice.pem",
            "break-glass/bob.pem");

    @TempDir
    Path temp;

    private final MovableClock clock = new MovableClock();
    private final DocumentVerifier verifier = new DocumentVerifier(clock);

    @BeforeEach
    void copyKeys() throws IOException {
        if (WRITE && Files.notExists(GOLDEN.resolve("keys"))) {
            makeKeys();
        }
        // A checkout does not keep that only the owner may read them, and a key that others can read is refused.
        for (String key : names()) {
            Path copy = temp.resolve(key);
            Files.createDirectories(requireNonNull(copy.getParent()));
            Files.copy(GOLDEN.resolve("keys").resolve(key), copy);
            Files.setPosixFilePermissions(copy, PosixFilePermissions.fromString("rw-------"));
        }
    }

    private static List<String> names() throws IOException {
        List<String> names = new ArrayList<>(KEYS);
        try (Stream<Path> files = Files.list(GOLDEN.resolve("keys"))) {
            files.map(file -> String.valueOf(file.getFileName()))
                    .filter(name -> name.startsWith("build-"))
                    .forEach(names::add);
        }
        return names;
    }

    private void makeKeys() throws IOException {
        World world = World.create(temp.resolve("world"), "production", clock);
        Path from = temp.resolve("world/keys");
        for (String key : KEYS) {
            Path to = GOLDEN.resolve("keys").resolve(key);
            Files.createDirectories(requireNonNull(to.getParent()));
            Files.copy(from.resolve(key), to);
        }
        String build = world.buildKey().keyId() + ".pem";
        Files.copy(
                world.dataFolder().resolve("identity/keys").resolve(build),
                GOLDEN.resolve("keys").resolve(build));
        Files.write(GOLDEN.resolve("keyset.jwks.json"), world.trust().keyset().toJson());
    }

    private DocumentSigner key(String name) {
        return DocumentSigner.read(temp.resolve(name));
    }

    private DocumentSigner buildKey() throws IOException {
        return key(names().stream()
                .filter(name -> name.startsWith("build-"))
                .findFirst()
                .orElseThrow());
    }

    private Trust trust() throws IOException {
        Keyset keyset = Keyset.parse(Files.readAllBytes(GOLDEN.resolve("keyset.jwks.json")), "golden");
        Map<String, String> owners = new LinkedHashMap<>();
        owners.put(key("break-glass/alice.pem").keyId(), "alice");
        owners.put(key("break-glass/bob.pem").keyId(), "bob");
        List<Bytes> roots = List.of(Bytes.ofHex(rootHex(1)), Bytes.ofHex(rootHex(2)), Bytes.ofHex(rootHex(3)));
        return new Trust(SERVICE, EnvironmentClass.PRODUCTION, 1, roots, 2, keyset, owners, 2);
    }

    private String rootHex(int number) {
        return HexFormat.of()
                .formatHex(Ed25519Keys.rawBytes(KeyFile.read(temp.resolve("root/root-" + number + ".pem"))
                        .publicKey()));
    }

    private List<DocumentSigner> roots() {
        return List.of(key("root/root-1.pem"), key("root/root-2.pem"), key("root/root-3.pem"));
    }

    private static RouteEntry entry(int number, int weight, long ledgerNumber) {
        BuildRef build = new BuildRef(
                SERVICE,
                Bytes.sha256(("artefact " + number).getBytes(UTF_8)),
                Bytes.of(("nonce-0000000000" + number).substring(1).getBytes(UTF_8)));
        return new RouteEntry(
                build,
                weight,
                List.of("kv://10.0.0." + number + ":7400", "kvs://build-" + number + ".example:7400"),
                "1." + number + ".0",
                ledgerNumber);
    }

    private static Ledger goldenLedger() {
        return Ledger.empty(SERVICE)
                .plus(entry(7, 0, 0), 1_795_000_000, "first")
                .plus(entry(8, 0, 0), 1_795_100_000, "rollout r1 complete");
    }

    private static Route forward() {
        return Route.builder(SERVICE)
                .version(3, 118)
                .rollout("r2", 4)
                .entries(List.of(entry(9, 2_500, 0), entry(8, 7_500, 2)))
                .knownGood(List.of(entry(8, 0, 2), entry(7, 0, 1)))
                .salt(Bytes.of("r2".getBytes(UTF_8)))
                .ancestors(List.of("ab".repeat(32), "cd".repeat(32)))
                .lease(Duration.ofSeconds(30))
                .createdAt(1_795_514_400)
                .reason("step 4")
                .nodes(List.of("kv://10.0.1.1:7400", "kv://10.0.1.2:7400"))
                .resumes(true)
                .build();
    }

    private static Route breakGlass() {
        return Route.builder(SERVICE)
                .kind(RouteKind.BREAK_GLASS)
                .version(4, 0)
                .entries(List.of(entry(7, 10_000, 1)))
                .knownGood(List.of(entry(7, 0, 1), entry(8, 0, 2)))
                .createdAt(1_795_514_400)
                .notAfter(1_795_518_000)
                .reason("INC-7")
                .build();
    }

    private static byte[] golden(String name, byte[] written, Object meaning) {
        Path file = GOLDEN.resolve(name + ".hex");
        try {
            if (WRITE) {
                StringBuilder text = new StringBuilder();
                text.append("# ")
                        .append(String.valueOf(meaning).replaceAll(", (?=[a-zA-Z]+=)", ",\n#   "))
                        .append('\n');
                String hex = HexFormat.of().formatHex(written);
                for (int i = 0; i < hex.length(); i += 96) {
                    text.append(hex, i, Math.min(hex.length(), i + 96)).append('\n');
                }
                Files.writeString(file, text);
            }
            StringBuilder hex = new StringBuilder();
            Files.readAllLines(file).stream()
                    .filter(line -> !line.startsWith("#"))
                    .forEach(hex::append);
            return HexFormat.of().parseHex(hex);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private SignedDocument check(String name, byte[] written, Object meaning) throws Exception {
        byte[] golden = golden(name, written, meaning);
        assertThat(HexFormat.of().formatHex(written))
                .as(name)
                .isEqualTo(HexFormat.of().formatHex(golden));
        SignedDocument read = SignedDocument.parse(golden);
        if (read.kind() == DocumentKind.TRUST) {
            verifier.verifyTrust(read, null);
        } else {
            verifier.verify(read, trust());
        }
        return read;
    }

    @Test
    void a_trust_is_as_it_was() throws Exception {
        assertThat(check("trust", Documents.trust(trust(), roots()), trust()).trust())
                .isEqualTo(trust());
    }

    @Test
    void a_route_with_its_parachute_is_as_it_was() throws Exception {
        Route parachute = Documents.parachuteOf(forward(), "way back");
        byte[] written = Documents.route(forward(), key("route.pem"), parachute);

        SignedDocument read = check("route", written, forward());

        assertThat(read.route()).isEqualTo(forward());
        assertThat(read.hash()).isEqualTo(Documents.hash(forward()));
        SignedDocument way = requireNonNull(read.parachute());
        assertThat(way.route()).isEqualTo(parachute);
        verifier.verify(way, trust());
        assertThat(check("parachute", way.toArray(), parachute).route()).isEqualTo(parachute);
    }

    @Test
    void a_break_glass_is_as_it_was() throws Exception {
        byte[] written =
                Documents.breakGlass(breakGlass(), List.of(key("break-glass/alice.pem"), key("break-glass/bob.pem")));

        assertThat(check("break-glass", written, breakGlass()).route()).isEqualTo(breakGlass());
    }

    @Test
    void a_ledger_is_as_it_was() throws Exception {
        byte[] written = Documents.ledger(goldenLedger(), key("route.pem"));

        assertThat(check("ledger", written, goldenLedger()).ledger()).isEqualTo(goldenLedger());
    }

    @Test
    void a_manifest_is_as_it_was() throws Exception {
        Manifest manifest = new Manifest(
                entry(9, 0, 0).build(),
                "1.9.0",
                1_795_400_000,
                1,
                3,
                2,
                List.of("kv://10.0.0.9:7400"),
                "ci of the team, commit 0123abc",
                "ef".repeat(32));

        assertThat(check("manifest", Documents.manifest(manifest, buildKey()), manifest)
                        .manifest())
                .isEqualTo(manifest);
    }

    @Test
    void a_bundle_is_as_it_was() throws Exception {
        List<byte[]> documents = List.of(
                Documents.trust(trust(), roots()),
                Documents.ledger(goldenLedger(), key("route.pem")),
                Documents.route(forward(), key("route.pem"), Documents.parachuteOf(forward(), "way back")));
        byte[] written = Documents.bundle(documents);

        byte[] golden = golden("bundle", written, "trust, ledger and route of the other files");

        assertThat(written).isEqualTo(golden);
        assertThat(Documents.readBundle(golden)).containsExactlyElementsOf(documents);
    }

    @Test
    void the_state_file_is_as_it_was() throws Exception {
        SignedDocument active = SignedDocument.parse(
                Documents.route(forward(), key("route.pem"), Documents.parachuteOf(forward(), "way back")));
        StoredDocuments state = new StoredDocuments(
                SignedDocument.parse(Documents.trust(trust(), roots())),
                active,
                null,
                SignedDocument.parse(Documents.ledger(goldenLedger(), key("route.pem"))),
                Map.of(key("route.pem").keyId(), new Version(3, 118)),
                List.of(active.hash(), "ab".repeat(32)),
                List.of("r1"));

        byte[] golden = golden("route.state", state.encode(), "trust, route and ledger of the other files");

        assertThat(state.encode()).isEqualTo(golden);
        StoredDocuments read = StoredDocuments.decode(golden);
        assertThat(read.encode()).isEqualTo(golden);
        assertThat(read.highWater()).isEqualTo(state.highWater());
        assertThat(read.history()).isEqualTo(state.history());
        assertThat(read.pulledRollouts()).isEqualTo(state.pulledRollouts());
        assertThat(requireNonNull(read.active()).route()).isEqualTo(forward());
        assertThat(read.previous()).isNull();
    }

    @Test
    void an_audit_log_is_as_it_was() throws IOException {
        Path file = temp.resolve("audit.log");
        try (AuditLog log = AuditLog.open(file, clock)) {
            Map<String, Object> facts = new LinkedHashMap<>();
            facts.put("hash", Documents.hash(forward()));
            facts.put("epoch", 3);
            log.append("route_accepted", facts);
            log.append("opened", Map.of());
        }
        Path golden = GOLDEN.resolve("audit.log");
        if (WRITE) {
            Files.copy(file, golden, StandardCopyOption.REPLACE_EXISTING);
        }

        assertThat(file).hasSameTextualContentAs(golden);
        assertThat(AuditLog.verify(golden).records()).isEqualTo(2);
    }

    @Test
    void ids_and_hashes_are_as_they_were() {
        assertThat(entry(9, 0, 0).id()).isEqualTo("a6kty5cs7i5yp");
        assertThat(requireNonNull(goldenLedger().last()).previous())
                .isEqualTo("826e3d55ad058f212d91a5da5677f2a6ad21ffad380f3f6ed084ce26133ec6a2");
    }
}
