package io.nearkv.net.server;

import io.nearkv.core.AccountId;
import io.nearkv.core.AccountInfo;
import io.nearkv.core.BackupInfo;
import io.nearkv.core.BatchResult;
import io.nearkv.core.DirectReader;
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
import io.nearkv.core.ValueReader;
import io.nearkv.core.ValueWriter;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.WriteResult;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A store in front of another whose answers come when the test wants: at once on the caller's thread, later on another, or not before the test says so. Counts what it is
 * asked.
 */
public final class GatedStore implements KvStore {
    /** When answers come. */
    public enum Mode {
        /** On the caller's thread. */
        AT_ONCE,
        /** On another thread. */
        LATER,
        /** With {@link GatedStore#release()}. */
        HELD
    }

    private final KvStore store;
    private final ExecutorService executor = Executors.newSingleThreadExecutor();
    private final List<Runnable> held = new ArrayList<>();
    /** Calls of the store, but for direct reads. */
    public final AtomicInteger calls = new AtomicInteger();
    /** Reads by the direct reader. */
    public final AtomicInteger directReads = new AtomicInteger();
    /** Readers that are not closed. */
    public final AtomicInteger openReaders = new AtomicInteger();
    /** Writers that are not closed. */
    public final AtomicInteger openWriters = new AtomicInteger();

    private volatile Mode mode = Mode.AT_ONCE;
    private volatile boolean direct;
    private volatile Runnable beforeDirectRead = () -> {};

    /** Creates a store in front of this one; takes it over. */
    public GatedStore(KvStore store) {
        this.store = store;
    }

    /** Sets when answers come from now on. */
    public GatedStore mode(Mode newMode) {
        mode = newMode;
        return this;
    }

    /** Whether gets are answered by a direct reader; set before the server starts. */
    public GatedStore direct(boolean newDirect) {
        direct = newDirect;
        return this;
    }

    /** Runs this before each direct read, on the event loop. */
    void beforeDirectRead(Runnable step) {
        beforeDirectRead = step;
    }

    /** Returns how many answers wait for {@link #release()}. */
    public int heldCount() {
        synchronized (held) {
            return held.size();
        }
    }

    /** Gives all answers that are held. */
    public void release() {
        List<Runnable> ready;
        synchronized (held) {
            ready = new ArrayList<>(held);
            held.clear();
        }
        ready.forEach(Runnable::run);
    }

    private <T> CompletableFuture<T> gate(CompletableFuture<T> answer) {
        calls.incrementAndGet();
        if (mode == Mode.AT_ONCE) {
            return answer;
        }
        CompletableFuture<T> later = new CompletableFuture<>();
        Runnable step = () -> pass(answer, later);
        if (mode == Mode.LATER) {
            executor.execute(step);
        } else {
            synchronized (held) {
                held.add(step);
            }
        }
        return later;
    }

    private static <T> void pass(CompletableFuture<T> from, CompletableFuture<T> to) {
        var unused = from.whenComplete((value, failure) -> {
            if (failure == null) {
                to.complete(value);
            } else {
                to.completeExceptionally(failure);
            }
        });
    }

    @Override
    public CompletableFuture<GetResult> get(NamespaceId namespace, Key key, ReadOptions options) {
        return gate(store.get(namespace, key, options));
    }

    @Override
    public CompletableFuture<List<GetResult>> getAll(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        return gate(store.getAll(namespace, keys, options));
    }

    @Override
    public CompletableFuture<List<Long>> versions(NamespaceId namespace, List<Key> keys, ReadOptions options) {
        return gate(store.versions(namespace, keys, options));
    }

    @Override
    public CompletableFuture<OpenResult> open(NamespaceId namespace, Key key, ReadOptions options) {
        return gate(store.open(namespace, key, options)
                .thenApply(result -> result instanceof OpenResult.Opened opened
                        ? new OpenResult.Opened(new GatedReader(opened.reader()))
                        : result));
    }

    private final class GatedReader implements ValueReader {
        private final ValueReader reader;
        private boolean closed;

        GatedReader(ValueReader reader) {
            this.reader = reader;
            openReaders.incrementAndGet();
        }

        @Override
        public int length() {
            return reader.length();
        }

        @Override
        public io.nearkv.core.@Nullable Metadata metadata() {
            return reader.metadata();
        }

        @Override
        public long version() {
            return reader.version();
        }

        @Override
        public long expiresAt() {
            return reader.expiresAt();
        }

        @Override
        public CompletableFuture<ByteBuffer> read() {
            return gate(reader.read());
        }

