package io.nearkv.net.client;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.route.DocumentExchange;
import io.nearkv.core.route.DocumentVerdict;
import io.nearkv.core.route.LinkRequest;
import io.nearkv.core.route.RouteLink;
import io.nearkv.core.route.RouteTransport;
import io.nearkv.net.transport.DocumentCourier;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Reaches nodes for a tier that chooses among them, with the settings of one {@link KvClientBuilder}. Each link has connections of its own. Closing the transport ends its links and
 * the thread that carries documents. Thread-safe.
 */
public final class KvTransport implements RouteTransport, AutoCloseable {
    private final KvClientBuilder settings;
    private final Set<Link> links = ConcurrentHashMap.newKeySet();
    /** One for each exchange; a process has one. */
    private final ConcurrentHashMap<DocumentExchange, DocumentCourier> couriers = new ConcurrentHashMap<>();

    private volatile ClientStats ended = ClientStats.NONE;

    KvTransport(KvClientBuilder settings) {
        this.settings = settings;
    }

    /**
     * Returns a transport with these settings, whose servers do not matter. Later changes of the builder have no effect.
     *
     * @throws IllegalArgumentException if the builder has no token
     */
    public static KvTransport of(KvClientBuilder builder) {
        return new KvTransport(builder.copy());
    }

    @Override
    public String environment() {
        return settings.expectedEnvironment();
    }

    @Override
    public RouteLink connect(LinkRequest request) {
        KvClientBuilder builder = settings.copy().servers(request.endpoints());
        DocumentCourier courier = request.documents() == DocumentExchange.NONE
                ? null
                : couriers.computeIfAbsent(
                        request.documents(), documents -> new DocumentCourier(documents, "nearkv-documents"));
        Link link = new Link(LanePool.start(builder.options(
                request.environment(),
                Set.of(request.buildId()),
                new ServerCheck(request.check(), request.enforced()),
                courier)));
        links.add(link);
        return link;
    }

    @Override
    public DocumentVerdict offer(String endpoint, byte[] document, Duration timeout) {
        return await(DocumentCall.offer(optionsFor(endpoint), document, timeout), endpoint, timeout);
    }

    @Override
    public List<byte[]> documents(String endpoint, Duration timeout) {
        return await(DocumentCall.fetch(optionsFor(endpoint), timeout), endpoint, timeout);
    }

    private ClientOptions optionsFor(String endpoint) {
        return settings.copy().servers(List.of(endpoint)).options();
    }

    private static <T> T await(CompletableFuture<T> call, String endpoint, Duration timeout) {
        try {
            return call.get(timeout.toNanos(), TimeUnit.NANOSECONDS);
        } catch (ExecutionException e) {
            throw KvException.from(e);
        } catch (TimeoutException e) {
            call.cancel(false);
            throw new KvException(ErrorCode.UNAVAILABLE, endpoint + " has not answered within " + timeout, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            call.cancel(false);
            throw new KvException(ErrorCode.UNAVAILABLE, "interrupted while " + endpoint + " was asked", e);
        }
    }

    /** Returns what all links have done, those included that have ended. */
    ClientStats stats() {
        ClientStats all = ended;
        for (Link link : links) {
            all = all.plus(link.pool.stats());
        }
        return all;
    }

    /** Ends all links. Idempotent. */
    @Override
    public void close() {
        for (Link link : new ArrayList<>(links)) {
            link.close();
        }
        couriers.values().forEach(DocumentCourier::close);
    }

    private synchronized void onClosed(Link link) {
        if (links.remove(link)) {
            ended = ended.plus(link.pool.stats().withoutConnections());
        }
    }

    /** The connections to the instances of one build. */
    private final class Link implements RouteLink {
        private final LanePool pool;
        private final KvStore store;

        Link(LanePool pool) {
            this.pool = pool;
            this.store = new RemoteStore(pool);
        }

        @Override
        public KvStore store() {
            return store;
        }

        @Override
        public boolean isReady() {
            return pool.isReady();
        }

        @Override
        public @Nullable KvException refusal() {
            return pool.lastFailure();
        }

        @Override
        public void awaitReady(Duration timeout) throws InterruptedException {
            pool.awaitReady(timeout);
        }

        @Override
        public void close() {
            pool.close();
            onClosed(this);
        }
    }
}
