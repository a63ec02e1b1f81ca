package io.nearkv.core.rocksdb;

import io.nearkv.core.KvStoreContract;
import io.nearkv.core.StoreFixture;
import java.io.IOException;

/** The contract of all tiers, kept by the engine. */
class RocksStoreContractTest extends KvStoreContract {
    @Override
    protected StoreFixture open() throws IOException {
        return new RocksStoreFixture();
    }
}
