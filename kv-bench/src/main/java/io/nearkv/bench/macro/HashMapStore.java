package io.nearkv.bench.macro;

import io.nearkv.core.AccountId;
import io.nearkv.core.AccountInfo;
import io.nearkv.core.BackupInfo;
import io.nearkv.core.BatchResult;
import io.nearkv.core.DirectReader;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KvAdmin;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.ListOptions;
import io.nearkv.core.ListPage;
import io.nearkv.core.Metadata;
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
import java.nio.ByteBuffer;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * A hash table in place of the engine, to see what everything else costs: the server, the protocol and the client stay as they are. One namespace of one account; gets,
 * puts and deletes; the rest fails. Keeps nothing.
 *
 * <p>An open table of chains, sized once: looking up takes no lock and makes no object, as the engine's own direct reads do. Writers exclude each other. Thread-safe.
 */
public final class HashMapStore implements KvStore, DirectReader {
    /** The title of the one namespace. */
    public static final String TITLE = "default";

    /** It keeps nothing, so each has one history. */
    private static final long LINEAGE = 1;

    private final NamespaceInfo info;
    private final InstantSource clock;
    private final AtomicReferenceArray<@Nullable Entry> table;
    private long version;

    /** One entry and the rest of its chain. Never changed, so that readers may walk it while writers replace it. */
    private static final class Entry {
        final int hash;
        final byte[] key;
        final byte[] value;
        final @Nullable Metadata metadata;
        final long version;
        final long expiresAt;
        final @Nullable Entry next;

        Entry(
                int hash,
                byte[] key,
                byte[] value,
                @Nullable Metadata metadata,
                long version,
                long expiresAt,
                @Nullable Entry next) {
            this.hash = hash;
            this.key = key;
            this.value = value;
            this.metadata = metadata;
            this.version = version;
            this.expiresAt = expiresAt;
            this.next = next;
        }
    }

    /**
     * Creates an empty store.
     *
     * @param account the account that owns the namespace
     * @param namespace the id of the namespace
     * @param expectedEntries how many entries there will be; more only make it slower
     * @param clock says what has expired
     */
    public HashMapStore(AccountId account, NamespaceId namespace, int expectedEntries, InstantSource clock) {
        this.info = new NamespaceInfo(namespace, account, TITLE);
        this.clock = clock;
        int size = Math.max(16, Integer.highestOneBit(Math.max(1, Math.min(expectedEntries, 1 << 28)) * 2 - 1) * 2);
        this.table = new AtomicReferenceArray<>(size);
    }

    private static int hash(ByteBuffer key) {
        int hash = 0;
        for (int i = key.position(); i < key.limit(); i++) {
            hash = hash * 31 + key.get(i);
        }
        return hash;
    }

    private int slot(int hash) {
        // Neighbouring names differ in their last digits alone.
        int mixed = hash * 0x9E3779B9;
        return (mixed ^ (mixed >>> 15)) & (table.length() - 1);
    }

    private static boolean same(byte[] stored, ByteBuffer key) {
        if (stored.length != key.remaining()) {
            return false;
        }
        int at = key.position();
        for (int i = 0; i < stored.length; i++) {
            if (stored[i] != key.get(at + i)) {
                return false;
            }
        }
        return true;
    }

    private @Nullable Entry find(ByteBuffer key) {
        int hash = hash(key);
        for (Entry each = table.get(slot(hash)); each != null; each = each.next) {
            if (each.hash == hash && same(each.key, key)) {
                return each.expiresAt != 0 && each.expiresAt <= clock.instant().getEpochSecond() ? null : each;
            }
        }
        return null;
    }

    private void requireNamespace(NamespaceId namespace) {
        if (!namespace.equals(info.id())) {
            throw new KvException(ErrorCode.NOT_FOUND, "namespace " + namespace + " is unknown");
        }
    }

    @Override
    public DirectReader directReader() {
        return this;
    }

    @Override
    public Outcome read(NamespaceId namespace, ByteBuffer key, Visitor visitor) {
        requireNamespace(namespace);
        Entry entry = find(key);
        if (entry == null) {
            return Outcome.MISSING;
        }
        Metadata metadata = entry.metadata;
        visitor.entry(
                ByteBuffer.wrap(entry.value),
                metadata == null ? null : metadata.asByteBuffer(),
                entry.version,
                entry.expiresAt);
        return Outcome.FOUND;
    }