        @Override
        public synchronized void close() {
            if (!closed) {
                closed = true;
                openReaders.decrementAndGet();
                reader.close();
            }
        }
    }

    @Override
    public CompletableFuture<WriteResult> write(NamespaceId namespace, Mutation mutation, WriteOptions options) {
        return gate(store.write(namespace, mutation, options));
    }

    @Override
    public CompletableFuture<List<WriteResult>> writeAll(
            NamespaceId namespace, List<Mutation> mutations, WriteOptions options) {
        return gate(store.writeAll(namespace, mutations, options));
    }

    @Override
    public CompletableFuture<BatchResult> batch(NamespaceId namespace, List<Mutation> mutations, WriteOptions options) {
        return gate(store.batch(namespace, mutations, options));
    }

    @Override
    public CompletableFuture<ValueWriter> upload(NamespaceId namespace, Key key, PutOptions put, WriteOptions options) {
        return gate(store.upload(namespace, key, put, options).thenApply(GatedWriter::new));
    }

    private final class GatedWriter implements ValueWriter {
        private final ValueWriter writer;
        private boolean closed;

        GatedWriter(ValueWriter writer) {
            this.writer = writer;
            openWriters.incrementAndGet();
        }

        @Override
        public CompletableFuture<Void> write(ByteBuffer piece) {
            return gate(writer.write(piece));
        }

        @Override
        public CompletableFuture<WriteResult> commit() {
            return gate(writer.commit());
        }

        @Override
        public CompletableFuture<WriteResult> commit(PutOptions options) {
            return gate(writer.commit(options));
        }

        @Override
        public synchronized void close() {
            if (!closed) {
                closed = true;
                openWriters.decrementAndGet();
                writer.close();
            }
        }
    }

    @Override
    public CompletableFuture<ListPage> list(NamespaceId namespace, ListOptions list, ReadOptions options) {
        return gate(store.list(namespace, list, options));
    }

    @Override
    public Flow.Publisher<FeedEvent> watch(FeedRequest request) {
        calls.incrementAndGet();
        return store.watch(request);
    }

    @Override
    public @Nullable DirectReader directReader() {
        return direct ? this::readDirectly : null;
    }

    private DirectReader.Outcome readDirectly(NamespaceId namespace, ByteBuffer key, DirectReader.Visitor visitor) {
        directReads.incrementAndGet();
        beforeDirectRead.run();
        GetResult result =
                store.get(namespace, Key.ofUtf8(key), ReadOptions.DEFAULT).join();
        if (!(result instanceof GetResult.Found found)) {
            return DirectReader.Outcome.MISSING;
        }
        if (found.length() > io.nearkv.core.Limits.CHUNK_BYTES) {
            return DirectReader.Outcome.ELSEWHERE;
        }
        io.nearkv.core.Metadata metadata = found.metadata();
        visitor.entry(
                found.asByteBuffer(),
                metadata == null ? null : metadata.asByteBuffer(),
                found.version(),
                found.expiresAt());
        return DirectReader.Outcome.FOUND;
    }

    @Override
    public Position positionOf(long version) {
        return store.positionOf(version);
    }

    @Override
    public KvAdmin admin() {
        KvAdmin admin = store.admin();
        return new KvAdmin() {
            @Override
            public CompletableFuture<List<AccountInfo>> accounts() {
                return gate(admin.accounts());
            }

            @Override
            public CompletableFuture<AccountInfo> createAccount(String name) {
                return gate(admin.createAccount(name));
            }

            @Override
            public CompletableFuture<List<NamespaceInfo>> namespaces(AccountId account) {
                return gate(admin.namespaces(account));
            }

            @Override
            public CompletableFuture<NamespaceInfo> namespace(NamespaceId namespace) {
                return gate(admin.namespace(namespace));
            }

            @Override
            public CompletableFuture<NamespaceInfo> namespace(AccountId account, String title) {
                return gate(admin.namespace(account, title));
            }

            @Override
            public CompletableFuture<NamespaceInfo> createNamespace(AccountId account, String title) {
                return gate(admin.createNamespace(account, title));
            }

            @Override
            public CompletableFuture<NamespaceInfo> renameNamespace(NamespaceId namespace, String title) {
                return gate(admin.renameNamespace(namespace, title));
            }

            @Override
            public CompletableFuture<Void> deleteNamespace(NamespaceId namespace) {
                return gate(admin.deleteNamespace(namespace));
            }

            @Override
            public CompletableFuture<BackupInfo> backup() {
                return gate(admin.backup());
            }
        };
    }

    @Override
    public void close() {
        mode = Mode.AT_ONCE;
        release();
        executor.shutdown();
        store.close();
    }
}
