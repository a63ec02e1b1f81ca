package io.nearkv.bench.micro;

import static java.util.Objects.requireNonNull;

import io.nearkv.bench.macro.HashMapStore;
import io.nearkv.bench.macro.KeySpace;
import io.nearkv.core.AccountId;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.identity.Environment;
import io.nearkv.core.identity.IdentityDirectory;
import io.nearkv.core.route.DocumentVerdict;
import io.nearkv.core.route.LinkRequest;
import io.nearkv.core.route.RouteLink;
import io.nearkv.core.route.RouteTransport;
import io.nearkv.core.route.ServiceRouting;
import io.nearkv.deploy.document.DocumentSigner;
import io.nearkv.deploy.document.Documents;
import io.nearkv.deploy.environment.EnvironmentKeys;
import io.nearkv.deploy.model.BuildRef;
import io.nearkv.deploy.model.Bytes;
import io.nearkv.deploy.model.EnvironmentClass;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.model.RouteEntry;
import io.nearkv.deploy.model.SafetyLayers;
import io.nearkv.deploy.model.ServiceId;
import io.nearkv.deploy.routing.ServiceRoutes;
import io.nearkv.deploy.routing.Slots;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** What it costs that the build of each request is chosen by a route, with all guards on: a get through the routed tier beside the same get without it, over a hash map. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@State(Scope.Benchmark)
@Fork(
        value = 3,
        jvmArgsAppend = {"-XX:-UsePerfData"})
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
public class RouteCost {
    private static final int ENTRIES = 1000;
    private static final ServiceId SERVICE = ServiceId.parse("default/kv/production");

    private final NamespaceId namespace = new NamespaceId(1, 2);
    private final Slots slots = new Slots(new byte[] {1, 2, 3, 4});
    private @Nullable Path folder;
    private @Nullable KvStore direct;
    private @Nullable KvStore routed;
    private @Nullable ServiceRoutes service;
    private Key[] keys = new Key[0];
    private int next;

    /** Makes keys, a signed route with two builds at 10 and 90 percent, and the tier that follows it. */
    @Setup(Level.Trial)
    public void open() throws IOException {
        byte[][] bytes = new KeySpace(ENTRIES, 100, 0.99, 42).keyBytes();
        HashMapStore map = new HashMapStore(new AccountId(1, 1), namespace, ENTRIES, InstantSource.system());
        keys = new Key[ENTRIES];
        for (int i = 0; i < ENTRIES; i++) {
            keys[i] = Key.ofUtf8(bytes[i]);
            map.write(namespace, Mutation.put(keys[i], Value.of("value")), WriteOptions.BUFFERED)
                    .join();
        }
        direct = map;
        Path made = Files.createTempDirectory("nearkv-route-cost");
        folder = made;
        var unused = IdentityDirectory.initialize(
                made.resolve("data"), new Environment("production"), new AccountId(1, 1), "b", InstantSource.system());
        EnvironmentKeys.Created created = EnvironmentKeys.create(
                made.resolve("data"),
                made.resolve("keys"),
                SERVICE,
                EnvironmentClass.PRODUCTION,
                List.of("alice", "bob"),
                InstantSource.system());
        Path bundle = Files.write(
                made.resolve("route.bundle"),
                Documents.bundle(List.of(Files.readAllBytes(created.trust()), route(created.routeKey()))));
        service = ServiceRoutes.open(
                new ServiceRouting.Setup(bundle.toString(), null, "bench", InstantSource.system()),
                new InProcess(map),
                SafetyLayers.ALL);
        routed = service.store();
    }

    private static byte[] route(Path routeKey) {
        List<RouteEntry> entries = List.of(entry(1_000), entry(9_000));
        Route forward = Route.builder(SERVICE)
                .version(1, 2)
                .rollout("bench", 1)
                .entries(entries)
                .knownGood(List.of(entries.get(1), entry(0)))
                .salt(Bytes.of(new byte[] {1, 2, 3, 4}))
                .build();
        return Documents.route(forward, DocumentSigner.read(routeKey), Documents.parachuteOf(forward, "back"));
    }

    private static RouteEntry entry(int weight) {
        return new RouteEntry(
                BuildRef.create(SERVICE, "0".repeat(64), new SecureRandom()),
                weight,
                List.of("kv://127.0.0.1:7400"),
                "1",
                0);
    }

    private Key key() {
        next = (next + 1) % ENTRIES;
        return keys[next];
    }

    /** The tier below alone. */
    @Benchmark
    public @Nullable GetResult direct() {
        return requireNonNull(direct).get(namespace, key(), ReadOptions.DEFAULT).join();
    }

    /** The same through the routed tier. */
    @Benchmark
    public @Nullable GetResult routed() {
        return requireNonNull(routed).get(namespace, key(), ReadOptions.DEFAULT).join();
    }

    /** The slot alone. */
    @Benchmark
    public int slot() {
        return slots.of(namespace, key());
    }

    /** Closes it and removes the keys. */
    @TearDown(Level.Trial)
    public void close() throws IOException {
        requireNonNull(service).close();
        try (Stream<Path> files = Files.walk(requireNonNull(folder))) {
            files.sorted(Comparator.reverseOrder()).forEach(file -> {
                try {
                    Files.delete(file);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        }
    }

    /** Every build is the same map. */
    private record InProcess(KvStore store) implements RouteTransport {
        @Override
        public String environment() {
            return "production";
        }

        @Override
        public RouteLink connect(LinkRequest request) {
            return new RouteLink() {
                @Override
                public KvStore store() {
                    return store;
                }

                @Override
                public boolean isReady() {
                    return true;
                }

                @Override
                public @Nullable KvException refusal() {
                    return null;
                }

                @Override
                public void awaitReady(Duration timeout) {}

                @Override
                public void close() {}
            };
        }

        @Override
        public DocumentVerdict offer(String endpoint, byte[] document, Duration timeout) {
            return DocumentVerdict.unsupported("bench");
        }

        @Override
        public List<byte[]> documents(String endpoint, Duration timeout) {
            return List.of();
        }
    }
}
