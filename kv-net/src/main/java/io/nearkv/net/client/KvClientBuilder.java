package io.nearkv.net.client;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.AccountId;
import io.nearkv.core.Backoff;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.core.route.DocumentExchange;
import io.nearkv.core.route.ServiceRouting;
import io.nearkv.net.transport.DocumentCourier;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.LongSupplier;
import java.util.regex.Pattern;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * Makes a {@link KvClient}. A server and a token are needed, everything else has a default. Each method throws {@link IllegalArgumentException} for a value out of
 * range, and {@link #build()} may be called again. Not thread-safe.
 */
public final class KvClientBuilder {
    static final int MAX_SERVERS = 64;
    static final int MAX_CONNECTIONS = 64;
    static final int MAX_IO_THREADS = 64;
    private static final int MAX_STORES = 4095;
    static final int MAX_ATTEMPTS = 10;
    static final long MIN_PENDING_BYTES = 1024 * 1024;
    static final int MAX_STREAM_WINDOW_BYTES = 16 * 1024 * 1024;

    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,63}");
    private static final Duration MILLI = Duration.ofMillis(1);
    private static final Duration MINUTE = Duration.ofMinutes(1);

    /** What has forward secrecy and authenticated encryption (RFC 9325). */
    private static final List<String> CIPHERS = List.of(
            "TLS_AES_128_GCM_SHA256",
            "TLS_AES_256_GCM_SHA384",
            "TLS_CHACHA20_POLY1305_SHA256",
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384");

    private final List<ServerAddress> servers = new ArrayList<>();
    private @Nullable String token;
    private @Nullable String environment;
    private Set<String> builds = Set.of();
    private @Nullable AccountId account;
    private @Nullable String serviceRoute;
    private @Nullable Path routeFolder;
    private DocumentExchange documents = DocumentExchange.NONE;
    private String name = "app";
    private int connections = 1;
    private int ioThreads = 1;
    private int maxRequestsInFlight = 1024;
    private long maxPendingBytes = 128L * 1024 * 1024;
    private int streamWindowBytes = 256 * 1024;
    private Duration timeout = Limits.DEFAULT_TIMEOUT;
    private Duration connectTimeout = Duration.ofSeconds(5);
    private Duration pingInterval = Duration.ofSeconds(10);
    private Duration silenceTimeout = Duration.ofSeconds(1);
    private Duration closeTimeout = Duration.ofSeconds(2);
    private double retryBudget = 0.1;
    private int maxAttempts = 4;
    private Backoff backoff = new Backoff(Duration.ofMillis(50), Duration.ofSeconds(2));
    private Duration spin = Duration.ZERO;
    private int store;
    private @Nullable Path trust;
    private @Nullable Path certificate;
    private @Nullable Path privateKey;
    private @Nullable Executor callbackExecutor;
    private @Nullable Long seed;
    private LongSupplier nanoTime = System::nanoTime;

    KvClientBuilder() {}

    /**
     * Adds a server: {@code kv://HOST:PORT}, or {@code kvs://HOST:PORT} for TLS; 7400 without a port. At least one and at most 64. All must serve the same data: the client
     * connects to the first that it reaches, and to the next when that one goes away or falls silent. If they are the nodes of a cluster, it also connects to those that lead
     * the partitions, whether they were added here or not.
     */
    public KvClientBuilder server(String address) {
        if (servers.size() == MAX_SERVERS) {
            throw new IllegalArgumentException("servers: more than " + MAX_SERVERS);
        }
        servers.add(ServerAddress.parse(address));
        return this;
    }

    /** Sets the token that the client shows; needed. */
    public KvClientBuilder token(String newToken) {
        var unused = TokenPayload.of(newToken);
        token = newToken;
        return this;
    }

    /**
     * Sets the environment that the servers must be of. Default: the one that the token is for. A server of another one gets no request; calls fail with
     * {@link ErrorCode#UNAUTHORIZED} and the reason {@code environment_mismatch}.
     */
    public KvClientBuilder environment(String newEnvironment) {
        if (requireNonNull(newEnvironment, "environment").isEmpty()) {
            throw new IllegalArgumentException("environment: empty (expected: a name)");
        }
        environment = newEnvironment;
        return this;
    }

    /**
     * Turns routing on, in place of {@link #server}: for each request the signed route of a service says which build answers it, and a build that turns out to be wrong is left at
     * once for the known-good one. Needs kv-deploy on the class path.
     *
     * @param fileOrUrl a route bundle, as {@code nearkv route bundle} makes it; or {@code kv://HOST:PORT} of a node to fetch the route from, with the trust in the
     *     {@link #routeFolder} already
     */
    public KvClientBuilder serviceRoute(String fileOrUrl) {
        serviceRoute = requireNonNull(fileOrUrl, "fileOrUrl");
        return this;
    }

    /** Sets where the route and what belongs to it are kept. Default: beside the bundle, with {@code .state} behind its name. Each process has a folder of its own. */
    public KvClientBuilder routeFolder(Path folder) {
        routeFolder = requireNonNull(folder, "folder");
        return this;
    }

    /** Has the client follow the signed documents of its server, and offer it those that are put in force here. Default: it does neither. The exchange is closed by whoever made it. */
    public KvClientBuilder documents(DocumentExchange newDocuments) {
        documents = requireNonNull(newDocuments, "documents");
        return this;
    }

    /** Sets the ids of the builds that the servers may be of. Default: empty, which allows every build of the environment. */
    public KvClientBuilder allowedBuilds(Set<String> newBuilds) {
        builds = Set.copyOf(newBuilds);
        return this;
    }

    /** Sets the account whose namespaces {@link KvClient#kv()} opens by title. Default: that of the token. */
    public KvClientBuilder account(AccountId newAccount) {
        account = requireNonNull(newAccount, "account");
        return this;
    }

    /** Sets the name of the client, for its threads and the server's log: 1 to 64 letters, digits, dots, hyphens and underscores. Default {@code app}. */
    public KvClientBuilder name(String newName) {
        if (!NAME.matcher(requireNonNull(newName, "name")).matches()) {
            throw new IllegalArgumentException("name: '" + newName + "' (expected: " + NAME + ")");
        }
        name = newName;
        return this;
    }

    /**
     * Sets how many connections there are, 1 to 64. Default 1: one connection carries any number of calls at once, and the more calls share it, the less each one
     * costs. More of them help where large values must not hold up small ones, or one event loop is not enough.
     */
    public KvClientBuilder connections(int count) {
        connections = inRange("connections", count, 1, MAX_CONNECTIONS);
        return this;
    }

    /** Sets how many event loops share the connections, 1 to 64. Default 1; more than there are connections are not started. */
    public KvClientBuilder ioThreads(int count) {
        ioThreads = inRange("ioThreads", count, 1, MAX_IO_THREADS);
        return this;
    }

    /**
     * Sets how many calls and streams may be in flight on each connection, 1 to 32,768. Default 1,024. Beyond it calls fail at once with {@link ErrorCode#UNAVAILABLE}
     * and do not wait, because more waiting cures no overload. If the server allows fewer, the rest waits here.
     */
    public KvClientBuilder maxRequestsInFlight(int count) {
        maxRequestsInFlight = inRange("maxRequestsInFlight", count, 1, SlotTable.MAX_SLOTS);
        return this;
    }

    /** Sets how many bytes of values all writes in flight may hold, at least 1 MiB. Default 128 MiB. Beyond it writes fail at once with {@link ErrorCode#UNAVAILABLE}. */
    public KvClientBuilder maxPendingBytes(long bytes) {
        if (bytes < MIN_PENDING_BYTES) {
            throw new IllegalArgumentException(
                    "maxPendingBytes: " + bytes + " (expected: at least " + MIN_PENDING_BYTES + ")");
        }
        maxPendingBytes = bytes;
        return this;
    }

    /** Sets how many bytes of one streamed value may be on their way to us, 64 KiB to 16 MiB. Default 256 KiB. */
    public KvClientBuilder streamWindowBytes(int bytes) {
        streamWindowBytes = inRange("streamWindowBytes", bytes, Limits.CHUNK_BYTES, MAX_STREAM_WINDOW_BYTES);
        return this;
    }

    /** Sets the time that calls without a timeout of their own may take (those of {@code admin()}), 1 millisecond to 1 hour. Default 10 seconds. */
    public KvClientBuilder timeout(Duration newTimeout) {
        timeout = inRange("timeout", newTimeout, MILLI, Limits.MAX_TIMEOUT);
        return this;
    }

    /**
     * Sets the time that connecting to one server may take: name, TCP, TLS and the checks; 10 milliseconds to 1 minute. Default 5 seconds. After a {@link #silenceTimeout} of it the
     * next server is asked beside it, and the first that passes the checks is taken.
     */
    public KvClientBuilder connectTimeout(Duration newTimeout) {
        connectTimeout = inRange("connectTimeout", newTimeout, MILLI.multipliedBy(10), MINUTE);
        return this;
    }

    /**
     * Sets the time between the pings that keep an idle connection alive, 100 milliseconds to 5 minutes. Default 10 seconds; more often if the server closes idle connections
     * sooner. A server that dies while nothing is asked of it is noticed within this and twice the {@link #silenceTimeout}.
     */
    public KvClientBuilder pingInterval(Duration interval) {
        pingInterval = inRange("pingInterval", interval, MILLI.multipliedBy(100), MINUTE.multipliedBy(5));
        return this;
    }

    /**
     * Sets how long a server may be silent that owes an answer, an event of a feed included; 100 milliseconds to 1 minute. Default 1 second. Then it is asked with a ping, and if
     * as much time again brings nothing at all, the connection is given up as lost, and the next server is asked. Servers answer pings however slow their work is, so
     * a slow call is not cut off. A server that pauses for longer than twice this time is left, so it wants more where servers pause for so long, or where the network needs
     * that time for what one call sends.
     *
     * <p>It is also how long connecting to one server keeps the client from asking the next one as well.
     */
    public KvClientBuilder silenceTimeout(Duration newTimeout) {
        silenceTimeout = inRange("silenceTimeout", newTimeout, MILLI.multipliedBy(100), MINUTE);
        return this;
    }

    /** Sets how long {@link KvClient#close()} waits for calls in flight, 0 to 1 minute. Default 2 seconds. */
    public KvClientBuilder closeTimeout(Duration newTimeout) {
        closeTimeout = inRange("closeTimeout", newTimeout, Duration.ZERO, MINUTE);
        return this;
    }

    /** Sets which share of the calls may be tried again, 0 to 1. Default 0.1, plus a reserve of one a second. With 0, nothing is ever tried again. */
    public KvClientBuilder retryBudget(double share) {
        if (!(share >= 0 && share <= 1)) {
            throw new IllegalArgumentException("retryBudget: " + share + " (expected: 0 to 1)");
        }
        retryBudget = share;
        return this;
    }

    /** Sets how often one call may be tried, the first time included, 1 to 10. Default 4. */
    public KvClientBuilder maxAttempts(int count) {
        maxAttempts = inRange("maxAttempts", count, 1, MAX_ATTEMPTS);
        return this;
    }

    /** Sets the wait before a call is tried again, and before lost servers are asked again. Default 50 milliseconds, doubling to 2 seconds. */
    public KvClientBuilder backoff(Backoff newBackoff) {
        backoff = requireNonNull(newBackoff, "backoff");
        return this;
    }

    /**
     * Sets how long an event loop looks for more work before it sleeps, 0 to 1 millisecond. Default 0. 20 to 50 microseconds take a lone request from about 75 microseconds
     * to about 15, and keep a core busy; so only where there are cores to spare.
     */
    public KvClientBuilder spin(Duration newSpin) {
        spin = inRange("spin", newSpin, Duration.ZERO, MILLI);
        return this;
    }

    /** Sets which of a server's stores is meant, where it has several: the nodes of a cluster serve each other their partitions. Default 0, the first. */
    public KvClientBuilder store(int number) {
        store = inRange("store", number, 0, MAX_STORES);
        return this;
    }

    /** Sets the file of the certificates (PEM) that the servers' certificates must lead to. Default: the ones that the Java runtime trusts. */
    public KvClientBuilder trust(Path pem) {
        trust = requireNonNull(pem, "pem");
        return this;
    }

    /** Sets certificate chain and private key (PEM; PKCS#8, not encrypted) that the client shows, for servers that ask for one. Default: none. */
    public KvClientBuilder clientCertificate(Path chainPem, Path keyPem) {
        certificate = requireNonNull(chainPem, "chainPem");
        privateKey = requireNonNull(keyPem, "keyPem");
        return this;
    }

    /**
     * Sets where futures complete and feeds deliver. Default: the event loop that has the answer, which is fastest and wants callbacks that neither wait nor compute
     * for long.
     */
    public KvClientBuilder callbackExecutor(Executor executor) {
        callbackExecutor = requireNonNull(executor, "executor");
        return this;
    }

    /** Sets the seed of the jitter, for tests. */
    KvClientBuilder seed(long newSeed) {
        seed = newSeed;
        return this;
    }

    /** Sets the clock of the deadlines, for tests; on the scale of {@link System#nanoTime()}. */
    KvClientBuilder nanoTime(LongSupplier clock) {
        nanoTime = clock;
        return this;
    }

    /**
     * Returns a new client, which begins to connect at once and does not wait for it: the first calls do.
     *
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} if a certificate file cannot be read
     */
    public KvClient build() {
        TokenPayload claims = TokenPayload.of(shownToken());
        AccountId ofKv = account;
        if (ofKv == null) {
            String claimed = claims.text("acct");
            ofKv = claimed != null && AccountId.isWellFormed(claimed) ? AccountId.parse(claimed) : null;
        }
        return new KvClient(backend(), ofKv);
    }

    private Backend backend() {
        String source = serviceRoute;
        if (source == null) {
            ClientOptions checked = options(
                    expectedEnvironment(),
                    builds,
                    ServerCheck.STATED,
                    documents == DocumentExchange.NONE ? null : new DocumentCourier(documents, "nearkv-documents"));
            // Only the first store is for clients; the others are among nodes, which know whom they ask.
            return store == 0 ? ClusterBackend.start(checked) : LanePool.start(checked);
        }
        if (!servers.isEmpty() || !builds.isEmpty()) {
            throw new IllegalArgumentException(
                    "servers or allowedBuilds beside serviceRoute (expected: the route alone says which servers there are)");
        }
        ServiceRouting routing = ServiceLoader.load(ServiceRouting.class)
                .findFirst()
                .orElseThrow(
                        () -> new IllegalStateException(
                                "serviceRoute needs kv-deploy on the class path (expected: the dependency io.nearkv:kv-deploy)"));
        KvTransport transport = KvTransport.of(this);
        try {
            return new RoutedBackend(
                    routing.open(
                            new ServiceRouting.Setup(source, routeFolder, name, InstantSource.system()), transport),
                    transport);
        } catch (RuntimeException | Error e) {
            transport.close();
            throw e;
        }
    }

    /** Returns a builder with the same settings. */
    KvClientBuilder copy() {
        KvClientBuilder copy = new KvClientBuilder();
        copy.servers.addAll(servers);
        copy.token = token;
        copy.environment = environment;
        copy.builds = builds;
        copy.account = account;
        copy.name = name;
        copy.connections = connections;
        copy.ioThreads = ioThreads;
        copy.maxRequestsInFlight = maxRequestsInFlight;
        copy.maxPendingBytes = maxPendingBytes;
        copy.streamWindowBytes = streamWindowBytes;
        copy.timeout = timeout;
        copy.connectTimeout = connectTimeout;
        copy.pingInterval = pingInterval;
        copy.silenceTimeout = silenceTimeout;
        copy.closeTimeout = closeTimeout;
        copy.retryBudget = retryBudget;
        copy.maxAttempts = maxAttempts;
        copy.backoff = backoff;
        copy.spin = spin;
        copy.store = store;
        copy.trust = trust;
        copy.certificate = certificate;
        copy.privateKey = privateKey;
        copy.callbackExecutor = callbackExecutor;
        copy.seed = seed;
        copy.nanoTime = nanoTime;
        return copy;
    }

    /** Puts these servers in place of the ones there are. */
    KvClientBuilder servers(List<String> addresses) {
        servers.clear();
        addresses.forEach(this::server);
        return this;
    }

    /** Returns the environment that servers must be of. */
    String expectedEnvironment() {
        String expected = environment != null
                ? environment
                : TokenPayload.of(shownToken()).text("aud");
        if (expected == null) {
            throw new IllegalArgumentException("environment: none, and the token names none (expected: one of them)");
        }
        return expected;
    }

    private String shownToken() {
        String shown = token;
        if (shown == null) {
            throw new IllegalArgumentException("token: none (expected: one, as 'nearkv token create' prints it)");
        }
        return shown;
    }

    ClientOptions options() {
        return options(expectedEnvironment(), builds, ServerCheck.STATED, null);
    }

    ClientOptions options(
            String ofEnvironment, Set<String> ofBuilds, ServerCheck check, @Nullable DocumentCourier courier) {
        if (servers.isEmpty()) {
            throw new IllegalArgumentException("servers: none (expected: at least one)");
        }
        return new ClientOptions(
                servers,
                shownToken(),
                ofEnvironment,
                ofBuilds,
                check,
                courier,
                name,
                connections,
                Math.min(ioThreads, connections),
                maxRequestsInFlight,
                maxPendingBytes,
                streamWindowBytes,
                store,
                timeout,
                connectTimeout,
                pingInterval,
                silenceTimeout,
                closeTimeout,
                retryBudget,
                maxAttempts,
                backoff,
                spin,
                tls(),
                callbackExecutor,
                seed != null ? seed : ThreadLocalRandom.current().nextLong(),
                nanoTime);
    }

    private @Nullable SslContext tls() {
        if (servers.stream().noneMatch(ServerAddress::tls)) {
            if (trust != null || certificate != null) {
                throw new IllegalArgumentException("trust or certificate without TLS (expected: a server with kvs://)");
            }
            return null;
        }
        SslContextBuilder builder = SslContextBuilder.forClient()
                .sslProvider(SslProvider.JDK)
                .protocols("TLSv1.3", "TLSv1.2")
                .ciphers(CIPHERS);
        try {
            if (trust != null) {
                requireReadable(trust);
                builder.trustManager(trust.toFile());
            }
            if (certificate != null && privateKey != null) {
                requireReadable(certificate);
                requireReadable(privateKey);
                builder.keyManager(certificate.toFile(), privateKey.toFile());
            }
            return builder.build();
        } catch (SSLException | IllegalArgumentException e) {
            throw new KvException(
                    ErrorCode.INVALID_REQUEST, "certificates or key cannot be used: " + e.getMessage(), e);
        }
    }

    private static void requireReadable(Path file) {
        if (!Files.isReadable(file)) {
            throw new IllegalArgumentException("file '" + file + "' cannot be read");
        }
    }

    private static int inRange(String option, int value, int min, int max) {
        if (value < min || value > max) {
            throw new IllegalArgumentException(option + ": " + value + " (expected: " + min + " to " + max + ")");
        }
        return value;
    }

    private static Duration inRange(String option, Duration value, Duration min, Duration max) {
        if (value.compareTo(min) < 0 || value.compareTo(max) > 0) {
            throw new IllegalArgumentException(option + ": " + value + " (expected: " + min + " to " + max + ")");
        }
        return value;
    }
}
