package io.nearkv.net.client;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.AccountId;
import io.nearkv.core.AccountInfo;
import io.nearkv.core.BackupInfo;
import io.nearkv.core.BatchResult;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KvAdmin;
import io.nearkv.core.KvStore;
import io.nearkv.core.ListOptions;
import io.nearkv.core.ListPage;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.NamespaceInfo;
import io.nearkv.core.OpenResult;
import io.nearkv.core.Position;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.ValueWriter;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.WriteResult;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Flow;
import java.util.function.Function;

/**
 * The accounts of a server as one tier: a token opens the namespaces of one account only, so each account that gets one has a client of its own. The first client is the
 * operator's, for accounts and all that belongs to its own.
 */
final class AccountsStore implements KvStore {
    private final AccountId operator;
    private final KvClient first;
    private final Function<AccountId, KvClient> connect;
    private final Map<AccountId, KvClient> clients = new ConcurrentHashMap<>();
    private final Map<NamespaceId, KvClient> byNamespace = new ConcurrentHashMap<>();

    AccountsStore(AccountId operator, Function<AccountId, KvClient> connect) {
        this.operator = operator;
        this.connect = connect;
        this.first = connect.apply(operator);
    }

    private KvStore of(NamespaceId namespace) {
        return byNamespace
                .getOrDefault(requireNonNull(namespace, "namespace"), first)
                .store();
    }

    private NamespaceInfo remember(NamespaceInfo info) {
        if (!info.account().equals(operator)) {
            byNamespace.put(info.id(), clients.computeIfAbsent(info.account(), connect));
        }
        return info;
    }

    @Override
    public CompletableFuture<GetResult> get(NamespaceId namespace, Key key, ReadOptions options) {
        return of(namespace).get(namespace, key, options);
    }

    @Override
    public CompletableFuture<List<GetResult>> getAll(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        return of(namespace).getAll(namespace, keys, options);
    }

    @Override
    public CompletableFuture<List<Long>> versions(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        return of(namespace).versions(namespace, keys, options);
    }

    @Override
    public CompletableFuture<OpenResult> open(NamespaceId namespace, Key key, ReadOptions options) {
        return of(namespace).open(namespace, key, options);
    }

    @Override
    public CompletableFuture<WriteResult> write(NamespaceId namespace, Mutation mutation, WriteOptions options) {
        return of(namespace).write(namespace, mutation, options);
    }

    @Override
    public CompletableFuture<List<WriteResult>> writeAll(
            NamespaceId namespace, List<Mutation> mutations, WriteOptions options) {
        return of(namespace).writeAll(namespace, mutations, options);
    }

    @Override
    public CompletableFuture<BatchResult> batch(NamespaceId namespace, List<Mutation> mutations, WriteOptions options) {
        return of(namespace).batch(namespace, mutations, options);
    }

    @Override
    public CompletableFuture<ValueWriter> upload(NamespaceId namespace, Key key, PutOptions put, WriteOptions options) {
        return of(namespace).upload(namespace, key, put, options);
    }

    @Override
    public CompletableFuture<ListPage> list(NamespaceId namespace, ListOptions list, ReadOptions options) {
        return of(namespace).list(namespace, list, options);
    }

    @Override
    public Flow.Publisher<FeedEvent> watch(FeedRequest request) {
        NamespaceId namespace = request.namespace();
        return (namespace == null ? first.store() : of(namespace)).watch(request);
    }

    @Override
    public Position positionOf(long version) {
        return first.store().positionOf(version);
    }

    @Override
    public KvAdmin admin() {
        KvAdmin admin = first.store().admin();
        return new KvAdmin() {
            @Override
            public CompletableFuture<List<AccountInfo>> accounts() {
                return admin.accounts();
            }

            @Override
            public CompletableFuture<AccountInfo> createAccount(String name) {
                return admin.createAccount(name);
            }

            @Override
            public CompletableFuture<List<NamespaceInfo>> namespaces(AccountId account) {
                return admin.namespaces(account);
            }

            @Override
            public CompletableFuture<NamespaceInfo> namespace(NamespaceId namespace) {
                return admin.namespace(namespace);
            }

            @Override
            public CompletableFuture<NamespaceInfo> namespace(AccountId account, String title) {
                return admin.namespace(account, title);
            }

            @Override
            public CompletableFuture<NamespaceInfo> createNamespace(AccountId account, String title) {
                return admin.createNamespace(account, title).thenApply(AccountsStore.this::remember);
            }

            @Override
            public CompletableFuture<NamespaceInfo> renameNamespace(NamespaceId namespace, String title) {
                return of(namespace).admin().renameNamespace(namespace, title);
            }

            @Override
            public CompletableFuture<Void> deleteNamespace(NamespaceId namespace) {
                return of(namespace).admin().deleteNamespace(namespace);
            }

            @Override
            public CompletableFuture<BackupInfo> backup() {
                return admin.backup();
            }
        };
    }

    @Override
    public void close() {
        clients.values().forEach(KvClient::close);
        first.close();
    }
}
