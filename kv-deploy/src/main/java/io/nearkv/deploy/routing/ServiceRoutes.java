package io.nearkv.deploy.routing;

import io.nearkv.core.DenialReason;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.identity.TokenVerifier;
import io.nearkv.core.route.BuildTokenCheck;
import io.nearkv.core.route.DocumentExchange;
import io.nearkv.core.route.DocumentVerdict;
import io.nearkv.core.route.LinkRequest;
import io.nearkv.core.route.RouteLink;
import io.nearkv.core.route.RouteTransport;
import io.nearkv.core.route.RoutedService;
import io.nearkv.core.route.ServiceRouting;
import io.nearkv.deploy.model.RejectReason;
import io.nearkv.deploy.model.RouteEntry;
import io.nearkv.deploy.model.SafetyLayers;
import io.nearkv.deploy.model.Trust;
import io.nearkv.deploy.report.OutcomeReport;
import io.nearkv.deploy.store.RouteStore;
import io.nearkv.deploy.store.RouteStoreOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A routed service over the documents of one folder. What is on the disk serves at once; nothing else need be alive. Thread-safe. */
public final class ServiceRoutes implements RoutedService {
    private static final Logger log = LoggerFactory.getLogger(ServiceRoutes.class);
    private static final Duration FETCH_TIMEOUT = Duration.ofSeconds(5);
    private static final Duration PROBE_TIMEOUT = Duration.ofSeconds(2);
    private static final int MAX_BUNDLE_BYTES = DocumentExchange.MAX_DOCUMENTS * DocumentExchange.MAX_DOCUMENT_BYTES;

    private final RouteStore store;
    private final Builds builds;
    private final RoutedStore tier;

    private ServiceRoutes(RouteStore store, Builds builds) {
        this.store = store;
        this.builds = builds;
        this.tier = new RoutedStore(builds, null, store::overridden, this::close);
    }

    /**
     * Opens a service, and begins to connect to its builds.
     *
     * @param layers all of them, but in the replay of the incident
     * @throws KvException if there is no good route on the disk nor at the source, or the transport's token is for another environment
     */
    public static ServiceRoutes open(ServiceRouting.Setup setup, RouteTransport transport, SafetyLayers layers) {
        RouteStore store = store(setup, transport, layers);
        try {
            Trust trust = store.trust();
            if (trust == null || store.active() == null) {
                throw new KvException(
                        ErrorCode.NOT_FOUND,
                        "neither '" + setup.source() + "' nor the folder has a good route: "
                                + String.join("; ", store.problems())
                                + " (expected: a bundle, as 'nearkv route bundle' makes it)");
            }
            String environment = trust.service().environment();
            if (!environment.equals(transport.environment())) {
                throw KvException.denied(
                        new KvException.Denial(
                                DenialReason.ENVIRONMENT_MISMATCH, environment, transport.environment(), null),
                        "the route is of environment '" + environment + "', and the token of '"
                                + transport.environment() + "'; take those that belong together");
            }
            Builds builds = new Builds(
                    store,
                    (reason, evidence) -> {
                        DocumentVerdict verdict = store.pull(reason, evidence);
                        log.atWarn()
                                .addKeyValue("reason", reason)
                                .addKeyValue("evidence", evidence)
                                .addKeyValue("outcome", verdict.outcome().label())
                                .log("took the way back");
                    },
                    transport,
                    layers,
                    environment,
                    buildTokens(store, setup.clock()));
            var unused = store.onRoute(builds::apply);
            builds.watch();
            long process = new SecureRandom().nextLong();
            InstantSource clock = setup.clock();
            store.reportWith(() -> new OutcomeReport(
                            process, clock.millis(), store.pulledBecause(), store.pulledUpon(), builds.outcomes())
                    .encode());
            return new ServiceRoutes(store, builds);
        } catch (RuntimeException | Error e) {
            store.close();
            throw e;
        }
    }

    /**
     * Opens the documents of a service for a process that keeps them and hands them on, and sends no requests by them. The caller closes it.
     *
     * @throws KvException if there is no trust on the disk nor in the source
     */
    public static RouteStore follow(ServiceRouting.Setup setup, SafetyLayers layers) {
        RouteStore store = store(setup, null, layers);
        if (store.trust() == null) {
            List<String> problems = store.problems();
            store.close();
            throw new KvException(
                    ErrorCode.NOT_FOUND,
                    "neither '" + setup.source() + "' nor the folder has a good trust: " + String.join("; ", problems)
                            + " (expected: a bundle, as 'nearkv route bundle' makes it)");
        }
        return store;
    }

    private static RouteStore store(
            ServiceRouting.Setup setup, @Nullable RouteTransport transport, SafetyLayers layers) {
        boolean remote = setup.source().contains("://");
        Path folder = setup.folder();
        if (folder == null) {
            if (remote) {
                throw new IllegalArgumentException(
                        "routeFolder: none (expected: one with the trust in it, where the route is fetched from a node)");
            }
            folder = Path.of(setup.source() + ".state");
        }
        RouteStoreOptions options =
                RouteStoreOptions.of(setup.process(), setup.clock()).withLayers(layers);
        Probe probe = transport == null || !layers.acceptance() ? null : new Probe(transport, setup.clock());
        RouteStore store = RouteStore.open(folder, null, options.withProbe(probe == null ? null : probe::refusal));
        try {
            if (remote) {
                fetch(store, setup.source(), transport);
            } else {
                load(store, Path.of(setup.source()));
            }
            if (probe != null) {
                // From now on: a process must be able to start while a build is away.
                probe.store = store;
            }
            return store;
        } catch (RuntimeException | Error e) {
            store.close();
            throw e;
        }
    }

