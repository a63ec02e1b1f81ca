package io.nearkv.core;

import static java.util.Objects.requireNonNull;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The contract in its plainest form: sorted maps behind one lock. It is what the contract suite itself is tested on, and a tier for tests that need one without a disk. Reopening
 * is a new store over the same {@link Data}. Expired entries stay until they are written or swept.
 */
public final class MapStore implements KvStore {
    /** What a store leaves behind when it is closed. Guarded by itself. */
    public static final class Data {
        final long lineage = new Random().nextLong();
        final Random random = new Random();
        final Map<AccountId, AccountInfo> accounts = new TreeMap<>(Comparator.comparing(AccountId::toString));
        final Map<NamespaceId, NamespaceInfo> namespaces = new HashMap<>();
        final Map<NamespaceId, NavigableMap<Key, GetResult.Found>> entries = new HashMap<>();
        final List<FeedEvent.Change> log = new ArrayList<>();
    }

    final Data data;
    final MapFeeds feeds;
    private final InstantSource clock;
    private volatile boolean closed;

    /** Opens a store over data. */
    public MapStore(Data data, InstantSource clock) {
        this.data = data;
        this.clock = clock;
        this.feeds = new MapFeeds(this);
    }

    /** Makes an account whose id is chosen, as a node has one from its first start. */
    public void account(AccountInfo account) {
        synchronized (data) {
            data.accounts.put(account.id(), account);
        }
    }

    void checkOpen() {
        if (closed) {
            throw new IllegalStateException("the store is closed");
        }
    }

    /** Runs a step under the lock; what it throws as {@link KvException} fails the future. */
    private <T> CompletableFuture<T> run(Supplier<T> step) {
        checkOpen();
        try {
            synchronized (data) {
                return CompletableFuture.completedFuture(step.get());
            }
        } catch (KvException e) {
            return CompletableFuture.failedFuture(e);
        } finally {
            feeds.wake();
        }
    }

    NavigableMap<Key, GetResult.Found> entries(NamespaceId namespace) {
        NavigableMap<Key, GetResult.Found> map = data.entries.get(requireNonNull(namespace, "namespace"));
        if (map == null) {
            throw new KvException(ErrorCode.NOT_FOUND, "namespace " + namespace + " is unknown");
        }
        return map;
    }

    private boolean isLive(GetResult.Found found) {
        return found.expiresAt() == 0 || clock.instant().toEpochMilli() < TimeUnit.SECONDS.toMillis(found.expiresAt());
    }

    private GetResult find(NamespaceId namespace, Key key) {
        GetResult.Found found = entries(namespace).get(requireNonNull(key, "key"));
        return found != null && isLive(found) ? found : GetResult.Missing.INSTANCE;
    }

    private long versionOf(NamespaceId namespace, Key key) {
        return find(namespace, key) instanceof GetResult.Found found ? found.version() : 0;
    }

    private long append(NamespaceId namespace, @Nullable Key key, FeedEvent.Kind kind, boolean endsCommit) {
        long version = data.log.size() + 1L;
        Position position = Position.of(data.lineage, version);
        data.log.add(new FeedEvent.Change(position, version, namespace, key, kind, endsCommit));
        return version;
    }

    private long expirationOf(PutOptions options) {
        long now = clock.instant().getEpochSecond();
        if (options.expiresAt() != 0 && options.expiresAt() < now + Limits.MIN_TTL.toSeconds()) {
            throw new KvException(ErrorCode.INVALID_REQUEST, "expiration " + options.expiresAt() + " is not ahead");
        }
        long expiresAt = options.ttlSeconds() != 0 ? now + options.ttlSeconds() : options.expiresAt();
        if (expiresAt > Limits.MAX_EXPIRATION_EPOCH_SECOND) {
            throw new KvException(ErrorCode.INVALID_REQUEST, "expiration " + expiresAt + " is too late");
        }
        return expiresAt;
    }

    private long apply(NamespaceId namespace, Mutation mutation, boolean endsCommit) {
        if (mutation instanceof Mutation.Put put) {
            long expiresAt = expirationOf(put.options());
            long version = append(namespace, put.key(), FeedEvent.Kind.PUT, endsCommit);
            entries(namespace)
                    .put(
                            put.key(),
                            GetResult.Found.copyOf(
                                    put.value().asByteBuffer(), put.options().metadata(), version, expiresAt));
            return version;
        }
        entries(namespace).remove(mutation.key());
        return append(namespace, mutation.key(), FeedEvent.Kind.DELETE, endsCommit);
    }

