package io.nearkv.core;

import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * A namespace as applications use it: a durable, ordered map from keys to entries. Calls wait for their answer, at most as long as the timeout of this view says; then
 * they throw {@link KvException} with {@link ErrorCode#DEADLINE_EXCEEDED}. An interrupt ends the wait the same way, with the thread's flag set. On an {@link IoThread}
 * they throw {@link IllegalStateException} at once: use {@link #async()} there.
 *
 * <p>A title is looked up at the first call and remembered for as long as its namespace exists, also when it is renamed elsewhere. Thread-safe; the views made by
 * the {@code with} methods share everything but their options.
 */
public final class KvNamespace {
    private final AsyncKvNamespace async;

    KvNamespace(AsyncKvNamespace async) {
        this.async = async;
    }

    /** Returns the same namespace and options for callers that do not wait. */
    public AsyncKvNamespace async() {
        return async;
    }

    /** Returns the title or id that this namespace was asked for by. */
    public String name() {
        return async.name();
    }

    /** Returns the namespace's id, account and title; {@link ErrorCode#NOT_FOUND} if there is none. */
    public NamespaceInfo info() {
        return Blocking.await(async::info, readTimeout());
    }

    /** Returns a view whose reads have these options. */
    public KvNamespace withReadOptions(ReadOptions options) {
        return new KvNamespace(async.withReadOptions(options));
    }

    /** Returns a view whose writes have these options. */
    public KvNamespace withWriteOptions(WriteOptions options) {
        return new KvNamespace(async.withWriteOptions(options));
    }

    /** Returns a view whose calls may take this long, up to {@link Limits#MAX_TIMEOUT}. */
    public KvNamespace withTimeout(Duration timeout) {
        return new KvNamespace(async.withTimeout(timeout));
    }

    /** Returns a view whose single gets do this when nothing can be read: for one call, {@code namespace.withFailPolicy(policy).get(key)}. */
    public KvNamespace withFailPolicy(FailPolicy policy) {
        return new KvNamespace(async.withFailPolicy(policy));
    }

    /** Returns the entries of this namespace as objects of one type. */
    public <T> KvMap<T> as(Codec<T> codec) {
        return new KvMap<>(this, codec);
    }

    /** Returns the entry of a key. */
    public GetResult get(String key) {
        try {
            return Blocking.await(() -> async.get(key), readTimeout());
        } catch (KvException e) {
            return async.failPolicy().recover(e); // The wait may end before the call has ended by itself.
        }
    }

    /** Returns the value of a key as UTF-8 text, if it is there. */
    public Optional<String> getString(String key) {
        return get(key).toOptional().map(Value::asString);
    }

    /** Returns a copy of the value of a key, if it is there. */
    public Optional<byte[]> getBytes(String key) {
        return get(key).toOptional().map(Value::toByteArray);
    }

    /**
     * Returns the entries of many keys, those that are there, in the order asked. Any number of keys: the call is cut into as many requests as the limits need, so the
     * answers need not be of one moment. The timeout bounds the whole call.
     */
    public Map<String, GetResult.Found> getAll(Collection<String> keys) {
        return Blocking.await(() -> async.getAll(keys), readTimeout());
    }

    /** Opens the value of a key for reading piece by piece, if it is there. The caller closes the stream. */
    public Optional<ValueInputStream> openStream(String key) {
        OpenResult result = Blocking.await(() -> async.open(key), readTimeout());
        return result instanceof OpenResult.Opened opened
                ? Optional.of(new ValueInputStream(opened.reader(), readTimeout()))
                : Optional.empty();
    }

    /** Sets a key to a text. */
    public WriteResult put(String key, String value) {
        return put(key, value, PutOptions.DEFAULT);
    }

    /** Sets a key to a text. */
    public WriteResult put(String key, String value, PutOptions options) {
        return put(key, Value.of(value), options);
    }

    /** Sets a key to a copy of these bytes. */
    public WriteResult put(String key, byte[] value) {
        return put(key, value, PutOptions.DEFAULT);
    }

    /** Sets a key to a copy of these bytes. */
    public WriteResult put(String key, byte[] value, PutOptions options) {
        return put(key, Value.of(value), options);
    }

    /** Sets a key. */
    public WriteResult put(String key, Value value) {
        return put(key, value, PutOptions.DEFAULT);
    }

    /** Sets a key, its metadata and its expiration, if the condition holds. A condition that does not hold is an answer; {@link WriteResult#orThrow()} makes it an exception. */
    public WriteResult put(String key, Value value, PutOptions options) {
        return Blocking.await(() -> async.put(key, value, options), writeTimeout());
    }

    /** Sets a key to what is left in a stream; see {@link #put(String, InputStream, PutOptions)}. */
    public WriteResult put(String key, InputStream value) throws IOException {
        return put(key, value, PutOptions.DEFAULT);
    }

    /**
     * Sets a key to what is left in a stream, holding a few pieces of it at a time. Borrows the stream: reads it to its end and does not close it. The timeout
     * bounds each piece and the commit, not the reading of the stream. If anything fails, the key is as it was.
     */
    public WriteResult put(String key, InputStream value, PutOptions options) throws IOException {
        Blocking.checkThread();
        byte[] piece = value.readNBytes(Limits.CHUNK_BYTES);
        if (piece.length < Limits.CHUNK_BYTES) {
            return put(key, Value.wrap(piece), options);
        }
        try (ValueOutputStream out = upload(key, options)) {
            do {
                out.write(piece, 0, piece.length);
                piece = value.readNBytes(Limits.CHUNK_BYTES);
            } while (piece.length > 0);
            return out.commit();
        }
    }

    /** Begins to write a value piece by piece. Nothing is written unless the caller commits the stream before closing it. */
    public ValueOutputStream upload(String key, PutOptions options) {
        return new ValueOutputStream(Blocking.await(() -> async.upload(key, options), writeTimeout()), writeTimeout());
    }

    /** Removes a key. Removing one that is not there succeeds. */
    public WriteResult delete(String key) {
        return delete(key, Condition.NONE);
    }

    /** Removes a key, if the condition holds. */
    public WriteResult delete(String key, Condition condition) {
        return Blocking.await(() -> async.delete(key, condition), writeTimeout());
    }

    /** Sets many keys, each for itself and without options; see {@link #writeAll}. */
    public void putAll(Map<String, Value> entries) {
        var unused = putAll(entries, PutOptions.DEFAULT);
    }

    /** Sets many keys, each for itself and all with the same options; returns what became of each. See {@link #writeAll}. */
    public Map<String, WriteResult> putAll(Map<String, Value> entries, PutOptions options) {
        return writeAll(
                entries.entrySet(),
                Map.Entry::getKey,
                entry -> new Mutation.Put(Key.of(entry.getKey()), entry.getValue(), options));
    }

    /** Removes many keys, each for itself; see {@link #writeAll}. */
    public void deleteAll(Collection<String> keys) {
        var unused = writeAll(keys, Function.identity(), key -> Mutation.delete(Key.of(key)));
    }

    private <E> Map<String, WriteResult> writeAll(
            Collection<E> items, Function<E, String> keyOf, Function<E, Mutation> mutationOf) {
        List<Mutation> mutations = new ArrayList<>(items.size());
        items.forEach(item -> mutations.add(mutationOf.apply(item)));
        Iterator<WriteResult> results = writeAll(mutations).iterator();
        Map<String, WriteResult> byKey = new LinkedHashMap<>();
        items.forEach(item -> byKey.put(keyOf.apply(item), results.next()));
        return byKey;
    }

    /**
     * Writes many keys, each for itself: some conditions may fail while other writes happen. Any number: the call is cut into as many requests as the limits need, sent one
     * after the other; the timeout bounds the whole call. Results are in the order of the mutations. If it throws, some of the writes may have happened.
     */
    public List<WriteResult> writeAll(List<Mutation> mutations) {
        return Blocking.await(() -> async.writeAll(mutations), writeTimeout());
    }

    /** Begins an atomic batch: all of its changes happen at once or, if one condition fails, none. */
    public KvBatch batch() {
        return new KvBatch(this);
    }

    BatchResult commit(List<Mutation> mutations) {
        return Blocking.await(() -> async.batch(mutations), writeTimeout());
    }

    /** Returns all keys in byte order; see {@link #list(String)}. */
    public Iterable<KeyInfo> list() {
        return list("");
    }

    /**
     * Returns the keys below a prefix in byte order, for one or more walks. Each walk fetches page by page as it goes; what is written meanwhile may or may not be seen, what is
     * there throughout is seen exactly once. The timeout bounds each page.
     */
    public Iterable<KeyInfo> list(String prefix) {
        ListOptions first = ListOptions.prefix(prefix);
        return () -> new Listing(this, first);
    }

    /** Returns one page of a listing. */
    public ListPage listPage(ListOptions options) {
        return Blocking.await(() -> async.listPage(options), readTimeout());
    }

    /**
     * Follows the changes of the keys below a prefix. With {@link FeedRequest.Start.Now} it waits until the feed has begun: whatever is written after it
     * has returned comes. The
     * caller closes the iterator.
     */
    public FeedIterator watch(String prefix, FeedRequest.Start start) {
        Blocking.checkThread();
        return FeedIterator.open(async.watch(prefix, start), start instanceof FeedRequest.Start.Now, readTimeout());
    }

    Duration readTimeout() {
        return async.readOptions().timeout();
    }

    Duration writeTimeout() {
        return async.writeOptions().timeout();
    }
}
