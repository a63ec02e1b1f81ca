package io.nearkv.net.server;

import io.nearkv.core.AccountId;
import io.nearkv.core.MapStore;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.TestClock;
import io.nearkv.core.identity.Environment;
import io.nearkv.core.identity.IdentityDirectory;
import io.nearkv.core.identity.NodeAuthority;
import io.nearkv.core.identity.Permissions;
import io.nearkv.core.identity.TokenRequest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.BiFunction;
import java.util.function.UnaryOperator;

/** A server over a map, with an identity of its own, on a free port of the loopback. */
final class TestServer implements AutoCloseable {
    final TestClock clock = new TestClock();
    final IdentityDirectory identity;
    final NodeAuthority authority;
    final MapStore map;
    final GatedStore store;
    final AccountId account;
    final NamespaceId namespace;
    final KvServer server;

    private TestServer(Path folder, boolean direct, BiFunction<AccountId, KvServerOptions, KvServerOptions> options) {
        map = new MapStore(new MapStore.Data(), clock);
        account = map.admin().createAccount("test").join().id();
        namespace = map.admin().createNamespace(account, "default").join().id();
        identity = IdentityDirectory.initialize(folder, new Environment("production"), account, "build-1", clock);
        authority = NodeAuthority.open(identity.environment(), identity.files(), null, clock);
        store = new GatedStore(map).direct(direct);
        server = KvServer.start(
                store,
                authority,
                options.apply(
                        account,
                        KvServerOptions.listeningOn(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                                .withEventLoopThreads(1)));
    }

    static TestServer start(Path folder) {
        return start(folder, UnaryOperator.identity());
    }

    static TestServer start(Path folder, UnaryOperator<KvServerOptions> options) {
        return new TestServer(folder, true, (account, defaults) -> options.apply(defaults));
    }

    /** Starts a server whose own account is the operator's. */
    static TestServer startWithOperator(Path folder) {
        return new TestServer(folder, true, (account, defaults) -> defaults.withOperatorAccount(account));
    }

    /** Starts a server whose store has no direct reader. */
    static TestServer startWithoutDirectReader(Path folder) {
        return new TestServer(folder, false, (account, defaults) -> defaults);
    }

    static TestServer startWithLimits(Path folder, UnaryOperator<ServerLimits.Builder> limits) {
        return start(
                folder,
                options -> options.withLimits(
                        limits.apply(ServerLimits.DEFAULT.toBuilder()).build()));
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

    InetSocketAddress address() {
        return server.address();
    }

    RawConnection connect() {
        try {
            return new RawConnection(address());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Connects and says HELLO with an administrator's token. */
    RawConnection login() throws IOException {
        RawConnection connection = connect();
        connection.hello(token());
        return connection;
    }

    @Override
    public void close() {
        server.close();
        authority.close();
        store.close();
    }
}