    private static void check(Mutation mutation) {
        if (mutation instanceof Mutation.Put put) {
            Value.checkLength(put.value().length());
        }
    }

    private static void check(List<Mutation> mutations) {
        long bytes = 0;
        for (Mutation mutation : mutations) {
            check(mutation);
            bytes += mutation.sizeBytes();
        }
        if (mutations.size() > Limits.MAX_BATCH_OPERATIONS || bytes > Limits.MAX_BATCH_BYTES) {
            throw new KvException(ErrorCode.TOO_LARGE, mutations.size() + " operations of " + bytes + " bytes");
        }
    }

    @Override
    public CompletableFuture<GetResult> get(NamespaceId namespace, Key key, ReadOptions options) {
        requireNonNull(options, "options");
        return run(() -> find(namespace, key));
    }

    @Override
    public CompletableFuture<List<GetResult>> getAll(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        requireNonNull(options, "options");
        return run(() -> {
            List<GetResult> results = new ArrayList<>();
            long bytes = 0;
            for (Key key : keys) {
                GetResult result = find(namespace, key);
                bytes += result instanceof GetResult.Found found ? found.length() : 0;
                results.add(result);
            }
            entries(namespace);
            if (keys.size() > Limits.MAX_BULK_GET_KEYS || bytes > Limits.MAX_BULK_GET_BYTES) {
                throw new KvException(ErrorCode.TOO_LARGE, keys.size() + " keys, " + bytes + " bytes");
            }
            return results;
        });
    }

    @Override
    public CompletableFuture<List<Long>> versions(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        requireNonNull(options, "options");
        return run(() -> {
            entries(namespace);
            if (keys.size() > Limits.MAX_BULK_GET_KEYS) {
                throw new KvException(ErrorCode.TOO_LARGE, keys.size() + " keys");
            }
            return keys.stream()
                    .map(key -> find(namespace, key) instanceof GetResult.Found found ? found.version() : 0L)
                    .toList();
        });
    }

    @Override
    public CompletableFuture<OpenResult> open(NamespaceId namespace, Key key, ReadOptions options) {
        requireNonNull(options, "options");
        return run(() -> find(namespace, key) instanceof GetResult.Found found
                ? new OpenResult.Opened(new Reader(found))
                : OpenResult.Missing.INSTANCE);
    }

    @Override
    public CompletableFuture<WriteResult> write(NamespaceId namespace, Mutation mutation, WriteOptions options) {
        requireNonNull(options, "options");
        requireNonNull(mutation, "mutation");
        return run(() -> {
            check(mutation);
            return writeOne(namespace, mutation);
        });
    }

    private WriteResult writeOne(NamespaceId namespace, Mutation mutation) {
        long current = versionOf(namespace, mutation.key());
        return mutation.condition().holds(current)
                ? new WriteResult.Applied(apply(namespace, mutation, true))
                : new WriteResult.ConditionFailed(current);
    }

    @Override
    public CompletableFuture<List<WriteResult>> writeAll(
            NamespaceId namespace, List<Mutation> mutations, WriteOptions options) {
        requireNonNull(options, "options");
        return run(() -> {
            check(mutations);
            entries(namespace);
            mutations.forEach(mutation -> {
                if (mutation instanceof Mutation.Put put) {
                    var unused = expirationOf(put.options());
                }
            });
            return mutations.stream()
                    .map(mutation -> writeOne(namespace, mutation))
                    .toList();
        });
    }

    @Override
    public CompletableFuture<BatchResult> batch(NamespaceId namespace, List<Mutation> mutations, WriteOptions options) {
        requireNonNull(options, "options");
        return run(() -> {
            check(mutations);
            if (mutations.isEmpty()) {
                throw new KvException(ErrorCode.INVALID_REQUEST, "the batch is empty");
            }
            Map<Key, Long> versions = new HashMap<>();
            for (int i = 0; i < mutations.size(); i++) {
                Mutation mutation = mutations.get(i);
                long current = versions.computeIfAbsent(mutation.key(), key -> versionOf(namespace, mutation.key()));
                if (!mutation.condition().holds(current)) {
                    return new BatchResult.ConditionFailed(i, current);
                }
                if (mutation instanceof Mutation.Put put) {
                    var unused = expirationOf(put.options());
                }
                versions.put(mutation.key(), mutation instanceof Mutation.Put ? data.log.size() + 1L + i : 0);
            }
            long first = data.log.size() + 1L;
            for (int i = 0; i < mutations.size(); i++) {
                apply(namespace, mutations.get(i), i == mutations.size() - 1);
            }
            return new BatchResult.Applied(first, data.log.size());
        });
    }

