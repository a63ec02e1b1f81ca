package io.nearkv.cluster;

import io.nearkv.core.KvStoreContract;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.StoreFixture;
import java.io.IOException;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** The contract of every tier, by a node of a cluster that does not lead: strong reads see what was written through it. */
@EnabledIfSystemProperty(
        named = "nearkv.test.contracts",
        matches = "true",
        disabledReason = "takes three minutes; HistoryTest asks all nodes in every build")
class FollowerContractTest extends KvStoreContract {
    @Override
    protected StoreFixture open() throws IOException {
        return new ClusterFixture(false, 1);
    }

    @Override
    public ReadOptions reads() {
        return ReadOptions.STRONG;
    }
}
