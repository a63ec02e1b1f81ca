package io.nearkv.cluster;

import io.nearkv.core.KvStoreContract;
import io.nearkv.core.StoreFixture;
import java.io.IOException;

/** The contract of every tier, by the node of a cluster that leads. */
class LeaderContractTest extends KvStoreContract {
    @Override
    protected StoreFixture open() throws IOException {
        return new ClusterFixture(true);
    }
}
