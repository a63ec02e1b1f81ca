package io.nearkv.net.client;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.AccountId;
import io.nearkv.core.MapStore;
import io.nearkv.core.StoreFixture;
import io.nearkv.core.TestClock;

/** The plainest store, as what a server stands on. */
final class MapFixture implements StoreFixture {
    private final MapStore.Data data = new MapStore.Data();
    private final TestClock clock = new TestClock();
    private final AccountId account;
    private MapStore store = new MapStore(data, clock);

    MapFixture() {
        account = requireNonNull(store.admin().createAccount("test").join()).id();
    }

    @Override
    public MapStore store() {
        return store;
    }

    @Override
    public AccountId account() {
        return account;
    }

    @Override
    public TestClock clock() {
        return clock;
    }

    @Override
    public boolean canReopen() {
        return true;
    }

    @Override
    public void reopen() {
        store.close();
        store = new MapStore(data, clock);
    }

    @Override
    public boolean sweep() {
        store.sweep();
        return true;
    }

    @Override
    public void close() {
        store.close();
    }
}
