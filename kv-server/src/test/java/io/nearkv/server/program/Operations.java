package io.nearkv.server.program;

import io.nearkv.core.AccountId;
import io.nearkv.core.Condition;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.Key;
import io.nearkv.core.KvStore;
import io.nearkv.core.ListOptions;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.function.Function;

/** Every operation of the contract, by name: what must be refused as a whole is tried as a whole. */
final class Operations {
    private static final ReadOptions READ = ReadOptions.DEFAULT.withTimeout(Duration.ofSeconds(20));
    private static final WriteOptions WRITE = WriteOptions.DEFAULT.withTimeout(Duration.ofSeconds(20));

    private Operations() {}

    /** Returns the operations on an entry that exists, its namespace and its account. */
    static Map<String, Function<KvStore, CompletableFuture<?>>> on(
            AccountId account, NamespaceId namespace, String existingKey) {
        Key key = Key.of(existingKey);
        Map<String, Function<KvStore, CompletableFuture<?>>> operations = new LinkedHashMap<>();
        operations.put("get of a key that was read before", store -> store.get(namespace, key, READ));
        operations.put("get of an absent key", store -> store.get(namespace, Key.of("absent"), READ));
        operations.put("getAll", store -> store.getAll(namespace, List.of(key, Key.of("absent")), READ));
        operations.put("open", store -> store.open(namespace, key, READ));
        operations.put("list", store -> store.list(namespace, ListOptions.ALL, READ));
        operations.put("put", store -> store.write(namespace, Mutation.put(Key.of("new"), Value.of("v")), WRITE));
        operations.put(
                "conditional put",
                store -> store.write(
                        namespace, new Mutation.Put(key, Value.of("v"), PutOptions.when(Condition.IF_PRESENT)), WRITE));
        operations.put("delete", store -> store.write(namespace, Mutation.delete(key), WRITE));
        operations.put("writeAll", store -> store.writeAll(namespace, List.of(Mutation.delete(key)), WRITE));
        operations.put("batch", store -> store.batch(namespace, List.of(Mutation.delete(key)), WRITE));
        operations.put(
                "upload",
                store -> store.upload(namespace, Key.of("new"), PutOptions.DEFAULT, WRITE)
                        .thenCompose(writer ->
                                writer.write(ByteBuffer.wrap(new byte[100_000])).thenCompose(done -> writer.commit())));
        operations.put("watch", store -> firstEvent(store, namespace));
        operations.put("namespaces", store -> store.admin().namespaces(account));
        operations.put("namespace by id", store -> store.admin().namespace(namespace));
        operations.put("namespace by title", store -> store.admin().namespace(account, "default"));
        operations.put("createNamespace", store -> store.admin().createNamespace(account, "made by nobody"));
        operations.put("renameNamespace", store -> store.admin().renameNamespace(namespace, "renamed by nobody"));
        operations.put("deleteNamespace", store -> store.admin().deleteNamespace(namespace));
        operations.put("accounts", store -> store.admin().accounts());
        operations.put("createAccount", store -> store.admin().createAccount("made by nobody"));
        operations.put("backup", store -> store.admin().backup());
        return operations;
    }

    private static CompletableFuture<FeedEvent> firstEvent(KvStore store, NamespaceId namespace) {
        CompletableFuture<FeedEvent> first = new CompletableFuture<>();
        store.watch(FeedRequest.of(namespace, new FeedRequest.Start.Oldest())).subscribe(new Flow.Subscriber<>() {
            @Override
            public void onSubscribe(Flow.Subscription subscription) {
                subscription.request(1);
            }

            @Override
            public void onNext(FeedEvent event) {
                first.complete(event);
            }

            @Override
            public void onError(Throwable failure) {
                first.completeExceptionally(failure);
            }

            @Override
            public void onComplete() {
                first.completeExceptionally(new IllegalStateException("the feed ended without an event"));
            }
        });
        return first;
    }
}
