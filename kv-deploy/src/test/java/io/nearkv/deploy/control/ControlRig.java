package io.nearkv.deploy.control;

import io.nearkv.core.Kv;
import io.nearkv.core.Value;
import io.nearkv.core.identity.KeyRole;
import io.nearkv.core.rocksdb.EmbeddedKv;
import io.nearkv.core.rocksdb.RocksStoreOptions;
import io.nearkv.deploy.document.DocumentSigner;
import io.nearkv.deploy.document.Documents;
import io.nearkv.deploy.document.Rejected;
import io.nearkv.deploy.document.SignedDocument;
import io.nearkv.deploy.environment.BreakGlass;
import io.nearkv.deploy.model.BuildRef;
import io.nearkv.deploy.model.Manifest;
import io.nearkv.deploy.model.ModelLimits;
import io.nearkv.deploy.model.Route;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A control plane with its own real store, nodes with real stores of routes, and no network between them. */
final class ControlRig implements AutoCloseable {
    static final String EDGE_1 = "kv://10.0.0.1:7400";
    static final String EDGE_2 = "kv://10.0.0.2:7400";
    static final List<String> EDGES = List.of(EDGE_1, EDGE_2);

    final AtomicLong nanos = new AtomicLong();
    final AtomicLong millis =
            new AtomicLong(Instant.parse("2026-11-26T12:00:00Z").toEpochMilli());
    final InstantSource clock = () -> Instant.ofEpochMilli(millis.get());
    final Path folder;
    final TestEnvironment environment;
    final FakeFleet fleet;
    private final List<ControlPlane> planes = new ArrayList<>();
    private @Nullable ControlPlane plane;
    private int builds;

    ControlRig(Path folder) {
        this(folder, "production");
    }

    ControlRig(Path folder, String name) {
        this.folder = folder;
        environment = new TestEnvironment(folder.resolve(name), name, clock);
        fleet = new FakeFleet(folder.resolve(name), environment, clock, nanos);
        EDGES.forEach(fleet::node);
    }

    ControlPlaneOptions.Builder options() {
        return ControlPlaneOptions.builder(
                        environment.service,
                        folder.resolve("control"),
                        environment.identity,
                        environment.routeKey,
                        environment.trust)
                .nodes(EDGES)
                .clock(clock)
                .nanoTime(nanos::get)
                .retryInterval(Duration.ofMillis(5))
                .publishTimeout(Duration.ofMillis(200));
    }

    Kv openStore() {
        return EmbeddedKv.open(
                folder.resolve("control"),
                RocksStoreOptions.builder()
                        .environment("control-" + environment.service.environment())
                        .cacheBytes(1 << 20)
                        .writeBufferBytes(1 << 20)
                        .build());
    }

    ControlPlane start() {
        return start(openStore(), builder -> builder);
    }

    ControlPlane start(Kv kv, UnaryOperator<ControlPlaneOptions.Builder> changes) {
        try {
            ControlPlane started =
                    ControlPlane.open(kv, fleet, changes.apply(options()).build());
            planes.add(started);
            plane = started;
            return started;
        } catch (RefusedException e) {
            kv.close();
            throw new AssertionError(e);
        }
    }

    private ControlPlane plane() {
        if (plane == null) {
            throw new AssertionError("no control plane was started");
        }
        return plane;
    }

    /** Publishes a build whose one instance runs. */
    PublishedBuild running(String version) {
        PublishedBuild build = published(version);
        fleet.instance(build.manifest().endpoints().get(0), build);
        return build;
    }

    PublishedBuild published(String version) {
        builds++;
        return plane().publishBuild(request(version, "kv://10.0.1." + builds + ":7400"), "test");
    }

    static PublishRequest request(String version, String endpoint) {
        return new PublishRequest(digest(version), version, List.of(endpoint), 1, 1, 1, "test", Duration.ofDays(1));
    }

    static String digest(String version) {
        return HexFormat.of().formatHex(new byte[31]) + String.format("%02x", version.hashCode() & 0xff);
    }

    static WeightRequest wish(PublishedBuild build, int weight) {
        return wish(build.id(), weight);
    }

    static WeightRequest wish(String build, int weight) {
        return new WeightRequest(build, weight, null, 0, "a test", "test");
    }

    /** A build that has everything and is in the ledger. */
    PublishedBuild knownGood(String version) throws Exception {
        PublishedBuild build = running(version);
        plane().setWeight(wish(build, ModelLimits.TOTAL_WEIGHT));
        plane().addToLedger(build.id(), "did well", "test");
        return build;
    }

    /** What a node follows. */
    Route followed(String endpoint) {
        Route active = fleet.at(endpoint).active();
        if (active == null) {
            throw new AssertionError(endpoint + " follows nothing");
        }
        return active;
    }

    /** What people sign when the control plane is not there. */
    byte[] breakGlass(long ledgerNumber) {
        return BreakGlass.create(
                fleet.at(EDGE_1).snapshot(),
                0,
                ledgerNumber,
                environment.people,
                "INC-7",
                Duration.ofMinutes(10),
                clock);
    }

    /** A manifest of another environment, with all its signatures good there. */
    static Value strayManifest(TestEnvironment elsewhere, String version) {
        Manifest manifest = new Manifest(
                BuildRef.create(elsewhere.service, digest(version), new SecureRandom()),
                version,
                1,
                1,
                1,
                1,
                List.of("kv://10.9.9.9:7400"),
                "test",
                "");
        return Value.wrap(
                Documents.manifest(manifest, DocumentSigner.of(elsewhere.identity.signingKey(KeyRole.BUILD))));
    }

    static String idOf(Value manifest) {
        try {
            return SignedDocument.parse(manifest.toByteArray())
                    .manifest()
                    .build()
                    .id();
        } catch (Rejected e) {
            throw new AssertionError(e);
        }
    }

    static void deleteStore(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    @Override
    public void close() {
        planes.forEach(ControlPlane::close);
        fleet.close();
    }
}
