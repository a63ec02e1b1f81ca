package io.nearkv.net.client;

import io.nearkv.core.KvStoreContract;
import io.nearkv.core.StoreFixture;
import io.nearkv.core.rocksdb.RocksStoreFixture;
import java.io.IOException;

/** The contract of every tier, from the client over a socket to a server of the engine. */
class RemoteEngineContractTest extends KvStoreContract {
    @Override
    protected StoreFixture open() throws IOException {
        return new RemoteFixture(new RocksStoreFixture());
    }
}
