package io.nearkv.core.rocksdb;

import io.nearkv.core.AccountInfo;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KeyInfo;
import io.nearkv.core.ListOptions;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.NamespaceInfo;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/** A store with something of everything in it: small and large values, expirations, metadata, deletions, several namespaces. */
final class SmallStore implements AutoCloseable {
    final RocksStore store;
    final NamespaceId namespace;

    private SmallStore(RocksStore store, NamespaceId namespace) {
        this.store = store;
        this.namespace = namespace;
    }

    static RocksStoreOptions.Builder options() {
        return RocksStoreOptions.builder().cacheBytes(8 << 20).writeBufferBytes(1 << 20);
    }

    /** Opens the store of a folder, and fills it if it is new. */
    static SmallStore open(Path folder, RocksStoreOptions options) {
        boolean isNew = !RocksStore.isStore(folder);
        RocksStore store = RocksStore.open(folder, options);
        AccountInfo account = store.admin().accounts().join().get(0);
        if (isNew) {
            NamespaceInfo deleted =
                    store.admin().createNamespace(account.id(), "deleted").join();
            put(store, deleted.id(), "k", bytes(1, 100_000), PutOptions.DEFAULT);
            store.admin().deleteNamespace(deleted.id()).join();
            store.admin().createNamespace(account.id(), "first").join();
        }
        SmallStore small = new SmallStore(
                store, store.admin().namespace(account.id(), "first").join().id());
        if (isNew) {
            small.fill();
        }
        return small;
    }

    static SmallStore open(Path folder) {
        return open(folder, options().build());
    }

    private void fill() {
        for (int i = 0; i < 50; i++) {
            put("small/" + i, bytes(i, 100 + i));
        }
        for (int i = 0; i < 8; i++) {
            put("large/" + i, bytes(i, 200_000 + i));
        }
        put("large/0", bytes(99, 70_000));
        put("large/1", bytes(98, 10));
        put(store, namespace, "expires", bytes(3, 30), PutOptions.expiresAfter(Duration.ofHours(1)));
        put(store, namespace, "expires", bytes(4, 5000), PutOptions.expiresAfter(Duration.ofHours(2)));
        store.write(namespace, Mutation.delete(Key.of("large/2")), WriteOptions.DEFAULT)
                .join();
        store.write(namespace, Mutation.delete(Key.of("small/2")), WriteOptions.DEFAULT)
                .join();
    }

    void put(String key, byte[] value) {
        put(store, namespace, key, value, PutOptions.DEFAULT);
    }

    private static void put(RocksStore store, NamespaceId namespace, String key, byte[] value, PutOptions options) {
        store.write(namespace, new Mutation.Put(Key.of(key), Value.of(value), options), WriteOptions.DEFAULT)
                .join();
    }

    static byte[] bytes(int seed, int length) {
        byte[] bytes = new byte[length];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    /** Returns everything that the namespace holds. */
    Map<String, Value> contents() {
        Map<String, Value> contents = new TreeMap<>();
        for (KeyInfo key : store.list(namespace, ListOptions.ALL, ReadOptions.DEFAULT)
                .join()
                .keys()) {
            GetResult found =
                    store.get(namespace, key.key(), ReadOptions.DEFAULT).join();
            contents.put(key.name(), found.toOptional().orElseThrow());
        }
        return contents;
    }

    @Override
    public void close() {
        store.close();
    }
}
