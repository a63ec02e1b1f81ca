package io.nearkv.net.client;

import io.nearkv.core.Backoff;
import io.nearkv.core.KvException;
import io.netty.util.concurrent.Future;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The connection of a {@link Lane}, made again whenever it is lost. Confined to the lane's event loop, but for what says otherwise.
 *
 * <p>States: CONNECTING (a round through all servers is under way; calls wait for it) → READY (calls are written at once) → CONNECTING again when the connection ends or the
 * server announces its end. A round that finds no server leads to BACKOFF, where calls fail at once with what the round found, and from there to the next round, for ever,
 * until CLOSED.
 */
final class Uplink {
    enum State {
        CONNECTING,
        READY,
        BACKOFF,
        CLOSED
    }

    /** A connection that ends sooner counts as one that failed. */
    private static final long MIN_LIFE_NANOS = TimeUnit.SECONDS.toNanos(1);
    /** Longest advice of a server when to connect again that is followed. */
    private static final Duration MAX_ADVICE = Duration.ofMinutes(1);

    private final Lane lane;
    private final LanePool pool;
    private final Backoff backoff;
    private final SplittableRandom random;
    /** Every connection that is not closed: the one that is used, one that is being made, and those that finish. */
    private final List<Session> sessions = new ArrayList<>();

    // Written by the loop; others read them to choose a lane and to report.
    private volatile State state = State.CONNECTING;
    private volatile KvException lastFailure;
    private volatile @Nullable ServerAddress connectedTo;

    private @Nullable Session session;
    private @Nullable ConnectRound round;
    private @Nullable Future<?> nextRound;
    private int nextServer;
    private volatile int failedRounds;
    /** Connections in a row that have ended soon. */
    private int shortLives;

    private boolean connectedBefore;

    Uplink(Lane lane, SplittableRandom random, int firstServer) {
        this.lane = lane;
        this.pool = lane.pool;
        this.backoff = pool.options.backoff();
        this.random = random;
        this.nextServer = firstServer;
        this.lastFailure = pool.unavailable("not connected yet", null);
    }

    /** Returns the state; any thread. */
    State state() {
        return state;
    }

    /** Returns why the last round or connection failed; any thread. */
    KvException lastFailure() {
        return lastFailure;
    }

    /** Returns how many rounds in a row have failed; any thread. */
    int failedRounds() {
        return failedRounds;
    }

    /** Returns the server that is used now, or null; any thread. */
    @Nullable
    ServerAddress connectedTo() {
        return connectedTo;
    }

    /** Returns the connection that takes new requests, or null while there is none. */
    @Nullable
    Session session() {
        return session;
    }

    /** Writes what was appended to any connection. */
    void flush() {
        for (int i = sessions.size() - 1; i >= 0; i--) {
            sessions.get(i).flush();
        }
    }

    /** Begins a round through the servers. */
    void connect() {
        if (state == State.CLOSED) {
            return;
        }
        state = State.CONNECTING;
        nextRound = null;
        ConnectRound newRound = new ConnectRound(lane, nextServer);
        round = newRound;
        newRound.begin();
    }

    // ---- what connections tell

    /** Notes a connection that is being made. */
    void onOpened(Session opened) {
        sessions.add(opened);
    }

    /** Notes that a server was reached and has passed the checks. */
    void onReady(Session ready) {
        endRound(ready);
        session = ready;
        connectedTo = ready.address();
        nextServer = pool.options.servers().indexOf(ready.address());
        state = State.READY;
        pool.counters.connected.increment();
        if (connectedBefore) {
            pool.counters.reconnected.increment();
        }
        connectedBefore = true;
        pool.onLaneChanged();
        lane.pumpSoon();
    }

    private void endRound(@Nullable Session reached) {
        ConnectRound ended = round;
        if (ended != null) {
            round = null;
            ended.end(reached);
        }
    }

    /** Notes that no server could be reached. */
    void onRoundFailed(KvException failure) {
        round = null;
        if (state == State.CLOSED) {
            return;
        }
        int failed = failedRounds + 1;
        failedRounds = failed;
        lastFailure = failure;
        state = State.BACKOFF;
        pool.counters.failedRounds.increment();
        pool.onLaneChanged();
        long delay = backoff.delay(failed, random).toNanos();
        Duration advice = failure.retryAfter();
        if (advice != null) {
            delay = Math.max(delay, (advice.compareTo(MAX_ADVICE) > 0 ? MAX_ADVICE : advice).toNanos());
        }
        nextRound = lane.loop.schedule(this::connect, delay, TimeUnit.NANOSECONDS);
        lane.onUnreachable(failure);
    }

    /** Notes that the server has announced the end of a connection. */
    void onGoAway(Session leaving) {
        pool.counters.goAways.increment();
        replace(leaving, pool.unavailable(leaving.address() + " is going away", null));
        lane.onGoAway(leaving);
    }

    /** Notes the end of a connection. */
    void onClosed(Session closed, Session.Phase before, KvException cause) {
        sessions.remove(closed);
        if (before == Session.Phase.GREETING) {
            if (round != null) {
                round.onClosed(closed, cause);
            }
            return;
        }
        if (session == closed) {
            pool.counters.connectionsLost.increment();
        }
        replace(closed, cause);
        lane.onLost(closed, cause);
    }

    /** Takes new requests to another connection. */
    private void replace(Session leaving, KvException cause) {
        if (session != leaving) {
            return;
        }
        session = null;
        connectedTo = null;
        lastFailure = cause;
        pool.onLaneChanged();
        // The one that leaves is asked last.
        nextServer++;
        if (pool.nanoTime() - leaving.readyAtNanos() >= MIN_LIFE_NANOS) {
            failedRounds = 0;
            shortLives = 0;
            connect();
        } else if (++shortLives < pool.options.servers().size()) {
            connect();
        } else {
            // They take connections only to end them; without a pause we would do nothing but connect.
            onRoundFailed(cause);
        }
    }

    /** Ends all connections. */
    void close(KvException cause) {
        state = State.CLOSED;
        lastFailure = cause;
        if (nextRound != null) {
            nextRound.cancel(false);
        }
        session = null;
        connectedTo = null;
        endRound(null);
        for (Session open : List.copyOf(sessions)) {
            open.close(cause);
        }
    }
}
