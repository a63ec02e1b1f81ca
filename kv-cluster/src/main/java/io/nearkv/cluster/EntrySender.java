package io.nearkv.cluster;

import java.io.EOFException;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto;
import org.apache.ratis.proto.RaftProtos.AppendEntriesRequestProto;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotReplyProto;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotRequestProto;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotResult;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.leader.FollowerInfo;
import org.apache.ratis.server.leader.LeaderState;
import org.apache.ratis.server.leader.LogAppenderBase;
import org.apache.ratis.server.raftlog.RaftLog;
import org.apache.ratis.statemachine.SnapshotInfo;
import org.apache.ratis.util.LifeCycle;
import org.apache.ratis.util.Timestamp;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends one log to one follower, over a connection of its own: entries as they come, a few of them before the first is answered, heartbeats when there is nothing else, and a snapshot where the log
 * does not reach back far enough. Ratis runs {@link #run}; answers are read by another thread. What Ratis must be told of an answer, and how it goes on after a failure, is as in its own
 * {@code GrpcLogAppender}.
 */
final class EntrySender extends LogAppenderBase {
    /** A request that is not answered yet. */
    private record Sent(long firstIndex, boolean isHeartbeat, int bytes, Timestamp at) {}

    private static final Logger log = LoggerFactory.getLogger(EntrySender.class);
    /** How many requests with entries may be unanswered. */
    private static final int MAX_UNANSWERED = 8;

    /** An answer that is late while others come: the follower's disk hangs, or the answer is lost. */
    private static final long LOST_MILLIS = 30_000;
    /** What the slowest link takes in a millisecond: so much longer a follower may be silent for each byte that it has not answered. */
    private static final long BYTES_PER_MILLI = 1000;
    /** At most so long the follower may take for a piece of a snapshot; with the last one it begins to use it. */
    private static final Duration SNAPSHOT_PATIENCE = Duration.ofSeconds(30);

    private static final int LOGGED_EVERY = 100;
    private static final long SNAPSHOT_PAUSE_NANOS = TimeUnit.SECONDS.toNanos(1);
    /** Until it is looked again whether an entry can be sent, where there should have been one. */
    private static final long NOTHING_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

    private final @Nullable LogTls tls;
    private final Duration patience;
    private final SnapshotPace pace;
    private final AtomicLong callIds = new AtomicLong();

    private final Object lock = new Object();
    /** By their call ids, in the order in which they were sent. Guarded by lock. */
    private final Map<Long, Sent> unanswered = new LinkedHashMap<>();

    /** Guarded by lock. */
    private long unansweredBytes;

    // Written with the lock.
    private volatile int unansweredEntries;
    private volatile @Nullable LogWire wire;
    private volatile boolean answered;
    private volatile int failures;

    /** Closed when this is to stop. */
    private volatile @Nullable LogWire snapshotWire;
    /** Snapshots that could not be sent, one after the other. Of the thread that sends. */
    private int failedSnapshots;
    /** How far the follower was told the log to be committed, and is to be told. */
    private volatile long told = -1;

    private volatile long news = -1;

    private volatile @Nullable Thread thread;
    private volatile boolean signalled;

    /**
     * Makes it; it begins with {@link #start}.
     *
     * @param patience for connecting, and with a follower that says nothing at all
     */
    EntrySender(
            RaftServer.Division division,
            LeaderState leader,
            FollowerInfo follower,
            @Nullable LogTls tls,
            Duration patience,
            SnapshotPace pace) {
        super(division, leader, follower);
        this.tls = tls;
        this.patience = patience;
        this.pace = pace;
    }

    @Override
    public long getCallId() {
        return callIds.get();
    }

    @Override
    public Comparator<Long> getCallIdComparator() {
        return Comparator.naturalOrder();
    }

    @Override
    public boolean hasPendingDataRequests() {
        return unansweredEntries > 0;
    }

    /** Has the follower told, as soon as it has the entry, that the log is committed as far as that. */
    void tell(long index) {
        synchronized (lock) {
            news = Math.max(news, index);
        }
        notifyLogAppender();
    }

    /** Only if there is something to do: Ratis notifies all senders of everything, and each time it would be a thread that wakes up for nothing. */
    @Override
    public void notifyLogAppender() {
        if (hasWork()) {
            wake();
        }
    }

    private void wake() {
        signalled = true;
        LockSupport.unpark(thread);
    }

    private boolean hasWork() {
        return sendsEntries() || hasNews() || getHeartbeatWaitTimeMs() <= 0;
    }

    private boolean sendsEntries() {
        return hasAppendEntries() && unansweredEntries < (answered ? MAX_UNANSWERED : 1);
    }

    private boolean hasNews() {
        return news > told && unansweredEntries == 0;
    }

    @Override
    public CompletableFuture<LifeCycle.State> stopAsync() {
        CompletableFuture<LifeCycle.State> stopped = super.stopAsync();
        close(wire); // A write to a follower that takes nothing would go on.
        close(snapshotWire);
        return stopped;
    }

    private static void close(@Nullable LogWire wire) {
        if (wire != null) {
            wire.close();
        }
    }

    @Override
    public void run() throws IOException, InterruptedException {
        thread = Thread.currentThread();
        try {
            while (isRunning()) {
                if (hasWork()) {
                    work();
                }
                getLeaderState().checkHealth(getFollower());
                await();
            }
        } finally {
            close(wire);
        }
    }

    private void work() throws IOException, InterruptedException {
        // What is on its way would be lost to the follower with the snapshot.
        SnapshotInfo snapshot = unansweredEntries > 0 ? null : shouldInstallSnapshot();
        if (snapshot != null) {
            install(snapshot);
        }
        LogWire to = wire;
        if (to == null) {
            to = connect();
        }
        if (to != null && !send(to, snapshot != null || !sendsEntries())) {
            park(NOTHING_NANOS);
        }
    }

    private void await() throws InterruptedException {
        int failed = failures;
        if (failed > 0 && wire == null) {
            pause(pauseNanos(failed));
        } else if (!signalled && !hasWork()) {
            park(TimeUnit.MILLISECONDS.toNanos(getHeartbeatWaitTimeMs()));
        }
        signalled = false;
    }

    /** Waits, whatever is notified. */
    private void pause(long nanos) throws InterruptedException {
        long end = System.nanoTime() + nanos;
        for (long left = nanos; left > 0 && isRunning(); left = end - System.nanoTime()) {
            park(left);
        }
    }

    private static void park(long nanos) throws InterruptedException {
        LockSupport.parkNanos(nanos);
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
    }

    /** A follower that is away is tried again often enough that it is not behind for long when it comes back. */
    private static long pauseNanos(int failures) {
        return TimeUnit.MILLISECONDS.toNanos(failures <= 10 ? 1 : failures <= 60 ? 200 : failures <= 300 ? 1000 : 5000);
    }

    /** Returns a connection to the follower, or null if there is none to be had. */
    private @Nullable LogWire connect() {
        LogWire made = new LogWire(tls);
        synchronized (lock) {
            wire = made;
            answered = false;
        }
        if (!isRunning()) {
            close(made); // Whoever stopped this may have looked before.
        }
        try {
            made.connect(getFollower().getPeer().getAddress(), patience);
            made.readTimeout(patience);
        } catch (IOException | RuntimeException e) {
            failed(made, e);
            return null;
        }
        Thread reader = new Thread(() -> receive(made), this + "-answers");
        reader.setDaemon(true);
        reader.start();
        return made;
    }

    /** Returns false if there was nothing to send. */
    private boolean send(LogWire to, boolean heartbeat) throws IOException {
        AppendEntriesRequestProto request;
        synchronized (lock) {
            if (wire != to) {
                return true; // It has failed meanwhile.
            }
            request = newAppendEntriesRequest(callIds.getAndIncrement(), heartbeat);
            if (request == null) {
                return false;
            }
            int count = request.getEntriesCount();
            long first = count == 0
                    ? RaftLog.INVALID_LOG_INDEX
                    : request.getEntries(0).getIndex();
            Sent sent = new Sent(first, count == 0, request.getSerializedSize(), Timestamp.currentTime());
            unanswered.put(request.getServerRequest().getCallId(), sent);
            unansweredBytes += sent.bytes();
            told = Math.max(told, request.getLeaderCommit());
            if (count > 0) {
                unansweredEntries++;
                getFollower().increaseNextIndex(request.getEntries(count - 1).getIndex() + 1);
            }
        }
        resetHeartbeatTrigger();
        getFollower().updateLastRpcSendTime(request.getEntriesCount() == 0);
        try {
            to.write(LogWire.Kind.ENTRIES, request);
        } catch (IOException e) {
            failed(to, e);
        }
        return true;
    }

    private void receive(LogWire from) {
        Exception reason = new IOException("its answers cannot be read any more");
        try {
            Timestamp last = Timestamp.currentTime();
            while (wire == from) {
                if (from.awaitFrame()) {
                    LogWire.Frame frame = from.read();
                    last = Timestamp.currentTime();
                    if (frame.kind() != LogWire.Kind.ENTRIES) {
                        throw new IOException("the follower has refused it: " + frame.text());
                    }
                    received(from, frame.message(AppendEntriesReplyProto.parser()));
                } else {
                    assertSilenceIsShort(last);
                }
            }
        } catch (IOException | RuntimeException e) {
            reason = e;
        } finally {
            failed(from, reason);
        }
    }

    /** A follower that hangs is silent; one behind a slow link, too, while a large request is on its way. */
    private void assertSilenceIsShort(Timestamp last) throws IOException {
        synchronized (lock) {
            for (Sent oldest : unanswered.values()) {
                long silent = Math.min(last.elapsedTimeMs(), oldest.at().elapsedTimeMs());
                if (silent > patience.toMillis() + unansweredBytes / BYTES_PER_MILLI) {
                    throw new SocketTimeoutException("the follower has said nothing for " + silent + " ms");
                }
                return;
            }
        }
    }

    private void received(LogWire from, AppendEntriesReplyProto reply) throws IOException {
        FollowerInfo follower = getFollower();
        boolean hasMore = false;
        synchronized (lock) {
            if (wire != from) {
                return; // What it answers is sent again.
            }
            Sent sent = unanswered.remove(reply.getServerReply().getCallId());
            if (sent != null) {
                unansweredBytes -= sent.bytes();
                unansweredEntries -= sent.isHeartbeat() ? 0 : 1;
                follower.updateLastRespondedAppendEntriesSendTime(sent.at());
            }
            for (Sent oldest : unanswered.values()) {
                if (oldest.at().elapsedTimeMs() > LOST_MILLIS + unansweredBytes / BYTES_PER_MILLI) {
                    throw new IOException("the follower has not answered for " + LOST_MILLIS + " ms");
                }
                break;
            }
            failures = 0;
            follower.updateLastRpcResponseTime();
            switch (reply.getResult()) {
                case SUCCESS -> {
                    answered |= sent != null && !sent.isHeartbeat();
                    hasMore = follower.updateMatchIndex(reply.getMatchIndex());
                    if (hasMore) {
                        follower.updateNextIndex(reply.getMatchIndex() + 1);
                    }
                }
                case INCONSISTENCY -> {
                    // Of a request that was sent on the same wrong ground as one before, the answer says nothing new.
                    if (sent != null) {
                        restart(sent.firstIndex(), reply.getNextIndex());
                    }
                }
                case NOT_LEADER -> {
                    // What it is told of that takes other locks.
                }
                default -> throw new IOException("an answer with the result " + reply.getResult());
            }
        }
        switch (reply.getResult()) {
            case SUCCESS -> {
                if (hasMore) {
                    getLeaderState().onFollowerSuccessAppendEntries(follower);
                }
                getLeaderState().onFollowerCommitIndex(follower, reply.getFollowerCommit());
            }
            case NOT_LEADER -> {
                log.atInfo().addArgument(this).addArgument(reply.getTerm()).log("{}: the follower is in term {}");
                if (onFollowerTerm(reply.getTerm())) {
                    return;
                }
            }
            default -> {
                // There is nothing more to it.
            }
        }
        getLeaderState().onAppendEntriesReply(this, reply);
        notifyLogAppender();
    }

    /** Goes on where the follower has a place for entries; one at a time, until it has taken one. With the lock. */
    private void restart(long firstIndex, long nextIndex) {
        log.atInfo()
                .addArgument(this)
                .addArgument(firstIndex)
                .addArgument(nextIndex)
                .log("{}: the follower has no place for entry {} yet, its next is {}");
        answered = false;
        forget();
        getFollower().setNextIndex(getNextIndexForInconsistency(firstIndex, nextIndex));
    }

    /** With the lock. */
    private void forget() {
        unanswered.clear();
        unansweredBytes = 0;
        unansweredEntries = 0;
    }

    /** Gives a connection up; what was not answered is sent again. */
    private void failed(LogWire which, Exception reason) {
        which.close();
        int count;
        synchronized (lock) {
            if (wire != which) {
                return;
            }
            wire = null;
            answered = false;
            count = ++failures;
            told = -1;
            for (Sent sent : unanswered.values()) {
                if (!sent.isHeartbeat()) {
                    getFollower().computeNextIndex(getNextIndexForError(sent.firstIndex()));
                    break;
                }
            }
            forget();
        }
        if (isRunning()) {
            boolean first = count == 1 || count % LOGGED_EVERY == 0;
            (first ? log.atWarn() : log.atDebug())
                    .addArgument(this)
                    .addArgument(count)
                    .addArgument(reason instanceof EOFException ? reason.getMessage() : reason.toString())
                    .log("{}: failure {} in a row: {}");
        }
        wake();
    }

    /** Sends a snapshot; returns when the follower has it, or after a pause if it failed. */
    private void install(SnapshotInfo snapshot) throws InterruptedException {
        boolean first = failedSnapshots % LOGGED_EVERY == 0;
        (first ? log.atInfo() : log.atDebug())
                .addArgument(this)
                .addArgument(getFollower().getNextIndex())
                .addArgument(snapshot.getTermIndex())
                .log("{}: the log does not have entry {} any more, the follower gets the snapshot {}");
        pace.began();
        try (LogWire to = new LogWire(tls)) {
            snapshotWire = to;
            if (isRunning()) { // Whoever stopped this may have looked before.
                send(to, snapshot);
                failedSnapshots = 0;
                return;
            }
        } catch (IOException | RuntimeException e) {
            if (isRunning()) {
                (first ? log.atWarn() : log.atDebug())
                        .addArgument(this)
                        .addArgument(snapshot.getTermIndex())
                        .addArgument(e)
                        .log("{}: the snapshot {} could not be sent: {}");
            }
        } finally {
            snapshotWire = null;
            pace.ended();
        }
        failedSnapshots++;
        pause(SNAPSHOT_PAUSE_NANOS);
    }

    private void send(LogWire to, SnapshotInfo snapshot) throws IOException, InterruptedException {
        FollowerInfo follower = getFollower();
        long index = snapshot.getTermIndex().getIndex();
        to.connect(follower.getPeer().getAddress(), patience);
        to.readTimeout(SNAPSHOT_PATIENCE);
        for (InstallSnapshotRequestProto piece :
                newInstallSnapshotRequests(UUID.randomUUID().toString(), snapshot)) {
            pause(pace.take(piece.getSerializedSize()));
            if (!isRunning()) {
                throw new IOException("this node does not lead any more");
            }
            follower.updateLastRpcSendTime(false);
            InstallSnapshotReplyProto reply = to.ask(LogWire.Kind.SNAPSHOT, piece, InstallSnapshotReplyProto.parser());
            follower.updateLastRpcResponseTime();
            if (reply.getResult() == InstallSnapshotResult.ALREADY_INSTALLED) {
                break;
            }
            if (reply.getResult() == InstallSnapshotResult.NOT_LEADER) {
                boolean unused = onFollowerTerm(reply.getTerm());
            }
            if (reply.getResult() != InstallSnapshotResult.SUCCESS
                    && reply.getResult() != InstallSnapshotResult.IN_PROGRESS) {
                throw new IOException("the follower's answer is " + reply.getResult());
            }
        }
        follower.setAttemptedToInstallSnapshot();
        synchronized (lock) {
            forget();
            follower.setSnapshotIndex(index);
        }
        getLeaderState().onFollowerCommitIndex(follower, index);
        log.atInfo().addArgument(this).addArgument(snapshot.getTermIndex()).log("{}: the follower has the snapshot {}");
    }
}
