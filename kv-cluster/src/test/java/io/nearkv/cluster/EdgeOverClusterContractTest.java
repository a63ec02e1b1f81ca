package io.nearkv.cluster;

import io.nearkv.core.KvStoreContract;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.StoreFixture;
import java.io.IOException;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** The contract of every tier, by an edge over a node of a cluster that does not lead. */
@EnabledIfSystemProperty(
        named = "nearkv.test.contracts",
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
}
