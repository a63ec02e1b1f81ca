package io.nearkv.net.client;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.route.RoutedService;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The builds of a service, each behind connections of its own. Thread-safe. */
final class RoutedBackend implements Backend {
    private final RoutedService service;
    private final KvTransport transport;

    RoutedBackend(RoutedService service, KvTransport transport) {
        this.service = service;
        this.transport = transport;
    }

    RoutedService service() {
        return service;
    }

    @Override
    public KvStore store() {
        return service.store();
    }

    @Override
    public ClientStats stats() {
        return transport.stats();
    }

    @Override
    public @Nullable KvException notConnected() {
        List<String> problems = service.problems();
        return problems.isEmpty() || service.builds().stream().anyMatch(RoutedService.BuildStats::ready)
                ? null
                : new KvException(ErrorCode.UNAVAILABLE, problems.get(0));
    }

    @Override
    public void awaitReady(Duration timeout) throws InterruptedException {
        service.awaitReady(timeout);
    }

    @Override
    public void close() {
        service.close();
        transport.close();
    }
}
