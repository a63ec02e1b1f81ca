package io.nearkv.net.client;

import io.nearkv.core.Backoff;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.core.WriteResult;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.Future;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * One place in the connection pool: a table of calls, the event loop that owns them, and the connection that carries them, which is replaced when it is lost.
 *
 * <p>States: CONNECTING (a round through all servers is under way; calls wait for it) → READY (calls are written at once) → CONNECTING again when the connection ends or the
 * server announces its end. A round that finds no server leads to BACKOFF, where calls fail at once with what the round found, and from there to the next round, for ever,
 * until CLOSED.
 *
 * <p>Any thread hands calls over by pushing them on a stack; the one that finds it empty wakes the loop, which takes all of them at once. Everything else is
 * confined to the event loop.
 */
final class Lane {
    enum State {
        CONNECTING,
        READY,
        BACKOFF,
        CLOSED
    }

    /** Two looks at the deadlines are at least this far apart: the resolution of timeouts, and the bound of what looking costs. */
    private static final long TIMER_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

    /** A connection that ends sooner counts as one that failed. */
    private static final long MIN_LIFE_NANOS = TimeUnit.SECONDS.toNanos(1);
    /** Longest advice of a server when to connect again that is followed. */
    private static final Duration MAX_ADVICE = Duration.ofMinutes(1);

    final LanePool pool;
    final EventLoop loop;
    final SlotTable slots;

    private final int number;
    private final Slot closedMark = new Slot(this, -1);
    private final AtomicReference<@Nullable Slot> handedOver = new AtomicReference<>();
    private final Runnable pumpTask = this::runPump;
    private final Runnable timerTask = this::runTimer;
    private final RetryBudget budget;
    private final Backoff backoff;
    private final SplittableRandom random;

    /** Written by the loop; others read it to choose a lane and to report. */
    private volatile State state = State.CONNECTING;

    private @Nullable Slot waitingHead;
    private @Nullable Slot waitingTail;
    private boolean pumpScheduled;
    /** The time of the last pump that had something to write. */
    private long nowNanos;

    private @Nullable Session session;
    private final List<Session> sessions = new ArrayList<>();
    private @Nullable ConnectRound round;
    private @Nullable Future<?> nextRound;
    private int failedRounds;
    private boolean connectedBefore;
    /** Slots in use by streams. */
    private final AtomicInteger longLived = new AtomicInteger();

    private int nextServer;
    private volatile KvException lastFailure;
    /** What stats show; written by the loop. */
    private volatile @Nullable ServerAddress connectedTo;

    private @Nullable Future<?> timer;
    private long timerAtNanos = Slot.NO_DEADLINE;

    Lane(LanePool pool, int number, EventLoop loop) {
        this.pool = pool;
        this.number = number;
        this.loop = loop;
        this.slots = new SlotTable(this, pool.options.maxRequestsInFlight());
        this.budget = new RetryBudget(pool.options.retryShare(), pool.nanoTime());
        this.backoff = pool.options.backoff();
        this.random = new SplittableRandom(pool.options.seed() + number);
        this.nextServer = number;
        this.lastFailure = pool.unavailable("not connected yet", null);
    }

    State state() {
        return state;
    }

    int number() {
        return number;
    }

    /** Returns how many slots are in use by calls that end by themselves. Any thread; an estimate while calls come and go. */
    int callsInFlight() {
        return slots.inUse() - longLived.get();
    }

    @Nullable
    ServerAddress connectedTo() {
        return connectedTo;
    }

    // ---- handing over

    /** Takes a filled slot over; any thread. */
    void submit(Slot slot) {
        if (loop.inEventLoop()) {
            if (state == State.CLOSED) {
                fail(slot, pool.closedFailure());
                return;
            }
            addWaiting(slot);
            Session current = session;
            if (current != null) {
                current.flushSoon();
            } else {
                pumpSoon();
            }
            return;
        }
        Slot top;
        do {
            top = handedOver.get();
            if (top == closedMark) {
                refuse(slot);
                return;
            }
            slot.next = top;
        } while (!handedOver.compareAndSet(top, slot));
        if (top == null) {
            // Whoever pushes on a stack that is not empty knows that the loop has been woken for the one below.
            wake();
        }
    }

