package io.nearkv.cluster;

import io.nearkv.core.AccountId;
import io.nearkv.core.KvStore;
import io.nearkv.core.KvStoreContract;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.StoreFixture;
import io.nearkv.core.TestClock;
import io.nearkv.edge.EdgeCache;
import io.nearkv.edge.EdgeOptions;
import java.io.IOException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** The contract of every tier, by an edge over a node of a cluster that does not lead. */
@EnabledIfSystemProperty(
        named = "nearkv.test.long",
        matches = "true",
        disabledReason = "takes three minutes; HistoryTest asks all nodes in every build")
class EdgeOverClusterContractTest extends KvStoreContract {
    @Override
    protected StoreFixture open() throws IOException {
        return new EdgeFixture(new ClusterFixture(false, 1));
    }

    @Override
    public ReadOptions reads() {
        return ReadOptions.STRONG;
    }

    /** A cache over the store of another fixture, on its clock. */
    private static final class EdgeFixture implements StoreFixture {
        private final ClusterFixture below;
        private EdgeCache cache;

        EdgeFixture(ClusterFixture below) {
            this.below = below;
            this.cache = openCache();
        }

        private EdgeCache openCache() {
            return EdgeCache.open(
                    below.store(),
                    EdgeOptions.builder()
                            .memoryBytes(16 << 20)
                            .clock(below.clock())
                            .ticker(System::nanoTime)
                            .build());
        }

        @Override
        public KvStore store() {
            return cache;
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
            return true;
        }

        @Override
        public boolean canReopen() {
            return true;
        }

        @Override
        public void reopen() {
            cache.close();
            below.reopen();
            cache = openCache();
        }

        @Override
        public void close() {
            cache.close();
            below.close();
        }
    }
}
