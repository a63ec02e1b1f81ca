package io.nearkv.cluster;

import io.nearkv.core.KvStoreContract;
import io.nearkv.core.StoreFixture;
import java.io.IOException;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** The contract of every tier, by the node of a cluster that leads. */
@EnabledIfSystemProperty(
        named = "nearkv.test.contracts",
        matches = "true",
        disabledReason = "takes two minutes; HistoryTest asks all nodes in every build")
class LeaderContractTest extends KvStoreContract {
    @Override
    protected StoreFixture open() throws IOException {
        return new ClusterFixture(true, 1);
    }
}