    @Override
    public CompletableFuture<ValueWriter> upload(NamespaceId namespace, Key key, PutOptions put, WriteOptions options) {
        requireNonNull(options, "options");
        return run(() -> {
            entries(namespace);
            return new Writer(namespace, requireNonNull(key, "key"), requireNonNull(put, "put"));
        });
    }

    @Override
    public CompletableFuture<ListPage> list(NamespaceId namespace, ListOptions list, ReadOptions options) {
        requireNonNull(options, "options");
        byte[] prefix = list.prefix().getBytes(StandardCharsets.UTF_8);
        return run(() -> {
            List<KeyInfo> keys = new ArrayList<>();
            Cursor cursor = list.cursor();
            for (Map.Entry<Key, GetResult.Found> entry : entries(namespace).entrySet()) {
                GetResult.Found found = entry.getValue();
                if (!entry.getKey().startsWith(prefix)
                        || (cursor != null && entry.getKey().compareTo(cursor.after()) <= 0)
                        || !isLive(found)) {
                    continue;
                }
                if (keys.size() == list.limit()) {
                    return new ListPage(
                            keys, Cursor.after(keys.get(keys.size() - 1).key()));
                }
                keys.add(new KeyInfo(
                        entry.getKey(), found.version(), found.metadata(), found.expiresAt(), found.length()));
            }
            return new ListPage(keys, null);
        });
    }

    @Override
    public Flow.Publisher<FeedEvent> watch(FeedRequest request) {
        checkOpen();
        requireNonNull(request, "request");
        return subscriber -> feeds.subscribe(request, subscriber);
    }

    /** Removes expired entries. */
    public void sweep() {
        var unused = run(() -> {
            data.entries.forEach((namespace, map) -> map.entrySet().removeIf(entry -> {
                boolean expired = !isLive(entry.getValue());
                if (expired) {
                    append(namespace, entry.getKey(), FeedEvent.Kind.EXPIRE, true);
                }
                return expired;
            }));
            return "";
        });
    }

    @Override
    public Position positionOf(long version) {
        checkOpen();
        return Position.of(data.lineage, version);
    }

    @Override
    public KvAdmin admin() {
        checkOpen();
        return new Admin();
    }

    @Override
    public void close() {
        closed = true;
        feeds.close();
    }

    private final class Reader implements ValueReader {
        private final GetResult.Found found;
        private final ByteBuffer rest;
        private volatile boolean readerClosed;

        Reader(GetResult.Found found) {
            this.found = found;
            this.rest = found.asByteBuffer();
        }

        @Override
        public int length() {
            return found.length();
        }

        @Override
        public @Nullable Metadata metadata() {
            return found.metadata();
        }

        @Override
        public long version() {
            return found.version();
        }

        @Override
        public long expiresAt() {
            return found.expiresAt();
        }

        @Override
        public CompletableFuture<ByteBuffer> read() {
            checkOpen();
            if (readerClosed) {
                throw new IllegalStateException("the reader is closed");
            }
            int count = Math.min(rest.remaining(), Limits.CHUNK_BYTES);
            ByteBuffer piece = rest.slice(rest.position(), count);
            rest.position(rest.position() + count);
            return CompletableFuture.completedFuture(piece);
        }

        @Override
        public void close() {
            readerClosed = true;
        }
    }

    private final class Writer implements ValueWriter {
        private final NamespaceId namespace;
        private final Key key;
        private final PutOptions options;
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private boolean ended;

        Writer(NamespaceId namespace, Key key, PutOptions options) {
            this.namespace = namespace;
            this.key = key;
            this.options = options;
        }

        @Override
        public CompletableFuture<Void> write(ByteBuffer piece) {
            checkWriter();
            if (bytes.size() + piece.remaining() > Limits.MAX_VALUE_BYTES) {
                close();
                return CompletableFuture.failedFuture(
                        new KvException(ErrorCode.TOO_LARGE, "value of more than " + Limits.MAX_VALUE_BYTES));
            }
            byte[] copy = new byte[piece.remaining()];
            piece.get(copy);
            bytes.writeBytes(copy);
            return CompletableFuture.completedFuture(null);
        }

