package io.nearkv.core.identity;

import io.nearkv.core.KvException;
import org.jspecify.annotations.Nullable;

/**
 * What a serving node asks before it answers anything, cached or not. Two guards stand before every operation: {@link #refusal()} (may this node serve at
 * all?) and a {@link Grant} (may this caller?). Neither needs a network or the store.
 *
 * <p>A connection authenticates once and keeps its grant. Per request it asks {@link #refusal()}, compares {@link #epoch()} with the grant's (one volatile
 * read each; {@link #recheck} where they differ) and asks {@link #expired}. Thread-safe; nothing here waits for a disk or a lock that is held long.
 */
public interface Authority {
    /** Returns the name of the environment that this node serves. */
    String environment();

    /** Returns the id of the build that runs, or {@code unknown} if no build token could be read. */
    String buildId();

    /** Returns the build token that the node shows in its HELLO, so that clients can check it too; empty if it has none. */
    String buildToken();

    /**
     * Returns null while this node may serve, else the 401 that every operation gets: {@code build_not_authorized}, or {@code environment_mismatch}
     * where the data is of another environment.
     */
    @Nullable
    KvException refusal();

    /**
     * Returns what the token grants. The verdict is cached, so that a token shown again costs a hash; a new one costs
     * about a millisecond of this thread.
     *
     * @throws KvException 401 with the reason, if the token is not good here and now
     */
    Grant authenticate(String token);

    /** Returns a number that grows whenever the keys, the revocations or the verdict on this node changed. */
    long epoch();

    /**
     * Returns the grant with the present epoch.
     *
     * @throws KvException 401 if its token was revoked, its key was retired, or its time is over
     */
    Grant recheck(Grant grant);

    /** Returns whether the grant's time is over. Cheap: one look at the clock. */
    boolean expired(Grant grant);
}