    private static void load(RouteStore store, Path bundle) {
        try {
            if (Files.size(bundle) > MAX_BUNDLE_BYTES) {
                throw new KvException(
                        ErrorCode.INVALID_REQUEST,
                        "'" + bundle + "' is longer than " + MAX_BUNDLE_BYTES + " bytes (expected: a route bundle)");
            }
            for (DocumentVerdict verdict :
                    store.install(Files.readAllBytes(bundle), "bundle " + bundle.getFileName())) {
                // What is on the disk is newer than the bundle, once documents have come.
                if (!verdict.holds() && !verdict.reason().equals(RejectReason.NOT_NEWER.label())) {
                    log.atWarn()
                            .addKeyValue("bundle", bundle)
                            .addKeyValue("reason", verdict.reason())
                            .addKeyValue("detail", verdict.detail())
                            .log("a document of the bundle was not taken");
                }
            }
        } catch (NoSuchFileException e) {
            if (store.trust() == null) {
                throw new KvException(ErrorCode.NOT_FOUND, "route bundle '" + bundle + "' does not exist", e);
            }
        } catch (IOException e) {
            throw new KvException(ErrorCode.INTERNAL, "route bundle '" + bundle + "' cannot be read: " + e, e);
        }
    }

    private static void fetch(RouteStore store, String node, @Nullable RouteTransport transport) {
        if (transport == null) {
            throw new IllegalArgumentException("source: '" + node
                    + "' (expected: a bundle file, for a node that sends no" + " requests by route)");
        }
        if (store.trust() == null) {
            throw new KvException(
                    ErrorCode.NOT_FOUND,
                    "the route folder has no trust yet, and a stranger's word is no trust (expected: a bundle file at the"
                            + " first start)");
        }
        try {
            for (byte[] document : transport.documents(node, FETCH_TIMEOUT)) {
                var unused = store.offer(document, "pull " + node);
            }
        } catch (KvException e) {
            // What is on the disk serves; the documents come with the connections to the builds.
            log.atWarn()
                    .addKeyValue("node", node)
                    .addKeyValue("why", e.getMessage())
                    .log("the route was not fetched");
        }
    }

    /** Judges the build tokens that instances show, by the keys in force; each once per connection. */
    private static BuildTokenCheck buildTokens(RouteStore store, InstantSource clock) {
        return token -> {
            Trust trust = store.trust();
            if (trust == null) {
                return new KvException(ErrorCode.UNAUTHORIZED, "there are no keys to verify a build token with");
            }
            try {
                var unused = TokenVerifier.of(trust.keyset(), clock).verifyBuild(token);
                return null;
            } catch (KvException e) {
                return KvException.denied(
                        new KvException.Denial(
                                DenialReason.BUILD_NOT_AUTHORIZED,
                                trust.service().environment(),
                                null,
                                null),
                        "the build token that was shown is not good: " + e.getMessage());
            }
        };
    }

    /** Connects to a new instance before a route that has it is taken. */
    private static final class Probe {
        private final RouteTransport transport;
        private final InstantSource clock;
        private volatile @Nullable RouteStore store;

        Probe(RouteTransport transport, InstantSource clock) {
            this.transport = transport;
            this.clock = clock;
        }

        @Nullable
        String refusal(RouteEntry entry, String endpoint) {
            RouteStore known = store;
            if (known == null) {
                return null;
            }
            LinkRequest request = new LinkRequest(
                    entry.build().id(),
                    entry.build().service().environment(),
                    List.of(endpoint),
                    buildTokens(known, clock),
                    true,
                    DocumentExchange.NONE);
            try (RouteLink link = transport.connect(request)) {
                link.awaitReady(PROBE_TIMEOUT);
                return null;
            } catch (KvException e) {
                return e.getMessage();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return "interrupted";
            }
        }
    }

    /** Returns the documents and all that is kept with them. */
    public RouteStore routes() {
        return store;
    }

    @Override
    public KvStore store() {
        return tier;
    }

    @Override
    public KvStore store(String affinity) {
        if (affinity.isEmpty()) {
            throw new IllegalArgumentException("affinity: empty (expected: what names the unit)");
        }
        return new RoutedStore(builds, affinity, store::overridden, () -> {});
    }

    @Override
    public DocumentExchange documents() {
        return store;
    }

    @Override
    public List<BuildStats> builds() {
        return builds.stats();
    }

    @Override
    public List<String> problems() {
        List<String> all = new ArrayList<>(store.problems());
        all.addAll(builds.problems());
        return all;
    }

    @Override
    public void awaitReady(Duration timeout) throws InterruptedException {
        builds.awaitReady(timeout);
    }

    @Override
    public void close() {
        builds.close();
        store.close();
    }
}
