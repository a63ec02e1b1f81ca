package io.nearkv.core.rocksdb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import io.nearkv.core.AccountId;
import io.nearkv.core.AccountInfo;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.TestClock;
import io.nearkv.core.Value;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.WriteResult;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.UnaryOperator;
import org.rocksdb.RocksDBException;

/** A store in a folder, with short forms of its calls, for tests of what the contract does not say. */
final class Engine implements AutoCloseable {
    static final AccountId ACCOUNT = new AccountId(0xACC, 0x7E57);

    final Path folder;
    final TestClock clock = new TestClock();
    private final UnaryOperator<RocksStoreOptions.Builder> options;
    RocksStore store;
    NamespaceId ns;

    Engine(Path folder) {
        this(folder, UnaryOperator.identity());
    }

    Engine(Path folder, UnaryOperator<RocksStoreOptions.Builder> options) {
        this.folder = folder;
        this.options = options;
        this.store = RocksStore.open(folder, options());
        this.ns = await(store.admin().createNamespace(ACCOUNT, "test")).id();
    }

    private Engine(Path folder, UnaryOperator<RocksStoreOptions.Builder> options, String namespace) {
        this.folder = folder;
        this.options = options;
        this.store = RocksStore.open(folder, options());
        this.ns = await(store.admin().namespace(ACCOUNT, namespace)).id();
    }

    /** Opens a folder that an engine was made in before. */
    static Engine reopened(Path folder, UnaryOperator<RocksStoreOptions.Builder> options) {
        return new Engine(folder, options, "test");
    }

    RocksStoreOptions options() {
        return options.apply(defaults(clock)).build();
    }

    static RocksStoreOptions.Builder defaults(TestClock clock) {
        return RocksStoreOptions.builder()
                .initialAccount(new AccountInfo(ACCOUNT, "test"))
                .clock(clock)
                .cacheBytes(16 << 20)
                .writeBufferBytes(4 << 20)
                .diskReserveBytes(0);
    }

    void reopen() {
        store.close();
        store = RocksStore.open(folder, options());
    }

    static <T> T await(CompletableFuture<T> future) {
        try {
            return future.get(30, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            throw KvException.from(e);
        } catch (InterruptedException | TimeoutException e) {
            return fail("no answer", e);
        }
    }

    static KvException failureOf(CompletableFuture<?> future) {
        try {
            return fail("answered " + await(future));
        } catch (KvException e) {
            return e;
        }
    }

    CompletableFuture<WriteResult> write(Mutation mutation) {
        return store.write(ns, mutation, WriteOptions.DEFAULT);
    }

    CompletableFuture<WriteResult> put(String key, Value value) {
        return write(Mutation.put(Key.of(key), value));
    }

    CompletableFuture<WriteResult> put(String key, String value) {
        return put(key, Value.of(value));
    }

    CompletableFuture<WriteResult> put(String key, String value, PutOptions put) {
        return write(new Mutation.Put(Key.of(key), Value.of(value), put));
    }

    CompletableFuture<WriteResult> delete(String key) {
        return write(Mutation.delete(Key.of(key)));
    }

    CompletableFuture<GetResult> get(String key) {
        return store.get(ns, Key.of(key), ReadOptions.STRONG);
    }

    String text(String key) {
        GetResult result = await(get(key));
        return result instanceof GetResult.Found found ? found.value().asString() : "-";
    }

    FeedRequest feed(FeedRequest.Start start) {
        return FeedRequest.of(ns, start);
    }

    static Value bytes(int size, long seed) {
        byte[] bytes = new byte[size];
        new Random(seed).nextBytes(bytes);
        return Value.wrap(bytes);
    }

    /** Returns the number of records of a column family. */
    int records(String family) {
        Database db = store.databaseForTests();
        var handle = switch (family) {
            case "entries" -> db.entries;
            case "values" -> db.values;
            case "expiry" -> db.expiry;
            case "changes" -> db.changes;
            default -> db.meta;
        };
        try (var records = db.rocks.newIterator(handle)) {
            int count = 0;
            for (records.seekToFirst(); records.isValid(); records.next()) {
                count++;
            }
            records.status();
            return count;
        } catch (RocksDBException e) {
            return fail("cannot read " + family, e);
        }
    }

    /** Returns whether {@code meta} has records below a name. */
    boolean hasMeta(String prefix) {
        boolean[] any = new boolean[1];
        try {
            MetaRecords.forEach(store.databaseForTests(), prefix, (name, record) -> any[0] = true);
        } catch (RocksDBException e) {
            return fail("cannot read meta", e);
        }
        return any[0];
    }

    void assertApplied(CompletableFuture<WriteResult> write) {
        assertThat(await(write).applied()).isTrue();
    }

    @Override
    public void close() {
        store.close();
    }
}
