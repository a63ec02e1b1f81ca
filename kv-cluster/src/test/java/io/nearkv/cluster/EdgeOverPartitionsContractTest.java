package io.nearkv.cluster;

import io.nearkv.core.ReadOptions;
import io.nearkv.core.StoreFixture;
import java.io.IOException;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** The contract over partitions, by an edge. */
@EnabledIfSystemProperty(
        named = "nearkv.test.contracts",
        matches = "true",
        disabledReason = "takes a minute; PartitionedEdgeTest says in every build what is different")
class EdgeOverPartitionsContractTest extends PartitionsContract {
    @Override
    protected StoreFixture open() throws IOException {
        return new EdgeFixture(new ShardedFixture(SHARDING.partitions(), SHARDING::partitionOf));
    }

    @Override
    public ReadOptions reads() {
        return ReadOptions.STRONG;
    }
}
