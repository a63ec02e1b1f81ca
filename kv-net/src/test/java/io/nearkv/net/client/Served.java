package io.nearkv.net.client;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.KvStore;
import io.nearkv.core.NamespaceId;
import io.nearkv.net.server.KvServer;
import io.nearkv.net.server.KvServerOptions;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.function.UnaryOperator;

/** A client of the real server, with a network between that can fail. */
final class Served implements AutoCloseable {
    final MapFixture below = new MapFixture();
    final TestIdentity identity = new TestIdentity("testing", below.account());
    final NamespaceId namespace;
    final KvServer server;
    final TcpProxy proxy;
    final KvClient client;
    final KvStore store;

    Served(UnaryOperator<KvClientBuilder> options) {
        namespace = requireNonNull(below.store()
                        .admin()
                        .createNamespace(below.account(), "default")
                        .join())
                .id();
        server = serve();
        proxy = new TcpProxy(server.address().getPort());
        client = options.apply(client(proxy.address())).build();
        store = client.store();
    }

    /** Starts another server of the same store. */
    KvServer serve() {
        return KvServer.start(
                below.store(),
                identity.authority,
                KvServerOptions.listeningOn(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                        .withEventLoopThreads(1));
    }

    /** Returns the builder of another client. */
    KvClientBuilder client(String address) {
        return KvClient.builder().server(address).token(identity.token).backoff(ClientFixture.BACKOFF);
    }

    @Override
    public void close() throws IOException {
        client.close();
        proxy.close();
        server.close();
        below.close();
        identity.close();
    }
}
