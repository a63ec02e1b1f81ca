package io.nearkv.deploy.control;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.AccountInfo;
import io.nearkv.core.DenialReason;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.MapStore;
import io.nearkv.core.TestClock;
import io.nearkv.core.route.DocumentVerdict;
import io.nearkv.core.route.LinkRequest;
import io.nearkv.core.route.RouteLink;
import io.nearkv.core.route.RouteTransport;
import io.nearkv.deploy.store.RouteStore;
import io.nearkv.deploy.store.RouteStoreOptions;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** Nodes and instances without a network: each node has a real store of routes, each instance a build token. */
final class FakeFleet implements RouteTransport, AutoCloseable {
    /** An offer to nobody takes a while, so that waiting comes to an end. */
    private static final long UNREACHABLE_NANOS = 50_000_000;

    private final Path folder;
    private final TestEnvironment environment;
    private final InstantSource clock;
    private final AtomicLong nanos;
    private final Map<String, RouteStore> nodes = new ConcurrentHashMap<>();
    private final Map<String, Instance> instances = new ConcurrentHashMap<>();
    private final Map<String, Boolean> down = new ConcurrentHashMap<>();
    /** Instances that run, and answer no request. */
    private final Map<String, Boolean> sick = new ConcurrentHashMap<>();
    /** What every instance serves. */
    final MapStore data;

    volatile @Nullable Runnable duringHandshake;

    private record Instance(String build, String environment, String token) {}

    FakeFleet(Path folder, TestEnvironment environment, InstantSource clock, AtomicLong nanos) {
        this.folder = folder;
        this.environment = environment;
        this.clock = clock;
        this.nanos = nanos;
        this.data = new MapStore(new MapStore.Data(), new TestClock());
        data.account(new AccountInfo(environment.identity.account(), "test"));
    }

    /** Starts a node that trusts the environment and follows nothing yet. */
    RouteStore node(String endpoint) {
        RouteStore store = open(endpoint);
        store.install(environment.trust.toByteArray(), "test");
        return store;
    }

    private RouteStore open(String endpoint) {
        String name = endpoint.substring(endpoint.lastIndexOf('/') + 1).replace(':', '-');
        RouteStore store = RouteStore.open(
                folder.resolve(name),
                environment.service,
                RouteStoreOptions.of(name, clock).withNanoTime(nanos::get).withDropInInterval(Duration.ZERO));
        nodes.put(endpoint, store);
        return store;
    }

    RouteStore at(String endpoint) {
        return requireNonNull(nodes.get(endpoint));
    }

    /** Starts an instance of a build. */
    void instance(String endpoint, PublishedBuild build) {
        instances.put(
                endpoint,
                new Instance(build.id(), build.manifest().build().service().environment(), build.buildToken()));
    }

    void stop(String endpoint) {
        down.put(endpoint, true);
    }

    void sicken(String endpoint) {
        sick.put(endpoint, true);
    }

    void resume(String endpoint) {
        sick.remove(endpoint);
        down.remove(endpoint);
    }

    @Override
    public String environment() {
        return environment.service.environment();
    }

    @Override
    public RouteLink connect(LinkRequest request) {
        String endpoint = request.endpoints().get(0);
        return new RouteLink() {
            @Override
            public KvStore store() {
                return data;
            }

            @Override
            public boolean isReady() {
                return refusal() == null;
            }

            @Override
            public @Nullable KvException refusal() {
                Instance instance = instances.get(endpoint);
                if (instance == null || down.containsKey(endpoint)) {
                    return new KvException(ErrorCode.UNAVAILABLE, "nothing listens at " + endpoint);
                }
                if (!instance.environment.equals(request.environment())) {
                    return KvException.denied(
                            new KvException.Denial(
                                    DenialReason.ENVIRONMENT_MISMATCH,
                                    request.environment(),
                                    instance.environment,
                                    instance.build),
                            "it serves " + instance.environment);
                }
                return request.check().apply(instance.token);
            }

            @Override
            public void awaitReady(Duration timeout) {
                Runnable during = duringHandshake;
                if (during != null) {
                    during.run();
                }
                KvException refusal = refusal();
                if (refusal != null) {
                    throw refusal;
                }
                if (sick.containsKey(endpoint)
                        && Thread.currentThread().getName().equals("nearkv-probe")) {
                    throw new KvException(ErrorCode.INTERNAL, "it is sick");
                }
            }

            @Override
            public void close() {}
        };
    }

    @Override
    public DocumentVerdict offer(String endpoint, byte[] document, Duration timeout) {
        RouteStore node = nodes.get(endpoint);
        if (down.containsKey(endpoint) || (node == null && !instances.containsKey(endpoint))) {
            nanos.addAndGet(UNREACHABLE_NANOS);
            throw new KvException(ErrorCode.UNAVAILABLE, endpoint + " cannot be reached");
        }
        return node == null ? DocumentVerdict.unsupported(endpoint) : node.offer(document, "push");
    }

    @Override
    public List<byte[]> documents(String endpoint, Duration timeout) {
        if (down.containsKey(endpoint)) {
            throw new KvException(ErrorCode.UNAVAILABLE, endpoint + " cannot be reached");
        }
        return at(endpoint).documents();
    }

    @Override
    public void close() {
        nodes.values().forEach(RouteStore::close);
    }
}