    @Override
    public CompletableFuture<GetResult> get(NamespaceId namespace, Key key, ReadOptions options) {
        try {
            return CompletableFuture.completedFuture(get(namespace, key));
        } catch (KvException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private GetResult get(NamespaceId namespace, Key key) {
        requireNamespace(namespace);
        Entry entry = find(key.asByteBuffer());
        return entry == null
                ? GetResult.Missing.INSTANCE
                : GetResult.Found.wrap(entry.value, entry.metadata, entry.version, entry.expiresAt);
    }

    @Override
    public CompletableFuture<List<GetResult>> getAll(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        try {
            List<GetResult> results = new ArrayList<>(keys.size());
            for (Key key : keys) {
                results.add(get(namespace, key));
            }
            return CompletableFuture.completedFuture(results);
        } catch (KvException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    @Override
    public CompletableFuture<WriteResult> write(NamespaceId namespace, Mutation mutation, WriteOptions options) {
        try {
            requireNamespace(namespace);
            return CompletableFuture.completedFuture(apply(mutation));
        } catch (KvException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private synchronized WriteResult apply(Mutation mutation) {
        ByteBuffer key = mutation.key().asByteBuffer();
        Entry present = find(key);
        if (!mutation.condition().holds(present == null ? 0 : present.version)) {
            return new WriteResult.ConditionFailed(present == null ? 0 : present.version);
        }
        version++;
        int hash = hash(key);
        Entry others = without(table.get(slot(hash)), hash, key);
        if (mutation instanceof Mutation.Put put) {
            PutOptions options = put.options();
            long expiresAt = options.ttlSeconds() == 0
                    ? options.expiresAt()
                    : clock.instant().getEpochSecond() + options.ttlSeconds();
            byte[] value = put.value().toByteArray();
            others = new Entry(
                    hash, mutation.key().toByteArray(), value, options.metadata(), version, expiresAt, others);
        }
        table.set(slot(hash), others);
        return new WriteResult.Applied(version);
    }

    /** Returns a chain without this key: a copy of what comes before it, and the rest itself. */
    private static @Nullable Entry without(@Nullable Entry chain, int hash, ByteBuffer key) {
        if (chain == null) {
            return null;
        }
        if (chain.hash == hash && same(chain.key, key)) {
            return chain.next;
        }
        return new Entry(
                chain.hash,
                chain.key,
                chain.value,
                chain.metadata,
                chain.version,
                chain.expiresAt,
                without(chain.next, hash, key));
    }

    @Override
    public CompletableFuture<List<WriteResult>> writeAll(
            NamespaceId namespace, List<Mutation> mutations, WriteOptions options) {
        try {
            requireNamespace(namespace);
            List<WriteResult> results = new ArrayList<>(mutations.size());
            for (Mutation each : mutations) {
                results.add(apply(each));
            }
            return CompletableFuture.completedFuture(results);
        } catch (KvException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private static KvException notOffered() {
        return new KvException(ErrorCode.INVALID_REQUEST, "the benchmark's hash map has only get, put and delete");
    }

    @Override
    public CompletableFuture<BatchResult> batch(NamespaceId namespace, List<Mutation> mutations, WriteOptions options) {
        return CompletableFuture.failedFuture(notOffered());
    }

    @Override
    public CompletableFuture<List<Long>> versions(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        return getAll(namespace, keys, options)
                .thenApply(results -> results.stream()
                        .map(result -> result instanceof GetResult.Found found ? found.version() : 0L)
                        .toList());
    }

    @Override
    public CompletableFuture<OpenResult> open(NamespaceId namespace, Key key, ReadOptions options) {
        try {
            return CompletableFuture.completedFuture(OpenResult.of(get(namespace, key)));
        } catch (KvException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    @Override
    public CompletableFuture<ValueWriter> upload(NamespaceId namespace, Key key, PutOptions put, WriteOptions options) {
        return CompletableFuture.failedFuture(notOffered());
    }

    @Override
    public CompletableFuture<ListPage> list(NamespaceId namespace, ListOptions list, ReadOptions options) {
        return CompletableFuture.failedFuture(notOffered());
    }

    @Override
    public Flow.Publisher<FeedEvent> watch(FeedRequest request) {
        return subscriber -> {
            subscriber.onSubscribe(new Flow.Subscription() {
                @Override
                public void request(long events) {}

                @Override
                public void cancel() {}
            });
            subscriber.onError(notOffered());
        };
    }

    @Override
    public Position positionOf(long version) {
        return Position.of(LINEAGE, version);
    }

    @Override
    public KvAdmin admin() {
        return new OneNamespace(info);
    }

    @Override
    public void close() {}

    /** The catalogue of one namespace. */
    private record OneNamespace(NamespaceInfo info) implements KvAdmin {
        @Override
        public CompletableFuture<List<AccountInfo>> accounts() {
            return CompletableFuture.completedFuture(List.of(new AccountInfo(info.account(), "benchmark")));
        }

        @Override
        public CompletableFuture<List<NamespaceInfo>> namespaces(AccountId account) {
            return CompletableFuture.completedFuture(account.equals(info.account()) ? List.of(info) : List.of());
        }

        @Override
        public CompletableFuture<NamespaceInfo> namespace(NamespaceId namespace) {
            return answer(namespace.equals(info.id()));
        }

        @Override
        public CompletableFuture<NamespaceInfo> namespace(AccountId account, String title) {
            return answer(account.equals(info.account()) && title.equals(info.title()));
        }

        private CompletableFuture<NamespaceInfo> answer(boolean known) {
            return known
                    ? CompletableFuture.completedFuture(info)
                    : CompletableFuture.failedFuture(new KvException(ErrorCode.NOT_FOUND, "no such namespace"));
        }

        @Override
        public CompletableFuture<AccountInfo> createAccount(String name) {
            return CompletableFuture.failedFuture(notOffered());
        }

        @Override
        public CompletableFuture<NamespaceInfo> createNamespace(AccountId account, String title) {
            return CompletableFuture.failedFuture(notOffered());
        }

        @Override
        public CompletableFuture<NamespaceInfo> renameNamespace(NamespaceId namespace, String title) {
            return CompletableFuture.failedFuture(notOffered());
        }

        @Override
        public CompletableFuture<Void> deleteNamespace(NamespaceId namespace) {
            return CompletableFuture.failedFuture(notOffered());
        }

        @Override
        public CompletableFuture<BackupInfo> backup() {
            return CompletableFuture.failedFuture(notOffered());
        }
    }
}
