package io.nearkv.net.client;

import io.nearkv.core.KvStoreContract;
import io.nearkv.core.StoreFixture;

/** The contract of every tier, from a client that is sent on to a leader. */
class LedStoreContractTest extends KvStoreContract {
    @Override
    protected StoreFixture open() {
        return new RemoteFixture(new MapFixture(), true);
    }
}
