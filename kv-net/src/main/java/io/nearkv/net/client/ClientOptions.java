package io.nearkv.net.client;

import io.nearkv.core.Backoff;
import io.nearkv.net.transport.DocumentCourier;
import io.netty.handler.ssl.SslContext;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** What {@link KvClientBuilder} collects, checked; its methods explain each. Immutable. */
record ClientOptions(
        List<ServerAddress> servers,
        String token,
        String environment,
        Set<String> builds,
        ServerCheck check,
        @Nullable DocumentCourier courier,
        String name,
        int connections,
        int ioThreads,
        int maxRequestsInFlight,
        long maxPendingBytes,
        int streamWindowBytes,
        int store,
        Duration timeout,
        Duration connectTimeout,
        Duration pingInterval,
        Duration silenceTimeout,
        Duration closeTimeout,
        double retryShare,
        int maxAttempts,
        Backoff backoff,
        Duration spin,
        @Nullable SslContext tls,
        @Nullable Executor callbackExecutor,
        long seed,
        LongSupplier nanoTime) {
    ClientOptions {
        servers = List.copyOf(servers);
        builds = Set.copyOf(builds);
    }

    /** Returns a copy with these servers, which are left when they are silent for so long and as long again, and without documents to follow. */
    ClientOptions withServers(List<ServerAddress> newServers, Duration newSilenceTimeout) {
        return new ClientOptions(
                newServers,
                token,
                environment,
                builds,
                check,
                null,
                name,
                connections,
                ioThreads,
                maxRequestsInFlight,
                maxPendingBytes,
                streamWindowBytes,
                store,
                timeout,
                connectTimeout,
                pingInterval,
                newSilenceTimeout,
                closeTimeout,
                retryShare,
                maxAttempts,
                backoff,
                spin,
                tls,
                callbackExecutor,
                seed,
                nanoTime);
    }
}
