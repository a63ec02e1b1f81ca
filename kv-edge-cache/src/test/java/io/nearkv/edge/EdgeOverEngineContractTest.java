package io.nearkv.edge;

import io.nearkv.core.KvStoreContract;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.StoreFixture;
import io.nearkv.core.rocksdb.RocksStoreFixture;
import java.io.IOException;

/** The contract of every tier, by an edge over the engine: who writes through it reads nothing older from it, cached as it may be. */
class EdgeOverEngineContractTest extends KvStoreContract {
    @Override
    protected StoreFixture open() throws IOException {
        return new EdgeFixture(new RocksStoreFixture(), options -> options);
    }

    @Override
    public ReadOptions reads() {
        return ReadOptions.EVENTUAL;
    }
}
