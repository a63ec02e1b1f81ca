package io.nearkv.deploy.control;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import io.nearkv.core.KvNamespace;
import io.nearkv.core.PutOptions;
import io.nearkv.core.WriteResult;
import io.nearkv.core.route.DocumentExchange;
import io.nearkv.core.route.LinkRequest;
import io.nearkv.core.route.RouteLink;
import io.nearkv.core.route.RouteTransport;
import io.nearkv.deploy.model.BuildRef;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;

/** P19: makes synthetic requests to each instance of a build, in a namespace that is nobody else's, before any user is given to it. Thread-safe. */
final class TrafficProbe {
    /** The namespace of synthetic requests. */
    static final String NAMESPACE = "nearkv-probe";

    /** What is left behind by a probe that was cut off goes by itself. */
    private static final Duration TTL = Duration.ofMinutes(2);

    private static final int OPERATIONS = 4;
    /** Instances that are tried at once. */
    private static final int THREADS = 8;

    private static final long MAX_WARM_UP_READS = 40_000;

    private final RouteTransport transport;
    private final ControlPlaneOptions options;
    private final AtomicLong made = new AtomicLong();

    TrafficProbe(RouteTransport transport, ControlPlaneOptions options) {
        this.transport = transport;
        this.options = options;
    }

    /**
     * What has come of the probes.
     *
     * @param requests how many were made
     * @param failures why some were not answered as they should be, one line for each instance
     */
    record Result(long requests, List<String> failures) {}

    /** Returns how many requests were made since the start. */
    long made() {
        return made.get();
    }

    /** Puts, gets, lists and deletes at each endpoint; each operation a quarter of the count, at least one; then reads for a while. */
    Result run(BuildRef build, List<String> endpoints, int count, Duration warmUp) throws InterruptedException {
        ExecutorService threads = Executors.newFixedThreadPool(Math.min(THREADS, endpoints.size()), task -> {
            Thread thread = new Thread(task, "nearkv-probe");
            thread.setDaemon(true);
            return thread;
        });
        try {
            List<Future<Result>> all = new ArrayList<>();
            for (String endpoint : endpoints) {
                all.add(threads.submit(() -> one(build, endpoint, count, warmUp)));
            }
            List<String> failures = new ArrayList<>();
            long requests = 0;
            for (Future<Result> each : all) {
                Result result = each.get();
                requests += result.requests;
                failures.addAll(result.failures);
            }
            return new Result(requests, failures);
        } catch (ExecutionException e) {
            throw KvException.from(e.getCause() == null ? e : e.getCause());
        } finally {
            threads.shutdownNow();
        }
    }

    private Result one(BuildRef build, String endpoint, int count, Duration warmUp) throws InterruptedException {
        LinkRequest request = new LinkRequest(
                build.id(),
                build.service().environment(),
                List.of(endpoint),
                token -> null, // Which build it is, the handshake of the checks has shown a moment ago.
                true,
                DocumentExchange.NONE);
        try (RouteLink link = transport.connect(request)) {
            link.awaitReady(options.handshakeTimeout);
            Kv kv = Kv.over(link.store(), options.identity.account());
            KvNamespace namespace =
                    kv.namespace(kv.namespaces().findOrCreate(NAMESPACE).id().toString());
            long requests = 0;
            for (int i = 0; i < Math.max(1, count / OPERATIONS); i++) {
                requests += OPERATIONS;
                once(namespace);
            }
            requests += warm(namespace, warmUp);
            made.addAndGet(requests);
            return new Result(requests, List.of());
        } catch (KvException e) {
            return new Result(0, List.of(endpoint + ": " + e.code().label() + ": " + e.getMessage()));
        }
    }

    /** Reads for a while: a program is slow at first, and no user is to be the one who finds that out. */
    private long warm(KvNamespace namespace, Duration atMost) {
        long until = options.nanoTime.getAsLong() + atMost.toNanos();
        String key = "probe-warm-" + UUID.randomUUID();
        check(namespace.put(key, key, PutOptions.expiresAfter(TTL)).applied(), "a put was not applied");
        long reads = 1;
        while (reads < MAX_WARM_UP_READS && options.nanoTime.getAsLong() - until < 0) {
            check(namespace.getString(key).isPresent(), "a get did not find what was put");
            // Half of them are of keys that are nowhere, and go the whole way.
            check(namespace.getString(key + reads).isEmpty(), "a get found what was never put");
            reads += 2;
        }
        return reads;
    }

    private static void once(KvNamespace namespace) {
        String key = "probe-" + UUID.randomUUID();
        WriteResult put = namespace.put(key, key, PutOptions.expiresAfter(TTL));
        check(put.applied(), "a put was not applied");
        check(namespace.getString(key).filter(key::equals).isPresent(), "a get did not find what was put");
        check(namespace.list(key).iterator().hasNext(), "a listing did not have what was put");
        var unused = namespace.delete(key);
        check(namespace.getString(key).isEmpty(), "a get found what was deleted");
    }

    private static void check(boolean good, String what) {
        if (!good) {
            throw new KvException(ErrorCode.INTERNAL, what);
        }
    }
}
