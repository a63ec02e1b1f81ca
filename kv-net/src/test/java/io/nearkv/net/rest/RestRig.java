package io.nearkv.net.rest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.nearkv.core.AccountId;
import io.nearkv.core.KvStore;
import io.nearkv.core.MapStore;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.StoreFixture;
import io.nearkv.core.TestClock;
import io.nearkv.core.identity.Environment;
import io.nearkv.core.identity.IdentityDirectory;
import io.nearkv.core.identity.NodeAuthority;
import io.nearkv.core.identity.Permissions;
import io.nearkv.core.identity.TokenRequest;
import io.nearkv.core.rocksdb.RocksStoreFixture;
import io.nearkv.net.server.GatedStore;
import io.nearkv.net.server.KvServer;
import io.nearkv.net.server.KvServerOptions;
import io.nearkv.net.server.ServerLimits;
import io.nearkv.net.server.ServerStats;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** The HTTP face with an identity of its own, over a map or over the engine, on a free port of the loopback. */
final class RestRig implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final Duration POLL = Duration.ofMillis(5);

    final TestClock clock;
    final IdentityDirectory identity;
    final NodeAuthority authority;
    /** What is below {@link #store}: tests write and read here, past the server. */
    final KvStore below;

    final GatedStore store;
    final AccountId account;
    final NamespaceId namespace;
    final KvServer server;
    final RestServer rest;
    private final @Nullable StoreFixture engine;

    /** How a rig is set up; each method changes it. */
    static final class Setup {
        private final Path folder;
        private boolean direct = true;
        private boolean overEngine;
        private int loops = 1;
        private UnaryOperator<ServerLimits.Builder> limits = UnaryOperator.identity();
        private UnaryOperator<RestOptions> options = UnaryOperator.identity();

        Setup(Path folder) {
            this.folder = folder;
        }

        /** No reads past objects, so that every get goes through {@code open}. */
        Setup withoutDirectReads() {
            direct = false;
            return this;
        }

        /** The real engine, with its own direct reads, in place of the map; nothing is gated. */
        Setup overEngine() {
            overEngine = true;
            return this;
        }

        Setup loops(int count) {
            loops = count;
            return this;
        }

        Setup limits(UnaryOperator<ServerLimits.Builder> newLimits) {
            limits = newLimits;
            return this;
        }

        Setup options(UnaryOperator<RestOptions> newOptions) {
            options = newOptions;
            return this;
        }

        RestRig start() {
            try {
                return new RestRig(this);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private RestRig(Setup setup) throws IOException {
        if (setup.overEngine) {
            RocksStoreFixture rocks = new RocksStoreFixture();
            engine = rocks;
            clock = rocks.clock();
            below = rocks.store();
            account = rocks.account();
        } else {
            engine = null;
            clock = new TestClock();
            below = new MapStore(new MapStore.Data(), clock);
            account = below.admin().createAccount("test").join().id();
        }
        namespace = below.admin().createNamespace(account, "default").join().id();
        identity = IdentityDirectory.initialize(setup.folder, new Environment("production"), account, "build-1", clock);
        authority = NodeAuthority.open(identity.environment(), identity.files(), null, clock);
        store = new GatedStore(below).direct(setup.direct);
        server = KvServer.start(
                setup.overEngine ? below : store,
                authority,
                KvServerOptions.listeningOn(loopback())
                        .withEventLoopThreads(setup.loops)
                        .withLimits(setup.limits
                                .apply(ServerLimits.DEFAULT.toBuilder())
                                .build()));
        rest = RestServer.start(
                server, setup.options.apply(RestOptions.listeningOn(loopback()).withClock(clock)));
    }

    private static InetSocketAddress loopback() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    }

    /** Returns a token that may do everything on the account. */
    String token() {
        return token(Permissions.administrator());
    }

    String token(Permissions permissions) {
        return token(account, permissions, Duration.ofHours(1));
    }

    String token(AccountId owner, Permissions permissions, Duration lifetime) {
        return identity.issueToken(new TokenRequest("test", owner, permissions, lifetime));
    }

    /** Revokes a token, as the operator's file says it. */
    void revoke(String token) {
        identity.revoke(authority.authenticate(token).tokenId(), clock.epochSecond() + 3600);
        authority.reload();
    }

    HttpSocket connect() throws IOException {
        return HttpSocket.connect(rest.address());
    }

    ServerStats stats() {
        return server.stats();
    }

    /** Waits until nothing is in flight or held, and fails if that does not come. */
    void requireNothingHeld() {
        await().atMost(PATIENCE).pollDelay(Duration.ZERO).pollInterval(POLL).untilAsserted(() -> {
            ServerStats stats = stats();
            assertThat(stats.connections()).as("connections").isZero();
            assertThat(stats.requestsInFlight()).as("requests in flight").isZero();
            assertThat(stats.bytesInFlight()).as("bytes in flight").isZero();
            assertThat(stats.streams()).as("streams").isZero();
            assertThat(stats.watches()).as("watches").isZero();
            assertThat(store.openReaders).as("open readers").hasValue(0);
            assertThat(store.openWriters).as("open writers").hasValue(0);
        });
    }

    @Override
    public void close() {
        rest.close();
        server.close();
        authority.close();
        store.close();
        if (engine != null) {
            try {
                engine.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
