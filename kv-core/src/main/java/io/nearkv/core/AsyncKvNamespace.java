package io.nearkv.core;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.function.BiFunction;

/**
 * A namespace as applications use it that wait for nothing: every call answers with a future, which fails with {@link KvException} and completes on the thread that has the
 * answer, possibly an I/O thread ({@link KvStore} says more). {@link KvNamespace} is the same, blocking.
 *
 * <p>Malformed keys and values that are too large fail the future too. Cancelling a future gives up the answer, not a write that is under way. Thread-safe;
 * the views made by the {@code with} methods share everything but their options.
 */
public final class AsyncKvNamespace {
    /** A bulk call is cut into requests of at most so many operations ... */
    private static final int OPERATIONS_PER_REQUEST = 1000;
    /** ... and so many bytes, far below the limits, so that a server never holds much of one caller. A larger value travels alone. */
    private static final long BYTES_PER_REQUEST = 4L * 1024 * 1024;

    private final KvStore store;
    private final NamespaceRef namespace;
    private final FailPolicy failPolicy;
    private final ReadOptions reads;
    private final WriteOptions writes;

    AsyncKvNamespace(KvStore store, NamespaceRef namespace, ReadOptions reads, WriteOptions writes) {
        this(store, namespace, reads, writes, FailPolicy.CLOSED);
    }

    private AsyncKvNamespace(
            KvStore store, NamespaceRef namespace, ReadOptions reads, WriteOptions writes, FailPolicy failPolicy) {
        this.store = store;
        this.namespace = namespace;
        this.reads = requireNonNull(reads, "reads");
        this.writes = requireNonNull(writes, "writes");
        this.failPolicy = requireNonNull(failPolicy, "failPolicy");
    }

    /** Returns the title or id that this namespace was asked for by. */
    public String name() {
        return namespace.name();
    }

    /** Returns the namespace's id, account and title. */
    public CompletableFuture<NamespaceInfo> info() {
        return namespace.lookUp();
    }

    /** Returns the options of the reads of this view. */
    public ReadOptions readOptions() {
        return reads;
    }

    /** Returns the options of the writes of this view. */
    public WriteOptions writeOptions() {
        return writes;
    }

    /** Returns a view whose reads have these options. */
    public AsyncKvNamespace withReadOptions(ReadOptions options) {
        return new AsyncKvNamespace(store, namespace, options, writes, failPolicy);
    }

    /** Returns a view whose writes have these options. */
    public AsyncKvNamespace withWriteOptions(WriteOptions options) {
        return new AsyncKvNamespace(store, namespace, reads, options, failPolicy);
    }

    /** Returns a view whose calls may take this long, up to {@link Limits#MAX_TIMEOUT}. */
    public AsyncKvNamespace withTimeout(Duration timeout) {
        return new AsyncKvNamespace(
                store, namespace, reads.withTimeout(timeout), writes.withTimeout(timeout), failPolicy);
    }

    /** Returns a view whose single gets do this when nothing can be read. */
    public AsyncKvNamespace withFailPolicy(FailPolicy policy) {
        return new AsyncKvNamespace(store, namespace, policy.applyTo(reads), writes, policy);
    }

    FailPolicy failPolicy() {
        return failPolicy;
    }

    /** Returns the entry of a key. */
    public CompletableFuture<GetResult> get(String key) {
        return failPolicy.apply(on(key, (id, k) -> store.get(id, k, reads)));
    }

    /** Returns the value of a key as UTF-8 text, if it is there. */
    public CompletableFuture<Optional<String>> getString(String key) {
        return get(key).thenApply(found -> found.toOptional().map(Value::asString));
    }

    /**
     * Returns the entries of many keys, those that are there, in the order asked. Any number of keys: the call is cut into as many requests as the limits need, so the
     * answers need not be of one moment.
     */
    public CompletableFuture<Map<String, GetResult.Found>> getAll(Collection<String> keys) {
        List<Key> parsed = new ArrayList<>(keys.size());
        try {
            keys.forEach(key -> parsed.add(Key.of(key)));
        } catch (KvException e) {
            return CompletableFuture.failedFuture(e);
        }
        Chained<Map<String, GetResult.Found>> chain = new Chained<>();
        getFrom(0, OPERATIONS_PER_REQUEST, parsed, new LinkedHashMap<>(), chain);
        return chain;
    }

    private void getFrom(
            int from,
            int count,
            List<Key> keys,
            Map<String, GetResult.Found> found,
            Chained<Map<String, GetResult.Found>> chain) {
        if (from == keys.size()) {
            chain.complete(found);
            return;
        }
        List<Key> part = keys.subList(from, Math.min(keys.size(), from + count));
        chain.follow(namespace.call(id -> store.getAll(id, part, reads)), (results, failure) -> {
            if (results != null) {
                for (int i = 0; i < part.size(); i++) {
                    if (results.get(i) instanceof GetResult.Found entry) {
                        found.put(part.get(i).toString(), entry);
                    }
                }
                getFrom(from + part.size(), OPERATIONS_PER_REQUEST, keys, found, chain);
            } else if (failure != null && failure.code() == ErrorCode.TOO_LARGE && part.size() > 1) {
                // The values are too large together, which cannot be known before. One value alone always fits.
                getFrom(from, part.size() / 2, keys, found, chain);
            } else {
                chain.finish(null, failure);
            }
        });
    }

    /** Opens the entry of a key for reading piece by piece; the receiver closes the reader. */
    public CompletableFuture<OpenResult> open(String key) {
        return on(key, (id, k) -> store.open(id, k, reads));
    }

