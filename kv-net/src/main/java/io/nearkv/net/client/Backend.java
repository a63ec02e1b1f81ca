package io.nearkv.net.client;

import io.nearkv.core.KvStore;
import java.time.Duration;

/** What stands behind a {@link KvClient}: connections to servers that all serve the same, or a service whose builds are chosen for each request. */
interface Backend {
    /** Returns the tier. */
    KvStore store();

    /** Returns what was done so far. */
    ClientStats stats();

    /** Waits as {@link KvClient#awaitReady} says. */
    void awaitReady(Duration timeout) throws InterruptedException;

    /** Ends it as {@link KvClient#close} says. */
    void close();
}
