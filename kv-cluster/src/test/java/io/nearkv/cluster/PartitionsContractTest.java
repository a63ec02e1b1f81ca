package io.nearkv.cluster;

import io.nearkv.core.KvStoreContract;
import io.nearkv.core.StoreFixture;
import java.io.IOException;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** The contract of every tier, by a node of a cluster whose keys are spread over partitions. */
@EnabledIfSystemProperty(
        named = "nearkv.test.long",
        matches = "true",
        disabledReason =
                "takes minutes; ShardedStoreContractTest runs it over partitions without a cluster in every build")
class PartitionsContractTest extends KvStoreContract {
    @Override
    protected StoreFixture open() throws IOException {
        return new ClusterFixture(false, 3);
    }
}
