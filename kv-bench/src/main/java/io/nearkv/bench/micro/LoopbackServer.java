package io.nearkv.bench.micro;

import io.nearkv.bench.macro.HashMapStore;
import io.nearkv.bench.macro.KeySpace;
import io.nearkv.bench.macro.KvStoreTarget;
import io.nearkv.bench.macro.LoadRun;
import io.nearkv.bench.macro.ProcessCpu;
import io.nearkv.core.AccountId;
import io.nearkv.core.AccountInfo;
import io.nearkv.core.KvStore;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.identity.Environment;
import io.nearkv.core.identity.IdentityDirectory;
import io.nearkv.core.identity.NodeAuthority;
import io.nearkv.core.rocksdb.RocksStore;
import io.nearkv.core.rocksdb.RocksStoreOptions;
import io.nearkv.net.client.KvClient;
import io.nearkv.net.server.KvServer;
import io.nearkv.net.server.KvServerOptions;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.InstantSource;
import java.util.concurrent.TimeUnit;

/** Our server with its guards on the loopback interface of this process, filled, and clients of it. Thread-safe. */
final class LoopbackServer implements AutoCloseable {
    /** The name of its clients, which their threads carry. */
    static final String CLIENT = "loopback-client";

    private final TemporaryFolder folder = new TemporaryFolder();
    private final KvStore store;
    private final NamespaceId namespace;
    private final NodeAuthority authority;
    private final KvServer server;
    private final String token;

    LoopbackServer(Backing backing, KeySpace space) throws Exception {
        InstantSource clock = InstantSource.system();
        SecureRandom random = new SecureRandom();
        IdentityDirectory identity = IdentityDirectory.initialize(
                folder.path().resolve("identity"),
                new Environment("development"),
                AccountId.random(random),
                "bench",
                clock);
        if (backing == Backing.MAP) {
            namespace = NamespaceId.random(random);
            store = new HashMapStore(identity.account(), namespace, space.keys(), clock);
        } else {
            store = RocksStore.open(
                    folder.path().resolve("store"),
                    RocksStoreOptions.builder()
                            .initialAccount(new AccountInfo(identity.account(), "bench"))
                            .build());
            namespace = store.admin()
                    .createNamespace(identity.account(), "bench")
                    .get(10, TimeUnit.SECONDS)
                    .id();
        }
        // Not closed: it would close the store.
        KvStoreTarget filling = new KvStoreTarget(store, namespace, space, WriteOptions.BUFFERED);
        var unused = new LoadRun(filling, space, ProcessCpu.UNKNOWN).fill();
        authority = NodeAuthority.open(identity.environment(), identity.files(), null, clock);
        server = KvServer.start(
                store,
                authority,
                KvServerOptions.listeningOn(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                        .withEventLoopThreads(1));
        token = Files.readString(identity.adminTokenFile()).strip();
    }

    NamespaceId namespace() {
        return namespace;
    }

    /** Returns a connected client with one event loop; the caller closes it. */
    KvClient connect(int connections) throws InterruptedException {
        KvClient client = KvClient.builder()
                .server("kv://127.0.0.1:" + server.address().getPort())
                .token(token)
                .name(CLIENT)
                .connections(connections)
                .build();
        client.awaitReady(Duration.ofSeconds(10));
        return client;
    }

    @Override
    public void close() {
        server.close();
        authority.close();
        store.close();
        folder.close();
    }
}
