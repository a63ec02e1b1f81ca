package io.nearkv.server.control;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import io.nearkv.core.Value;
import io.nearkv.core.identity.IdentityDirectory;
import io.nearkv.core.identity.IdentityLimits;
import io.nearkv.core.identity.NodeAuthority;
import io.nearkv.core.identity.Permissions;
import io.nearkv.core.identity.TokenRequest;
import io.nearkv.core.rocksdb.EmbeddedKv;
import io.nearkv.core.rocksdb.RocksStoreOptions;
import io.nearkv.deploy.control.ControlPlane;
import io.nearkv.deploy.control.ControlPlaneOptions;
import io.nearkv.deploy.control.ControlStatus;
import io.nearkv.deploy.control.RefusedException;
import io.nearkv.deploy.document.DocumentKind;
import io.nearkv.deploy.document.Rejected;
import io.nearkv.deploy.document.SignedDocument;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.model.ServiceId;
import io.nearkv.net.client.KvTransport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** A control plane with all that it stands on: its own store, the way to the nodes, the HTTP face. Needs nothing of what it deploys, neither to start nor to work. */
public final class ControlProcess implements AutoCloseable {
    private static final String SUBJECT = "control plane";
    private static final int STORE_CACHE_BYTES = 8 << 20;

    private final ControlFolder folder;
    private final ControlPlane plane;
    private final ControlApi api;
    private final ControlServer server;
    private final Deque<Runnable> closing;
    private final ServiceId service;

    private ControlProcess(
            ControlFolder folder,
            ServiceId service,
            ControlPlane plane,
            ControlApi api,
            ControlServer server,
            Deque<Runnable> closing) {
        this.folder = folder;
        this.service = service;
        this.plane = plane;
        this.api = api;
        this.server = server;
        this.closing = closing;
    }

    /**
     * Starts.
     *
     * @throws RefusedException if it depends on what it deploys
     * @throws KvException if keys, trust and identity do not belong together, another process has the folder, or the address is taken
     */
    public static ControlProcess start(ControlSettings settings, InstantSource clock)
            throws RefusedException, IOException {
        return start(settings, clock, UnaryOperator.identity());
    }

    /**
     * As {@link #start(ControlSettings, InstantSource)}, with other options of the control plane than the settings say: for the replay of the incident alone, which switches layers off
     * and faults on.
     */
    public static ControlProcess start(
            ControlSettings settings, InstantSource clock, UnaryOperator<ControlPlaneOptions.Builder> changes)
            throws RefusedException, IOException {
        ControlFolder folder = new ControlFolder(settings.folder());
        IdentityDirectory identity = IdentityDirectory.open(settings.folder().path(), clock);
        Value trust = read(settings.keys().resolve("trust.signed"));
        ServiceId service = serviceOf(trust);
        Deque<Runnable> closing = new ArrayDeque<>();
        try {
            NodeAuthority authority = NodeAuthority.open(identity.environment(), identity.files(), null, clock);
            closing.push(authority::close);
            authority.startWatching();
            // It lies beside the key that could make any other, and is kept nowhere.
            String token = identity.issueToken(new TokenRequest(
                    SUBJECT, identity.account(), Permissions.administrator(), IdentityLimits.MAX_LIFETIME));
            KvTransport transport = NodeTransports.open(service, token, settings.roots());
            closing.push(transport::close);
            AlertWebhook webhook = settings.alertWebhook() == null
                    ? null
                    : AlertWebhook.start(settings.alertWebhook(), settings.alertWebhookSecret(), clock);
            if (webhook != null) {
                closing.push(webhook::close);
            }
            Kv kv = EmbeddedKv.open(
                    folder.state(),
                    RocksStoreOptions.builder()
                            .environment("control-" + service.environment())
                            .program("nearkv control")
                            .cacheBytes(STORE_CACHE_BYTES)
                            .writeBufferBytes(STORE_CACHE_BYTES)
                            .build());
            ControlPlane plane;
            try {
                plane = ControlPlane.open(
                        kv,
                        transport,
                        changes.apply(options(settings, service, identity, trust, clock)
                                        .alertListener(webhook == null ? alert -> {} : webhook))
                                .build());
            } catch (RuntimeException | RefusedException e) {
                kv.close();
                throw e;
            }
            closing.push(plane::close);
            ControlApi api = new ControlApi(plane, service, identity.account(), webhook);
            ControlServer server = ControlServer.start(api, authority, settings.listen());
            closing.push(server::close);
            folder.writeAddress(server.url());
            plane.start();
            return new ControlProcess(folder, service, plane, api, server, closing);
        } catch (RuntimeException | RefusedException | IOException e) {
            closing.forEach(Runnable::run);
            throw e;
        }
    }

    private static ControlPlaneOptions.Builder options(
            ControlSettings settings, ServiceId service, IdentityDirectory identity, Value trust, InstantSource clock)
            throws IOException {
        Path staging = settings.stagingTrust();
        return ControlPlaneOptions.builder(
                        service,
                        new ControlFolder(settings.folder()).state(),
                        identity,
                        settings.keys().resolve("route.pem"),
                        trust)
                .nodes(settings.nodes())
                .lease(settings.lease())
                .stagingTrust(staging == null ? null : read(staging))
                .dependencies(settings.dependencies())
                .quotas(settings.quotas())
                .clock(clock);
    }

    private static Value read(Path file) throws IOException {
        try {
            return Value.wrap(Files.readAllBytes(file));
        } catch (NoSuchFileException e) {
            throw new KvException(
                    ErrorCode.NOT_FOUND, "'" + file + "' does not exist; 'nearkv env create' makes it", e);
        }
    }

    private static ServiceId serviceOf(Value trust) {
        try {
            SignedDocument document = SignedDocument.parse(trust.toByteArray());
            if (document.kind() == DocumentKind.TRUST) {
                return document.service();
            }
            throw new KvException(
                    ErrorCode.INVALID_REQUEST,
                    "trust.signed is a " + document.kind().label());
        } catch (Rejected e) {
            throw new KvException(ErrorCode.INVALID_REQUEST, "trust.signed cannot be used: " + e.getMessage(), e);
        }
    }

    /** Returns where it answers. */
    public String url() {
        return server.url();
    }

    /** Returns all that can be asked of it. */
    List<ControlApi.Endpoint> endpoints() {
        return api.endpoints();
    }

    /** Returns whose control plane it is. */
    public ServiceId service() {
        return service;
    }

    /** Returns the version of the route in force, such as {@code 3.118}, or null if there is none. */
    public @Nullable String route() {
        ControlStatus status = plane.status();
        Route route = status.route();
        return route == null ? null : route.epoch() + "." + route.seq();
    }

    /** Stops. What it has published goes on to be in force; a lease that runs is not renewed any more. Idempotent. */
    @Override
    public void close() {
        try {
            folder.removeAddress(server.url());
        } catch (IOException e) {
            // A stale address does no harm.
        }
        while (!closing.isEmpty()) {
            closing.pop().run();
        }
    }
}
