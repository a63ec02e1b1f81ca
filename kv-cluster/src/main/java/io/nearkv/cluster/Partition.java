package io.nearkv.cluster;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.rocksdb.ReplicaCommand;
import io.nearkv.core.rocksdb.ReplicaStore;
import io.nearkv.core.rocksdb.RocksStoreOptions;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Collectors;
import org.apache.ratis.protocol.ClientId;
import org.apache.ratis.protocol.Message;
import org.apache.ratis.protocol.RaftClientAsynchronousProtocol;
import org.apache.ratis.protocol.RaftClientReply;
import org.apache.ratis.protocol.RaftClientRequest;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.protocol.SetConfigurationRequest;
import org.apache.ratis.protocol.SnapshotManagementRequest;
import org.apache.ratis.protocol.TransferLeadershipRequest;
import org.apache.ratis.server.DivisionInfo;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.impl.Candidacy;
import org.apache.ratis.statemachine.TransactionContext;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteString;
import org.apache.ratis.thirdparty.com.google.protobuf.UnsafeByteOperations;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One replicated log and this node's replica of its state. Commands that wait are put together into few entries, of which one is under way at
 * a time, two if they are full: while they travel, the next one collects. Only the node that leads proposes.
 *
 * <p>What became of an entry is learned when it is applied here. A node that loses the leadership goes on to follow the log: either its entry is applied under its index
 * after all, or another entry is, and then it is certain that it never will be.
 *
 * <p>Thread-safe.
 */