    private void wake() {
        try {
            loop.execute(pumpTask);
        } catch (RejectedExecutionException e) {
            // The loop is gone, and nobody else will ever look at the stack.
            Slot slot = handedOver.getAndSet(closedMark);
            while (slot != null && slot != closedMark) {
                Slot next = slot.next;
                refuse(slot);
                slot = next;
            }
        }
    }

    /** Fails a call that this lane never got; on the thread that made it. */
    private void refuse(Slot slot) {
        Exchange exchange = slot.exchange();
        exchange.fail(slot, pool.closedFailure());
        pool.returnBytes(slot.pendingBytes);
        slots.release(slot);
    }

    /** Notes that nobody waits for the answer any more; any thread. */
    void giveUp(Slot slot, CompletableFuture<?> future) {
        try {
            loop.execute(() -> {
                if (slot.future == future && slot.state == Slot.State.SENT) {
                    pool.counters.cancelled(slot.exchange().operation);
                    Slot.required(slot.session).abandon(slot);
                }
            });
        } catch (RejectedExecutionException e) {
            // The lane is closed, and has failed all its calls.
            assert pool.isClosed();
        }
    }

    /** Notes that the event loop is reading answers: what they lead to is collected. */
    void enterBurst() {
        pool.setCurrentLane(this);
    }

    /** Notes that the burst is over. */
    void leaveBurst() {
        pool.setCurrentLane(null);
    }

    // ---- writing

    void pumpSoon() {
        if (!pumpScheduled) {
            pumpScheduled = true;
            loop.execute(pumpTask);
        }
    }

    private void runPump() {
        pumpScheduled = false;
        pumpAndFlush();
    }

    /** Writes what waits, as far as the connection takes it, and what was appended before. */
    void pumpAndFlush() {
        pump();
        for (int i = sessions.size() - 1; i >= 0; i--) {
            sessions.get(i).flush();
        }
    }

    private void pump() {
        takeHandedOver();
        Session current = session;
        if (current != null) {
            if (waitingHead != null) {
                nowNanos = pool.nanoTime();
            }
            while (waitingHead != null && current.canSend(waitingHead)) {
                Slot slot = pollWaiting();
                if (slot.exchange().isGivenUp(slot)) {
                    release(slot);
                } else if (slot.deadlineNanos <= nowNanos) {
                    timeOut(slot);
                    release(slot);
                } else {
                    if (slot.attempt == 0) {
                        budget.onCall();
                    }
                    current.send(slot);
                }
            }
        } else if (state == State.BACKOFF || state == State.CLOSED) {
            failWaiting(lastFailure);
        }
    }

    /** Returns how long the call of a slot that is being written may still take, in nanoseconds. */
    long remainingNanos(Slot slot) {
        return slot.deadlineNanos - nowNanos;
    }

    private void takeHandedOver() {
        if (handedOver.get() == null || state == State.CLOSED) {
            return;
        }
        Slot newestFirst = handedOver.getAndSet(null);
        Slot oldestFirst = null;
        while (newestFirst != null) {
            Slot next = newestFirst.next;
            newestFirst.next = oldestFirst;
            oldestFirst = newestFirst;
            newestFirst = next;
        }
        while (oldestFirst != null) {
            Slot next = oldestFirst.next;
            addWaiting(oldestFirst);
            oldestFirst = next;
        }
    }

    private void addWaiting(Slot slot) {
        slot.state = Slot.State.WAITING;
        slot.next = null;
        if (waitingTail == null) {
            waitingHead = slot;
        } else {
            waitingTail.next = slot;
        }
        waitingTail = slot;
        watchDeadline(slot.deadlineNanos);
    }

    private Slot pollWaiting() {
        Slot slot = Slot.required(waitingHead);
        waitingHead = slot.next;
        if (waitingHead == null) {
            waitingTail = null;
        }
        slot.next = null;
        return slot;
    }

    private void failWaiting(KvException failure) {
        // What fails may be tried again, and then waits at the end of this very list.
        Slot last = waitingTail;
        while (waitingHead != null) {
            Slot slot = pollWaiting();
            onFailure(slot, failure, false);
            if (slot == last) {
                return;
            }
        }
    }

