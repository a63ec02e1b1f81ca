package io.nearkv.cluster;

import io.nearkv.core.KvStoreContract;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.StoreFixture;
import java.io.IOException;

/** The contract of every tier, by a node of a cluster that does not lead: strong reads see what was written through it. */
class FollowerContractTest extends KvStoreContract {
    @Override
    protected StoreFixture open() throws IOException {
        return new ClusterFixture(false);
    }

    @Override
    public ReadOptions reads() {
        return ReadOptions.STRONG;
    }
}
