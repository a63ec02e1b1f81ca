package io.nearkv.net.server;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.AccountId;
import io.nearkv.core.route.DocumentExchange;
import io.nearkv.net.transport.EventLoops;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * How a {@link KvServer} is set up. Immutable; the {@code with} methods return changed copies.
 *
 * @param address where to listen; port 0 for one that is free
 * @param limits what clients may take
 * @param tls certificates, or null for no TLS
 * @param eventLoopThreads how many threads serve the connections
 * @param spin how long an event loop looks for more work without pause before it blocks; zero for not at all
 * @param transport which system interface
 * @param operatorAccount the account whose administrators may list and create accounts and make backups; null for none
 * @param serverVersion what the server calls itself in HELLO
 * @param lineage the history that the versions of the store belong to, 0 where it is not known
 * @param documents the signed documents that the node lives by and hands on
 * @param leaders tells clients of the first store where the node is that leads each partition, HOST:PORT or empty where it is not known; an empty list where requests need not go
 *     elsewhere. Asked often, answers at once
 */
public record KvServerOptions(
        InetSocketAddress address,
        ServerLimits limits,
        @Nullable TlsFiles tls,
        int eventLoopThreads,
        Duration spin,
        EventLoops.Kind transport,
        @Nullable AccountId operatorAccount,
        String serverVersion,
        LongSupplier lineage,
        DocumentExchange documents,
        Supplier<List<String>> leaders) {
    private static final int MAX_THREADS = 1024;
    private static final Duration MAX_SPIN = Duration.ofMillis(1);

    /** A spin that is worth its core on a machine that has cores to spare; see {@link #withSpin}. */
    public static final Duration ADAPTIVE_SPIN = Duration.ofNanos(40_000);

    /** Checks the ranges. */
    public KvServerOptions {
        requireNonNull(address, "address");
        requireNonNull(limits, "limits");
        requireNonNull(spin, "spin");
        requireNonNull(transport, "transport");
        requireNonNull(serverVersion, "serverVersion");
        requireNonNull(lineage, "lineage");
        requireNonNull(documents, "documents");
        requireNonNull(leaders, "leaders");
        if (eventLoopThreads < 1 || eventLoopThreads > MAX_THREADS) {
            throw new IllegalArgumentException(
                    "eventLoopThreads: " + eventLoopThreads + " (expected: 1 to " + MAX_THREADS + ")");
        }
        if (spin.isNegative() || spin.compareTo(MAX_SPIN) > 0) {
            throw new IllegalArgumentException("spin: " + spin + " (expected: 0 to " + MAX_SPIN + ")");
        }
    }

    /**
     * Returns the defaults for this address: {@link ServerLimits#DEFAULT}, no TLS, a thread per processor, no spinning, no operator.
     *
     * @param address where to listen
     */
    public static KvServerOptions listeningOn(InetSocketAddress address) {
        return new KvServerOptions(
                address,
                ServerLimits.DEFAULT,
                null,
                Math.min(MAX_THREADS, Runtime.getRuntime().availableProcessors()),
                Duration.ZERO,
                EventLoops.Kind.AUTO,
                null,
                "nearkv",
                () -> 0,
                DocumentExchange.NONE,
                List::of);
    }

    /** Returns a copy with these limits. */
    public KvServerOptions withLimits(ServerLimits newLimits) {
        return new KvServerOptions(
                address,
                newLimits,
                tls,
                eventLoopThreads,
                spin,
                transport,
                operatorAccount,
                serverVersion,
                lineage,
                documents,
                leaders);
    }

    /** Returns a copy with these certificates; null for no TLS. */
    public KvServerOptions withTls(@Nullable TlsFiles newTls) {
        return new KvServerOptions(
                address,
                limits,
                newTls,
                eventLoopThreads,
                spin,
                transport,
                operatorAccount,
                serverVersion,
                lineage,
                documents,
                leaders);
    }

    /** Returns a copy with this number of threads. */
    public KvServerOptions withEventLoopThreads(int newThreads) {
        return new KvServerOptions(
                address,
                limits,
                tls,
                newThreads,
                spin,
                transport,
                operatorAccount,
                serverVersion,
                lineage,
                documents,
                leaders);
    }

    /** Returns a copy with this spin, at most a millisecond. Each loop keeps a core busy while it is in use. */
    public KvServerOptions withSpin(Duration newSpin) {
        return new KvServerOptions(
                address,
                limits,
                tls,
                eventLoopThreads,
                newSpin,
                transport,
                operatorAccount,
                serverVersion,
                lineage,
                documents,
                leaders);
    }

    /** Returns a copy with this system interface. */
    public KvServerOptions withTransport(EventLoops.Kind newTransport) {
        return new KvServerOptions(
                address,
                limits,
                tls,
                eventLoopThreads,
                spin,
                newTransport,
                operatorAccount,
                serverVersion,
                lineage,
                documents,
                leaders);
    }

    /** Returns a copy with this operator account; null for none. */
    public KvServerOptions withOperatorAccount(@Nullable AccountId newOperator) {
        return new KvServerOptions(
                address,
                limits,
                tls,
                eventLoopThreads,
                spin,
                transport,
                newOperator,
                serverVersion,
                lineage,
                documents,
                leaders);
    }

    /** Returns a copy with what HELLO says of the server. */
    public KvServerOptions withIdentity(String newServerVersion, LongSupplier newLineage) {
        return new KvServerOptions(
                address,
                limits,
                tls,
                eventLoopThreads,
                spin,
                transport,
                operatorAccount,
                newServerVersion,
                newLineage,
                documents,
                leaders);
    }

    /** Returns a copy with these documents. */
    public KvServerOptions withDocuments(DocumentExchange newDocuments) {
        return new KvServerOptions(
                address,
                limits,
                tls,
                eventLoopThreads,
                spin,
                transport,
                operatorAccount,
                serverVersion,
                lineage,
                newDocuments,
                leaders);
    }

    /** Returns a copy that tells clients where the nodes are that lead. */
    public KvServerOptions withLeaders(Supplier<List<String>> newLeaders) {
        return new KvServerOptions(
                address,
                limits,
                tls,
                eventLoopThreads,
                spin,
                transport,
                operatorAccount,
                serverVersion,
                lineage,
                documents,
                newLeaders);
    }
}