    // ---- answers

    /** Completes a call with its answer. */
    void complete(Slot slot, @Nullable Object answer) {
        CompletableFuture<?> future = Slot.required(slot.future);
        pool.counters.succeeded(slot.exchange().operation);
        // First the slot, then the answer: what the answer leads to may need the slot.
        release(slot);
        pool.complete(future, answer);
    }

    /** Completes the future of a call that goes on as a stream: from now on its exchange takes care of everything. Returns whether anybody waits for it. */
    boolean completeAsStream(Slot slot, Object answer) {
        CompletableFuture<?> future = Slot.required(slot.future);
        if (future.isDone()) {
            return false;
        }
        pool.counters.succeeded(slot.exchange().operation);
        slot.future = null;
        slot.deadlineNanos = Slot.NO_DEADLINE;
        markLongLived(slot);
        pool.complete(future, answer);
        return true;
    }

    /** Notes that a slot is used by a stream, which has no end of its own: closing does not wait for it. */
    void markLongLived(Slot slot) {
        if (!slot.longLived) {
            slot.longLived = true;
            longLived.incrementAndGet();
        }
    }

    /** Completes a write that was answered with the version that is there. */
    void completeConditionFailed(Slot slot, Object answer, long currentVersion) {
        if (slot.outcomeUnknown) {
            fail(
                    slot,
                    new KvException(
                            ErrorCode.OUTCOME_UNKNOWN,
                            "the connection was lost before the answer, and when tried again the condition did not hold: "
                                    + "the write itself may have changed that",
                            WriteResult.conditionFailed(currentVersion)));
        } else {
            complete(slot, answer);
        }
    }

    /** Takes an ERROR of the server. */
    void onError(Slot slot, KvException failure) {
        onFailure(slot, failure, false);
    }

    /** Lets go of a slot whose call is over, and of what it counted for. */
    void release(Slot slot) {
        Session on = slot.session;
        boolean wasSent = slot.state == Slot.State.SENT || slot.state == Slot.State.ABANDONED;
        long bytes = slot.pendingBytes;
        pool.returnBytes(bytes);
        if (slot.longLived) {
            longLived.decrementAndGet();
        }
        slots.release(slot);
        if (on != null && wasSent) {
            on.onReleased(bytes);
        }
    }

    // ---- failures

    /**
     * Takes the failure of an attempt: another attempt, or the end of the call.
     *
     * @param lost whether the connection was lost after the request had been written
     */
    private void onFailure(Slot slot, KvException failure, boolean lost) {
        Exchange exchange = slot.exchange();
        if (exchange.isGivenUp(slot)) {
            release(slot);
            return;
        }
        boolean mayBeApplied = lost || failure.code() == ErrorCode.OUTCOME_UNKNOWN;
        boolean safe =
                mayBeApplied ? exchange.isIdempotent(slot) : failure.code().retry() == ErrorCode.Retry.AFTER_DELAY;
        if (safe && exchange.isRepeatable() && tryAgain(slot, failure, mayBeApplied && exchange.isWrite())) {
            return;
        }
        if (lost && exchange.isWrite()) {
            fail(
                    slot,
                    new KvException(
                            ErrorCode.OUTCOME_UNKNOWN,
                            "the connection ended before the answer: " + failure.getMessage(),
                            failure));
        } else {
            fail(slot, failure);
        }
    }

    private boolean tryAgain(Slot slot, KvException failure, boolean outcomeUnknown) {
        if (slot.attempt >= pool.options.maxAttempts() || state == State.CLOSED) {
            return false;
        }
        Session on = slot.session;
        boolean wentAway = on != null && on.phase() == Session.Phase.DRAINING;
        long now = pool.nanoTime();
        long delay = 0;
        if (!wentAway) {
            delay = backoff.delay(Math.max(1, slot.attempt), random).toNanos();
            Duration advice = failure.retryAfter();
            if (advice != null) {
                // One beyond what any call may take never fits into the deadline.
                delay = Math.max(delay, advice.compareTo(Limits.MAX_TIMEOUT) > 0 ? Slot.NO_DEADLINE : advice.toNanos());
            }
            if (delay >= slot.deadlineNanos - now) {
                return false;
            }
            if (!budget.tryAcquire(now)) {
                pool.counters.budgetExhausted.increment();
                return false;
            }
        }
        pool.counters.retries.increment();
        slot.outcomeUnknown |= outcomeUnknown;
        if (slot.attempt == 0) {
            // Never written; counts all the same, or it would come back for ever.
            slot.attempt = 1;
        }
        detach(slot);
        slot.state = Slot.State.DELAYED;
        slot.progress = null;
        if (delay == 0) {
            resubmit(slot);
        } else {
            var unused = loop.schedule(() -> resubmit(slot), delay, TimeUnit.NANOSECONDS);
        }
        return true;
    }

