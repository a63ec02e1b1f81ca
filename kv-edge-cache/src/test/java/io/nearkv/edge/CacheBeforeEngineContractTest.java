package io.nearkv.edge;

import io.nearkv.core.KvStoreContract;
import io.nearkv.core.StoreFixture;
import io.nearkv.core.rocksdb.RocksStoreFixture;
import java.io.IOException;

/** The contract of every tier, by the cache that stands before the engine of a core node: also reads that must see everything are answered from it. */
class CacheBeforeEngineContractTest extends KvStoreContract {
    @Override
    protected StoreFixture open() throws IOException {
        return new EdgeFixture(new RocksStoreFixture(), options -> options.coherent(true));
    }
}
