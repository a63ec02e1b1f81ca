package io.nearkv.core;

import java.util.List;
import java.util.concurrent.CompletableFuture;

/** The rare operations of a tier: accounts and namespaces. Thread-safe; failures as in {@link KvStore}. */
public interface KvAdmin {
    /** Lists all accounts, ordered by id. */
    CompletableFuture<List<AccountInfo>> accounts();

    /** Creates an account with a new id. */
    CompletableFuture<AccountInfo> createAccount(String name);

    /** Lists the namespaces of an account, ordered by title. */
    CompletableFuture<List<NamespaceInfo>> namespaces(AccountId account);

    /** Returns a namespace by its id; {@link ErrorCode#NOT_FOUND} if there is none. */
    CompletableFuture<NamespaceInfo> namespace(NamespaceId namespace);

    /** Returns a namespace of an account by its title; {@link ErrorCode#NOT_FOUND} if there is none. */
    CompletableFuture<NamespaceInfo> namespace(AccountId account, String title);

    /**
     * Creates a namespace with a new id. Fails with {@link ErrorCode#INVALID_REQUEST} if the title is empty or too long, {@link ErrorCode#PRECONDITION_FAILED}
     * if the account has one with this title, {@link ErrorCode#RATE_LIMITED} at {@link Limits#MAX_NAMESPACES_PER_ACCOUNT}.
     */
    CompletableFuture<NamespaceInfo> createNamespace(AccountId account, String title);

    /** Changes the title of a namespace. Fails as {@link #createNamespace}. */
    CompletableFuture<NamespaceInfo> renameNamespace(NamespaceId namespace, String title);

    /** Deletes a namespace with all its keys, in a time that does not depend on their number. */
    CompletableFuture<Void> deleteNamespace(NamespaceId namespace);

    /** Makes an online, incremental backup where the owner of the data keeps its backups. */
    CompletableFuture<BackupInfo> backup();

    /**
     * Asks the tier something that only tiers of its kind understand, such as the members of a cluster; what lies in between hands it on without looking into it.
     *
     * @param question at most {@link Limits#MAX_QUESTION_BYTES}
     * @return the answer, like the question of less than 64 KiB; {@link ErrorCode#INVALID_REQUEST} if this tier answers no questions
     */
    default CompletableFuture<Value> ask(Value question) {
        return CompletableFuture.failedFuture(new KvException(
                ErrorCode.INVALID_REQUEST, "this is no node of a cluster (expected: one of 'nearkv serve --cluster')"));
    }
}
