package io.nearkv.deploy.testing;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.AccountId;
import io.nearkv.core.identity.Environment;
import io.nearkv.core.identity.IdentityDirectory;
import io.nearkv.core.identity.KeyRole;
import io.nearkv.core.identity.Keyset;
import io.nearkv.deploy.document.DocumentSigner;
import io.nearkv.deploy.document.Documents;
import io.nearkv.deploy.environment.EnvironmentKeys;
import io.nearkv.deploy.model.BuildRef;
import io.nearkv.deploy.model.Bytes;
import io.nearkv.deploy.model.EnvironmentClass;
import io.nearkv.deploy.model.Ledger;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.model.RouteEntry;
import io.nearkv.deploy.model.RouteKind;
import io.nearkv.deploy.model.ServiceId;
import io.nearkv.deploy.model.Trust;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An environment with all its keys: three builds of which the first two are in the ledger, and a control plane's hand to sign with. Making one takes a few hundred milliseconds, so
 * that tests share those of {@link #production()} and {@link #staging()}, which nothing changes.
 */
public final class World {
    private static @Nullable World production;
    private static @Nullable World staging;

    private final Path folder;
    private final InstantSource clock;
    private final ServiceId service;
    private final EnvironmentKeys.Created created;
    private final DocumentSigner routeKey;
    private final DocumentSigner buildKey;
    private final List<DocumentSigner> roots = new ArrayList<>();

    private World(Path folder, ServiceId service, EnvironmentClass environmentClass, InstantSource clock) {
        this.folder = folder;
        this.clock = clock;
        this.service = service;
        Path data = folder.resolve("data");
        IdentityDirectory.initialize(
                data,
                new Environment(service.environment()),
                AccountId.parse("00112233445566778899aabbccddeeff"),
                "build-1",
                clock);
        created = EnvironmentKeys.create(
                data, folder.resolve("keys"), service, environmentClass, List.of("alice", "bob", "carol"), clock);
        routeKey = DocumentSigner.read(created.routeKey());
        created.rootKeys().forEach(file -> roots.add(DocumentSigner.read(file)));
        String buildKeyId = created.content().keyset().entries().stream()
                .filter(entry -> entry.role() == KeyRole.BUILD)
                .map(Keyset.Entry::id)
                .findFirst()
                .orElseThrow();
        buildKey = DocumentSigner.read(data.resolve("identity/keys/" + buildKeyId + ".pem"));
    }

    /** Returns a new environment in a folder. */
    public static World create(Path folder, String environment, InstantSource clock) {
        EnvironmentClass environmentClass =
                environment.equals("production") ? EnvironmentClass.PRODUCTION : EnvironmentClass.STAGING;
        return new World(folder, ServiceId.of(environment), environmentClass, clock);
    }

    /** Returns the shared environment of class production, made at the time at which a {@link MovableClock} begins. */
    public static synchronized World production() {
        if (production == null) {
            production = create(temporaryFolder(), "production", new MovableClock());
        }
        return production;
    }

    /** Returns the shared environment of class staging. */
    public static synchronized World staging() {
        if (staging == null) {
            staging = create(temporaryFolder(), "staging", new MovableClock());
        }
        return staging;
    }

    private static Path temporaryFolder() {
        try {
            Path folder = Files.createTempDirectory(Path.of("target"), "world-");
            return folder;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Returns the folder with the identity, and the one with the keys. */
    public Path dataFolder() {
        return folder.resolve("data");
    }

    /** Returns the service. */
    public ServiceId service() {
        return service;
    }

    /** Returns the trust. */
    public Trust trust() {
        return created.content();
    }

    /** Returns the files of the keys. */
    public EnvironmentKeys.Created keys() {
        return created;
    }

    /** Returns the signed trust. */
    public byte[] trustDocument() {
        return Documents.trust(trust(), roots);
    }

    /** Returns the route key. */
    public DocumentSigner routeKey() {
        return routeKey;
    }

    /** Returns the key of the builds' tokens and manifests. */
    public DocumentSigner buildKey() {
        return buildKey;
    }

    /** Returns the root keys. */
    public List<DocumentSigner> roots() {
        return List.copyOf(roots);
    }

    /** Returns the break-glass key of a person: alice, bob or carol. */
    public DocumentSigner person(String name) {
        return DocumentSigner.read(requireNonNull(created.breakGlassKeys().get(name)));
    }

    /** Returns a build, always the same for a number. */
    public BuildRef build(int number) {
        return new BuildRef(service, Bytes.sha256(new byte[] {(byte) number}), Bytes.of(new byte[] {
            (byte) number, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1
        }));
    }

    /** Returns a build with a weight, one instance and a version. */
    public RouteEntry entry(int number, int weight) {
        return new RouteEntry(
                build(number),
                weight,
                List.of("kv://10.0.0." + number + ":7400"),
                "1." + number + ".0",
                number <= 2 ? number : 0);
    }

    /** Returns the ledger with builds 1 and 2. */
    public Ledger ledger() {
        return Ledger.empty(service)
                .plus(entry(1, 0), 1_795_000_000, "first")
                .plus(entry(2, 0), 1_795_100_000, "rollout r1 complete");
    }

    /** Returns the signed ledger. */
    public byte[] ledgerDocument() {
        return Documents.ledger(ledger(), routeKey);
    }

    /** Returns the first half of a forward route: build 3 with a share of the traffic, build 2 with the rest, both in the ledger known good. */
    public Route.Builder route(long epoch, long seq, int candidateWeight) {
        return Route.builder(service)
                .version(epoch, seq)
                .rollout("r2", 1)
                .entries(List.of(entry(3, candidateWeight), entry(2, 10_000 - candidateWeight)))
                .knownGood(List.of(entry(2, 0), entry(1, 0)))
                .salt(Bytes.of(new byte[] {1, 2, 3, 4}))
                .createdAt(clock.millis() / 1000)
                .reason("step 1")
                .nodes(List.of("kv://10.0.0.2:7400", "kv://10.0.0.3:7400"));
    }

    /** Signs a forward route, with its way back. */
    public byte[] sign(Route forward) {
        return Documents.route(forward, routeKey, Documents.parachuteOf(forward, "way back"));
    }

    /** Returns a signed forward route that follows upon others. */
    public byte[] forward(long epoch, long seq, int candidateWeight, Route... before) {
        return sign(following(epoch, seq, candidateWeight, before));
    }

    /** Returns a forward route that follows upon others, the last first. */
    public Route following(long epoch, long seq, int candidateWeight, Route... before) {
        List<String> ancestors = new ArrayList<>();
        for (Route each : before) {
            ancestors.add(Documents.hash(each));
        }
        return route(epoch, seq, candidateWeight).ancestors(ancestors).build();
    }

    /** Returns the first half of a break-glass to build 1. */
    public Route.Builder breakGlass(long epoch) {
        long now = clock.millis() / 1000;
        return Route.builder(service)
                .kind(RouteKind.BREAK_GLASS)
                .version(epoch, 0)
                .entries(List.of(entry(1, 10_000)))
                .knownGood(List.of(entry(1, 0), entry(2, 0)))
                .createdAt(now)
                .notAfter(now + 3600)
                .reason("INC-7");
    }
}
