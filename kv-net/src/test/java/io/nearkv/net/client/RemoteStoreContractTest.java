package io.nearkv.net.client;

import io.nearkv.core.KvStoreContract;
import io.nearkv.core.StoreFixture;

/** The contract of every tier, from the client over a socket to a server of a plain store. */
class RemoteStoreContractTest extends KvStoreContract {
    @Override
    protected StoreFixture open() {
        return new RemoteFixture(new MapFixture());
    }
}
