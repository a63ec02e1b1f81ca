package io.nearkv.core;

/** The suite on the plainest store there is: what tests the suite. */
class MapStoreContractTest extends KvStoreContract {
    @Override
    protected StoreFixture open() {
        return new MapStoreFixture();
    }
}
