package io.nearkv.net.client;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.AccountId;
import io.nearkv.core.KvStore;
import io.nearkv.core.KvStoreContract;
import io.nearkv.core.MapStore;
import io.nearkv.core.StoreFixture;
import io.nearkv.core.TestClock;
import io.nearkv.net.server.KvServer;
import io.nearkv.net.server.KvServerOptions;
import java.net.InetAddress;
import java.net.InetSocketAddress;

/** The contract of every tier, from the client over a socket to a server of a plain store. */
class RemoteStoreContractTest extends KvStoreContract {
    /** Client, server and store as one tier. */
    static final class Fixture implements StoreFixture {
        private final MapStore.Data data = new MapStore.Data();
        private final TestClock clock = new TestClock();
        private final AccountId account;
        private final TestIdentity identity;
        private MapStore store = new MapStore(data, clock);
        private KvServer server;
        private KvClient client;

        Fixture() {
            account = requireNonNull(store.admin().createAccount("test").join()).id();
            identity = new TestIdentity("testing", account);
            server = serve();
            client = connect();
        }

        private KvServer serve() {
            return KvServer.start(
                    store,
                    identity.authority,
                    KvServerOptions.listeningOn(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                            .withEventLoopThreads(1)
                            .withOperatorAccount(account));
        }

        private KvClient connect() {
            return KvClient.builder()
                    .server("kv://127.0.0.1:" + server.address().getPort())
                    .token(identity.token)
                    .connections(2)
                    .build();
        }

        @Override
        public KvStore store() {
            return client.store();
        }

        @Override
        public AccountId account() {
            return account;
        }

        @Override
        public TestClock clock() {
            return clock;
        }

        @Override
        public boolean canReopen() {
            return true;
        }

        @Override
        public void reopen() {
            closeAll();
            store = new MapStore(data, clock);
            server = serve();
            client = connect();
        }

        @Override
        public boolean sweep() {
            store.sweep();
            return true;
        }

        private void closeAll() {
            client.close();
            server.close();
            store.close();
        }

        @Override
        public void close() {
            closeAll();
            identity.close();
        }
    }

    @Override
    protected StoreFixture open() {
        return new Fixture();
    }
}
