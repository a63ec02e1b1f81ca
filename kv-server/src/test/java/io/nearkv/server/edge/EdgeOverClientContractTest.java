package io.nearkv.server.edge;

import io.nearkv.core.AccountId;
import io.nearkv.core.KvStore;
import io.nearkv.core.KvStoreContract;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.StoreFixture;
import io.nearkv.core.TestClock;
import io.nearkv.core.identity.Environment;
import io.nearkv.core.identity.IdentityDirectory;
import io.nearkv.core.identity.NodeAuthority;
import io.nearkv.core.rocksdb.RocksStoreFixture;
import io.nearkv.edge.EdgeCache;
import io.nearkv.edge.EdgeOptions;
import io.nearkv.net.client.KvClient;
import io.nearkv.net.server.KvServer;
import io.nearkv.net.server.KvServerOptions;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Comparator;
import java.util.stream.Stream;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** The contract of every tier, by an edge over a client to a server of the engine, as an edge node is; with the token of a tier, which reaches every account. */
@EnabledIfSystemProperty(
        named = "nearkv.test.long",
        matches = "true",
        disabledReason = "takes 25 s; the contract is kept by each of its tiers in every build")
class EdgeOverClientContractTest extends KvStoreContract {
    @Override
    protected StoreFixture open() throws IOException {
        return new Fixture();
    }

    @Override
    public ReadOptions reads() {
        return ReadOptions.EVENTUAL;
    }

    private static final class Fixture implements StoreFixture {
        private final RocksStoreFixture engine = new RocksStoreFixture();
        private final Path folder = Files.createTempDirectory("nearkv-identity");
        private final NodeAuthority authority;
        private final String token;
        private KvServer server;
        private EdgeCache edge;

        Fixture() throws IOException {
            InstantSource clock = InstantSource.system();
            IdentityDirectory identity = IdentityDirectory.initialize(
                    folder.resolve("node"), new Environment("testing"), engine.account(), "build-1", clock);
            authority = NodeAuthority.open(identity.environment(), identity.files(), null, clock);
            token = identity.join("edge-1", "build-1", Duration.ofHours(1)).token();
            server = serve();
            edge = connect();
        }

        private KvServer serve() {
            return KvServer.start(
                    engine.store(),
                    authority,
                    KvServerOptions.listeningOn(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                            .withEventLoopThreads(1)
                            .withOperatorAccount(engine.account())
                            .withIdentity("test", () -> engine.store().stamp().lineage()));
        }

        private EdgeCache connect() {
            KvClient client = KvClient.builder()
                    .server("kv://127.0.0.1:" + server.address().getPort())
                    .token(token)
                    .build();
            return EdgeCache.open(
                    client.store(),
                    EdgeOptions.builder()
                            .memoryBytes(16 << 20)
                            .clock(engine.clock())
                            .ticker(System::nanoTime)
                            .build());
        }

        @Override
        public KvStore store() {
            return edge;
        }

        @Override
        public AccountId account() {
            return engine.account();
        }

        @Override
        public TestClock clock() {
            return engine.clock();
        }

        @Override
        public boolean isCache() {
            return true;
        }

        @Override
        public boolean canReopen() {
            return true;
        }

        @Override
        public void reopen() {
            edge.close();
            server.close();
            engine.reopen();
            server = serve();
            edge = connect();
        }

        @Override
        public boolean sweep() {
            return engine.sweep();
        }

        @Override
        public void close() throws IOException {
            edge.close();
            server.close();
            authority.close();
            engine.close();
            try (Stream<Path> files = Files.walk(folder)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(file);
                }
            }
        }
    }
}
