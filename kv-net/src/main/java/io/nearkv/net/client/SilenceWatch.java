package io.nearkv.net.client;

import io.netty.channel.Channel;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Notices that the server of a {@link Session} has fallen silent: a process that hangs, or a network that carries nothing any more, with the connection open. Confined to
 * the event loop of the session.
 */
final class SilenceWatch {
    /*
     * While the server owes something (the last frame of a request, an event, the answer to a ping), the watch ticks, a few times in each timeout. When a whole timeout of ticks
     * has brought no byte, the server is asked with a PING, which it answers from its event loop however slow its store is; when the next timeout has brought none either,
     * the connection is given up. While nothing is owed, nothing ticks, so an idle connection costs its rare keep-alive and nothing else.
     *
     * Time is counted in ticks, not read from a clock, because it is our own time that counts: after a pause of this process (collection, SIGSTOP, a callback that blocks
     * the loop) the answer may lie unread in the socket. The loop reads its sockets between any two ticks, since a task that is scheduled now runs in a later turn at the
     * earliest; and a tick that comes late counts for nothing, since the pause before it may have begun when the sockets had been looked at. So a pause of whatever length costs no
     * connection.
     *
     * What a pool has learned on one connection holds for the others: when one asks, those to the same server ask, too, or each would lose calls, and as much time, by itself.
     */

    /** In each timeout: the more of them, the less the time until the end differs from twice the timeout. */
    private static final int TICKS = 4;

    private final Session session;
    private final Lane lane;
    private final long tickNanos;
    private final Future<?> keepingAlive;

    private @Nullable Future<?> nextTick;
    private long tickDueNanos;
    /** Reads from the socket; only their difference counts. */
    private int reads;

    private int readsBefore;
    /** Ticks in a row without a sign of life, since the last one or since the PING. */
    private int silentTicks;
    /** Whether a whole timeout was silent, and a PING was sent for that. */
    private boolean asked;
    /** Whether a PING was sent, for whatever reason, and nothing was read since. */
    private boolean pongOwed;

    private boolean stopped;

    // Of what waits for the socket, at the last tick; the head by its identity, because it must not be kept.
    private int queueHead;
    private long queueHeadProgress;
    private long queueBytes;

    SilenceWatch(Session session, Lane lane, int idleTimeoutMillis) {
        this.session = session;
        this.lane = lane;
        this.tickNanos = lane.pool.options.silenceTimeout().toNanos() / TICKS;
        long interval = lane.pool.options.pingInterval().toNanos();
        if (idleTimeoutMillis > 0) {
            // Often enough that the server never finds the connection idle.
            interval = Math.min(interval, TimeUnit.MILLISECONDS.toNanos(idleTimeoutMillis) / 3 + 1);
        }
        this.keepingAlive = lane.loop.scheduleWithFixedDelay(this::keepAlive, interval, interval, TimeUnit.NANOSECONDS);
    }

    /** Notes that bytes have come. */
    void onRead() {
        reads++;
    }

    /** Notes that the server owes an answer. */
    void onRequest() {
        if (nextTick == null) {
            begin();
        }
    }

    /** Asks now, because another connection to the same server has been silent for a whole timeout. */
    void ask() {
        if (stopped || asked) {
            return;
        }
        if (nextTick == null) {
            begin();
        } else {
            silentTicks = -1; // The tick that is under way counts for nothing: most of it may be over.
        }
        asked = true;
        ping();
    }

    private void keepAlive() {
        ping();
        if (nextTick == null) {
            begin();
        }
    }

    private void ping() {
        pongOwed = true;
        session.ping();
    }

    private void begin() {
        readsBefore = reads;
        silentTicks = 0;
        asked = false;
        boolean unused = hasQueueMoved();
        schedule();
    }

    private void schedule() {
        if (stopped) {
            return; // The PING could not be written.
        }
        tickDueNanos = lane.pool.nanoTime() + tickNanos;
        nextTick = lane.loop.schedule(this::tick, tickNanos, TimeUnit.NANOSECONDS);
    }

    private void tick() {
        nextTick = null;
        boolean late = lane.pool.nanoTime() - tickDueNanos > tickNanos / 2;
        boolean heard = reads != readsBefore;
        readsBefore = reads;
        if (heard) {
            pongOwed = false;
        }
        // While requests of many bytes go over a slow network, a PING waits behind them.
        boolean moved = hasQueueMoved();
        if (heard || moved) {
            silentTicks = 0;
            asked = false;
        } else if (!late) {
            silentTicks++;
        }
        if (!pongOwed && session.inFlight() == 0) {
            return;
        }
        if (silentTicks == TICKS) {
            if (asked) {
                session.onSilent();
                return;
            }
            asked = true;
            silentTicks = 0;
            ping();
            lane.pool.onSuspicion(lane, session.address());
        }
        schedule();
    }

    /** Returns whether the socket has taken any of what waited for it at the last tick. */
    private boolean hasQueueMoved() {
        Channel channel = session.channel();
        ChannelOutboundBuffer queue = channel.unsafe().outboundBuffer();
        Object head = queue == null ? null : queue.current();
        int identity = System.identityHashCode(head);
        long progress = queue == null ? 0 : queue.currentProgress();
        long bytes = queue == null ? 0 : queue.totalPendingWriteBytes();
        boolean moved =
                queueHead != 0 && (identity != queueHead || progress != queueHeadProgress || bytes < queueBytes);
        queueHead = identity;
        queueHeadProgress = progress;
        queueBytes = bytes;
        return moved;
    }

    /** Ends the watch. */
    void stop() {
        stopped = true;
        keepingAlive.cancel(false);
        if (nextTick != null) {
            nextTick.cancel(false);
        }
    }
}
