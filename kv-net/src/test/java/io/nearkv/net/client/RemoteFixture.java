package io.nearkv.net.client;

import io.nearkv.core.AccountId;
import io.nearkv.core.KvStore;
import io.nearkv.core.StoreFixture;
import io.nearkv.core.TestClock;
import io.nearkv.net.server.KvServer;
import io.nearkv.net.server.KvServerOptions;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Client, server and the store of another fixture as one tier. */
final class RemoteFixture implements StoreFixture {
    private final StoreFixture below;
    private final TestIdentity identity;
    /** Whether clients are sent to another server of the same store. */
    private final boolean led;

    private KvServer leader;
    private KvServer server;
    private AccountsStore clients;

    /** Takes the fixture over. */
    RemoteFixture(StoreFixture below) {
        this(below, false);
    }

    RemoteFixture(StoreFixture below, boolean led) {
        this.below = below;
        this.led = led;
        identity = new TestIdentity("testing", below.account());
        leader = serve(List.of());
        server = serve(leaders());
        clients = new AccountsStore(below.account(), this::connect);
    }

    private List<String> leaders() {
        return led ? List.of("127.0.0.1:" + leader.address().getPort()) : List.of();
    }

    private KvServer serve(List<String> leaders) {
        return KvServer.start(
                below.store(),
                identity.authority,
                KvServerOptions.listeningOn(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                        .withEventLoopThreads(1)
                        .withOperatorAccount(below.account())
                        .withIdentity("test", () -> below.store().positionOf(0).lineage())
                        .withLeaders(() -> leaders));
    }

    private KvClient connect(AccountId account) {
        return KvClient.builder()
                .server("kv://127.0.0.1:" + server.address().getPort())
                .token(identity.token(account))
                .connections(2)
                .build();
    }

    @Override
    public KvStore store() {
        return clients;
    }

    @Override
    public AccountId account() {
        return below.account();
    }

    @Override
    public @Nullable TestClock clock() {
        return below.clock();
    }

    @Override
    public boolean canReopen() {
        return below.canReopen();
    }

    @Override
    public void reopen() throws Exception {
        clients.close();
        server.close();
        leader.close();
        below.reopen();
        leader = serve(List.of());
        server = serve(leaders());
        clients = new AccountsStore(below.account(), this::connect);
    }

    @Override
    public boolean sweep() {
        return below.sweep();
    }

    @Override
    public void close() throws IOException {
        clients.close();
        server.close();
        leader.close();
        below.close();
        identity.close();
    }
}
