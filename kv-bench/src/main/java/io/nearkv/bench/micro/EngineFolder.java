package io.nearkv.bench.micro;

import io.nearkv.bench.macro.KeySpace;
import io.nearkv.bench.macro.KvStoreTarget;
import io.nearkv.bench.macro.LoadRun;
import io.nearkv.bench.macro.ProcessCpu;
import io.nearkv.core.KvAdmin;
import io.nearkv.core.KvStore;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.rocksdb.RocksStore;
import io.nearkv.core.rocksdb.RocksStoreOptions;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** Our engine in a folder of its own, with one namespace. Thread-safe. */
final class EngineFolder implements AutoCloseable {
    private final Path folder;
    private final RocksStoreOptions options;
    private KvStore store;
    private final NamespaceId namespace;

    EngineFolder(Path folder, long cacheBytes, long writeBufferBytes) throws Exception {
        this.folder = folder;
        this.options = RocksStoreOptions.builder()
                .cacheBytes(cacheBytes)
                .writeBufferBytes(writeBufferBytes)
                .build();
        this.store = RocksStore.open(folder, options);
        KvAdmin admin = store.admin();
        this.namespace = admin.createNamespace(
                        admin.accounts().get(10, TimeUnit.SECONDS).get(0).id(), "bench")
                .get(10, TimeUnit.SECONDS)
                .id();
    }

    KvStore store() {
        return store;
    }

    NamespaceId namespace() {
        return namespace;
    }

    /** Puts every key; to files if asked for, which opening the store again does. */
    void fill(KeySpace space, boolean toFiles) throws InterruptedException {
        // Not closed: it would close the store.
        KvStoreTarget target = new KvStoreTarget(store, namespace, space, WriteOptions.BUFFERED);
        var unused = new LoadRun(target, space, ProcessCpu.UNKNOWN).fill();
        if (toFiles) {
            store.close();
            store = RocksStore.open(folder, options);
        }
    }

    @Override
    public void close() {
        store.close();
    }
}
