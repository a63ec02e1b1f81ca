package io.nearkv.core;

import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A namespace by the name that the application uses for it. The id is looked up at the first call and remembered; when a call finds that the namespace is gone, the
 * id is dropped and the call tried once more, because a namespace that was deleted and created again under its title has a new id. Thread-safe.
 */
final class NamespaceRef {
    private final KvStore store;
    private final AccountId account;
    private final String titleOrId;
    /** Two threads may look it up at the same time; they find the same. */
    private volatile @Nullable NamespaceId id;

    NamespaceRef(KvStore store, AccountId account, String titleOrId) {
        this.store = store;
        this.account = account;
        this.titleOrId = titleOrId;
    }

    /** Returns the title or id that the application gave. */
    String name() {
        return titleOrId;
    }

    /** Forgets the id; the next call looks it up again. */
    void forget() {
        id = null;
    }

    /** Returns the namespace's entry of the catalogue. */
    CompletableFuture<NamespaceInfo> lookUp() {
        KvAdmin admin = store.admin();
        if (!NamespaceId.isWellFormed(titleOrId)) {
            return admin.namespace(account, titleOrId);
        }
        Chained<NamespaceInfo> chain = new Chained<>();
        chain.follow(admin.namespace(NamespaceId.parse(titleOrId)), (info, failure) -> {
            if (info != null && info.account().equals(account)) {
                chain.complete(info);
            } else if (failure == null || failure.code() == ErrorCode.NOT_FOUND) {
                // No such id, or not one of this account, which must not even learn that it exists: so it is a title.
                chain.follow(admin.namespace(account, titleOrId));
            } else {
                chain.completeExceptionally(failure);
            }
        });
        return chain;
    }

    /** Returns the id, which may be one that was found earlier. */
    CompletableFuture<NamespaceId> resolve() {
        return call(CompletableFuture::completedFuture);
    }

    /** Runs a call on the id of this namespace. Cancelling the result cancels whichever step is under way. */
    <T> CompletableFuture<T> call(Function<NamespaceId, CompletableFuture<T>> call) {
        NamespaceId known = id;
        if (known == null) {
            Chained<T> chain = new Chained<>();
            resolveAndCall(chain, call);
            return chain;
        }
        CompletableFuture<T> answer = call.apply(known);
        if (answer.isDone() && !answer.isCompletedExceptionally()) {
            return answer; // Answered from memory, the common case: nothing to watch over.
        }
        Chained<T> chain = new Chained<>();
        chain.follow(answer, (result, failure) -> {
            if (failure != null && failure.code() == ErrorCode.NOT_FOUND) {
                forget();
                resolveAndCall(chain, call);
            } else {
                chain.finish(result, failure);
            }
        });
        return chain;
    }

    private <T> void resolveAndCall(Chained<T> chain, Function<NamespaceId, CompletableFuture<T>> call) {
        chain.follow(lookUp(), (info, failure) -> {
            if (failure != null || info == null) {
                chain.finish(null, failure);
            } else {
                id = info.id();
                chain.follow(call.apply(info.id()));
            }
        });
    }
}
