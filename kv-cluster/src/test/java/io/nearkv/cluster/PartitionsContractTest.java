package io.nearkv.cluster;

import io.nearkv.core.StoreFixture;
import java.io.IOException;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** The contract over partitions, by a node of a cluster. */
@EnabledIfSystemProperty(
        named = "nearkv.test.contracts",
        matches = "true",
        disabledReason =
                "takes minutes; ShardedStoreContractTest runs it over partitions without a cluster in every build")
class PartitionsContractTest extends PartitionsContract {
    @Override
    protected StoreFixture open() throws IOException {
        return new ClusterFixture(false, SHARDING.partitions());
    }
}
