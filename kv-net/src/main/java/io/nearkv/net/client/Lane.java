package io.nearkv.net.client;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.core.WriteResult;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.Future;
import java.time.Duration;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * One place in the connection pool: a table of calls, the event loop that owns them, and the {@link Uplink} that carries them. Decides what becomes of each call: when it is
 * written, what its failures mean, when its time is over.
 *
 * <p>Any thread hands calls over; everything else is confined to the event loop, but for what says otherwise.
 */
final class Lane {
    /** Two looks at the deadlines are at least this far apart: the resolution of timeouts, and the bound of what looking costs. */
    private static final long TIMER_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

    final LanePool pool;
    final EventLoop loop;
    final SlotTable slots;

    final Uplink uplink;

    private final int number;
    private final Handover handover;
    private final Runnable pumpTask = this::runPump;
    private final Runnable timerTask = this::runTimer;
    private final RetryBudget budget;
    private final SplittableRandom random;
    /** Slots in use by streams. */
    private final AtomicInteger longLived = new AtomicInteger();

    private @Nullable Slot waitingHead;
    private @Nullable Slot waitingTail;
    private boolean pumpScheduled;
    /** The time of the last pump that had something to write. */
    private long nowNanos;

    private @Nullable Future<?> timer;
    private long timerAtNanos = Slot.NO_DEADLINE;
    private boolean closed;

    Lane(LanePool pool, int number, EventLoop loop, int firstServer) {
        this.pool = pool;
        this.number = number;
        this.loop = loop;
        this.slots = new SlotTable(this, pool.options.maxRequestsInFlight());
        this.handover = new Handover(this);
        this.budget = new RetryBudget(pool.options.retryShare(), pool.nanoTime());
        this.random = new SplittableRandom(pool.options.seed() + number);
        this.uplink = new Uplink(this, random, firstServer);
    }

    int number() {
        return number;
    }

    /** Returns whether there is a connection; any thread. */
    boolean isReady() {
        return uplink.state() == Uplink.State.READY;
    }

    /** Returns how many slots are in use by calls that end by themselves. Any thread; an estimate while calls come and go. */
    int callsInFlight() {
        return slots.inUse() - longLived.get();
    }

    // ---- handing over

    /** Takes a filled slot over; any thread. */
    void submit(Slot slot) {
        if (loop.inEventLoop()) {
            if (closed) {
                fail(slot, pool.closedFailure());
                return;
            }
            addWaiting(slot);
            Session current = uplink.session();
            if (current != null) {
                current.flushSoon();
            } else {
                pumpSoon();
            }
            return;
        }
        switch (handover.push(slot)) {
            case FIRST -> wake();
            case MORE -> {}
            case REFUSED -> refuse(slot);
        }
    }

    private void wake() {
        try {
            loop.execute(pumpTask);
        } catch (RejectedExecutionException e) {
            // The loop is gone, and nobody else will ever look.
            Slot slot = handover.close();
            while (slot != null) {
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
        takeHandedOver();
        Session current = uplink.session();
        if (current != null) {
            writeWaiting(current);
        } else if (uplink.state() != Uplink.State.CONNECTING) {
            failWaiting(uplink.lastFailure());
        }
        uplink.flush();
    }

    private void writeWaiting(Session to) {
        if (waitingHead != null) {
            nowNanos = pool.nanoTime();
        }
        while (waitingHead != null && to.canSend(waitingHead)) {
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
                to.send(slot);
            }
        }
    }

    /** Returns how long the call of a slot that is being written may still take, in nanoseconds. */
    long remainingNanos(Slot slot) {
        return slot.deadlineNanos - nowNanos;
    }

    private void takeHandedOver() {
        Slot slot = handover.takeAll();
        while (slot != null) {
            Slot next = slot.next;
            addWaiting(slot);
            slot = next;
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
        Session on = slot.session;
        if (on == null) {
            // Never written; counts all the same, or it would come back for ever.
            slot.attempt++;
        }
        if (slot.attempt >= pool.options.maxAttempts() || closed) {
            return false;
        }
        boolean wentAway = on != null && on.phase() == Session.Phase.DRAINING;
        long now = pool.nanoTime();
        long delay = 0;
        if (!wentAway) {
            delay = pool.options.backoff().delay(slot.attempt, random).toNanos();
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
        if (!isReady() && pool.moveToReadyLane(slot)) {
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
                        : "no connection in time (" + uplink.lastFailure().getMessage() + ")");
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

    // ---- what the connections tell

    /** Lets the streams of a connection whose end was announced begin anew elsewhere. */
    void onGoAway(Session leaving) {
        for (int i = 0; i < slots.size(); i++) {
            Slot slot = slots.get(i);
            if (slot.session == leaving && slot.state == Slot.State.SENT) {
                slot.exchange().onGoAway(slot, leaving);
            }
        }
    }

    /** Takes the end of a connection on which there may have been requests. */
    void onLost(Session lost, KvException cause) {
        for (int i = 0; i < slots.size(); i++) {
            Slot slot = slots.get(i);
            if (slot.session != lost) {
                continue;
            }
            if (slot.state == Slot.State.ABANDONED) {
                release(slot);
            } else if (slot.state == Slot.State.SENT) {
                onFailure(slot, cause, true);
            }
        }
    }

    /** Fails what waits for a connection. */
    void onUnreachable(KvException cause) {
        takeHandedOver();
        failWaiting(cause);
    }

    // ---- closing

    /** Ends everything at once: what is in flight fails. On the event loop. */
    void close() {
        if (closed) {
            return;
        }
        closed = true;
        if (timer != null) {
            timer.cancel(false);
        }
        for (Slot slot = handover.close(); slot != null; ) {
            Slot next = slot.next;
            addWaiting(slot);
            slot = next;
        }
        KvException failure = pool.closedFailure();
        uplink.close(failure);
        for (int i = 0; i < slots.size(); i++) {
            Slot slot = slots.get(i);
            if (slot.state == Slot.State.WAITING || slot.state == Slot.State.DELAYED) {
                if (slot.exchange().isGivenUp(slot)) {
                    release(slot);
                } else {
                    fail(slot, failure);
                }
            }
        }
        waitingHead = null;
        waitingTail = null;
    }
}
