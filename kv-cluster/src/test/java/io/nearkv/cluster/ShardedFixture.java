package io.nearkv.cluster;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.AccountId;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvAdmin;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.StoreFixture;
import io.nearkv.core.TestClock;
import io.nearkv.core.rocksdb.RocksStoreFixture;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;

/** A sharded store over embedded engines of one clock and one lineage, one for the catalogue and one for each partition. */
final class ShardedFixture implements StoreFixture {
    /** The lineage of all, and then ids that are chosen. */
    private static final class Ids implements RandomGenerator {
        private final Random random = new Random(7);
        private final Queue<Long> chosen = new ConcurrentLinkedQueue<>();

        @Override
        public long nextLong() {
            Long next = chosen.poll();
            return next != null ? next : random.nextLong();
        }
    }

    /** The stores of a moment; after a reopening there are others. */
    private final class Engines implements Shards {
        private final List<KvStore> stores = new ArrayList<>();

        Engines(List<? extends KvStore> partitions) {
            stores.addAll(partitions);
        }

        @Override
        public KvStore meta() {
            return meta.store();
        }

        @Override
        public List<KvStore> partitions() {
            return stores;
        }

        /** The engine takes the id of a new namespace from its generator: one adoption after the other, so that each finds its own there. */
        @Override
        public CompletableFuture<Void> adopt(int partition, NamespaceId namespace) {
            return beforeAdoption.get().thenCompose(whatever -> adoptInOrder(partition, namespace));
        }

        private CompletableFuture<Void> adoptInOrder(int partition, NamespaceId namespace) {
            synchronized (adoptions) {
                CompletableFuture<Void> adoption = adoptions
                        .get(partition)
                        .handle((nothing, failure) -> failure == null)
                        .thenCompose(whatever -> adoptNow(partition, namespace));
                adoptions.set(partition, adoption);
                return adoption;
            }
        }

        private CompletableFuture<Void> adoptNow(int partition, NamespaceId namespace) {
            KvAdmin admin;
            try {
                admin = stores.get(partition).admin();
            } catch (IllegalStateException e) {
                return CompletableFuture.failedFuture(new KvException(ErrorCode.UNAVAILABLE, "closed", e));
            }
            // The engine would make it again, empty: the title is taken by the very same id.
            return admin.namespace(namespace)
                    .handle((info, unknown) -> info != null)
                    .thenCompose(known -> {
                        if (known) {
                            return CompletableFuture.completedFuture(null);
                        }
                        ids.get(partition).chosen.add(namespace.high());
                        ids.get(partition).chosen.add(namespace.low());
                        adopted.add(partition);
                        return admin.createNamespace(account(), namespace.toString())
                                .thenAccept(info -> {
                                    if (!info.id().equals(namespace)) {
                                        throw new IllegalStateException("adopted " + info + " for " + namespace);
                                    }
                                });
                    });
        }
    }

    /** Which partitions have adopted a namespace, one after the other. */
    final Queue<Integer> adopted = new ConcurrentLinkedQueue<>();

    /** What happens in the last moment before one; it must not wait, because the thread may be that of a partition. */
    volatile Supplier<CompletableFuture<Void>> beforeAdoption = () -> CompletableFuture.completedFuture(null);

    private final TestClock clock = new TestClock();
    private final RocksStoreFixture meta;
    private final List<RocksStoreFixture> engines = new ArrayList<>();
    private final List<Ids> ids = new ArrayList<>();
    private final List<CompletableFuture<Void>> adoptions = new ArrayList<>();
    private final Placement placement;
    private KvStore store;

    ShardedFixture(int partitions, Placement placement) throws IOException {
        this.placement = placement;
        this.meta = new RocksStoreFixture(clock, new Random());
        for (int i = 0; i < partitions; i++) {
            Ids generator = new Ids();
            ids.add(generator);
            adoptions.add(CompletableFuture.completedFuture(null));
            engines.add(new RocksStoreFixture(clock, generator));
        }
        this.store = open();
    }

    private KvStore open() {
        return over(engines.stream().map(RocksStoreFixture::store).toList());
    }

    /** Returns the store over other partitions, which are those of this one or stand before them. */
    KvStore over(List<? extends KvStore> partitions) {
        Shards shards = new Engines(partitions);
        return new ShardedStore(shards, placement, () -> {
            shards.partitions().forEach(KvStore::close);
            shards.meta().close();
        });
    }

    /** Returns the store of the catalogue. */
    KvStore meta() {
        return meta.store();
    }

    /** Returns the store of one partition. */
    KvStore partition(int partition) {
        return engines.get(partition).store();
    }

    @Override
    public KvStore store() {
        return requireNonNull(store);
    }

    @Override
    public AccountId account() {
        return meta.account();
    }

    @Override
    public TestClock clock() {
        return clock;
    }

    @Override
    public boolean canReopen() {
        return true;
    }

    @Override
    public void reopen() {
        store.close();
        meta.reopen();
        engines.forEach(RocksStoreFixture::reopen);
        store = open();
    }

    @Override
    public boolean sweep() {
        engines.forEach(engine -> {
            boolean unused = engine.sweep();
        });
        return true;
    }

    @Override
    public void close() throws IOException {
        store.close();
        meta.close();
        for (RocksStoreFixture engine : engines) {
            engine.close();
        }
    }
}
