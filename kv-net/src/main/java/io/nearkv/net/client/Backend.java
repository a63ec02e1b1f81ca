package io.nearkv.net.client;

import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** What stands behind a {@link KvClient}: connections to servers that all serve the same, or a service whose builds are chosen for each request. */
interface Backend {
    /** Returns the tier. */
    KvStore store();

    /** Returns what was done so far. */
    ClientStats stats();

    /** Returns what {@link KvClient#notConnected} says. */
    @Nullable
    KvException notConnected();

    /** Waits as {@link KvClient#awaitReady} says. */
    void awaitReady(Duration timeout) throws InterruptedException;

    /** Ends it as {@link KvClient#close} says. */
    void close();
}
