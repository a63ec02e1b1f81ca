package io.nearkv.server.node;

import io.nearkv.core.KvStore;
import io.nearkv.core.route.DocumentExchange;
import io.nearkv.core.route.DocumentVerdict;
import io.nearkv.core.route.RoutedService;
import io.nearkv.core.route.ServiceRouting;
import io.nearkv.deploy.routing.ServiceRoutes;
import io.nearkv.deploy.store.RouteStore;
import io.nearkv.net.client.KvClientBuilder;
import io.nearkv.net.client.KvTransport;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The route that a node follows: it keeps the documents and hands them on, and a node without a node above it also sends its requests by them. Thread-safe. */
final class NodeRoutes implements AutoCloseable {
    private final RouteStore documents;
    private final @Nullable ServiceRoutes service;
    private final @Nullable KvTransport transport;

    private NodeRoutes(RouteStore documents, @Nullable ServiceRoutes service, @Nullable KvTransport transport) {
        this.documents = documents;
        this.service = service;
        this.transport = transport;
    }

    /** Keeps the documents and hands them on. */
    static NodeRoutes follow(RouteSettings settings, String node, InstantSource clock) {
        return new NodeRoutes(ServiceRoutes.follow(setup(settings, node, clock), settings.layers()), null, null);
    }

    /** Also reaches the builds that they name, with the settings of this client. */
    static NodeRoutes route(RouteSettings settings, String node, InstantSource clock, KvClientBuilder client) {
        KvTransport transport = KvTransport.of(client);
        try {
            ServiceRoutes service = ServiceRoutes.open(setup(settings, node, clock), transport, settings.layers());
            return new NodeRoutes(service.routes(), service, transport);
        } catch (RuntimeException | Error e) {
            transport.close();
            throw e;
        }
    }

    private static ServiceRouting.Setup setup(RouteSettings settings, String node, InstantSource clock) {
        return new ServiceRouting.Setup(settings.source(), settings.folder(), node, clock);
    }

    DocumentExchange documents() {
        return documents;
    }

    /** Returns the tier by route. */
    KvStore store() {
        if (service == null) {
            throw new IllegalStateException("this node only hands documents on");
        }
        return service.store();
    }

    RouteStore routeStore() {
        return documents;
    }

    /** Returns what the builds have done; empty where the node does not send its requests by route. */
    List<RoutedService.BuildStats> builds() {
        return service == null ? List.of() : service.builds();
    }

    /** Returns what is wrong now. */
    List<String> problems() {
        return service == null ? documents.problems() : new ArrayList<>(service.problems());
    }

    /** Returns the version in force, or null while there is none. */
    @Nullable
    String version() {
        DocumentVerdict status = documents.status();
        return status.hash().isEmpty() ? null : status.epoch() + "." + status.seq();
    }

    @Override
    public void close() {
        if (service != null) {
            service.close();
        } else {
            documents.close();
        }
        if (transport != null) {
            transport.close();
        }
    }
}
