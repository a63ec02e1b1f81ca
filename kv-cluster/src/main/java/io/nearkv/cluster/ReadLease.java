package io.nearkv.cluster;

import java.time.Duration;

/**
 * For how long a node that leads may answer strong reads by itself. Ratis' own lease is not used, because it gave stale values in trials.
 *
 * <p>An entry that this node has proposed in its term, and that is committed, was on a majority. Whoever leads next must have that entry, by the rule that logs are compared before a vote; it can
 * have got it only after it was submitted here; and when it got it, it began to wait anew for a whole election timeout, and waits for one when it starts, too. So until an election timeout
 * after the <em>submission</em> nobody else leads, but by a transfer of the leadership, which begins here and ends the lease first. Both sides measure on their monotonic clocks; the lease is shorter
 * than the timeout by {@link #DRIFT}, so that clocks may run at rates that differ by that much, and by {@link #MARGIN}. A machine whose monotonic clock stands still while it is suspended breaks this.
 *
 * <p>A read is as of the moment at which the lease is looked at: whatever delays the answer after that makes it older, but not wrong. Thread-safe.
 */
final class ReadLease {
    /** By which share the rates of two clocks may differ. */
    static final double DRIFT = 0.05;
    /** For what is measured a little late. */
    static final Duration MARGIN = Duration.ofMillis(20);

    private final long nanos;
    /** Guarded by this, as are the next three. */
    private long endNanos;

    private boolean granted;
    private long term = -1;
    /** The last term in which the leadership was to be handed on: a node that was asked to take over does so without waiting, however late it hears of it. */
    private long givenUpTerm = -1;

    /**
     * Makes one that is over.
     *
     * @param electionTimeout the shortest time after which a node stands for election
     */
    ReadLease(Duration electionTimeout) {
        this.nanos = (long) (electionTimeout.toNanos() * (1 - DRIFT)) - MARGIN.toNanos();
    }

    /**
     * Notes that an entry is committed which this node has proposed.
     *
     * @param entryTerm the term in which it was proposed, which is still this node's
     * @param submittedNanos when it was handed to the log
     */
    synchronized void committed(long entryTerm, long submittedNanos) {
        long end = submittedNanos + nanos;
        if (entryTerm > givenUpTerm && (!granted || entryTerm > term || end - endNanos > 0)) {
            granted = true;
            term = entryTerm;
            endNanos = end;
        }
    }

    /** Returns whether nobody else can lead yet. */
    synchronized boolean holds(long nowNanos) {
        return granted && nowNanos - endNanos < 0;
    }

    /** The leadership is about to be handed on: in this term there is no lease any more, whether or not that works. */
    synchronized void givenUp(long currentTerm) {
        givenUpTerm = Math.max(givenUpTerm, currentTerm);
        granted = false;
    }

    /** The leadership is lost. */
    synchronized void ended() {
        granted = false;
    }
}
