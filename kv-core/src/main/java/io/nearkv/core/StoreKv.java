package io.nearkv.core;

/** The one {@link Kv}, over whatever tier. */
final class StoreKv implements Kv {
    private final AsyncKv async;
    private final KvNamespaces namespaces;

    StoreKv(AsyncKv async) {
        this.async = async;
        this.namespaces = new KvNamespaces(async.namespaces());
    }

    @Override
    public KvNamespace namespace(String titleOrId) {
        return new KvNamespace(async.namespace(titleOrId));
    }

    @Override
    public KvNamespaces namespaces() {
        return namespaces;
    }

    @Override
    public AccountId account() {
        return async.account();
    }

    @Override
    public KvStore store() {
        return async.store();
    }

    @Override
    public AsyncKv async() {
        return async;
    }

    @Override
    public void close() {
        async.store().close();
    }
}
