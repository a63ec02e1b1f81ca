package io.nearkv.core.rocksdb;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.rocksdb.RocksDBException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one thread that writes. It takes all requests that wait (up to the size of a group), evaluates them in order, writes them as one batch with at most one fsync, makes
 * them known, and answers them. While it waits for the disk the next group collects.
 *
 * <p>The queue is a stack of requests linked through themselves: a caller pushes with one compare-and-set, the writer takes all of it with one exchange and turns it
 * round. It is bounded by one counter that holds the number of requests (above bit 40) and their bytes (below); what the writer is working on counts too.
 *
 * <p>When RocksDB reports that a write failed, nobody knows whether it is on the disk, and RocksDB takes no more writes. The group is answered with
 * {@link ErrorCode#OUTCOME_UNKNOWN}, and {@link Recovery} opens the database again: what is there then is what happened.
 */
final class Writer {
    private static final Logger log = LoggerFactory.getLogger(Writer.class);
    private static final int COUNT_SHIFT = 40;
    private static final long BYTES_MASK = (1L << COUNT_SHIFT) - 1;

    /** The end of the queue after which nothing is taken any more. */
    private static final WriteOp<?> CLOSED = new WriteOp<Boolean>(0, io.nearkv.core.WriteOptions.BUFFERED) {
        @Override
        Boolean prepare(Group group) {
            throw new IllegalStateException("the end of the queue is no request");
        }
    };

    private final StoreCore core;
    private final FeedLog feedLog;
    private final FeedHub feeds;
    private final DiskSpace disk;
    private final Recovery recovery;
    private final Thread thread;
    private final AtomicReference<@Nullable WriteOp<?>> newest = new AtomicReference<>();
    private final AtomicLong waiting = new AtomicLong();
    /** The requests that were taken from the queue, oldest first. Confined to the thread. */
    private @Nullable WriteOp<?> first;

    private @Nullable WriteOp<?> last;
    private @Nullable Group group;
    /** Why the database must be opened again, between the failure and the answers. */
    private @Nullable KvException failedWrite;

    private final LongAdder groups = new LongAdder();
    private final LongAdder requests = new LongAdder();
    private final LongAdder syncs = new LongAdder();
    private final LongAdder syncNanos = new LongAdder();

    Writer(StoreCore core, FeedLog feedLog, FeedHub feeds, DiskSpace disk, Recovery recovery) {
        this.core = core;
        this.feedLog = feedLog;
        this.feeds = feeds;
        this.disk = disk;
        this.recovery = recovery;
        this.thread = new Thread(this::run, "nearkv-writer");
        thread.setDaemon(true);
    }

    void start() {
        thread.start();
    }

    /** Queues a request, or refuses it: then its future has failed when this returns. */
    <R> WriteOp<R> submit(WriteOp<R> op) {
        KvException refusal = core.database == null ? core.unavailable : admit(op);
        if (refusal == null) {
            WriteOp<?> below;
            do {
                below = newest.get();
                if (below == CLOSED) {
                    waiting.addAndGet(-cost(op));
                    refusal = StoreCore.closing();
                    break;
                }
                op.next = below;
            } while (!newest.compareAndSet(below, op));
            if (below == null) {
                LockSupport.unpark(thread);
            }
        }
        if (refusal != null) {
            op.completeExceptionally(refusal);
        }
        return op;
    }

    private static long cost(WriteOp<?> op) {
        return (1L << COUNT_SHIFT) + op.bytes;
    }

    private @Nullable KvException admit(WriteOp<?> op) {
        long now = waiting.addAndGet(cost(op));
        long count = now >>> COUNT_SHIFT;
        if (count <= core.options.queueRequests && ((now & BYTES_MASK) <= core.options.queueBytes || count == 1)) {
            return null;
        }
        waiting.addAndGet(-cost(op));
        return StoreCore.overloaded((count - 1) + " write requests of " + ((now & BYTES_MASK) - op.bytes)
                + " bytes wait (expected: at most " + core.options.queueRequests + " of "
                + core.options.queueBytes + " bytes)");
    }

    private void run() {
        try {
            List<WriteOp<?>> taken = new ArrayList<>();
            while (take(taken)) {
                work(taken);
                taken.clear();
            }
        } catch (Throwable e) {
            // Out of memory, or a broken invariant: this thread cannot go on, and nobody may wait for it.
            log.atError().setCause(e).log("the writer has stopped");
            core.withdraw(new KvException(ErrorCode.INTERNAL, "the writer has stopped: " + e, e));
            throw e;
        } finally {
            endQueue();
            if (group != null) {
                group.close();
            }
        }
    }

    /** Fills a group; returns false at the end. */
    private boolean take(List<WriteOp<?>> group) {
        drain();
        while (first == null) {
            if (core.closed) {
                return false;
            }
            LockSupport.park(this);
            drain();
        }
        long bytes = 0;
        while (first != null && group.size() < core.options.groupRequests && bytes < core.options.groupBytes) {
            WriteOp<?> op = first;
            first = op.next;
            op.next = null;
            if (first == null) {
                last = null;
            }
            bytes += op.bytes;
            group.add(op);
        }
        return true;
    }

    private void drain() {
        append(newest.getAndSet(null));
    }

    /** Turns a stack round and puts it behind what was taken before. */
    private void append(@Nullable WriteOp<?> stack) {
        WriteOp<?> newLast = stack;
        WriteOp<?> turned = null;
        while (stack != null) {
            WriteOp<?> below = stack.next;
            stack.next = turned;
            turned = stack;
            stack = below;
        }
        if (turned != null) {
            if (last == null) {
                first = turned;
            } else {
                last.next = turned;
            }
            last = newLast;
        }
    }

    private void endQueue() {
        WriteOp<?> stack = newest.getAndSet(CLOSED);
        append(stack == CLOSED ? null : stack);
        for (WriteOp<?> op = first; op != null; op = op.next) {
            op.completeExceptionally(core.closed ? StoreCore.closing() : core.unavailable);
        }
    }

    private void work(List<WriteOp<?>> ops) {
        try {
            Database db = core.database;
            if (db == null) {
                refuseAll(ops, core.unavailable);
            } else {
                write(db, ops);
            }
        } catch (Throwable e) {
            refuseAll(ops, new KvException(ErrorCode.OUTCOME_UNKNOWN, "the writer has stopped: " + e, e));
            throw e;
        } finally {
            long cost = 0;
            for (WriteOp<?> op : ops) {
                cost += cost(op);
            }
            waiting.addAndGet(-cost);
        }
        // Answers come last: what they run may take its time, or send the next request, which then finds room.
        for (WriteOp<?> op : ops) {
            op.finish();
        }
        KvException failure = failedWrite;
        if (failure != null) {
            // After the answers: whoever waits for one of them must not wait for the disk to be well again.
            failedWrite = null;
            recovery.reopen(feedLog, failure, this::refuseQueued);
            feeds.wake();
        }
    }

    /** Refuses what was queued before the database was withdrawn; nothing comes in after that. */
    private void refuseQueued() {
        drain();
        while (first != null) {
            WriteOp<?> op = first;
            first = op.next;
            op.next = null;
            waiting.addAndGet(-cost(op));
            op.refusal = core.unavailable;
            op.finish();
        }
        last = null;
    }

    private static void refuseAll(List<WriteOp<?>> ops, KvException reason) {
        for (WriteOp<?> op : ops) {
            if (op.refusal == null) {
                op.refusal = reason;
            }
        }
    }

    private void write(Database db, List<WriteOp<?>> ops) {
        boolean publishes = feeds.hasSubscribers();
        Group next = group;
        if (next == null) {
            next = new Group(core, feedLog, db);
            group = next;
        }
        boolean synced;
        try {
            core.options.failpoints.reached(Failpoints.Step.GROUP_TAKEN);
            synced = refuseSome(ops);
            if (!build(next, db, ops, publishes)) {
                return; // Nothing changes; conditions did not hold.
            }
        } catch (RocksDBException e) {
            refuseAll(ops, db.failure("cannot be read", e));
            return;
        }
        try {
            core.options.failpoints.reached(Failpoints.Step.BEFORE_WRITE);
            long start = System.nanoTime();
            db.rocks.write(synced ? db.synced : db.buffered, next.batch());
            if (synced) {
                syncNanos.add(System.nanoTime() - start);
                syncs.increment();
            }
            core.options.failpoints.reached(Failpoints.Step.AFTER_WRITE);
            if (synced) {
                recovery.marker().advance(next.lastVersion(), next.catalogue().revision());
            }
            core.options.failpoints.reached(Failpoints.Step.BEFORE_ACKNOWLEDGE);
        } catch (RocksDBException e) {
            KvException cause = db.failure("failed to write", e);
            log.atError()
                    .addKeyValue("requests", ops.size())
                    .setCause(e)
                    .log("a write failed, opening the store again");
            refuseAll(
                    ops,
                    new KvException(
                            ErrorCode.OUTCOME_UNKNOWN,
                            "the write may or may not have happened: " + cause.getMessage(),
                            e));
            recovery.withdraw(cause);
            failedWrite = cause;
            return;
        }
        next.committed();
        groups.increment();
        requests.add(ops.size());
        if (next.hasChanges()) {
            feeds.publish(publishes ? next.published() : List.of());
        }
    }

    /** Refuses what is too late or has no room on the disk; returns whether any of the others asks for an fsync. */
    private boolean refuseSome(List<WriteOp<?>> ops) {
        long now = System.nanoTime();
        long bytes = 0;
        for (WriteOp<?> op : ops) {
            bytes += op.bytes;
        }
        disk.beforeWrite(bytes);
        boolean synced = false;
        for (WriteOp<?> op : ops) {
            if (now - op.deadlineNanos > 0) {
                op.refusal = new KvException(
                        ErrorCode.DEADLINE_EXCEEDED,
                        "the deadline passed while the write waited in the queue; it was not applied");
            } else {
                op.refusal = disk.refusal(bytes, op.makesRoom());
                synced |= op.refusal == null && op.synced;
            }
        }
        return synced;
    }

    /** Builds the group; returns whether there is anything to write. */
    private boolean build(Group next, Database db, List<WriteOp<?>> ops, boolean publishes) throws RocksDBException {
        boolean tracks = false;
        for (WriteOp<?> op : ops) {
            tracks |= op.readsState(core.options.inlineValueBytes);
        }
        boolean whole;
        do {
            whole = true;
            next.begin(db, core.lastVersion, core.nowMillis(), tracks, publishes);
            for (WriteOp<?> op : ops) {
                if (op.refusal == null && !prepare(next, op, db)) {
                    // Something of it may be in the batch already: build it again without this one. What the feed log
                    // has
                    // counted is read from the database, which has nothing of it.
                    var unused = feedLog.load(db);
                    whole = false;
                    break;
                }
            }
        } while (!whole);
        return next.complete();
    }

    /** Returns false if the batch cannot be used any more. */
    private static boolean prepare(Group next, WriteOp<?> op, Database db) {
        try {
            op.prepareIn(next);
            return true;
        } catch (KvException e) {
            op.refusal = e;
            return e.code() != ErrorCode.INTERNAL;
        } catch (RocksDBException e) {
            op.refusal = db.failure("cannot be read", e);
            return false;
        }
    }

    /** Waits until the thread has ended, which it does once the store is closed and it has answered what it works on; returns whether it has. */
    boolean awaitEnd(Duration patience) {
        LockSupport.unpark(thread);
        boolean interrupted = false;
        long deadline = System.nanoTime() + patience.toNanos();
        while (thread.isAlive() && deadline - System.nanoTime() > 0) {
            try {
                TimeUnit.NANOSECONDS.timedJoin(thread, deadline - System.nanoTime());
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return !thread.isAlive();
    }

    boolean isWriterThread() {
        return Thread.currentThread() == thread;
    }

    long waitingRequests() {
        return waiting.get() >>> COUNT_SHIFT;
    }

    long waitingBytes() {
        return waiting.get() & BYTES_MASK;
    }

    long groups() {
        return groups.sum();
    }

    long requests() {
        return requests.sum();
    }

    long syncs() {
        return syncs.sum();
    }

    long syncNanos() {
        return syncNanos.sum();
    }
}