    /** Sets a key to a text. */
    public CompletableFuture<WriteResult> put(String key, String value) {
        return put(key, value, PutOptions.DEFAULT);
    }

    /** Sets a key to a text. */
    public CompletableFuture<WriteResult> put(String key, String value, PutOptions options) {
        return on(key, (id, k) -> store.write(id, new Mutation.Put(k, Value.of(value), options), writes));
    }

    /** Sets a key to a copy of these bytes. */
    public CompletableFuture<WriteResult> put(String key, byte[] value) {
        return put(key, value, PutOptions.DEFAULT);
    }

    /** Sets a key to a copy of these bytes. */
    public CompletableFuture<WriteResult> put(String key, byte[] value, PutOptions options) {
        byte[] copy =
                value.clone(); // Now, because the name may be looked up first and the caller may write to its array
        // meanwhile.
        return on(key, (id, k) -> {
            Value.checkLength(copy.length);
            return store.write(id, new Mutation.Put(k, Value.wrap(copy), options), writes);
        });
    }

    /** Sets a key. */
    public CompletableFuture<WriteResult> put(String key, Value value) {
        return put(key, value, PutOptions.DEFAULT);
    }

    /** Sets a key, its metadata and its expiration, if the condition holds. */
    public CompletableFuture<WriteResult> put(String key, Value value, PutOptions options) {
        requireNonNull(value, "value");
        requireNonNull(options, "options");
        return on(key, (id, k) -> store.write(id, new Mutation.Put(k, value, options), writes));
    }

    /** Removes a key. Removing one that is not there succeeds. */
    public CompletableFuture<WriteResult> delete(String key) {
        return delete(key, Condition.NONE);
    }

    /** Removes a key, if the condition holds. */
    public CompletableFuture<WriteResult> delete(String key, Condition condition) {
        return on(key, (id, k) -> store.write(id, new Mutation.Delete(k, condition), writes));
    }

    /** Begins to write a value piece by piece; the receiver commits and closes the writer. */
    public CompletableFuture<ValueWriter> upload(String key, PutOptions options) {
        return on(key, (id, k) -> store.upload(id, k, options, writes));
    }

    /**
     * Writes many keys, each for itself. Any number: the call is cut into as many requests as the limits need, sent one after the other. Results are in the order of
     * the mutations. If the future fails, some of the writes may have happened.
     */
    public CompletableFuture<List<WriteResult>> writeAll(List<Mutation> mutations) {
        Chained<List<WriteResult>> chain = new Chained<>();
        writeFrom(0, List.copyOf(mutations), new ArrayList<>(mutations.size()), chain);
        return chain;
    }

    private void writeFrom(
            int from, List<Mutation> mutations, List<WriteResult> results, Chained<List<WriteResult>> chain) {
        if (from == mutations.size()) {
            chain.complete(results);
            return;
        }
        int to = from;
        long bytes = 0;
        while (to < mutations.size() && to - from < OPERATIONS_PER_REQUEST) {
            bytes += mutations.get(to).sizeBytes();
            if (bytes > BYTES_PER_REQUEST && to > from) {
                break;
            }
            to++;
        }
        int end = to;
        List<Mutation> part = mutations.subList(from, end);
        chain.follow(namespace.call(id -> store.writeAll(id, part, writes)), (answers, failure) -> {
            if (answers != null) {
                results.addAll(answers);
                writeFrom(end, mutations, results, chain);
            } else {
                chain.finish(null, failure);
            }
        });
    }

    /** Writes many keys at once: all of them or, if one condition fails, none. Bounded by {@link Limits#MAX_BATCH_OPERATIONS} and {@link Limits#MAX_BATCH_BYTES}. */
    public CompletableFuture<BatchResult> batch(List<Mutation> mutations) {
        List<Mutation> copy = List.copyOf(mutations);
        return namespace.call(id -> store.batch(id, copy, writes));
    }

    /** Returns one page of a listing. The answer may be there at once: whoever asks for one page from within the stage of another nests as deeply as there are pages. */
    public CompletableFuture<ListPage> listPage(ListOptions options) {
        requireNonNull(options, "options");
        return namespace.call(id -> store.list(id, options, reads));
    }

    /**
     * Returns the change feed of the keys below a prefix; each subscriber gets its own. It resumes by itself, from the position that the subscriber has reached, when the
     * store could not be reached for a while; any other failure ends it. {@link FeedEvent.TooOld} is its last event.
     */
    public Flow.Publisher<FeedEvent> watch(String prefix, FeedRequest.Start start) {
        return watch(prefix, start, FeedRequest.DEFAULT_HEARTBEAT);
    }

    /** Returns the change feed as {@link #watch(String, FeedRequest.Start)} does, with a heartbeat so often while nothing else comes. */
    public Flow.Publisher<FeedEvent> watch(String prefix, FeedRequest.Start start, Duration heartbeat) {
        FeedRequest request = FeedRequest.of(null, start).withPrefix(prefix).withHeartbeat(heartbeat);
        return new ResumingFeed(store, namespace, request);
    }

    private <T> CompletableFuture<T> on(String key, BiFunction<NamespaceId, Key, CompletableFuture<T>> call) {
        try {
            Key parsed = Key.of(key);
            return namespace.call(id -> call.apply(id, parsed));
        } catch (KvException e) {
            return CompletableFuture.failedFuture(e);
        }
    }
}
