package io.nearkv.deploy.control;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.Value;
import io.nearkv.core.identity.IdentityDirectory;
import io.nearkv.deploy.model.SafetyLayers;
import io.nearkv.deploy.model.ServiceId;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** How a {@link ControlPlane} is opened: every bound has a default and is listed here. Immutable; made by {@link #builder}. */
public final class ControlPlaneOptions {
    final ServiceId service;
    final Path folder;
    final IdentityDirectory identity;
    final Path routeKey;
    final Value trust;
    final List<String> nodes;
    final Duration lease;
    final Duration offerTimeout;
    final Duration retryInterval;
    final Duration publishTimeout;
    final Duration watchInterval;
    final Duration handshakeTimeout;
    final DependencyGraph dependencies;
    final @Nullable Value stagingTrust;
    final Consumer<Alert> alertListener;
    final ControlQuotas quotas;
    final SafetyLayers layers;
    final Supplier<List<Value>> strayManifests;
    final InstantSource clock;
    final LongSupplier nanoTime;
    final SecureRandom random;

    private ControlPlaneOptions(Builder builder) {
        this.service = builder.service;
        this.folder = builder.folder;
        this.identity = builder.identity;
        this.routeKey = builder.routeKey;
        this.trust = builder.trust;
        this.nodes = builder.nodes;
        this.lease = builder.lease;
        this.offerTimeout = builder.offerTimeout;
        this.retryInterval = builder.retryInterval;
        this.publishTimeout = builder.publishTimeout;
        this.watchInterval = builder.watchInterval;
        this.handshakeTimeout = builder.handshakeTimeout;
        this.dependencies = builder.dependencies;
        this.stagingTrust = builder.stagingTrust;
        this.alertListener = builder.alertListener;
        this.quotas = builder.quotas;
        this.layers = builder.layers;
        this.strayManifests = builder.strayManifests;
        this.clock = builder.clock;
        this.nanoTime = builder.nanoTime;
        this.random = builder.random;
    }

    /**
     * Returns a builder with the defaults.
     *
     * @param service whose builds and routes these are
     * @param folder where audit log and route are kept, made if it is missing
     * @param identity the environment's keys; its build key signs manifests and build tokens
     * @param routeKey the private key of role {@code route} (PEM)
     * @param trust the environment's trust document
     */
    public static Builder builder(
            ServiceId service, Path folder, IdentityDirectory identity, Path routeKey, Value trust) {
        return new Builder(service, folder, identity, routeKey, trust);
    }

    /** Sets what differs from the defaults; each setter checks its value. Not thread-safe; may build more than once. */
    public static final class Builder {
        private final ServiceId service;
        private final Path folder;
        private final IdentityDirectory identity;
        private final Path routeKey;
        private final Value trust;
        private List<String> nodes = List.of();
        private Duration lease = Duration.ofSeconds(60);
        private Duration offerTimeout = Duration.ofSeconds(3);
        private Duration retryInterval = Duration.ofMillis(300);
        private Duration publishTimeout = Duration.ofSeconds(5);
        private Duration watchInterval = Duration.ofSeconds(2);
        private Duration handshakeTimeout = Duration.ofSeconds(3);
        private DependencyGraph dependencies = DependencyGraph.NONE;
        private @Nullable Value stagingTrust;
        private Consumer<Alert> alertListener = alert -> {};
        private ControlQuotas quotas = ControlQuotas.DEFAULT;
        private SafetyLayers layers = SafetyLayers.ALL;
        private Supplier<List<Value>> strayManifests = List::of;
        private InstantSource clock = InstantSource.system();
        private LongSupplier nanoTime = System::nanoTime;
        private SecureRandom random = new SecureRandom();

        private Builder(ServiceId service, Path folder, IdentityDirectory identity, Path routeKey, Value trust) {
            this.service = requireNonNull(service, "service");
            this.folder = requireNonNull(folder, "folder");
            this.identity = requireNonNull(identity, "identity");
            this.routeKey = requireNonNull(routeKey, "routeKey");
            this.trust = requireNonNull(trust, "trust");
        }

        /** The nodes that follow the routes, beside the instances of the builds: routers and edges, {@code kv://HOST:PORT}; at most {@link ControlLimits#MAX_NODES}. Default none. */
        public Builder nodes(List<String> endpoints) {
            nodes = Endpoints.checked("nodes", endpoints, ControlLimits.MAX_NODES);
            return this;
        }

        /** How long a candidate keeps its weight when this control plane is gone, 3 s to 24 h. Default 60 s. */
        public Builder lease(Duration time) {
            lease = checkLease(time);
            return this;
        }

        /** How long one node may take for one document, its own checks of new instances included, 1 ms to 1 min. Default 3 s. */
        public Builder offerTimeout(Duration time) {
            offerTimeout = check("offerTimeout", time);
            return this;
        }

        /** After which time a node that has not answered is tried again, 1 ms to 1 min. Default 300 ms. */
        public Builder retryInterval(Duration time) {
            retryInterval = check("retryInterval", time);
            return this;
        }

        /** How long a change waits until all nodes follow before it says which do not, 1 ms to 1 min. Default 5 s. */
        public Builder publishTimeout(Duration time) {
            publishTimeout = check("publishTimeout", time);
            return this;
        }

        /** How often the nodes are asked what they follow, 1 ms to 1 min. Default 2 s. */
        public Builder watchInterval(Duration time) {
            watchInterval = check("watchInterval", time);
            return this;
        }

        /** How long an instance may take to prove which build it is, 1 ms to 1 min. Default 3 s. */
        public Builder handshakeTimeout(Duration time) {
            handshakeTimeout = check("handshakeTimeout", time);
            return this;
        }

        /** What needs what; checked at the start. Default: nothing declared. */
        public Builder dependencies(DependencyGraph graph) {
            dependencies = requireNonNull(graph, "graph");
            return this;
        }

        /** The trust document of the environment where builds are tested before: evidence must then be signed there. Default none. */
        public Builder stagingTrust(@Nullable Value document) {
            stagingTrust = document;
            return this;
        }

        /** Who is told of each alert, on the thread that raises it: it must neither wait nor fail. Default: nobody but the log. */
        public Builder alertListener(Consumer<Alert> listener) {
            alertListener = requireNonNull(listener, "listener");
            return this;
        }

        /** How much its tenant may use in a minute. Default {@link ControlQuotas#DEFAULT}. */
        public Builder quotas(ControlQuotas value) {
            quotas = requireNonNull(value, "value");
            return this;
        }

        /** Which layers of safety hold; for the replay of the incident alone. Default all. */
        public Builder layers(SafetyLayers value) {
            layers = requireNonNull(value, "value");
            return this;
        }

        /** The fault of the incident, for tests alone: manifests that a list of builds has in it although they are of another environment. Default none. */
        public Builder strayManifests(Supplier<List<Value>> manifests) {
            strayManifests = requireNonNull(manifests, "manifests");
            return this;
        }

        /** The clock, for dates in documents. Default: the system's. */
        public Builder clock(InstantSource source) {
            clock = requireNonNull(source, "source");
            return this;
        }

        /** The ticker, for leases and time-outs. Default: the system's. */
        public Builder nanoTime(LongSupplier ticker) {
            nanoTime = requireNonNull(ticker, "ticker");
            return this;
        }

        /** Where ids come from. Default: a new generator. */
        public Builder random(SecureRandom generator) {
            random = requireNonNull(generator, "generator");
            return this;
        }

        private static Duration check(String name, Duration time) {
            if (time.toMillis() < 1 || time.compareTo(Duration.ofMinutes(1)) > 0) {
                throw new IllegalArgumentException(name + ": " + time + " (expected: PT0.001S to PT1M)");
            }
            return time;
        }

        static Duration checkLease(Duration time) {
            if (time.compareTo(ControlLimits.MIN_LEASE) < 0 || time.compareTo(ControlLimits.MAX_LEASE) > 0) {
                throw new IllegalArgumentException("lease: " + time + " (expected: " + ControlLimits.MIN_LEASE + " to "
                        + ControlLimits.MAX_LEASE + ")");
            }
            return time;
        }

        /** Returns the options. */
        public ControlPlaneOptions build() {
            return new ControlPlaneOptions(this);
        }
    }
}
