package io.nearkv.cluster;

import io.nearkv.core.StoreFixture;
import java.io.IOException;

/** The contract over partitions, kept without a cluster. */
class ShardedStoreContractTest extends PartitionsContract {
    @Override
    protected StoreFixture open() throws IOException {
        return new ShardedFixture(SHARDING.partitions(), SHARDING::partitionOf);
    }
}
