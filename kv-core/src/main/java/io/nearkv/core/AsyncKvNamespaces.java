package io.nearkv.core;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/** The namespaces of an account, for callers that do not wait; see {@link KvNamespaces}. Thread-safe. */
public final class AsyncKvNamespaces {
    private final AsyncKv kv;

    AsyncKvNamespaces(AsyncKv kv) {
        this.kv = kv;
    }

    /** Lists the namespaces, ordered by title. */
    public CompletableFuture<List<NamespaceInfo>> list() {
        return kv.store().admin().namespaces(kv.account());
    }

    /** Returns a namespace by its id or title, if there is one. */
    public CompletableFuture<Optional<NamespaceInfo>> find(String titleOrId) {
        Chained<Optional<NamespaceInfo>> chain = new Chained<>();
        chain.follow(kv.ref(titleOrId).lookUp(), (info, failure) -> {
            if (failure != null && failure.code() != ErrorCode.NOT_FOUND) {
                chain.completeExceptionally(failure);
            } else {
                chain.complete(Optional.ofNullable(info));
            }
        });
        return chain;
    }

    /** Creates a namespace; see {@link KvAdmin#createNamespace} for the failures. */
    public CompletableFuture<NamespaceInfo> create(String title) {
        return kv.store().admin().createNamespace(kv.account(), title);
    }

    /** Returns the namespace with this title; creates it if there is none. */
    public CompletableFuture<NamespaceInfo> findOrCreate(String title) {
        KvAdmin admin = kv.store().admin();
        Chained<NamespaceInfo> chain = new Chained<>();
        chain.follow(admin.namespace(kv.account(), title), (info, failure) -> {
            if (info != null || failure == null || failure.code() != ErrorCode.NOT_FOUND) {
                chain.finish(info, failure);
                return;
            }
            chain.follow(create(title), (created, refused) -> {
                if (refused != null && refused.code() == ErrorCode.PRECONDITION_FAILED) {
                    chain.follow(admin.namespace(kv.account(), title)); // Somebody else was faster.
                } else {
                    chain.finish(created, refused);
                }
            });
        });
        return chain;
    }

    /** Changes the title of a namespace, given by its id or title. */
    public CompletableFuture<NamespaceInfo> rename(String titleOrId, String newTitle) {
        Chained<NamespaceInfo> chain = new Chained<>();
        chain.follow(kv.ref(titleOrId).lookUp(), (info, failure) -> {
            if (info == null) {
                chain.finish(null, failure);
            } else {
                chain.follow(kv.store().admin().renameNamespace(info.id(), newTitle), (renamed, refused) -> {
                    kv.forgetNames();
                    chain.finish(renamed, refused);
                });
            }
        });
        return chain;
    }

    /** Deletes a namespace, given by its id or title, with all its keys. */
    public CompletableFuture<Void> delete(String titleOrId) {
        Chained<Void> chain = new Chained<>();
        chain.follow(kv.ref(titleOrId).lookUp(), (info, failure) -> {
            if (info == null) {
                chain.finish(null, failure);
            } else {
                chain.follow(kv.store().admin().deleteNamespace(info.id()), (nothing, refused) -> {
                    kv.forgetNames();
                    chain.finish(null, refused);
                });
            }
        });
        return chain;
    }
}