    /** Frees the id of an attempt that is over while its call goes on. */
    private static void detach(Slot slot) {
        Session on = slot.session;
        boolean wasSent = slot.state == Slot.State.SENT;
        slot.session = null;
        slot.correlationId = 0;
        slot.state = Slot.State.WAITING;
        if (on != null && wasSent) {
            on.onReleased(slot.pendingBytes);
        }
    }

    private void resubmit(Slot slot) {
        if (slot.state != Slot.State.DELAYED) {
            return; // The lane was closed meanwhile.
        }
        if (slot.exchange().isGivenUp(slot)) {
            release(slot);
            return;
        }
        if (state != State.READY && pool.moveToReadyLane(slot)) {
            slots.release(slot);
            return;
        }
        submit(slot);
    }

    /** Ends a call with a failure, which never says "not done" of what may have been done. */
    void fail(Slot slot, KvException failure) {
        KvException told = failure;
        if (slot.outcomeUnknown && failure.code().applied() == ErrorCode.Applied.NO) {
            told = new KvException(
                    ErrorCode.OUTCOME_UNKNOWN,
                    "the connection was lost before the answer, and trying again failed: " + failure.getMessage(),
                    failure);
        }
        Exchange exchange = slot.exchange();
        pool.counters.failed(exchange.operation, told.code());
        CompletableFuture<?> future = slot.future;
        if (future == null) {
            exchange.fail(slot, told);
            release(slot);
        } else {
            release(slot);
            pool.completeExceptionally(future, told);
        }
    }

    // ---- deadlines

    /** Makes sure that a deadline is noticed. */
    void watchDeadline(long deadlineNanos) {
        if (deadlineNanos >= timerAtNanos) {
            return;
        }
        long now = pool.nanoTime();
        long at = Math.max(deadlineNanos, now + TIMER_NANOS);
        if (at < timerAtNanos) {
            if (timer != null) {
                timer.cancel(false);
            }
            timerAtNanos = at;
            timer = loop.schedule(timerTask, at - now, TimeUnit.NANOSECONDS);
        }
    }

    private void runTimer() {
        timer = null;
        timerAtNanos = Slot.NO_DEADLINE;
        long now = pool.nanoTime();
        long earliest = Slot.NO_DEADLINE;
        for (int i = 0; i < slots.size(); i++) {
            Slot slot = slots.get(i);
            // Those that were handed over and not taken yet are looked at when they are.
            if (slot.state == Slot.State.FREE
                    || slot.state == Slot.State.ABANDONED
                    || slot.exchange().isGivenUp(slot)) {
                continue;
            }
            if (slot.deadlineNanos <= now) {
                timeOut(slot);
            } else {
                earliest = Math.min(earliest, slot.deadlineNanos);
            }
        }
        watchDeadline(earliest);
    }

    private void timeOut(Slot slot) {
        Exchange exchange = slot.exchange();
        KvException failure = new KvException(
                ErrorCode.DEADLINE_EXCEEDED,
                slot.state == Slot.State.SENT
                        ? "no answer in time"
                        : "no connection in time (" + lastFailure.getMessage() + ")");
        pool.counters.failed(exchange.operation, failure.code());
        CompletableFuture<?> future = slot.future;
        if (future == null) {
            exchange.fail(slot, failure);
        }
        // One that waits for its turn is released when it comes, which nobody waits for.
        if (slot.state == Slot.State.SENT) {
            Slot.required(slot.session).abandon(slot);
        }
        if (future != null) {
            pool.completeExceptionally(future, failure);
        }
    }