        @Override
        public CompletableFuture<WriteResult> commit() {
            return commit(options);
        }

        @Override
        public CompletableFuture<WriteResult> commit(PutOptions late) {
            requireNonNull(late, "late");
            checkWriter();
            ended = true;
            return MapStore.this.write(
                    namespace, new Mutation.Put(key, Value.wrap(bytes.toByteArray()), late), WriteOptions.DEFAULT);
        }

        private void checkWriter() {
            checkOpen();
            if (ended) {
                throw new IllegalStateException("the writer is closed");
            }
        }

        @Override
        public void close() {
            ended = true;
        }
    }

    private final class Admin implements KvAdmin {
        private void checkTitle(String title) {
            if (title.isEmpty() || title.length() > Limits.MAX_TITLE_CHARS) {
                throw new KvException(ErrorCode.INVALID_REQUEST, "title of " + title.length() + " characters");
            }
        }

        private List<NamespaceInfo> ofAccount(AccountId account) {
            if (!data.accounts.containsKey(requireNonNull(account, "account"))) {
                throw new KvException(ErrorCode.NOT_FOUND, "account " + account + " is unknown");
            }
            return data.namespaces.values().stream()
                    .filter(info -> info.account().equals(account))
                    .sorted(Comparator.comparing(NamespaceInfo::title))
                    .toList();
        }

        private NamespaceInfo info(NamespaceId namespace) {
            entries(namespace);
            return requireNonNull(data.namespaces.get(namespace));
        }

        private NamespaceInfo save(NamespaceId id, AccountId account, String title) {
            checkTitle(title);
            if (ofAccount(account).stream()
                    .anyMatch(info -> info.title().equals(title) && !info.id().equals(id))) {
                throw new KvException(ErrorCode.PRECONDITION_FAILED, "title is taken");
            }
            NamespaceInfo info = new NamespaceInfo(id, account, title);
            data.namespaces.put(id, info);
            return info;
        }

        @Override
        public CompletableFuture<List<AccountInfo>> accounts() {
            return run(() -> List.copyOf(data.accounts.values()));
        }

        @Override
        public CompletableFuture<AccountInfo> createAccount(String name) {
            return run(() -> {
                checkTitle(name);
                AccountInfo info = new AccountInfo(AccountId.random(data.random), name);
                data.accounts.put(info.id(), info);
                return info;
            });
        }

        @Override
        public CompletableFuture<List<NamespaceInfo>> namespaces(AccountId account) {
            return run(() -> ofAccount(account));
        }

        @Override
        public CompletableFuture<NamespaceInfo> namespace(NamespaceId namespace) {
            return run(() -> info(namespace));
        }

        @Override
        public CompletableFuture<NamespaceInfo> namespace(AccountId account, String title) {
            requireNonNull(title, "title");
            return run(() -> ofAccount(account).stream()
                    .filter(info -> info.title().equals(title))
                    .findAny()
                    .orElseThrow(() -> new KvException(ErrorCode.NOT_FOUND, "namespace is unknown")));
        }

        @Override
        public CompletableFuture<NamespaceInfo> createNamespace(AccountId account, String title) {
            requireNonNull(title, "title");
            return run(() -> {
                if (ofAccount(account).size() >= Limits.MAX_NAMESPACES_PER_ACCOUNT) {
                    throw new KvException(ErrorCode.RATE_LIMITED, "too many namespaces");
                }
                NamespaceInfo info = save(NamespaceId.random(data.random), account, title);
                data.entries.put(info.id(), new TreeMap<>());
                return info;
            });
        }

        @Override
        public CompletableFuture<NamespaceInfo> renameNamespace(NamespaceId namespace, String title) {
            requireNonNull(title, "title");
            return run(() -> save(namespace, info(namespace).account(), title));
        }

        @Override
        public CompletableFuture<Void> deleteNamespace(NamespaceId namespace) {
            return run(() -> {
                        NamespaceInfo info = info(namespace);
                        data.entries.remove(namespace);
                        data.namespaces.remove(namespace);
                        append(namespace, null, FeedEvent.Kind.NAMESPACE_DELETED, true);
                        return info;
                    })
                    .thenApply(info -> null);
        }

        @Override
        public CompletableFuture<BackupInfo> backup() {
            return CompletableFuture.failedFuture(
                    new KvException(ErrorCode.UNAVAILABLE, "this store keeps no backups"));
        }
    }
}
