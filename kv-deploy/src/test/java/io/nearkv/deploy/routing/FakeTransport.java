package io.nearkv.deploy.routing;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.route.DocumentVerdict;
import io.nearkv.core.route.LinkRequest;
import io.nearkv.core.route.RouteLink;
import io.nearkv.core.route.RouteTransport;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/** Builds of one process: each may be away, refuse, or answer from the store that all share. */
final class FakeTransport implements RouteTransport {
    /** How the instances of a build are. */
    static final class Instances {
        volatile boolean listening = true;
        /** What the build answers every call with; null for an answer of the store. */
        volatile @Nullable KvException refusal;
        /** What the build is refused for before any request, at the last attempt; null if it is not. */
        volatile @Nullable KvException refusedAtGreeting;

        final List<String> calls = new CopyOnWriteArrayList<>();
    }

    private final KvStore store;
    private final Map<String, Instances> builds = new ConcurrentHashMap<>();
    final List<Link> links = new CopyOnWriteArrayList<>();

    FakeTransport(KvStore store) {
        this.store = store;
    }

    Instances of(String build) {
        return builds.computeIfAbsent(build, id -> new Instances());
    }

    List<Link> open(String build) {
        List<Link> open = new ArrayList<>();
        links.stream()
                .filter(link -> link.request.buildId().equals(build) && !link.closed)
                .forEach(open::add);
        return open;
    }

    @Override
    public String environment() {
        return "production";
    }

    @Override
    public RouteLink connect(LinkRequest request) {
        Link link = new Link(request, of(request.buildId()));
        links.add(link);
        return link;
    }

    @Override
    public DocumentVerdict offer(String endpoint, byte[] document, Duration timeout) {
        throw new KvException(ErrorCode.UNAVAILABLE, "nobody there");
    }

    @Override
    public List<byte[]> documents(String endpoint, Duration timeout) {
        throw new KvException(ErrorCode.UNAVAILABLE, "nobody there");
    }

    final class Link implements RouteLink {
        final LinkRequest request;
        private final Instances instances;
        volatile boolean closed;

        Link(LinkRequest request, Instances instances) {
            this.request = request;
            this.instances = instances;
        }

        @Override
        public KvStore store() {
            return (KvStore) Proxy.newProxyInstance(
                    KvStore.class.getClassLoader(), new Class<?>[] {KvStore.class}, (proxy, method, arguments) -> {
                        if (closed) {
                            throw new IllegalStateException("closed");
                        }
                        KvException refusal = instances.listening
                                ? instances.refusal
                                : new KvException(ErrorCode.UNAVAILABLE, "connection refused");
                        if (CompletableFuture.class.isAssignableFrom(method.getReturnType())) {
                            instances.calls.add(method.getName());
                            if (refusal != null) {
                                return CompletableFuture.failedFuture(refusal);
                            }
                        }
                        try {
                            return method.invoke(store, arguments);
                        } catch (InvocationTargetException e) {
                            throw e.getCause() == null ? e : e.getCause();
                        }
                    });
        }

        @Override
        public boolean isReady() {
            return !closed && instances.listening && instances.refusedAtGreeting == null;
        }

        @Override
        public @Nullable KvException refusal() {
            KvException atGreeting = instances.refusedAtGreeting;
            if (atGreeting != null) {
                return atGreeting;
            }
            return instances.listening ? null : new KvException(ErrorCode.UNAVAILABLE, "connection refused");
        }

        @Override
        public void awaitReady(Duration timeout) {
            KvException refusal = refusal();
            if (refusal != null) {
                throw refusal;
            }
        }

        @Override
        public void close() {
            closed = true;
        }
    }
}
