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
    private record Sent(long firstIndex, boolean isHeartbeat, Timestamp at) {}

    private static final Logger log = LoggerFactory.getLogger(EntrySender.class);
    /** How many requests with entries may be unanswered. */
    private static final int MAX_UNANSWERED = 8;

    /** An answer that is late while others come: the follower's disk hangs, or the answer is lost. */
    private static final long LOST_MILLIS = 30_000;
    /** At most so long the follower may take for a piece of a snapshot; with the last one it begins to use it. */
    private static final Duration SNAPSHOT_PATIENCE = Duration.ofSeconds(30);

    private static final int LOGGED_EVERY = 100;
    /** Until it is looked again whether an entry can be sent, where there should have been one. */
    private static final long NOTHING_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

    private final @Nullable LogTls tls;
    private final Duration patience;
    private final SnapshotPace pace;
    private final AtomicLong callIds = new AtomicLong();

    private final Object lock = new Object();
    /** By their call ids, in the order in which they were sent. Guarded by lock. */
    private final Map<Long, Sent> unanswered = new LinkedHashMap<>();

    // Written with the lock.
    private volatile int unansweredEntries;
    private volatile @Nullable LogWire wire;
    private volatile boolean answered;
    private volatile int failures;

    /** Closed when this is to stop. */
    private volatile @Nullable LogWire snapshotWire;
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
        news = index;
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
        SnapshotInfo snapshot = shouldInstallSnapshot();
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
            long end = System.nanoTime() + pauseNanos(failed);
            for (long left = end - System.nanoTime(); left > 0 && isRunning(); left = end - System.nanoTime()) {
                park(left);
            }
        } else if (!signalled && !hasWork()) {
            park(TimeUnit.MILLISECONDS.toNanos(getHeartbeatWaitTimeMs()));
        }
        signalled = false;
    }

    private static void park(long nanos) throws InterruptedException {
        LockSupport.parkNanos(nanos);
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
    }

    /** A follower that is away is tried again often enough that it is not behind for long when it comes back. */
    private static long pauseNanos(int failures) {
        return TimeUnit.MILLISECONDS.toNanos(failures <= 10 ? 1 : failures <= 60 ? 200 : 1000);
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
            unanswered.put(
                    request.getServerRequest().getCallId(), new Sent(first, count == 0, Timestamp.currentTime()));
            if (count > 0) {
                unansweredEntries++;
                getFollower().increaseNextIndex(request.getEntries(count - 1).getIndex() + 1);
            }
        }
        resetHeartbeatTrigger();
        getFollower().updateLastRpcSendTime(request.getEntriesCount() == 0);
        told = request.getLeaderCommit();
        try {
            to.write(LogWire.Kind.ENTRIES, request);
        } catch (IOException e) {
            failed(to, e);
        }
        return true;
    }

    private void receive(LogWire from) {
        try {
            while (wire == from) {
                if (from.awaitFrame()) {
                    LogWire.Frame frame = from.read();
                    if (frame.kind() != LogWire.Kind.ENTRIES) {
                        throw new IOException("the follower has refused it: " + frame.text());
                    }
                    received(frame.message(AppendEntriesReplyProto.parser()));
                } else if (isWaiting()) {
                    throw new SocketTimeoutException(
                            "the follower has said nothing for " + patience.toMillis() + " ms");
                }
            }
        } catch (IOException | RuntimeException e) {
            failed(from, e);
        }
    }

    /** Returns whether there is something that the follower should have said. */
    private boolean isWaiting() {
        synchronized (lock) {
            return !unanswered.isEmpty();
        }
    }

    private void received(AppendEntriesReplyProto reply) throws IOException {
        Sent sent;
        synchronized (lock) {
            sent = unanswered.remove(reply.getServerReply().getCallId());
            if (sent != null && !sent.isHeartbeat()) {
                unansweredEntries--;
            }
            for (Sent oldest : unanswered.values()) {
                if (oldest.at().elapsedTimeMs() > LOST_MILLIS) {
                    throw new IOException("the follower has not answered for " + LOST_MILLIS + " ms");
                }
                break;
            }
            answered = true;
            failures = 0;
        }
        FollowerInfo follower = getFollower();
        if (sent != null) {
            follower.updateLastRespondedAppendEntriesSendTime(sent.at());
        }
        follower.updateLastRpcResponseTime();
        switch (reply.getResult()) {
            case SUCCESS -> {
                if (follower.updateMatchIndex(reply.getMatchIndex())) {
                    follower.updateNextIndex(reply.getMatchIndex() + 1);
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
            case INCONSISTENCY -> {
                long first = sent == null ? RaftLog.INVALID_LOG_INDEX : sent.firstIndex();
                log.atInfo()
                        .addArgument(this)
                        .addArgument(first)
                        .addArgument(reply.getNextIndex())
                        .log("{}: the follower has no place for entry {} yet, its next is {}");
                synchronized (lock) {
                    forget();
                    follower.setNextIndex(getNextIndexForInconsistency(first, reply.getNextIndex()));
                }
            }
            default -> throw new IOException("an answer with the result " + reply.getResult());
        }
        getLeaderState().onAppendEntriesReply(this, reply);
        notifyLogAppender();
    }

    /** With the lock. */
    private void forget() {
        unanswered.clear();
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

    /** Sends a snapshot; returns when the follower has it, or it failed. */
    private void install(SnapshotInfo snapshot) throws InterruptedException {
        FollowerInfo follower = getFollower();
        log.atInfo()
                .addArgument(this)
                .addArgument(follower.getNextIndex())
                .addArgument(snapshot.getTermIndex())
                .log("{}: the log does not have entry {} any more, the follower gets the snapshot {}");
        pace.began();
        try (LogWire to = new LogWire(tls)) {
            snapshotWire = to;
            to.connect(follower.getPeer().getAddress(), patience);
            to.readTimeout(SNAPSHOT_PATIENCE);
            for (InstallSnapshotRequestProto piece :
                    newInstallSnapshotRequests(UUID.randomUUID().toString(), snapshot)) {
                pace.await(piece.getSerializedSize());
                if (!isRunning()) {
                    return;
                }
                follower.updateLastRpcSendTime(false);
                InstallSnapshotReplyProto reply =
                        to.ask(LogWire.Kind.SNAPSHOT, piece, InstallSnapshotReplyProto.parser());
                follower.updateLastRpcResponseTime();
                if (!goesOn(reply)) {
                    return;
                }
            }
            follower.setAttemptedToInstallSnapshot();
            follower.setSnapshotIndex(snapshot.getTermIndex().getIndex());
            log.atInfo()
                    .addArgument(this)
                    .addArgument(snapshot.getTermIndex())
                    .log("{}: the follower has the snapshot {}");
        } catch (IOException | RuntimeException e) {
            if (isRunning()) {
                log.atWarn()
                        .addArgument(this)
                        .addArgument(snapshot.getTermIndex())
                        .addArgument(e)
                        .log("{}: the snapshot {} could not be sent: {}");
                park(pauseNanos(LOGGED_EVERY));
            }
        } finally {
            snapshotWire = null;
            pace.ended();
        }
    }

    private boolean goesOn(InstallSnapshotReplyProto reply) throws IOException {
        FollowerInfo follower = getFollower();
        switch (reply.getResult()) {
            case SUCCESS, IN_PROGRESS -> {
                return true;
            }
            case NOT_LEADER -> {
                boolean unused = onFollowerTerm(reply.getTerm());
                return false;
            }
            case ALREADY_INSTALLED -> {
                follower.setSnapshotIndex(reply.getSnapshotIndex());
                follower.setAttemptedToInstallSnapshot();
                getLeaderState().onFollowerCommitIndex(follower, reply.getSnapshotIndex());
                return false;
            }
            default -> throw new IOException("the follower's answer is " + reply.getResult());
        }
    }
}
