package io.nearkv.deploy.routing;

import io.nearkv.core.AccountId;
import io.nearkv.core.AccountInfo;
import io.nearkv.core.BackupInfo;
import io.nearkv.core.KvAdmin;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.NamespaceInfo;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** The catalogue by way of the baseline. Thread-safe. */
final class RoutedAdmin implements KvAdmin {
    private final RoutedStore store;

    RoutedAdmin(RoutedStore store) {
        this.store = store;
    }

    @Override
    public CompletableFuture<List<AccountInfo>> accounts() {
        return store.ofBaseline(build -> build.admin().accounts());
    }

    @Override
    public CompletableFuture<AccountInfo> createAccount(String name) {
        return store.ofBaseline(build -> build.admin().createAccount(name));
    }

    @Override
    public CompletableFuture<List<NamespaceInfo>> namespaces(AccountId account) {
        return store.ofBaseline(build -> build.admin().namespaces(account));
    }

    @Override
    public CompletableFuture<NamespaceInfo> namespace(NamespaceId namespace) {
        return store.ofBaseline(build -> build.admin().namespace(namespace));
    }

    @Override
    public CompletableFuture<NamespaceInfo> namespace(AccountId account, String title) {
        return store.ofBaseline(build -> build.admin().namespace(account, title));
    }

    @Override
    public CompletableFuture<NamespaceInfo> createNamespace(AccountId account, String title) {
        return store.ofBaseline(build -> build.admin().createNamespace(account, title));
    }

    @Override
    public CompletableFuture<NamespaceInfo> renameNamespace(NamespaceId namespace, String title) {
        return store.ofBaseline(build -> build.admin().renameNamespace(namespace, title));
    }

    @Override
    public CompletableFuture<Void> deleteNamespace(NamespaceId namespace) {
        return store.ofBaseline(build -> build.admin().deleteNamespace(namespace));
    }

    @Override
    public CompletableFuture<BackupInfo> backup() {
        return store.ofBaseline(build -> build.admin().backup());
    }
}
