package io.nearkv.core.rocksdb;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.FeedEvent;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.KvException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;

/**
 * The change feeds of a store. Those who keep up get the groups from memory, out of a ring of the last few megabytes; those who do not read them from the column family
 * {@code changes}, so that a slow subscriber costs a position and nothing more. Thread-safe.
 */
final class FeedHub {
    private static final int THREADS = 2;
    private static final long RING_BYTES = 4 << 20;
    /** Bytes of records that a subscriber fetches at a time. */
    private static final long FETCH_BYTES = 128 << 10;

    private final StoreCore core;
    private final FeedLog feedLog;
    private final ScheduledExecutorService timer;
    /** Its queue is bounded by the number of subscribers: each is in it at most once. */
    private final ThreadPoolExecutor threads;

    private final Set<FeedSubscription> subscriptions = ConcurrentHashMap.newKeySet();
    private final Object ringLock = new Object();
    /** Groups without a gap between them, the newest last. Guarded by ringLock. */
    private final Deque<ChangeGroup> ring = new ArrayDeque<>();

    private long ringBytes;

    FeedHub(StoreCore core, FeedLog feedLog, ScheduledExecutorService timer) {
        this.core = core;
        this.feedLog = feedLog;
        this.timer = timer;
        this.threads = new ThreadPoolExecutor(
                THREADS, THREADS, 10, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), StoreThreads.named("nearkv-feed"));
        threads.allowCoreThreadTimeOut(true);
    }

    Flow.Publisher<FeedEvent> watch(FeedRequest request) {
        requireNonNull(request, "request");
        return subscriber -> subscribe(request, requireNonNull(subscriber, "subscriber"));
    }

    private void subscribe(FeedRequest request, Flow.Subscriber<? super FeedEvent> subscriber) {
        core.checkOpen();
        FeedSubscription subscription = new FeedSubscription(this, core, request, subscriber);
        KvException refusal = null;
        try {
            if (request.namespace() != null) {
                var unused = core.catalogue.namespace(request.namespace());
            }
            if (core.database == null) {
                throw core.unavailable;
            }
            if (subscriptions.size() >= core.options.maxSubscribers) {
                throw StoreCore.overloaded("there are " + subscriptions.size() + " subscribers (expected: at most "
                        + core.options.maxSubscribers + ")");
            }
        } catch (KvException e) {
            refusal = e;
        }
        if (refusal == null) {
            // First in the set, then the position: a commit between the two reaches the ring, or is before the
            // position.
            subscriptions.add(subscription);
            if (core.closed) {
                refusal = StoreCore.closing();
            }
        }
        subscription.begin(refusal);
    }

    boolean hasSubscribers() {
        return !subscriptions.isEmpty();
    }

    int subscribers() {
        return subscriptions.size();
    }

    void remove(FeedSubscription subscription) {
        subscriptions.remove(subscription);
    }

    void execute(Runnable task) {
        threads.execute(task);
    }

    ScheduledExecutorService timer() {
        return timer;
    }

    /** Tells subscribers about a commit; by the writer thread, before it answers. An empty list stands for changes that nobody collected. */
    void publish(List<ChangeGroup> groups) {
        synchronized (ringLock) {
            if (groups.isEmpty()) {
                ring.clear();
                ringBytes = 0;
            }
            for (ChangeGroup group : groups) {
                ring.addLast(group);
                ringBytes += group.bytes();
            }
            while (ringBytes > RING_BYTES && ring.size() > 1) {
                ringBytes -= ring.removeFirst().bytes();
            }
        }
        wake();
    }

    /** Lets all subscribers look for something new. */
    void wake() {
        for (FeedSubscription subscription : subscriptions) {
            subscription.schedule();
        }
    }

    /** What follows a position. */
    record Fetched(List<ChangeGroup> groups, long tooOldBefore) {
        static Fetched tooOld(long oldest) {
            return new Fetched(List.of(), oldest);
        }

        boolean isTooOld() {
            return tooOldBefore >= 0;
        }
    }

    /**
     * Returns some groups that follow a position, which is before the last version; the first one holds the next change.
     *
     * @throws KvException {@link ErrorCode#UNAVAILABLE} if there is no database at the moment, {@link ErrorCode#INTERNAL} if it is damaged
     */
    Fetched after(long position) {
        if (position < feedLog.trimmed()) {
            return Fetched.tooOld(feedLog.trimmed());
        }
        List<ChangeGroup> groups = fromRing(position);
        return groups == null ? fromDisk(position) : new Fetched(groups, -1);
    }

    private @Nullable List<ChangeGroup> fromRing(long position) {
        synchronized (ringLock) {
            if (ring.isEmpty()
                    || ring.getFirst().firstVersion() > position + 1
                    || ring.getLast().lastVersion() <= position) {
                return null;
            }
            List<ChangeGroup> groups = new ArrayList<>();
            long bytes = 0;
            for (ChangeGroup group : ring) {
                if (group.lastVersion() > position && bytes < FETCH_BYTES) {
                    groups.add(group);
                    bytes += group.bytes();
                }
            }
            return groups;
        }
    }

    private Fetched fromDisk(long position) {
        Database db = core.database();
        Lanes.Lane lane = core.enter(db);
        try (RocksIterator records = db.rocks.newIterator(db.changes, db.scan)) {
            List<ChangeGroup> groups = new ArrayList<>();
            long bytes = 0;
            long next = position + 1;
            for (records.seekForPrev(FeedLog.versionKey(next));
                    records.isValid() && bytes < FETCH_BYTES;
                    records.next()) {
                long first = java.nio.ByteBuffer.wrap(records.key()).getLong();
                ChangeGroup group = ChangeGroup.decode(first, records.value());
                if (first > next || group.lastVersion() < next) {
                    break;
                }
                groups.add(group);
                bytes += group.bytes();
                next = group.lastVersion() + 1;
            }
            records.status();
            if (groups.isEmpty()) {
                // Trimmed a moment ago: what the database says counts, because the writer tells us a little later.
                byte[] record = db.rocks.get(db.meta, MetaRecords.name(MetaRecords.TRIMMED));
                long trimmed = record == null ? 0 : MetaRecords.number(MetaRecords.TRIMMED, record);
                if (position >= trimmed) {
                    throw EntryRecord.damaged("change " + (position + 1) + " is missing");
                }
                return Fetched.tooOld(trimmed);
            }
            return new Fetched(groups, -1);
        } catch (RocksDBException e) {
            throw db.failure("cannot be read", e);
        } finally {
            db.lanes.leave(lane);
        }
    }

    /** Returns the oldest position from which a feed can go on. */
    long oldest() {
        return feedLog.trimmed();
    }

    /** Ends all feeds and waits for their last signals, up to a second. */
    void close() {
        for (FeedSubscription subscription : subscriptions) {
            subscription.end(StoreCore.closing());
        }
        StoreThreads.shutDown(threads, 1);
    }
}