    // ---- connecting

    /** Begins a round through the servers. */
    void connect() {
        if (state == State.CLOSED) {
            return;
        }
        state = State.CONNECTING;
        nextRound = null;
        ConnectRound newRound = new ConnectRound(this, nextServer);
        round = newRound;
        newRound.next();
    }

    /** Notes a connection that is being made. */
    void onOpened(Session opened) {
        sessions.add(opened);
    }

    void onReady(Session ready) {
        endRound();
        failedRounds = 0;
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
        pumpSoon();
    }

    private void endRound() {
        if (round != null) {
            round.end();
            round = null;
        }
    }

    void onGoAway(Session leaving) {
        pool.counters.goAways.increment();
        detachSession(leaving, pool.unavailable(leaving.address() + " is going away", null));
        for (int i = 0; i < slots.size(); i++) {
            Slot slot = slots.get(i);
            if (slot.session == leaving && slot.state == Slot.State.SENT) {
                slot.exchange().onGoAway(slot, leaving);
            }
        }
    }

    /** Takes new calls to another connection. */
    private void detachSession(Session leaving, KvException cause) {
        if (session != leaving) {
            return;
        }
        session = null;
        connectedTo = null;
        lastFailure = cause;
        // The one that leaves is asked last.
        nextServer++;
        if (pool.nanoTime() - leaving.readyAtNanos() < MIN_LIFE_NANOS) {
            // It takes connections only to end them; without a pause we would do nothing but connect.
            onRoundFailed(cause);
        } else {
            connect();
        }
    }

    void onClosed(Session closed, Session.Phase before, KvException cause) {
        sessions.remove(closed);
        if (before == Session.Phase.GREETING) {
            ConnectRound current = round;
            if (current != null) {
                current.onClosed(closed, cause);
            }
            return;
        }
        if (session == closed) {
            pool.counters.connectionsLost.increment();
        }
        detachSession(closed, cause);
        for (int i = 0; i < slots.size(); i++) {
            Slot slot = slots.get(i);
            if (slot.session != closed) {
                continue;
            }
            if (slot.state == Slot.State.ABANDONED) {
                release(slot);
            } else if (slot.state == Slot.State.SENT) {
                onFailure(slot, cause, true);
            }
        }
    }

    /** Notes that no server could be reached. */
    void onRoundFailed(KvException failure) {
        round = null;
        if (state == State.CLOSED) {
            return;
        }
        failedRounds++;
        lastFailure = failure;
        state = State.BACKOFF;
        pool.counters.failedRounds.increment();
        pool.onLaneChanged();
        long delay = backoff.delay(failedRounds, random).toNanos();
        Duration advice = failure.retryAfter();
        if (advice != null) {
            delay = Math.max(delay, (advice.compareTo(MAX_ADVICE) > 0 ? MAX_ADVICE : advice).toNanos());
        }
        nextRound = loop.schedule(this::connect, delay, TimeUnit.NANOSECONDS);
        takeHandedOver();
        failWaiting(failure);
    }

    /** Returns why the last round or connection failed. */
    KvException lastFailure() {
        return lastFailure;
    }

    // ---- closing

    /** Ends everything at once: what is in flight fails. On the event loop. */
    void close() {
        if (state == State.CLOSED) {
            return;
        }
        takeHandedOver();
        Slot late = handedOver.getAndSet(closedMark);
        while (late != null) {
            Slot next = late.next;
            addWaiting(late);
            late = next;
        }
        state = State.CLOSED;
        lastFailure = pool.closedFailure();
        if (nextRound != null) {
            nextRound.cancel(false);
        }
        if (timer != null) {
            timer.cancel(false);
        }
        session = null;
        connectedTo = null;
        endRound();
        for (Session open : List.copyOf(sessions)) {
            open.close(lastFailure);
        }
        for (int i = 0; i < slots.size(); i++) {
            Slot slot = slots.get(i);
            if (slot.state == Slot.State.WAITING || slot.state == Slot.State.DELAYED) {
                if (slot.exchange().isGivenUp(slot)) {
                    release(slot);
                } else {
                    fail(slot, lastFailure);
                }
            }
        }
        waitingHead = null;
        waitingTail = null;
    }
}
