package io.nearkv.core.route;

import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** The way to the instances of one build. It connects by itself, and again after a loss, until it is closed. Thread-safe. */
public interface RouteLink extends AutoCloseable {
    /** Returns the tier at the other end. Closed with the link. */
    KvStore store();

    /** Returns whether a connection stands that has passed the checks. */
    boolean isReady();

    /** Returns why the last attempt to connect has failed, or null while none has, or a connection stands. */
    @Nullable
    KvException refusal();

    /**
     * Waits until a connection stands.
     *
     * @throws KvException why none does: at once if it was denied, else when the time is over
     * @throws InterruptedException if the thread is interrupted
     */
    void awaitReady(Duration timeout) throws InterruptedException;

    /** Ends it; what is in flight fails. Does not wait for long. Idempotent. */
    @Override
    void close();
}
