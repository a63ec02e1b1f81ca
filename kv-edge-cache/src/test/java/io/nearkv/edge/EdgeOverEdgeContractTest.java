package io.nearkv.edge;

import io.nearkv.core.KvStoreContract;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.StoreFixture;
import io.nearkv.core.rocksdb.RocksStoreFixture;
import java.io.IOException;

/** The contract of every tier, by an edge over an edge over the engine. */
class EdgeOverEdgeContractTest extends KvStoreContract {
    @Override
    protected StoreFixture open() throws IOException {
        return new EdgeFixture(new EdgeFixture(new RocksStoreFixture(), options -> options), options -> options);
    }

    @Override
    public ReadOptions reads() {
        return ReadOptions.EVENTUAL;
    }
}
