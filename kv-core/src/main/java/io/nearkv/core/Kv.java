package io.nearkv.core;

/**
 * A key-value store as applications use it, for one account: blocking by default, with {@link #async()} beside it, over any tier.
 *
 * <pre>{@code
 * try (Kv kv = EmbeddedKv.open(Path.of("data"))) {
 *     KvNamespace config = kv.namespace("config");
 *     config.put("theme", "dark", PutOptions.expiresAfter(Duration.ofHours(1)));
 *     Optional<String> theme = config.getString("theme");
 *     for (KeyInfo key : config.list("routes/")) { ... }
 * }
 * }</pre>
 *
 * <p>Everything that can happen to a correct program is thrown as {@link KvException}. Thread-safe.
 */
public interface Kv extends AutoCloseable {
    /**
     * Returns a namespace by its id (32 hex digits that name one of this account win) or its title. Asks nobody: one that does not exist is found out by the first call,
     * with {@link ErrorCode#NOT_FOUND}.
     */
    KvNamespace namespace(String titleOrId);

    /** Returns the catalogue of namespaces. */
    KvNamespaces namespaces();

    /** Returns the account. */
    AccountId account();

    /**
     * Returns the position that covers a version, of a write or of an entry that was read; its text form can be handed to another process, whose reads with
     * {@link ReadOptions#session} then see that write. See {@link KvStore#positionOf}.
     */
    default Position positionOf(long version) {
        return store().positionOf(version);
    }

    /** Returns the tier below. */
    KvStore store();

    /** Returns the same for callers that do not wait. */
    AsyncKv async();

    /** Closes the tier below. Idempotent. */
    @Override
    void close();

    /** Returns the face of an account over any tier; takes the tier over, that is, closes it in the end. */
    static Kv over(KvStore store, AccountId account) {
        return new StoreKv(new AsyncKv(store, account));
    }
}
