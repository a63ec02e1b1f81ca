package io.nearkv.core;

import java.util.List;
import java.util.Optional;

/**
 * The namespaces of an account. A namespace is named by its id (32 hex digits that name one of this account win) or its title; one that does not exist is
 * {@link ErrorCode#NOT_FOUND}. Calls wait up to {@link Limits#DEFAULT_TIMEOUT}. Thread-safe.
 */
public final class KvNamespaces {
    private final AsyncKvNamespaces async;

    KvNamespaces(AsyncKvNamespaces async) {
        this.async = async;
    }

    /** Lists the namespaces, ordered by title. */
    public List<NamespaceInfo> list() {
        return Blocking.await(async::list, Limits.DEFAULT_TIMEOUT);
    }

    /** Returns a namespace, if there is one. */
    public Optional<NamespaceInfo> find(String titleOrId) {
        return Blocking.await(() -> async.find(titleOrId), Limits.DEFAULT_TIMEOUT);
    }

    /** Creates a namespace; see {@link KvAdmin#createNamespace} for the failures. */
    public NamespaceInfo create(String title) {
        return Blocking.await(() -> async.create(title), Limits.DEFAULT_TIMEOUT);
    }

    /** Returns the namespace with this title; creates it if there is none. */
    public NamespaceInfo findOrCreate(String title) {
        return Blocking.await(() -> async.findOrCreate(title), Limits.DEFAULT_TIMEOUT);
    }

    /** Changes the title of a namespace. */
    public NamespaceInfo rename(String titleOrId, String newTitle) {
        return Blocking.await(() -> async.rename(titleOrId, newTitle), Limits.DEFAULT_TIMEOUT);
    }

    /** Deletes a namespace with all its keys. */
    public void delete(String titleOrId) {
        var unused = Blocking.await(() -> async.delete(titleOrId), Limits.DEFAULT_TIMEOUT);
    }
}
