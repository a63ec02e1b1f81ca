package io.nearkv.core;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import org.jspecify.annotations.Nullable;

/**
 * The contract of one tier: the embedded engine, the remote client, the edge cache and the cluster each implement it, and a server serves any of them. Applications use
 * {@link Kv}, which stands on top.
 *
 * <p>All methods are asynchronous; an answer that is in memory comes back completed, on the caller's thread. Futures fail with {@link KvException} as
 * cause and complete on the thread that has the answer, which may be an I/O thread: whoever runs slow code in a callback uses {@code handleAsync} with an executor of
 * its own. Wrong arguments and a closed store throw at once. A cancelled future gives up the answer, not a write that is under way. Thread-safe.
 *
 * <p>An expired entry is never returned, listed or counted, whichever tier answers. A namespace that does not exist fails with {@link ErrorCode#NOT_FOUND}.
 */
public interface KvStore extends AutoCloseable {
    /** Returns the entry of a key, whole. */
    CompletableFuture<GetResult> get(NamespaceId namespace, Key key, ReadOptions options);

    /**
     * Returns the entries of up to {@link Limits#MAX_BULK_GET_KEYS} keys, in the order asked. Fails with {@link ErrorCode#TOO_LARGE} if there are more keys, or
     * their values are more than {@link Limits#MAX_BULK_GET_BYTES} together.
     */
    CompletableFuture<List<GetResult>> getAll(NamespaceId namespace, List<Key> keys, ReadOptions options);

    /**
     * Returns the versions of the entries of up to {@link Limits#MAX_BULK_GET_KEYS} keys, in the order asked, 0 for a key that is not there: what a cache asks to learn which of its
     * copies are still good. No values travel. Fails with {@link ErrorCode#TOO_LARGE} if there are more keys.
     */
    CompletableFuture<List<Long>> versions(NamespaceId namespace, List<Key> keys, ReadOptions options);

    /** Opens the entry of a key for reading piece by piece. */
    CompletableFuture<OpenResult> open(NamespaceId namespace, Key key, ReadOptions options);

    /** Writes one key. */
    CompletableFuture<WriteResult> write(NamespaceId namespace, Mutation mutation, WriteOptions options);

    /**
     * Writes many keys, each for itself: some conditions may fail while other writes happen. Results are in the order of the mutations. If the future fails, some of the
     * writes may have happened. Bounded by {@link Limits#MAX_BATCH_OPERATIONS} and {@link Limits#MAX_BATCH_BYTES}.
     */
    CompletableFuture<List<WriteResult>> writeAll(
            NamespaceId namespace, List<Mutation> mutations, WriteOptions options);

    /** Writes many keys at once: all of them or, if one condition fails, none. Bounded as {@link #writeAll}. */
    CompletableFuture<BatchResult> batch(NamespaceId namespace, List<Mutation> mutations, WriteOptions options);

    /** Begins to write a value piece by piece. The timeout of the options bounds the commit. */
    CompletableFuture<ValueWriter> upload(NamespaceId namespace, Key key, PutOptions put, WriteOptions options);

    /** Lists keys in byte order, a page at a time. */
    CompletableFuture<ListPage> list(NamespaceId namespace, ListOptions list, ReadOptions options);

    /**
     * Returns the change feed. It begins when somebody subscribes; each subscriber gets its own. Nothing is sent beyond what a subscriber has requested; one that
     * falls behind retention gets {@link FeedEvent.TooOld} and the end. Failures arrive as {@link KvException}.
     */
    Flow.Publisher<FeedEvent> watch(FeedRequest request);

    /**
     * Returns the position that covers a version which this tier has told, of a write or of an entry that was read: with {@link ReadOptions#session} every tier then shows that write or
     * what came after it, also to another process. Asks nobody, and costs nothing to speak of.
     *
     * @param version 0 or more; 0 covers nothing
     * @throws KvException {@link ErrorCode#UNAVAILABLE} while this tier does not know to which history its versions belong: a client that was never connected
     */
    Position positionOf(long version);

    /** Returns the rare operations. */
    KvAdmin admin();

    /** Returns the reads that this tier can answer without making objects, or null if it has none. */
    default @Nullable DirectReader directReader() {
        return null;
    }

    /** Stops taking work, finishes or fails what is pending within a few seconds, then frees all resources. Idempotent. */
    @Override
    void close();
}
