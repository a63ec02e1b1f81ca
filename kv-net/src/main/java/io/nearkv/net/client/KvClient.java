package io.nearkv.net.client;

import io.nearkv.core.AccountId;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.Kv;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.route.RoutedService;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * A client of a nearkv server: a {@link KvStore} over TCP or TLS, and {@link Kv} on top of it. One serves a whole application.
 *
 * <p>Connections are made in the background and made again, with backoff, for as long as the client is open; {@link #stats()} shows their state. Before anything is sent, the
 * environment and the build that the server states are checked.
 *
 * <p>What a failure means:
 * <ul>
 *   <li>Every call has a deadline: the timeout of its options. When it passes, or the future is cancelled, the server is told, and a later answer is dropped.
 *   <li>While no server can be reached, calls fail with {@link ErrorCode#UNAVAILABLE}; while one is being connected, they wait.
 *   <li>A request that was not sent, or was refused before any effect, is tried again with jittered backoff, within its deadline and a budget (a share of all calls).
 *   <li>When a connection is lost after a request was sent, reads are tried again; so are writes on the condition of a version, which cannot happen twice. Other writes fail with
 *       {@link ErrorCode#OUTCOME_UNKNOWN}. So does a write whose first attempt may have been applied and whose later attempt was refused or found its condition not to hold: what
 *       may have happened is never reported as not done.
 *   <li>Change feeds go on, on another connection, from the position that they have reached; only what cannot get better ends them.
 * </ul>
 *
 * <p>Thread-safe.
 */
public final class KvClient implements AutoCloseable {
    private final Backend backend;
    private final @Nullable AccountId account;

    KvClient(Backend backend, @Nullable AccountId account) {
        this.backend = backend;
        this.account = account;
    }

    /**
     * Returns the store of one server with all defaults, for the account of the token; closing it closes the client. Does not wait for the connection: the first call
     * does, and says what is wrong.
     *
     * @param server {@code kv://HOST:PORT}, or {@code kvs://HOST:PORT} for TLS
     * @param token as {@code nearkv token create} prints it
     */
    public static Kv connect(String server, String token) {
        return builder().server(server).token(token).build().kv();
    }

    /** Returns a new builder. */
    public static KvClientBuilder builder() {
        return new KvClientBuilder();
    }

    /**
     * Returns the application's face, for the account of the token or the one that the builder was given. Closing it closes the client.
     *
     * @throws IllegalStateException if neither names an account
     */
    public Kv kv() {
        if (account == null) {
            throw new IllegalStateException("the token names no account (expected: account() of the builder)");
        }
        return Kv.over(store(), account);
    }

    /** Returns the tier. Closing it closes the client. */
    public KvStore store() {
        return backend.store();
    }

    /** Returns the service whose builds are chosen for each request, or null where {@link KvClientBuilder#serviceRoute} was not set. */
    public @Nullable RoutedService routes() {
        return backend instanceof RoutedBackend routed ? routed.service() : null;
    }

    /** Returns what the client has done so far, and how it is. */
    public ClientStats stats() {
        return backend.stats();
    }

    /**
     * Returns why the client is not connected: what its last round through the servers has found, {@link ErrorCode#UNAUTHORIZED} where they have refused it; null while a connection
     * stands, and while the first round has not ended. Asks nobody.
     */
    public @Nullable KvException notConnected() {
        return backend.notConnected();
    }

    /**
     * Waits until the client is connected; for programs that would rather stop at their start than run without.
     *
     * @throws KvException why it is not: {@link ErrorCode#UNAUTHORIZED} as soon as that is known, else {@link ErrorCode#UNAVAILABLE} when the time is over
     * @throws InterruptedException if the thread is interrupted
     */
    public void awaitReady(Duration timeout) throws InterruptedException {
        backend.awaitReady(timeout);
    }

    /**
     * Takes no more calls, waits a while for those in flight (see {@link KvClientBuilder#closeTimeout}), fails the rest, and closes all connections. Idempotent. Does not wait when
     * called on an event loop.
     */
    @Override
    public void close() {
        backend.close();
    }
}
