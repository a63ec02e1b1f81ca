package io.nearkv.core.rocksdb;

import io.nearkv.core.KvException;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds entries whose time is over and has the writer remove them. Only a piece of the list at a time, and the next piece when the writer is through with it: as long as
 * there is more, without a pause, and then at the interval. Works on the store's timer thread.
 */
final class Sweeper {
    private static final Logger log = LoggerFactory.getLogger(Sweeper.class);
    private static final int PIECE = 512;

    private final StoreCore core;
    private final Writer writer;
    private final ScheduledExecutorService timer;
    private final AtomicBoolean busy = new AtomicBoolean();
    private final LongAdder swept = new LongAdder();

    Sweeper(StoreCore core, Writer writer, ScheduledExecutorService timer) {
        this.core = core;
        this.writer = writer;
        this.timer = timer;
    }

    void start() {
        long nanos = core.options.sweepInterval.toNanos();
        var unused = timer.scheduleWithFixedDelay(this::sweep, nanos, nanos, TimeUnit.NANOSECONDS);
    }

    /** Returns how many records of the list have been worked off. */
    long swept() {
        return swept.sum();
    }

    /** Removes a piece now, and the rest soon. */
    void sweep() {
        if (core.database == null || !busy.compareAndSet(false, true)) {
            return;
        }
        boolean asked = false;
        try {
            List<ReplicaCommand.Expiration> piece = Expirations.due(core, PIECE);
            if (!piece.isEmpty()) {
                var unused = writer.submit(new WriteOps.Expire(piece))
                        .whenComplete((nothing, failure) -> swept(piece.size(), failure == null));
                asked = true;
            }
        } catch (KvException e) {
            log.atWarn().setCause(e).log("expired entries cannot be found");
        } finally {
            if (!asked) {
                busy.set(false);
            }
        }
    }

    private void swept(int count, boolean worked) {
        busy.set(false);
        if (worked) {
            swept.add(count);
            if (count == PIECE && !core.closed) {
                try {
                    timer.execute(this::sweep);
                } catch (RejectedExecutionException e) {
                    log.atDebug().log("the store is closed, the rest is swept when it is open again");
                }
            }
        }
    }
}