final class Partition implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Partition.class);
    private static final int MAX_UNDER_WAY = 2;
    private static final int ENTRY_BYTES = 512 << 10;
    private static final int ENTRY_COMMANDS = 4096;
    /** Together about a tenth of what an entry takes. */
    private static final long COMPANY_NANOS = TimeUnit.MICROSECONDS.toNanos(50);

    private static final int COMPANY_LOOKS = 2;
    /** For how long followers wait for the next entry to tell them that the last one is committed, if it is expected. */
    private static final long NEWS_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    private static final long SNAPSHOT_PATIENCE_MILLIS = 60_000;

    private final int number;
    private final RaftGroupId group;
    private final RaftPeerId self;
    private final ClusterOptions options;
    private final InstantSource clock;
    private final RocksStoreOptions storeOptions;
    private final ClusterLayout layout;
    private final Path beginning;
    /** Another one each time this node comes to hold the log. */
    private volatile PartitionStateMachine stateMachine;

    private final ClientId clientId = ClientId.randomId();
    private final ByteString clientIdBytes = clientId.toByteString();
    private final AtomicLong callIds = new AtomicLong();
    private final Map<Long, Entry> underWay = new ConcurrentHashMap<>();
    private final AtomicLong waiterIds = new AtomicLong();
    private final Map<Long, CompletableFuture<Void>> leadershipWaiters = new ConcurrentHashMap<>();
    private final Visibility visibility;
    private final ReadLease lease;
    private final CommitNews news = new CommitNews();
    private final Thread proposer;
    private volatile @Nullable RaftServer server;
    private volatile @Nullable KvException failure;
    private volatile boolean ended;
    /** Whether the replica follows the log: only then it answers anybody, however weak the read. */
    private volatile boolean serving;
    /** Whether this node is no member, whatever the log here says, as is the next. */
    private volatile boolean dropped;

    private volatile boolean expelled;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    /** Guarded by lock, as are the next five. */
    private final ArrayDeque<Proposal> queue = new ArrayDeque<>();

    private long queuedBytes;
    private int entriesUnderWay;
    /** For how many commands the next entry waits a moment. */
    private int company;
    /** The last entry of this node that is committed, and of which the followers have not been told that; or -1. */
    private long untold = -1;

    private long settledNanos = System.nanoTime();
    /** Whether the last entry came so soon after the one before that the next is expected to tell of it. */
    private boolean soon;

    private boolean closed;

    private final SnapshotSchedule snapshots;
    /** Its last entry, or -1; all that it has is old once the next one is due by age. */
    private volatile long latestSnapshot = -1;

    /** How long a leader may be silent until this node stands for election; another one each time, so that not all stand at once. */
    private volatile long patienceMillis;
    // Of the thread that ticks.
    private long lastTickNanos = System.nanoTime();
    private long watchedSinceNanos = lastTickNanos;
    /** How many times in a row this node was no member. */
    private int absences;

    private final LongAdder entries = new LongAdder();
    private final LongAdder commands = new LongAdder();
    private final LongAdder unknown = new LongAdder();

    /**
     * Makes it; it begins with {@link #start}.
     *
     * @param number of the log
     * @param beginning where the snapshot is that the log begins with, if it begins with one
     */
    Partition(
            int number,
            RaftPeerId self,
            ClusterOptions options,
            RocksStoreOptions storeOptions,
            ClusterLayout layout,
            Path beginning) {
        this.number = number;
        this.beginning = beginning;
        this.group = RaftGroupId.valueOf(layout.log(number));
        this.storeOptions = storeOptions;
        this.layout = layout;
        this.self = self;
        this.options = options;
        this.clock = options.clock();
        this.stateMachine = new PartitionStateMachine(storeOptions, layout, beginning, new Listener());
        this.visibility = new Visibility(this::shownReplica);
        this.lease = new ReadLease(options.electionTimeout());
        this.patienceMillis = newPatience();
        this.snapshots = new SnapshotSchedule(options, System::nanoTime);
        this.proposer = new Thread(this::run, "nearkv-proposer-" + number);
        proposer.setDaemon(true);
    }

    private void serving(boolean isMember) {
        boolean ends = serving && !isMember;
        serving = isMember;
        if (ends) {
            visibility.ended();
        }
    }

    /** Serves nothing any more: the log here is about to be removed. */
    void leave() {
        dropped = true;
        serving(false);
    }

    /** Says that this node is no member, by what others know: it was away when that was decided, and its own log does not say so. */
    void expelled(boolean isExpelled) {
        expelled = isExpelled;
        if (isExpelled) {
            serving(false);
        }
    }

    /** Returns whether this node is a member, and will be one when the change of members is over that is under way: whoever is removed need not be told of the end. */
    boolean isMember() {
        return isMember(division());
    }

    private boolean isMember(RaftServer.@Nullable Division division) {
        return !dropped
                && !expelled
                && division != null
                && division.getRaftConf() != null
                && division.getRaftConf().getCurrentPeers().stream()
                        .anyMatch(peer -> peer.getId().equals(self));
    }

    private void judgeMembership(RaftServer.@Nullable Division division) {
        absences = isMember(division) ? 0 : absences + 1;
        // When an entry is sent again, Ratis takes its members back for a moment.
        if (absences == 0 || absences > 1) {
            serving(absences == 0);
        }
    }

    boolean serves() {
        return serving;
    }

    Visibility visibility() {
        return visibility;
    }

    CommitNews news() {
        return news;
    }

    private @Nullable ReplicaStore shownReplica() {
        return serving ? stateMachine.store() : null;
    }

    PartitionStateMachine stateMachine() {
        return stateMachine;
    }

    /** Returns what Ratis is to drive from now on. */
    PartitionStateMachine newStateMachine() {
        failure = null;
        dropped = false;
        PartitionStateMachine made = new PartitionStateMachine(storeOptions, layout, beginning, new Listener());
        stateMachine = made;
        return made;
    }

    int number() {
        return number;
    }

    /** Returns its name in messages. */
    String label() {
        return layout.logs() == 1 || number == 0 ? "the cluster" : "partition " + number;
    }

    RaftPeerId self() {
        return self;
    }

    ClientId clientId() {
        return clientId;
    }

    long nextCallId() {
        return callIds.incrementAndGet();
    }

    RaftGroupId group() {
        return group;
    }

    void start(RaftServer running) {
        server = running;
        serving(isMember());
        proposer.start();
    }

    private RaftServer server() {
        RaftServer running = server;
        if (running == null) {
            throw new IllegalStateException("not started");
        }
        return running;
    }

    /** Returns Ratis' view of this partition, or null if it is not there: not started yet, stopped after a failure, or removed. */
    RaftServer.@Nullable Division division() {
        RaftServer running = server;
        if (running == null) {
            return null;
        }
        try {
            return running.getDivision(group);
        } catch (IOException e) {
            return null;
        }
    }

    /** Returns who leads as far as this node knows, or null. */
    @Nullable
    RaftPeerId leader() {
        RaftServer.Division division = division();
        return division == null || !division.getInfo().isAlive()
                ? null
                : division.getInfo().getLeaderId();
    }

    /** Returns whether this node leads and has applied all that its predecessors have committed. */
    boolean leads() {
        RaftServer.Division division = division();
        if (division == null) {
            return false;
        }
        DivisionInfo info = division.getInfo();
        return info.isAlive() && info.isLeader() && info.isLeaderReady();
    }

    /**
     * Returns whether this node has been elected, and will lead if it does not already: what is submitted now waits until it does. To be refused and come again takes longer.
     */
    boolean isElected() {
        RaftServer.Division division = division();
        return division != null
                && division.getInfo().isAlive()
                && division.getInfo().isLeader();
    }

    /** Completes at the next change of the leadership, or never. Whoever does not wait for it any longer cancels it. */
    CompletableFuture<Void> leadershipChange() {
        CompletableFuture<Void> waiter = new CompletableFuture<>();
        long id = waiterIds.incrementAndGet();
        leadershipWaiters.put(id, waiter);
        var unused = waiter.whenComplete((nothing, failed) -> leadershipWaiters.remove(id));
        return waiter;
    }

    /**
     * Returns the replica.
     *
     * @throws KvException {@link ErrorCode#UNAVAILABLE} if there is none at the moment
     */
    ReplicaStore replica() {
        ReplicaStore store = stateMachine.store();
        if (store == null) {
            KvException reason = failure;
            throw reason != null
                    ? new KvException(ErrorCode.UNAVAILABLE, "this node has failed: " + reason.getMessage(), reason)
                    : new KvException(ErrorCode.UNAVAILABLE, "this node has no replica at the moment");
        }
        return store;
    }

    /** Returns why this node cannot go on, or null. */
    @Nullable
    KvException failure() {
        return failure;
    }

    /** The refusal of a node that does not lead: nothing has happened, and it does not say when to come back, because another node may be ready now. */
    static KvException notLeader(@Nullable RaftPeerId leader) {
        return new KvException(
                ErrorCode.UNAVAILABLE,
                leader == null
                        ? "this node does not lead, and knows of nobody who does (expected: a majority of the nodes)"
                        : "this node does not lead; node '" + Disk.node(leader) + "' does");
    }

    /** Returns whether the replica here, of a node that leads, shows everything that was acknowledged before this call. */
    boolean isCurrent() {
        if (!lease.holds(System.nanoTime()) || !leads()) {
            return false;
        }
        // Another node may have learned of a commit, and told a client, before it is applied here.
        RaftServer.Division division = division();
        return division != null
                && division.getInfo().getLastAppliedIndex()
                        >= division.getRaftLog().getLastCommittedIndex()
                && lease.holds(System.nanoTime());
    }

    /** Completes once everything that was acknowledged before this call is applied to the replica of this node, which leads. */
    CompletableFuture<?> barrier(Duration timeout) {
        return submit(new Proposal(null, System.nanoTime() + timeout.toNanos()), false);
    }

    /** Proposes a command. */
    CompletableFuture<@Nullable Object> propose(ReplicaCommand command, Duration timeout, boolean makesRoom) {
        return submit(new Proposal(command, System.nanoTime() + timeout.toNanos()), makesRoom);
    }

    private Proposal submit(Proposal proposal, boolean makesRoom) {
        KvException refusal = isElected() ? null : notLeader(leader());
        ReplicaStore store = stateMachine.store();
        if (refusal == null && proposal.command != null && store != null) {
            refusal = store.writeRefusal(proposal.bytes.length, makesRoom);
        }
        lock.lock();
        try {
            if (closed) {
                refusal = new KvException(ErrorCode.UNAVAILABLE, "the node is shutting down");
            } else if (refusal == null
                    && (queue.size() >= options.queueRequests()
                            || (queuedBytes + proposal.bytes.length > options.queueBytes() && !queue.isEmpty()))) {
                refusal = new KvException(
                        ErrorCode.UNAVAILABLE,
                        "overloaded: " + queue.size() + " write requests of " + queuedBytes
                                + " bytes wait (expected: at most " + options.queueRequests() + " of "
                                + options.queueBytes() + " bytes)",
                        null,
                        Duration.ofMillis(100),
                        null);
            }
            if (refusal == null) {
                queue.add(proposal);
                queuedBytes += proposal.bytes.length;
                if (mayGo()) {
                    changed.signal();
                }
            }
        } finally {
            lock.unlock();
        }
        if (refusal != null) {
            proposal.completeExceptionally(refusal);
        }
        return proposal;
    }

    private void run() {
        List<Proposal> taken = new ArrayList<>();
        while (take(taken)) {
            try {
                propose(taken);
            } catch (RuntimeException e) {
                log.atError().setCause(e).log("an entry could not be proposed");
                KvException reason = KvException.from(e);
                taken.forEach(proposal -> proposal.completeExceptionally(reason));
            }
            taken.clear();
        }
    }

    /** Waits for proposals and for room in the log; returns false at the end. */
    private boolean take(List<Proposal> taken) {
        lock.lock();
        try {
            while (!closed && (!mayGo() || (isElected() && !leads()))) {
                long left = settledNanos + NEWS_NANOS - System.nanoTime();
                if (untold < 0) {
                    changed.awaitUninterruptibly();
                } else if (left > 0) {
                    long unused = changed.awaitNanos(left);
                } else {
                    tellUntold();
                }
            }
            awaitCompany();
            if (closed) {
                return false;
            }
            soon = entriesUnderWay > 0 || System.nanoTime() - settledNanos < NEWS_NANOS;
            int bytes = CommandCodec.HEADER_BYTES;
            while (!queue.isEmpty() && taken.size() < ENTRY_COMMANDS) {
                Proposal next = queue.peek();
                if (!taken.isEmpty() && bytes + next.bytes.length > ENTRY_BYTES) {
                    break;
                }
                queue.remove();
                bytes += next.bytes.length;
                queuedBytes -= next.bytes.length;
                taken.add(next);
            }
            entriesUnderWay++;
            company = taken.size() * 3 / 4;
            return true;
        } catch (InterruptedException e) {
            throw new IllegalStateException("nobody interrupts the proposer", e);
        } finally {
            lock.unlock();
        }
    }

    /** Tells the followers what the next entry would have told, if it has not come. With the lock, and without while it does. */
    private void tellUntold() {
        long index = untold;
        untold = -1;
        lock.unlock();
        try {
            tell(index);
        } finally {
            lock.lock();
        }
    }

    private long untold() {
        lock.lock();
        try {
            return untold;
        } finally {
            lock.unlock();
        }
    }

    /** The entry that was handed to the log tells it. */
    private void toldUpTo(long index) {
        lock.lock();
        try {
            if (untold == index) { // And not of that very entry.
                untold = -1;
            }
        } finally {
            lock.unlock();
        }
    }

    private void tell(long index) {
        try {
            news.tell(index);
        } catch (RuntimeException e) {
            log.atDebug().setCause(e).log("the log is not there any more"); // Nobody follows it here then.
        }
    }

    /** Returns whether the next entry may go: at once if none is under way, and beside another only if it is full. With the lock. */
    private boolean mayGo() {
        boolean full = queue.size() >= ENTRY_COMMANDS || queuedBytes >= ENTRY_BYTES;
        return !queue.isEmpty() && (entriesUnderWay == 0 || (full && entriesUnderWay < MAX_UNDER_WAY));
    }

    /**
     * Waits a moment for those who have just had their answer from the last entry, and are about to write again: an entry costs the same for one as for all of them. The first to come
     * would otherwise have one to itself, for which all others had to wait. With the lock.
     */
    private void awaitCompany() {
        for (int look = 0; look < COMPANY_LOOKS && !closed && queue.size() < company; look++) {
            lock.unlock();
            try {
                LockSupport.parkNanos(COMPANY_NANOS);
            } finally {
                lock.lock();
            }
        }
    }

    private void propose(List<Proposal> taken) {
        long now = System.nanoTime();
        List<Proposal> inTime = new ArrayList<>(taken.size());
        int bytes = CommandCodec.HEADER_BYTES;
        for (Proposal proposal : taken) {
            if (now - proposal.deadlineNanos > 0) {
                proposal.completeExceptionally(new KvException(
                        ErrorCode.DEADLINE_EXCEEDED,
                        "the deadline passed while the write waited in the queue; it was not applied"));
            } else if (!proposal.isDone()) {
                inTime.add(proposal);
                bytes += proposal.bytes.length;
            }
        }
        Entry entry = new Entry(callIds.incrementAndGet(), inTime);
        if (inTime.isEmpty()) {
            settled(entry);
            return;
        }
        ByteBuffer content = ByteBuffer.allocate(bytes);
        CommandCodec.putHeader(content, clock.millis());
        for (Proposal proposal : inTime) {
            content.put(proposal.bytes);
        }
        entries.increment();
        commands.add(inTime.size());
        underWay.put(entry.callId, entry);
        if (ended) {
            closed(); // Again, for this one: nobody else will.
            return;
        }
        RaftClientRequest request = RaftClientRequest.newBuilder()
                .setClientId(clientId)
                .setServerId(self)
                .setGroupId(group)
                .setCallId(entry.callId)
                .setMessage(Message.valueOf(UnsafeByteOperations.unsafeWrap(content.flip())))
                .setType(RaftClientRequest.writeRequestType())
                .build();
        CompletableFuture<RaftClientReply> reply;
        long before = untold();
        try {
            reply = submit(request);
        } catch (IOException | RuntimeException e) {
            replied(entry, e);
            return;
        }
        toldUpTo(before);
        var unused = reply.whenComplete((answer, failed) -> {
            if (failed != null) {
                replied(entry, failed);
            } else if (!answer.isSuccess()) {
                replied(entry, answer.getException());
            }
        });
    }

    /** By the division: the server would do it in another thread. */
    private CompletableFuture<RaftClientReply> submit(RaftClientRequest request) throws IOException {
        if (server().getDivision(group) instanceof RaftClientAsynchronousProtocol division) {
            return division.submitClientRequestAsync(request);
        }
        throw new IllegalStateException("this version of Ratis takes no requests at a division");
    }

    /** Ratis says that it did not work. If the entry is in the log, only the log can tell what becomes of it. */
    private void replied(Entry entry, @Nullable Throwable failed) {
        if (entry.place() == null) {
            underWay.remove(entry.callId);
            log.atDebug().setCause(failed).log("an entry was refused");
            entry.failed(notLeader(leader()));
        }
        settled(entry);
    }

    /** Has the followers told that an entry of this node is committed: by the next one, or without. */
    private void committed(long index) {
        boolean now;
        lock.lock();
        try {
            settledNanos = System.nanoTime();
            now = !soon && queue.isEmpty();
            untold = now ? -1 : index;
            changed.signal();
        } finally {
            lock.unlock();
        }
        if (now) {
            tell(index);
        }
    }

    /** Lets the next entry go. */
    private void settled(Entry entry) {
        if (entry.settle()) {
            lock.lock();
            try {
                entriesUnderWay--;
                changed.signal();
            } finally {
                lock.unlock();
            }
        }
    }

    /** As Ratis draws its election timeouts. */
    private long newPatience() {
        long shortest = options.electionTimeout().toMillis();
        return shortest + ThreadLocalRandom.current().nextLong(shortest / 2 + 1);
    }

    /** Stands for election if it is time. */
    private void watchLeader(RaftServer.@Nullable Division division, long now) {
        long patienceNanos = TimeUnit.MILLISECONDS.toNanos(patienceMillis);
        if (now - lastTickNanos > patienceNanos / 2) {
            watchedSinceNanos = now; // This process stood still: what the leader has sent may lie unread.
        }
        lastTickNanos = now;
        if (division != null && now - watchedSinceNanos > patienceNanos && Candidacy.stand(division, patienceMillis)) {
            watchedSinceNanos = now;
            patienceMillis = newPatience();
        }
    }

    /** Has the proposer look whether it may go on. */
    private void wakeProposer() {
        lock.lock();
        try {
            if (!queue.isEmpty() && entriesUnderWay == 0) {
                changed.signal();
            }
        } finally {
            lock.unlock();
        }
    }

    /** Notes whether this node is a member, stands for election, gives up waiting for entries whose deadline is over, and for room in the log, and takes a snapshot, if it is time. Called every few milliseconds. */
    void tick() {
        RaftServer.Division division = division(); // Once: that there is none costs Ratis an exception.
        judgeMembership(division);
        takeSnapshotIfDue();
        long now = System.nanoTime();
        watchLeader(division, now);
        wakeProposer(); // Not every change of the leadership is told.
        expireQueued(now);
        for (Entry entry : List.copyOf(underWay.values())) {
            boolean waited = false;
            for (Proposal proposal : entry.proposals) {
                if (!proposal.isDone()) {
                    if (now - proposal.deadlineNanos > 0) {
                        proposal.completeExceptionally(proposal.command == null ? noMajority() : outcomeUnknown());
                    } else {
                        waited = true;
                    }
                }
            }
            if (!waited) {
                underWay.remove(entry.callId);
                settled(entry);
            }
        }
    }

    private KvException outcomeUnknown() {
        unknown.increment();
        return new KvException(
                ErrorCode.OUTCOME_UNKNOWN,
                "no majority of the nodes has answered in time; the write may or may not happen");
    }

    private static KvException noMajority() {
        return new KvException(
                ErrorCode.UNAVAILABLE, "no majority of the nodes has answered in time; nothing has happened");
    }

    /** Refuses what waits in the queue beyond its deadline, while nothing goes on. */
    private void expireQueued(long now) {
        List<Proposal> expired = new ArrayList<>();
        lock.lock();
        try {
            for (Iterator<Proposal> all = queue.iterator(); all.hasNext(); ) {
                Proposal proposal = all.next();
                if (now - proposal.deadlineNanos > 0) {
                    all.remove();
                    queuedBytes -= proposal.bytes.length;
                    expired.add(proposal);
                }
            }
        } finally {
            lock.unlock();
        }
        expired.forEach(proposal -> proposal.completeExceptionally(noMajority()));
    }

    /** Returns the number of commands that wait for an entry. */
    int queued() {
        lock.lock();
        try {
            return queue.size();
        } finally {
            lock.unlock();
        }
    }

    long entries() {
        return entries.sum();
    }

    long commands() {
        return commands.sum();
    }

    long unknown() {
        return unknown.sum();
    }

    @Override
    public void close() {
        List<Proposal> left;
        lock.lock();
        try {
            closed = true;
            left = new ArrayList<>(queue);
            queue.clear();
            queuedBytes = 0;
            changed.signal();
        } finally {
            lock.unlock();
        }
        KvException closing = new KvException(ErrorCode.UNAVAILABLE, "the node is shutting down");
        left.forEach(proposal -> proposal.completeExceptionally(closing));
        leadershipWaiters.values().forEach(waiter -> waiter.complete(null));
    }

    /** After Ratis has stopped: what was under way has no outcome here any more. */
    void closed() {
        ended = true;
        for (Entry entry : List.copyOf(underWay.values())) {
            entry.failed(new KvException(
                    ErrorCode.OUTCOME_UNKNOWN, "the node has stopped; the write may or may not happen"));
        }
        underWay.clear();
    }

    private final class Listener implements PartitionStateMachine.Listener {
        @Override
        public @Nullable Entry proposed(ByteString client, long callId) {
            return client.equals(clientIdBytes) ? underWay.get(callId) : null;
        }

        @Override
        public void appending(ByteString client, long callId, TransactionContext context) {
            Entry entry = proposed(client, callId);
            if (entry != null) {
                entry.context = context;
            }
        }

        @Override
        public void applied(
                ReplicaStore.LogIndex at, int bytes, @Nullable Entry entry, List<ReplicaStore.Outcome> outcomes) {
            if (entry != null) {
                underWay.remove(entry.callId);
                committed(at.index());
                settled(entry);
                renewLease(at, entry);
                entry.applied(outcomes);
            } else if (isElected()) {
                tell(at.index());
            }
            overtaken(at);
            visibility.applied();
            snapshots.applied(bytes);
            takeSnapshotIfDue();
        }

        private void renewLease(ReplicaStore.LogIndex at, Entry entry) {
            RaftServer.Division division = division();
            if (division != null && division.getInfo().getCurrentTerm() == at.term() && leads()) {
                lease.committed(at.term(), entry.submittedNanos);
            }
        }

        /** Another entry has the place of one of ours: that one is gone, and can be proposed again. */
        private void overtaken(ReplicaStore.LogIndex at) {
            if (underWay.isEmpty()) {
                return;
            }
            for (Entry entry : List.copyOf(underWay.values())) {
                ReplicaStore.LogIndex place = entry.place();
                if (place != null && place.index() <= at.index()) {
                    underWay.remove(entry.callId);
                    settled(entry);
                    entry.failed(notLeader(leader()));
                }
            }
        }

        @Override
        public void started(boolean isAhead) {
            snapshots.restart();
            latestSnapshot = -1;
            if (isAhead) {
                snapshots.applied(0);
            }
        }

        @Override
        public void installed(ReplicaStore.LogIndex at) {
            visibility.applied();
            for (Entry entry : List.copyOf(underWay.values())) {
                ReplicaStore.LogIndex place = entry.place();
                if (place != null && place.index() <= at.index()) {
                    underWay.remove(entry.callId);
                    settled(entry);
                    unknown.increment();
                    entry.failed(
                            new KvException(
                                    ErrorCode.OUTCOME_UNKNOWN,
                                    "this node went on from a snapshot of another one; the write may or may not have happened"));
                }
            }
        }

        @Override
        public void leadershipChanged() {
            if (!leads()) {
                lease.ended();
            }
            patienceMillis = newPatience();
            wakeProposer();
            leadershipWaiters.values().forEach(waiter -> waiter.complete(null));
        }

        @Override
        public void failed(KvException reason) {
            fail(reason);
        }
    }

    private void takeSnapshotIfDue() {
        RaftServer running = server;
        SnapshotSchedule.Reason due = running == null ? null : snapshots.due();
        if (running == null || due == null || division() == null) {
            return;
        }
        var unused = snapshot(running).whenComplete((index, failed) -> {
            if (index != null && failed == null) {
                snapshotTaken(due, index);
            } else {
                snapshots.applied(0); // What waits for it gets older.
                log.atWarn().setCause(failed).log("no snapshot was taken");
            }
        });
    }

    private CompletableFuture<Long> snapshot(RaftServer running) {
        return running.snapshotManagementAsync(SnapshotManagementRequest.newCreate(
                        clientId, self, group, callIds.incrementAndGet(), SNAPSHOT_PATIENCE_MILLIS, 1))
                .thenApply(answer -> {
                    if (!answer.isSuccess()) {
                        throw new KvException(
                                ErrorCode.UNAVAILABLE,
                                "no snapshot of " + label() + " could be taken: " + answer.getException(),
                                answer.getException());
                    }
                    return answer.getLogIndex();
                });
    }

    /** Has a snapshot taken that has all that is applied now, unless the newest has; returns the last entry that is in it. */
    CompletableFuture<Long> snapshot() {
        RaftServer running = server();
        long needed = replica().applied().index();
        // If one is being taken already, the answer is for that, and it may have begun before.
        return snapshot(running)
                .thenCompose(index -> index >= needed ? CompletableFuture.completedFuture(index) : snapshot(running));
    }

    /** Cuts the log, where a member that is away has kept Ratis from it. Only whole files go, and never the one that is written. */
    private void snapshotTaken(SnapshotSchedule.Reason reason, long index) {
        RaftServer.Division division = division();
        if (division != null) {
            long cut = reason == SnapshotSchedule.Reason.AGE ? latestSnapshot : index - options.retainedEntries();
            var unused = division.getRaftLog().purge(cut); // It logs what fails, and the next snapshot cuts it too.
        }
        latestSnapshot = index;
    }

    /** Returns the members, as this node knows them. */
    Collection<RaftPeer> members() {
        RaftServer.Division division = division();
        return division == null || division.getRaftConf() == null
                ? List.of()
                : division.getRaftConf().getAllPeers();
    }

    /** Has the members changed; the answer comes when the change is committed, or is given up. */
    CompletableFuture<RaftClientReply> configure(SetConfigurationRequest.Arguments members) throws IOException {
        return server().setConfigurationAsync(
                        new SetConfigurationRequest(clientId, self, group, callIds.incrementAndGet(), members));
    }

    /** Has another member lead; the answer comes when it does, or the time is over. */
    CompletableFuture<RaftClientReply> transfer(RaftPeerId to, Duration timeout) throws IOException {
        RaftServer.Division division = division();
        lease.givenUp(division == null ? Long.MAX_VALUE : division.getInfo().getCurrentTerm());
        return server().transferLeadershipAsync(new TransferLeadershipRequest(
                clientId, self, group, callIds.incrementAndGet(), to, timeout.toMillis()));
    }

    /** Returns the names of those followers that have not answered this node, which leads, for an election timeout. */
    Set<String> silentFollowers() {
        RaftServer.Division division = division();
        if (division == null) {
            return Set.of();
        }
        long patience = options.electionTimeout().toMillis();
        return division.getInfo().getRoleInfoProto().getLeaderInfo().getFollowerInfoList().stream()
                .filter(follower -> follower.getLastRpcElapsedTimeMs() > patience)
                .map(follower -> Disk.node(RaftPeerId.valueOf(follower.getId().getId())))
                .collect(Collectors.toSet());
    }

    /** Notes that this node cannot go on. */
    void fail(KvException reason) {
        failure = reason;
    }
}
