package io.nearkv.deploy.routing;

import io.nearkv.core.AccountId;
import io.nearkv.core.KvStore;
import io.nearkv.core.KvStoreContract;
import io.nearkv.core.StoreFixture;
import io.nearkv.core.TestClock;
import io.nearkv.core.rocksdb.RocksStoreFixture;
import io.nearkv.core.route.DocumentExchange;
import io.nearkv.deploy.model.BuildRef;
import io.nearkv.deploy.model.Bytes;
import io.nearkv.deploy.model.Route;
import io.nearkv.deploy.model.RouteEntry;
import io.nearkv.deploy.model.SafetyLayers;
import io.nearkv.deploy.model.ServiceId;
import java.io.IOException;
import java.security.SecureRandom;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The contract of every tier, by route: half of the keys by one build and half by another, over the engine that both stand before. */
class RoutedStoreContractTest extends KvStoreContract {
    @Override
    protected StoreFixture open() throws IOException {
        return new Routed(new RocksStoreFixture());
    }

    private static final class Routed implements StoreFixture {
        private static final ServiceId SERVICE = ServiceId.parse("default/kv/production");

        private final StoreFixture below;
        private Builds builds;
        private KvStore store;

        Routed(StoreFixture below) {
            this.below = below;
            this.builds = builds();
            this.store = tier();
        }

        /** Closing it closes the connections to the builds, and what stands behind these here is the engine itself. */
        private KvStore tier() {
            return new RoutedStore(builds, null, (build, caller) -> {}, () -> {
                builds.close();
                below.store().close();
            });
        }

        private Builds builds() {
            Builds made = new Builds(
                    DocumentExchange.NONE,
                    (reason, evidence) -> {},
                    new FakeTransport(below.store()),
                    SafetyLayers.ALL,
                    "production",
                    token -> null);
            List<RouteEntry> entries = List.of(entry(), entry());
            made.apply(Route.builder(SERVICE)
                    .version(1, 2)
                    .entries(entries)
                    .knownGood(entries)
                    .salt(Bytes.of(new byte[] {1}))
                    .build());
            return made;
        }

        private static RouteEntry entry() {
            BuildRef build = BuildRef.create(SERVICE, "0".repeat(64), new SecureRandom());
            return new RouteEntry(build, 5_000, List.of("kv://127.0.0.1:7400"), "1", 0);
        }

        @Override
        public KvStore store() {
            return store;
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
        public boolean isCache() {
            return below.isCache();
        }

        @Override
        public boolean canReopen() {
            return below.canReopen();
        }

        @Override
        public void reopen() throws Exception {
            store.close();
            below.reopen();
            builds = builds();
            store = tier();
        }

        @Override
        public boolean sweep() {
            return below.sweep();
        }

        @Override
        public void close() throws IOException {
            builds.close();
            below.close();
        }
    }
}
