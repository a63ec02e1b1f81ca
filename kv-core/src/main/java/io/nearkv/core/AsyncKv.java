package io.nearkv.core;

import static java.util.Objects.requireNonNull;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** A key-value store for one account, for callers that do not wait; see {@link Kv}, which closes it. Thread-safe. */
public final class AsyncKv {
    /** Names whose ids are remembered; an application that goes through more of them than an account can hold namespaces looks them up again. */
    private static final int MAX_REMEMBERED_NAMES = 2 * Limits.MAX_NAMESPACES_PER_ACCOUNT;

    private final KvStore store;
    private final AccountId account;
    private final Map<String, NamespaceRef> byName = new ConcurrentHashMap<>();
    private final AsyncKvNamespaces namespaces;

    AsyncKv(KvStore store, AccountId account) {
        this.store = requireNonNull(store, "store");
        this.account = requireNonNull(account, "account");
        this.namespaces = new AsyncKvNamespaces(this);
    }

    /** Returns a namespace by its id or title; see {@link Kv#namespace}. */
    public AsyncKvNamespace namespace(String titleOrId) {
        return new AsyncKvNamespace(store, ref(titleOrId), ReadOptions.DEFAULT, WriteOptions.DEFAULT);
    }

    /** Returns the catalogue of namespaces. */
    public AsyncKvNamespaces namespaces() {
        return namespaces;
    }

    /** Returns the account. */
    public AccountId account() {
        return account;
    }

    /** Returns the tier below. */
    public KvStore store() {
        return store;
    }

    NamespaceRef ref(String titleOrId) {
        if (byName.size() >= MAX_REMEMBERED_NAMES) {
            byName.clear();
        }
        return byName.computeIfAbsent(
                requireNonNull(titleOrId, "titleOrId"), name -> new NamespaceRef(store, account, name));
    }

    /** Forgets every id, because the catalogue was changed by us: a name may mean another namespace now. */
    void forgetNames() {
        byName.values().forEach(NamespaceRef::forget);
    }
}
