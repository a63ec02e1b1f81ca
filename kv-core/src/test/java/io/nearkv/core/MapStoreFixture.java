package io.nearkv.core;

import static java.util.Objects.requireNonNull;

/** A {@link MapStore} as a tier under test. */
public final class MapStoreFixture implements StoreFixture {
    private final MapStore.Data data = new MapStore.Data();
    private final TestClock clock = new TestClock();
    private final AccountId account;
    private MapStore store = new MapStore(data, clock);

    /** Opens an empty store. */
    public MapStoreFixture() {
        AccountInfo info = requireNonNull(store.admin().createAccount("test").join());
        this.account = info.id();
    }

    @Override
    public KvStore store() {
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
